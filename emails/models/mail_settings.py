"""What holds for all mails: how they look, and what an administrator asks of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MailSettings(models.Model):
    """One row. ``MailSettings.current()`` reads it."""

    class Clicks(models.TextChoices):
        OFF = "off", _("Not counted")
        COUNTED = "counted", _("Counted, without saying whose")
        KNOWN = "known", _("Kept with the recipient")

    postal_address = models.TextField(
        _("postal address"),
        blank=True,
        max_length=500,
        help_text=_("Stands under every mail; the law of most countries asks for it."),
    )
    logo = models.ForeignKey(
        "emails.Image", verbose_name=_("logo"), null=True, blank=True, on_delete=models.SET_NULL
    )
    colour = models.CharField(
        _("colour"),
        max_length=7,
        default="#066fd1",
        validators=[
            RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Six digits behind #, such as #066fd1."))
        ],
        help_text=_("Of buttons and links."),
    )
    basis_required = models.BooleanField(
        _("a legal basis is required"),
        default=False,
        help_text=_("Addresses without one are left out of every mailing."),
    )
    clicks = models.CharField(
        _("clicks on links"), max_length=7, choices=Clicks.choices, default=Clicks.OFF
    )
    bounces_at_most = models.DecimalField(
        _("bounces, in percent"),
        max_digits=4,
        decimal_places=1,
        default=Decimal(5),
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(100)],
        help_text=_("A mailing that passes it pauses itself."),
    )
    complaints_at_most = models.DecimalField(
        _("complaints, in percent"),
        max_digits=4,
        decimal_places=2,
        default=Decimal("0.3"),
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(99)],
        help_text=_("A mailing that passes it pauses itself."),
    )

    class Meta:
        verbose_name = _("mail settings")
        verbose_name_plural = _("mail settings")
        constraints = [models.CheckConstraint(name="mailsettings_is_one", condition=Q(pk=1))]

    def __str__(self) -> str:
        return str(_("Mail settings"))

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def current(cls) -> MailSettings:
        """The stored row, or an unsaved one with what holds until somebody says otherwise."""
        return cls.objects.first() or cls(pk=1)
