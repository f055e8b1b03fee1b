"""Who mails: identities, with what each may send in a while."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SenderQuerySet(models.QuerySet["Sender"]):
    def usable_by(self, user: Any) -> SenderQuerySet:
        """Those that are on, and are everybody's or the user's own."""
        return self.filter(Q(user=None) | Q(user=user), is_active=True)


class Sender(models.Model):
    """An identity that mails come from. Administrators keep them; nobody mails under another name."""

    name = models.CharField(_("name"), max_length=100, help_text=_("As recipients read it."))
    address = models.EmailField(_("e-mail address"), unique=True)
    reply_to = models.EmailField(_("answers go to"), blank=True)
    # Bounces are returned here; empty: to the address itself.
    bounces_to = models.EmailField(_("bounces go to"), blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("used by"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="senders",
        help_text=_("Empty: everybody who may mail."),
    )
    # A name in the setting MAILERS. Its password is in the environment, never in the database.
    mailer = models.CharField(_("mail server"), max_length=40, default="default")
    connections = models.PositiveSmallIntegerField(
        _("connections at once"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
    )
    per_minute = models.PositiveIntegerField(_("mails a minute"), null=True, blank=True)
    per_hour = models.PositiveIntegerField(_("mails an hour"), null=True, blank=True)
    per_day = models.PositiveIntegerField(_("mails a day"), null=True, blank=True)
    is_active = models.BooleanField(_("in use"), default=True)
    # What the DNS said of SPF, DKIM and DMARC, and when.
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True)
    check_results = models.JSONField(default=dict, blank=True)
    dkim_selector = models.CharField(_("DKIM selector"), max_length=63, blank=True)

    objects = SenderQuerySet.as_manager()

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                name="sender_limits_are_positive",
                condition=(Q(per_minute=None) | Q(per_minute__gt=0))
                & (Q(per_hour=None) | Q(per_hour__gt=0))
                & (Q(per_day=None) | Q(per_day__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


class SenderMinute(models.Model):
    """How many mails a sender has taken on in a minute: limits are kept by all workers together."""

    pk = models.CompositePrimaryKey("sender", "minute")
    sender = models.ForeignKey(Sender, on_delete=models.CASCADE, db_index=False, related_name="+")
    minute = models.DateTimeField()
    taken = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.sender_id} {self.minute}: {self.taken}"


class SenderPause(models.Model):
    """Until when a sender writes to nobody of a domain, or with an empty one to nobody at all."""

    pk = models.CompositePrimaryKey("sender", "domain")
    sender = models.ForeignKey(Sender, on_delete=models.CASCADE, db_index=False, related_name="+")
    domain = models.CharField(max_length=254, blank=True)
    until = models.DateTimeField()
    # How often in a row; each pause is longer than the one before.
    times = models.PositiveSmallIntegerField(default=1)
    answer = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.sender_id} {self.domain}: {self.until}"
