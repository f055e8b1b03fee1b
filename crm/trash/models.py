"""What was deleted, kept for a while so that it can come back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class TrashedRecord(models.Model):
    """One deleted contact or deal as it was, with what hung on it, under its old id."""

    class Kind(models.TextChoices):
        CONTACT = "contact", _("Contact")
        DEAL = "deal", _("Deal")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    record_id = models.BigIntegerField(_("record"))
    name = models.CharField(_("name"), max_length=255)
    data = models.JSONField(_("data"))
    deleted_at = models.DateTimeField(_("deleted at"), default=timezone.now)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("deleted by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("deleted record")
        verbose_name_plural = _("trash")
        ordering = ["-deleted_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "record_id"], name="trash_one_entry_a_record")
        ]
        # The trash page, and the nightly purge.
        indexes = [models.Index(fields=["deleted_at"], name="trash_deleted_at")]

    def __str__(self) -> str:
        return self.name
