"""The account: what holds for everybody who works in this installation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import validate_time_zone
from settings.models.tags import Tag

CODE = RegexValidator(r"^[A-Z]{3}\Z", _("Three capital letters, such as EUR."))


class Account(models.Model):
    """One row. ``Account.current()`` reads it."""

    class TagMakers(models.TextChoices):
        ALL = "all", _("all users")
        ADMINS = "admins", _("administrators")

    name = models.CharField(_("name"), max_length=120, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CODE])
    language = models.CharField(
        _("language"),
        max_length=5,
        choices=settings.LANGUAGES,
        blank=True,
        help_text=_("Of people who have chosen none. Empty: as their browser asks."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Of people who have chosen none. Empty: the time zone of this installation."),
    )
    tags_made_by = models.CharField(
        _("tags are made by"), max_length=6, choices=TagMakers.choices, default=TagMakers.ALL
    )
    asks_loss_reason = models.BooleanField(_("ask why a deal was lost"), default=True)
    asks_unqualified_reason = models.BooleanField(_("ask why a deal is unqualified"), default=True)
    # Current Customers without a won or an active deal for so long are proposed as Past Customers.
    quiet_months = models.PositiveSmallIntegerField(
        _("quiet after"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text=_("Months. Empty: nobody is proposed."),
    )
    quiet_except: Any = models.ManyToManyField(
        Tag, verbose_name=_("except those with a tag"), blank=True, related_name="+"
    )

    audit_days = models.PositiveSmallIntegerField(
        _("audit log is kept for"),
        default=730,
        validators=[MinValueValidator(30), MaxValueValidator(7300)],
        help_text=_("Days. Older entries are removed every night."),
    )

    # Whose role needs a second factor sees nothing but the pages to set one up until there is one.
    factor_of_administrators = models.BooleanField(
        _("administrators need a second factor"), default=False
    )
    factor_of_members = models.BooleanField(_("members need a second factor"), default=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("account")
        constraints = [models.CheckConstraint(name="account_is_one", condition=Q(pk=1))]

    def __str__(self) -> str:
        return self.name or "Standing"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def current(cls) -> Account:
        """The stored account, or an unsaved one with what holds until somebody says otherwise."""
        return cls.objects.first() or cls(pk=1)


class Currency(models.Model):
    """A currency that deals are made in."""

    code = models.CharField(_("code"), max_length=3, unique=True, validators=[CODE])
    position = models.PositiveIntegerField(_("position"), default=0)
    archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        verbose_name = _("currency")
        verbose_name_plural = _("currencies")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.code

    def clean(self) -> None:
        if self.archived and Account.current().currency == self.code:
            raise ValidationError(_("The account’s own currency cannot be archived."))
