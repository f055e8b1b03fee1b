"""Working a run off: in chunks, each of which is done as a whole or not at all.

A chunk is one transaction with the outcomes of its rows and the run's counters in it. A worker
that is killed in mid-chunk leaves nothing of it behind; whoever takes the run over begins where
the last chunk ended. While a chunk is under way the row of its run is locked, and between chunks
the worker looks whether the run is still its own, and still to go on.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.actor import acting_as
from crm.bulk import mail, sql
from crm.bulk.actions import (
    BulkAction,
    Left,
    Outcome,
    action_of,
    allowed_among,
    check_right,
    refused,
    visible_among,
)
from crm.bulk.models import CLAIM_LASTS, BulkRow, BulkRun
from crm.retry import retrying

logger = logging.getLogger(__name__)

State = BulkRun.State
# SQLite has one writer at a time, and who waits looks again every tenth of a second. After so many
# seconds of writing everybody else gets one such tenth: nobody waits for a second, whatever the chunks.
WRITES_FOR = 0.4
AIR = 0.11
# A chunk that took longer is followed by a smaller one, a quick one by a larger.
CHUNK_TAKES = 0.3
FIRST_CHUNK, SMALLEST_CHUNK = 1_000, 50


def work_off(run_id: int) -> None:
    """Work off a run until it ends or is halted; nothing if somebody else is at it.

    Run again after a worker died, it goes on where that one was.
    """
    worker = str(uuid.uuid4())
    if not _claim(run_id, worker):
        return
    run = BulkRun.objects.select_related("user").get(pk=run_id)
    with _as_its_user(run):
        problem = _problem_of(run_id, worker)
        if problem is not None and _end(run_id, worker, problem):
            mail.tell_of_end(run_id)


def _problem_of(run_id: int, worker: str) -> str | None:
    """Work the run off; what stopped it, empty if nothing did, None if somebody halted it."""
    try:
        action = action_of(BulkRun.objects.get(pk=run_id).action)
        if not _all_chunks(run_id, worker, action):
            return None
        action.finish(BulkRun.objects.get(pk=run_id))
    except ValidationError as error:
        return " ".join(error.messages)
    except Exception as error:
        if isinstance(error, OperationalError) and connection.in_atomic_block:
            # Only the unit around can be begun again; it takes this run back with it.
            raise
        logger.exception("Run %s stopped", run_id)
        text = _("Something unexpected stopped it (%(error)s). What is done stays done.")
        return text % {"error": type(error).__name__}
    return ""


def _claim(run_id: int, worker: str) -> bool:
    """Take the run for ``worker``, unless somebody has it who was seen lately."""
    now = timezone.now()
    free = Q(claimed_by="") | Q(heartbeat_at__lt=now - CLAIM_LASTS)
    runs = BulkRun.objects.filter(free, pk=run_id, state__in=BulkRun.ON)
    claimed = runs.update(
        state=State.RUNNING,
        claimed_by=worker,
        heartbeat_at=now,
        started_at=Coalesce(F("started_at"), now),
        problem="",
    )
    return claimed == 1


@contextmanager
def _as_its_user(run: BulkRun) -> Iterator[None]:
    zone = run.user.zone if run.user else None
    with acting_as(run.user), translation.override(run.language), timezone.override(zone):
        yield


def _all_chunks(run_id: int, worker: str, action: BulkAction) -> bool:
    """Work off chunk after chunk; whether all rows are worked off."""
    size = min(action.chunk, FIRST_CHUNK)
    wrote_since = time.monotonic()
    while True:
        began = time.monotonic()
        left = _chunk(run_id, worker, action, size)
        if not left:
            return left == 0
        now = time.monotonic()
        if now - began > CHUNK_TAKES:
            size = max(size // 2, SMALLEST_CHUNK)
        elif now - began < CHUNK_TAKES / 2:
            size = min(size * 2, action.chunk)
        if connection.vendor == "sqlite" and now - wrote_since > WRITES_FOR:
            if not connection.in_atomic_block:
                time.sleep(AIR)
            wrote_since = time.monotonic()


@retrying
def _chunk(run_id: int, worker: str, action: BulkAction, size: int) -> int | None:
    """Work off the next rows; how many are left, or None if the run is not to go on."""
    began = time.monotonic()
    with transaction.atomic():
        # Of the run alone: its user may be gone, and PostgreSQL locks no outer join.
        runs = BulkRun.objects.select_for_update(of=("self",)).select_related("user")
        run = runs.get(pk=run_id)
        if run.claimed_by != worker or run.state != State.RUNNING:
            return None
        if run.user is None or not run.user.is_active:
            raise ValidationError(_("Whoever started it may not sign in any more."))
        check_right(action, run.user)
        rows = run.rows.filter(position__gt=run.at).order_by("position")[:size]
        positions = {record: place for place, record in rows.values_list("position", "record_id")}
        outcomes = _outcomes(action, run, list(positions)) if positions else []
        counts = Counter(one.state for one in outcomes)
        if not action.keeps_rows:
            outcomes = [one for one in outcomes if one.state == BulkRow.State.REFUSED]
        if outcomes:
            sql.write_outcomes(run_id, positions, outcomes)
        run.at += len(positions)
        run.done += counts[BulkRow.State.DONE]
        run.unchanged += counts[BulkRow.State.UNCHANGED]
        run.refused += counts[BulkRow.State.REFUSED]
        run.heartbeat_at = timezone.now()
        run.seconds += time.monotonic() - began
        run.save(update_fields=["at", "done", "unchanged", "refused", "heartbeat_at", "seconds"])
        return run.left


def _outcomes(action: BulkAction, run: BulkRun, ids: Sequence[int]) -> list[Outcome]:
    allowed = allowed_among(action, ids, run.user)
    acted_on = [pk for pk in ids if pk in allowed]
    outcomes = _lacking(action, run, [pk for pk in ids if pk not in allowed])
    if acted_on and run.undo_of_id:
        rows = BulkRow.objects.filter(run=run.undo_of_id, record_id__in=acted_on)
        left = [Left(*row) for row in rows.values_list("record_id", "before", "after")]
        outcomes += action.put_back(sorted(left), run)
    elif acted_on:
        outcomes += action.act(acted_on, run)
    if sorted(one.record_id for one in outcomes) != sorted(ids):
        raise RuntimeError(f"{action.key} gave {len(outcomes)} outcomes for {len(ids)} records.")
    return outcomes


def _lacking(action: BulkAction, run: BulkRun, ids: Sequence[int]) -> list[Outcome]:
    """Refusals of records that are gone by now, or that the user may not act on any more."""
    if not ids:
        return []
    visible = visible_among(action, ids, run.user)
    return [
        refused(
            pk, _("You may not change it.") if pk in visible else _("It is not there any more.")
        )
        for pk in ids
    ]


def _end(run_id: int, worker: str, problem: str) -> bool:
    state = State.FAILED if problem else State.DONE
    runs = BulkRun.objects.filter(pk=run_id, claimed_by=worker, state=State.RUNNING)
    ends = {"state": state, "problem": problem, "finished_at": timezone.now(), "claimed_by": ""}
    return runs.update(**ends) == 1
