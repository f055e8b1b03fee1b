"""Customers whom nobody proposes as Past Customers for a while."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact


class KeptQuiet(models.Model):
    """A quiet customer that stays a Current Customer until somebody looks again on this day."""

    contact = models.OneToOneField(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="kept_quiet"
    )
    until = models.DateField(_("until"))
    set_at = models.DateTimeField(_("set at"), default=timezone.now)
    set_by: Any = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("set by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("customer kept quiet")
        verbose_name_plural = _("customers kept quiet")

    def __str__(self) -> str:
        return f"{self.contact}: {self.until}"
