"""Where an address stands: whether it may be mailed, on what ground, and how that came to be.

An address, not a contact: several contacts may share one, and whoever reads its mails has one wish.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.folding import KeyField
from emails.reasons import Basis, Suppressed


class Address(models.Model):
    """What is known of an address now; addresses nothing is known of have no row."""

    # As emails.addresses.normal gives it.
    address = KeyField(_("address"), max_length=254, unique=True)
    suppressed = models.CharField(
        _("not mailed because"), max_length=12, choices=Suppressed.choices, blank=True
    )
    suppressed_at = models.DateTimeField(_("since"), null=True, blank=True)
    basis = models.CharField(_("legal basis"), max_length=8, choices=Basis.choices, blank=True)
    basis_source = models.CharField(_("from"), max_length=200, blank=True)
    basis_text = models.TextField(_("what was agreed to"), blank=True)
    basis_at = models.DateTimeField(_("given"), null=True, blank=True)
    # Answers that put a mail off or said the mailbox is full; several in a row end in a suppression.
    soft_bounces = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        constraints = [
            models.CheckConstraint(
                name="address_suppressed_since",
                condition=Q(suppressed="", suppressed_at__isnull=True)
                | ~Q(suppressed="") & Q(suppressed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.address


class AddressEvent(models.Model):
    """Something that changed where an address stands, or that a mail to it came to. Never changed."""

    class Kind(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        RETURNED = "returned", _("Took the unsubscribing back")
        BOUNCED = "bounced", _("Bounced")
        PUT_OFF = "put_off", _("Put off")
        COMPLAINED = "complained", _("Complained")
        BLOCKED = "blocked", _("Suppressed by hand")
        LIFTED = "lifted", _("Suppression lifted")
        BASIS = "basis", _("Legal basis changed")
        CLICKED = "clicked", _("Clicked")

    address = models.CharField(max_length=254, db_index=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now)
    # Which mail it is about; no foreign key, so that the ledger can be partitioned and events outlive it.
    mailing_id = models.BigIntegerField(null=True, blank=True)
    position = models.PositiveIntegerField(null=True, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.address}: {self.kind}"
