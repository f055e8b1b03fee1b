from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """A worker that says it is alive. Whose beat stops has died, and its tasks go to another."""

    worker_id = models.CharField(_("worker"), max_length=64, primary_key=True)
    started_at = models.DateTimeField(_("started at"))
    beat_at = models.DateTimeField(_("last beat at"))

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ["-beat_at"]

    def __str__(self) -> str:
        return self.worker_id


class NightlyRun(models.Model):
    """One nightly job on one day. The constraint is what makes it run once, however many workers there are."""

    job = models.CharField(_("job"), max_length=50)
    day = models.DateField(_("day"))
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    # None while it has not ended; False also when it ended well but found something wrong.
    ok = models.BooleanField(_("all well"), null=True)
    found = models.TextField(_("what it found"), blank=True)

    class Meta:
        verbose_name = _("nightly run")
        verbose_name_plural = _("nightly runs")
        ordering = ["-day", "job"]
        constraints = [
            models.UniqueConstraint(fields=["job", "day"], name="nightly_job_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.day}"
