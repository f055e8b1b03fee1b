"""The ledger: everybody a mailing was meant for, and what became of it. Kept for good."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from emails.models.mailing import Mailing


class Recipient(models.Model):
    """One contact of the audience.

    ``contact_id`` and ``deal_id`` are no foreign keys: the row outlives both. ``name`` and ``address`` are those that
    the mail went to; erasing a person empties them.
    """

    class State(models.TextChoices):
        LEFT_OUT = "left_out", _("Left out")
        WAITING = "waiting", _("Queued")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        UNCERTAIN = "uncertain", _("Uncertain")
        FAILED = "failed", _("Failed")

    pk = models.CompositePrimaryKey("mailing", "position")
    mailing = models.ForeignKey(
        Mailing, on_delete=models.CASCADE, db_index=False, related_name="recipients"
    )
    position = models.PositiveIntegerField()
    contact_id = models.BigIntegerField()
    # Of a list of deals, the one that brought the contact here: its facts are what merge fields of deals tell.
    deal_id = models.BigIntegerField(null=True, blank=True)
    name = models.CharField(max_length=300, blank=True)
    # As emails.addresses.normal gives it.
    address = models.CharField(max_length=254, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    # A code of emails.reasons, and what the server said.
    reason = models.CharField(max_length=12, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When it was first handed over: what is put off for a day is given up.
    first_at = models.DateTimeField(null=True, blank=True)
    # Not before; empty: at once.
    due_at = models.DateTimeField(null=True, blank=True)
    # Which connection of which worker has it in hand.
    claimed_by = models.CharField(max_length=36, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    # When the recipient reported it as unwanted; the mail stays sent.
    complained_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        ordering = ["mailing", "position"]
        constraints = [
            models.UniqueConstraint(fields=["mailing", "contact_id"], name="recipient_once"),
            # Whatever happens, no address gets a mailing twice. Those of erased people are empty.
            models.UniqueConstraint(
                fields=["mailing", "address"],
                condition=~Q(state="left_out") & ~Q(address=""),
                name="recipient_one_an_address",
            ),
        ]
        indexes = [
            # What is to be sent next, and what a dead worker left: few rows of many.
            models.Index(
                fields=["mailing", "state", "position"],
                condition=Q(state__in=["waiting", "sending", "uncertain"]),
                name="recipient_open",
            ),
            # The mails of a contact, on its card.
            models.Index(fields=["contact_id", "mailing"], name="recipient_of_contact"),
            # Reports and ways out arrive by address.
            models.Index(
                fields=["address"], condition=~Q(state="left_out"), name="recipient_by_address"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.position}: {self.state}"
