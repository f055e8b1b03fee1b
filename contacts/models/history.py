"""The history of statuses."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models.contact import Contact
from contacts.statuses import StatusKind, label_of
from crm.actor import current_trace


def _request_id() -> str:
    return current_trace().request_id


def _address() -> str:
    return current_trace().address


def _source() -> str:
    return current_trace().source


class StatusChange(models.Model):
    """One change of one status of one contact: what, when, who and why. Never edited.

    ``contact`` has no foreign key in the database, so that the history of a deleted contact
    waits for its return from the trash; it goes when the trash is emptied.
    """

    class Cause(models.TextChoices):
        DEAL_OPENED = "deal_opened", _("deal opened")
        DEAL_MOVED = "deal_moved", _("deal moved")
        DEAL_JOINED = "deal_joined", _("added to a deal")
        DEAL_LEFT = "deal_left", _("removed from a deal")
        DEAL_DELETED = "deal_deleted", _("deal deleted")
        DEAL_RESTORED = "deal_restored", _("deal restored")
        STAGE_CHANGED = "stage_changed", _("stage given another category")
        SELECTED = "selected", _("selected")
        WIN_FORGOTTEN = "win_forgotten", _("win forgotten")
        MERGED = "merged", _("merged")
        UNMERGED = "unmerged", _("merge undone")
        IMPORTED = "imported", _("imported")
        RECOUNTED = "recounted", _("recounted")

    contact = models.ForeignKey(
        Contact,
        verbose_name=_("contact"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="status_changes",
    )
    status = models.CharField(_("status"), max_length=10, choices=StatusKind.choices)
    old = models.CharField(_("from"), max_length=7)
    new = models.CharField(_("to"), max_length=7)
    effective_at = models.DateTimeField(_("since"))
    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("who"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
    )
    cause = models.CharField(_("why"), max_length=20, choices=Cause.choices)
    # The deal as it was, without a foreign key: the history outlives it.
    deal_id = models.BigIntegerField(_("deal number"), null=True, blank=True)
    deal_name = models.CharField(_("deal"), max_length=255, blank=True)
    stage_name = models.CharField(_("stage"), max_length=120, blank=True)
    stage_category = models.CharField(max_length=12, blank=True)
    # Where it came from, as in the audit log, which shows it.
    request_id = models.CharField(max_length=12, blank=True, default=_request_id, db_default="")
    address = models.CharField(max_length=45, blank=True, default=_address, db_default="")
    source = models.CharField(max_length=10, blank=True, default=_source, db_default="")

    class Meta:
        verbose_name = _("status change")
        verbose_name_plural = _("status history")
        ordering = ["-recorded_at", "-pk"]
        indexes = [
            # The history on a card, newest first.
            models.Index(fields=["contact", "-recorded_at"], name="statuschange_of_contact"),
            # The audit log, newest first.
            models.Index(fields=["recorded_at", "id"], name="statuschange_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.status} {self.old} > {self.new}"

    @property
    def old_label(self) -> str:
        return label_of(self.status, self.old)

    @property
    def new_label(self) -> str:
        return label_of(self.status, self.new)
