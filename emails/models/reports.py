"""What came back: reports of mail servers and providers about mails that were sent, and clicks on their links."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from emails.models.mailing import Mailing


class Report(models.Model):
    """A delivery report, a complaint, or an unsubscribing by mail, as it was read. Each is taken in once.

    ``mailing_id`` and ``position`` say which mail it is about, where that was found out.
    """

    class Kind(models.TextChoices):
        BOUNCED = "bounced", _("Bounced")
        PUT_OFF = "put_off", _("Put off")
        COMPLAINED = "complained", _("Complaint")
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        DELIVERED = "delivered", _("Delivered")
        UNREADABLE = "unreadable", _("Not understood")

    # What tells it from every other: of a mailbox a hash of the message, of a provider its event.
    key = models.CharField(max_length=100, unique=True)
    source = models.CharField(_("from"), max_length=40)
    kind = models.CharField(_("what"), max_length=12, choices=Kind.choices)
    address = models.CharField(_("address"), max_length=254, blank=True, db_index=True)
    mailing_id = models.BigIntegerField(null=True, blank=True)
    position = models.PositiveIntegerField(null=True, blank=True)
    # What the server said: code and words.
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    at = models.DateTimeField(_("received"), default=timezone.now)

    class Meta:
        verbose_name = _("delivery report")
        verbose_name_plural = _("delivery reports")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.address}"


class Link(models.Model):
    """A link of a mailing whose clicks are counted. Whose they are stands in events, where that is asked for."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="links")
    number = models.PositiveSmallIntegerField()
    url = models.TextField()
    clicks = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["mailing", "number"]
        constraints = [models.UniqueConstraint(fields=["mailing", "number"], name="link_once")]

    def __str__(self) -> str:
        return self.url
