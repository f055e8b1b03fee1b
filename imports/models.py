"""What was loaded, when and by whom; and which row of which source became which record."""

from __future__ import annotations

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ImportRun(models.Model):
    """One load that was committed. ``report`` is what ``imports.report.Report.as_data`` gives."""

    source = models.CharField(_("source"), max_length=60)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("who"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created = models.PositiveIntegerField(_("created"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    report = models.JSONField(_("report"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.source}, {self.started_at:%Y-%m-%d %H:%M}"


class ImportedRecord(models.Model):
    """The key under which a source knows a record, so that loading again makes no double.

    ``digest`` stands for what the row said when it was last loaded; empty when something of the
    row could not be taken, so that the next load tries again.
    """

    class Kind(models.TextChoices):
        COMPANY = "company", _("Company")
        PERSON = "person", _("Person")
        DEAL = "deal", _("Deal")

    source = models.CharField(_("source"), max_length=60)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    key = models.CharField(_("key"), max_length=255)
    record_id = models.BigIntegerField(_("record"))
    digest = models.CharField(max_length=16, blank=True)

    class Meta:
        verbose_name = _("imported record")
        verbose_name_plural = _("imported records")
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "key"], name="importedrecord_key")
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.kind} {self.key}"
