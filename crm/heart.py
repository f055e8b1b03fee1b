"""What a worker does beside its tasks: beat, take over from the dead, start the night's work."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from crm import nightly
from crm.models import Heartbeat
from emails.reports import tasks as reports
from emails.sending import ticking

logger = logging.getLogger(__name__)

BEAT_EVERY = 10.0
DEAD_AFTER = timedelta(minutes=2)
# A task that took three workers with it will take the fourth too.
MAX_ATTEMPTS = 3


def take_over_from_the_dead() -> int:
    """Makes the tasks of workers that no longer beat ready again; how many it moved.

    A killed worker leaves its task marked as running, and nobody else would ever touch it. Tasks are written to be
    run again.
    """
    now = timezone.now()
    moved = 0
    with transaction.atomic():
        dead = Heartbeat.objects.filter(beat_at__lt=now - DEAD_AFTER)
        alive = set(
            Heartbeat.objects.exclude(pk__in=dead.values("pk")).values_list("pk", flat=True)
        )
        for result in DBTaskResult.objects.running().select_for_update(skip_locked=True):
            if result.worker_ids and result.worker_ids[-1] in alive:
                continue
            moved += 1
            if len(result.worker_ids) >= MAX_ATTEMPTS:
                result.status = TaskResultStatus.FAILED
                result.finished_at = now
                result.exception_class_path = "builtins.RuntimeError"
                result.traceback = (
                    f"RuntimeError: {MAX_ATTEMPTS} workers died while running this task"
                )
            else:
                result.status = TaskResultStatus.READY
            result.save(
                update_fields=["status", "finished_at", "exception_class_path", "traceback"]
            )
        # Kept for a day, so that the health page can say since when no worker has been seen.
        Heartbeat.objects.filter(Q(beat_at__lt=now - timedelta(days=1))).delete()
    return moved


class Heart(threading.Thread):
    """Beats until stopped. A thread, because a task may keep the worker itself busy for longer than two minutes."""

    def __init__(self, worker_id: str, *, end_with: int | None = None) -> None:
        """`end_with`: the process id of a parent; when that process is gone, the worker is told to end."""
        super().__init__(name="heart", daemon=True)
        self.worker_id = worker_id
        self.end_with = end_with
        self.stopped = threading.Event()

    def run(self) -> None:
        try:
            while True:
                self.beat()
                until = time.monotonic() + BEAT_EVERY
                while time.monotonic() < until:
                    self.look_after_mailings()
                    if self.stopped.wait(ticking.EVERY):
                        return
        finally:
            connection.close()

    def look_after_mailings(self) -> None:
        try:
            ticking.tick()
        except DatabaseError:
            logger.warning("Mailings were not looked after", exc_info=True)
            connection.close()

    def beat(self) -> None:
        if self.end_with is not None and os.getppid() != self.end_with:
            os.kill(os.getpid(), signal.SIGTERM)
            self.stopped.set()
            return
        try:
            now = timezone.now()
            Heartbeat.objects.update_or_create(
                pk=self.worker_id,
                defaults={"beat_at": now},
                create_defaults={"beat_at": now, "started_at": now},
            )
            if moved := take_over_from_the_dead():
                logger.warning("Took over %d task(s) of a worker that died", moved)
            nightly.schedule()
            reports.schedule()
        except DatabaseError:
            # One missed beat is no death; a database that comes back must find its worker alive.
            logger.warning("A heartbeat was missed", exc_info=True)
            connection.close()

    def stop(self) -> None:
        """Ends the beat and leaves no row behind: a worker that ended well has not died."""
        self.stopped.set()
        if self.is_alive():
            self.join(timeout=5)
        try:
            Heartbeat.objects.filter(pk=self.worker_id).delete()
        except DatabaseError:
            logger.warning("The last heartbeat could not be removed", exc_info=True)
