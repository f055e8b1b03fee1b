"""A run, and the rows it is about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# How long the rows of a run are kept, and with them its undo and its refusals.
KEPT_FOR = timedelta(days=30)
# A run that was not touched for longer than this has lost its worker. A chunk takes a second.
CLAIM_LASTS = timedelta(seconds=60)


class BulkRunQuerySet(models.QuerySet["BulkRun"]):
    def visible_to(self, user: Any) -> BulkRunQuerySet:
        """One's own runs; administrators see everybody's."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self if user.is_superuser else self.filter(user=user)

    def editable_by(self, user: Any) -> BulkRunQuerySet:
        return self.visible_to(user)

    def on(self) -> BulkRunQuerySet:
        return self.filter(state__in=BulkRun.ON)


class BulkRun(models.Model):
    """One action on many records, started by a user and worked off in chunks.

    ``at`` is how many rows are worked off; the rows behind it have their outcome, those before it
    wait. A chunk moves it together with what it did, so that no row is done twice or left out.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        CANCELLED = "cancelled", _("Cancelled")
        DONE = "done", _("Done")
        FAILED = "failed", _("Stopped")

    ON = (State.QUEUED, State.RUNNING)
    ENDED = (State.DONE, State.CANCELLED, State.FAILED)

    # The key of an action, and the word for what it acts on: “contact” or “deal”.
    action = models.CharField(_("action"), max_length=60)
    record = models.CharField(_("records"), max_length=20)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("started by"),
        null=True,
        on_delete=models.SET_NULL,
        # The index of recent runs begins with it.
        db_index=False,
        related_name="bulk_runs",
    )
    params = models.JSONField(_("parameters"), default=dict)
    # What was selected, and the language it is said in; refusals are said in it too.
    sentence = models.TextField(_("selected"), blank=True)
    language = models.CharField(max_length=10, default="en")
    # Scheme and host that it was started under, for links in mails; empty if from no page.
    origin = models.CharField(max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.QUEUED)
    problem = models.TextField(_("why it stopped"), blank=True)
    total = models.PositiveIntegerField(_("selected records"), default=0)
    at = models.PositiveIntegerField(_("worked off"), default=0)
    done = models.PositiveIntegerField(_("done"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Who works on it, when that was last seen, and how many seconds it took so far.
    claimed_by = models.CharField(max_length=36, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0)
    # Sent with the form that starts it: a double click and a form sent again make one run.
    token = models.CharField(max_length=64, unique=True)
    undo_of = models.ForeignKey(
        "self",
        verbose_name=_("undoes"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        # The constraint below is an index of it.
        db_index=False,
        related_name="undos",
    )
    # What an action wrote for the user to take away, and under which name.
    file = models.FileField(_("file"), upload_to="runs/%Y/%m/", null=True, blank=True)
    file_name = models.CharField(_("name of the file"), max_length=255, blank=True)

    objects = BulkRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="bulkrun_counts_add_up",
                condition=Q(at=F("done") + F("unchanged") + F("refused"), at__lte=F("total")),
            ),
            models.CheckConstraint(
                name="bulkrun_state",
                condition=Q(
                    state__in=["queued", "running", "paused", "cancelled", "done", "failed"]
                ),
            ),
            # A run is undone once; an undo that was cancelled may be begun again.
            models.UniqueConstraint(
                fields=["undo_of"], condition=~Q(state="cancelled"), name="bulkrun_undone_once"
            ),
        ]
        indexes = [
            # My recent runs, and whether one of them is on.
            models.Index(fields=["user", "-created_at"], name="bulkrun_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("bulk:run", args=[self.pk])

    @property
    def is_on(self) -> bool:
        return self.state in self.ON

    @property
    def has_ended(self) -> bool:
        return self.state in self.ENDED

    @property
    def left(self) -> int:
        return self.total - self.at

    @property
    def percent(self) -> int:
        return self.at * 100 // self.total if self.total else 0

    @property
    def rate(self) -> float | None:
        """Rows in a second; None until five seconds of work show it."""
        return self.at / self.seconds if self.seconds >= 5 and self.at else None

    @property
    def seconds_left(self) -> int | None:
        return round(self.left / self.rate) if self.rate else None

    @property
    def is_abandoned(self) -> bool:
        """Whether it should be running and nobody has worked on it for long."""
        if self.state != self.State.RUNNING or self.heartbeat_at is None:
            return False
        return self.heartbeat_at < timezone.now() - 3 * CLAIM_LASTS

    @property
    def rows_are_kept(self) -> bool:
        return self.finished_at is None or self.finished_at > timezone.now() - KEPT_FOR


class BulkRow(models.Model):
    """One record of a run, and what became of it.

    ``before`` and ``after`` are what the action needs to take it back, as it wrote them.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        UNCHANGED = "unchanged", _("Unchanged")
        REFUSED = "refused", _("Refused")

    # The next rows of a run in their order are a stretch of this key; a number of their own would
    # be one index more to write for each row.
    pk = models.CompositePrimaryKey("run", "position")
    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, db_index=False, related_name="rows")
    position = models.PositiveIntegerField()
    record_id = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    reason = models.TextField(blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            # No record twice in one run; and undoing looks its rows up by the record.
            models.UniqueConstraint(fields=["run", "record_id"], name="bulkrow_once_a_run"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.position}: {self.record_id} {self.state}"
