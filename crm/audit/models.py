"""What was done, by whom and from where. Only ever added to."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.audit.querysets import EntryQuerySet, refuse


class Action(models.TextChoices):
    SIGNED_IN = "signed_in", _("signed in")
    SIGNED_OUT = "signed_out", _("signed out")
    SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
    SIGN_IN_CHANGED = "sign_in_changed", _("sign-in changed")
    SESSION_ENDED = "session_ended", _("session ended")
    DENIED = "denied", _("access denied")
    CREATED = "created", _("created")
    CHANGED = "changed", _("changed")
    USER_INVITED = "user_invited", _("user invited")
    USER_CHANGED = "user_changed", _("user changed")
    USER_DEACTIVATED = "user_deactivated", _("user deactivated")
    USER_ACTIVATED = "user_activated", _("user activated")
    ACCESS_CHANGED = "access_changed", _("access changed")
    TEAM_CHANGED = "team_changed", _("team changed")
    PREVIEWED = "previewed", _("previewed as a user")
    HANDED_OVER = "handed_over", _("records handed over")
    SHARED = "shared", _("collaborators changed")
    EXPORTED = "exported", _("exported")
    DELETED = "deleted", _("deleted")
    RESTORED = "restored", _("restored")
    MERGED = "merged", _("merged")
    UNMERGED = "unmerged", _("merge undone")
    BULK = "bulk", _("bulk action")
    IMPORTED = "imported", _("imported")
    SETTING_CHANGED = "setting_changed", _("setting changed")
    PERSON_EXPORTED = "person_exported", _("a person’s data exported")
    PERSON_ERASED = "person_erased", _("a person erased")
    BACKED_UP = "backed_up", _("backed up")
    MAIL_STARTED = "mail_started", _("mailing started")
    MAIL_SCHEDULED = "mail_scheduled", _("mailing scheduled")
    MAIL_PAUSED = "mail_paused", _("mailing paused")
    MAIL_RESUMED = "mail_resumed", _("mailing resumed")
    MAIL_CANCELLED = "mail_cancelled", _("mailing cancelled")
    MAIL_RESENT = "mail_resent", _("uncertain mails sent again")
    RETENTION = "retention", _("old entries removed")


class Entry(models.Model):
    """One thing done. Keeps names and numbers as they were, without foreign keys: it outlives what it tells of."""

    at = models.DateTimeField(_("when"), default=timezone.now)
    action = models.CharField(_("what"), max_length=30, choices=Action.choices)
    # None and empty: the product itself.
    actor_id = models.BigIntegerField(_("who, by number"), null=True, blank=True)
    actor_name = models.CharField(_("who"), max_length=200, blank=True)
    # Model label, as in "contacts.contact"; empty where it concerns no record.
    record = models.CharField(_("record"), max_length=60, blank=True)
    record_id = models.BigIntegerField(_("record number"), null=True, blank=True)
    record_name = models.CharField(_("name of the record"), max_length=255, blank=True)
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)
    request_id = models.CharField(_("request"), max_length=12, blank=True)
    address = models.CharField(_("address"), max_length=45, blank=True)
    source = models.CharField(_("from where"), max_length=10, blank=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        ordering = ["-at", "-pk"]
        indexes = [
            # The log, newest first, and its end when retention removes it.
            models.Index(fields=["at", "id"], name="auditentry_by_time"),
            # The log filtered by what was done, by whom, and by what it was done to.
            models.Index(fields=["action", "at"], name="auditentry_by_action"),
            models.Index(fields=["actor_id", "at"], name="auditentry_by_actor"),
            models.Index(fields=["record", "record_id", "at"], name="auditentry_by_record"),
            # What else one request did.
            models.Index(
                fields=["request_id"], name="auditentry_by_request", condition=~Q(request_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name}: {self.action} {self.record_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse()
        super().save(*args, **{**kwargs, "force_insert": True})

    delete = refuse  # type: ignore[assignment]


class Gate(models.Model):
    """Open while there is a row; see ``crm.audit.gate``. Never committed."""

    # Of PostgreSQL, so that a row left behind would open nothing for anybody else.
    transaction_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("gate of the audit log")

    def __str__(self) -> str:
        return str(self.transaction_id)
