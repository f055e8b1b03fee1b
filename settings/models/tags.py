"""Tags, and the base of what carries them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from settings.categories import Color
from settings.models.labels import Label


class Tag(Label):
    color = models.CharField(_("color"), max_length=8, choices=Color.choices, default=Color.GRAY)

    class Meta(Label.Meta):
        verbose_name = _("tag")
        verbose_name_plural = _("tags")


class TagLink(models.Model):
    """A tag on a record; the app of the record adds whose it is, and makes both unique together."""

    tag: Any = models.ForeignKey(
        Tag, verbose_name=_("tag"), on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    # The removals that brought it here from another one, the last at the end: “/3/12”.
    came_from = models.TextField(blank=True, default="", editable=False)

    class Meta:
        abstract = True
