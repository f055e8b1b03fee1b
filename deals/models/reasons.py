"""The short lists that people choose from: why a deal was lost, where it came from."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.Model):
    """Base of the short lists that people choose from."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    position = models.PositiveIntegerField(_("position"), default=0)
    # Offered no more; deals that have it keep it.
    archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        abstract = True
        ordering = ["position", "name", "pk"]

    def __str__(self) -> str:
        return self.name


class LossReason(Reason):
    class Meta(Reason.Meta):
        verbose_name = _("loss reason")
        verbose_name_plural = _("loss reasons")


class UnqualifiedReason(Reason):
    class Meta(Reason.Meta):
        verbose_name = _("unqualified reason")
        verbose_name_plural = _("unqualified reasons")


class DealSource(Reason):
    class Meta(Reason.Meta):
        verbose_name = _("source")
        verbose_name_plural = _("sources")
