"""A mailing: what is said, to whom, by whom, and how far it has come."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.access import may
from crm.accounts.levels import Right
from emails.models.senders import Sender


class MailingQuerySet(models.QuerySet["Mailing"]):
    def visible_to(self, user: Any) -> MailingQuerySet:
        """One's own; administrators see all. Others may lack the rights that it was written with."""
        if not may(user, Right.MAIL):
            return self.none()
        return self if user.is_superuser else self.filter(author=user)

    def editable_by(self, user: Any) -> MailingQuerySet:
        return self.visible_to(user)


class Mailing(models.Model):
    """One mail to many contacts.

    Its recipients are written down when sending starts, the ledger, and each row then has one state at a time; the
    counts here are sums of those states, moved in the transaction that moves the rows.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        SENDING = "sending", _("Sending")
        PAUSED = "paused", _("Paused")
        CANCELLED = "cancelled", _("Cancelled")
        DONE = "done", _("Sent")

    STARTED = (State.SENDING, State.PAUSED, State.CANCELLED, State.DONE)

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="mailings",
    )
    sender = models.ForeignKey(
        Sender, verbose_name=_("sender"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    # Sanitised when it is saved; nothing else is ever shown or sent.
    html = models.TextField(_("text"), blank=True)
    # Empty: what the rich text says, without its looks.
    text = models.TextField(_("plain text"), blank=True)
    template = models.ForeignKey(
        "emails.TemplateVersion", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    # The audience: what was posted from a list of contacts or deals (the fields of a Selection), read anew when
    # sending starts. “all” is a live list; rows that were ticked are their ids.
    record = models.CharField(max_length=10, default="contact")
    selection = models.JSONField(default=list, blank=True)
    sentence = models.TextField(_("to"), blank=True)
    # One mail to one contact, written on its card.
    is_single = models.BooleanField(default=False)

    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.DRAFT)
    problem = models.TextField(_("why it paused"), blank=True)
    scheduled_at = models.DateTimeField(_("is sent at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # When what it says was last changed, and by which page: of two that are open the later one is told.
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)
    written_in = models.CharField(max_length=22, blank=True, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Scheme and host that it was started under, for links in mails.
    origin = models.CharField(max_length=255, blank=True)
    language = models.CharField(max_length=10, default="en")
    # The way out of each recipient is signed with it: the links outlive a change of the secret key.
    key = models.CharField(max_length=43, default=secrets.token_urlsafe, editable=False)
    # Sent with the form that makes it: a double click and a form sent again make one mailing.
    token = models.CharField(max_length=64, unique=True, default=secrets.token_urlsafe)
    # When the author was told by mail that it has ended.
    told_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When the ledger was last written; the one of a draft is written anew when sending starts.
    ledger_at = models.DateTimeField(null=True, blank=True, editable=False)

    total = models.PositiveIntegerField(_("in the audience"), default=0)
    left_out = models.PositiveIntegerField(_("left out"), default=0)
    waiting = models.PositiveIntegerField(_("queued"), default=0)
    sending = models.PositiveIntegerField(_("sending"), default=0)
    sent = models.PositiveIntegerField(_("sent"), default=0)
    uncertain = models.PositiveIntegerField(_("uncertain"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    bounced = models.PositiveIntegerField(_("bounced"), default=0)
    complained = models.PositiveIntegerField(_("complained"), default=0)
    unsubscribed = models.PositiveIntegerField(_("unsubscribed"), default=0)
    # Where the counts stood when somebody let it go on: what pauses a mailing is measured from there.
    measured_from = models.JSONField(default=dict, blank=True, editable=False)
    # How long workers were at it; with what was sent, the rate.
    seconds = models.FloatField(default=0)

    objects = MailingQuerySet.as_manager()

    class Meta:
        verbose_name = _("mailing")
        verbose_name_plural = _("mailings")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="mailing_counts_add_up",
                condition=Q(
                    total=F("left_out")
                    + F("waiting")
                    + F("sending")
                    + F("sent")
                    + F("uncertain")
                    + F("failed")
                ),
            ),
        ]
        indexes = [
            # What the workers look for, and the page of recent mailings.
            models.Index(fields=["state", "scheduled_at"], name="mailing_due"),
            models.Index(fields=["author", "-created_at"], name="mailing_recent"),
        ]

    def __str__(self) -> str:
        return self.subject or str(_("Mail without a subject"))
