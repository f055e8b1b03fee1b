"""Starting runs, halting them, going on, and undoing what they did."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from crm.audit import services as audit
from crm.bulk import sql
from crm.bulk.actions import BulkAction, action_of, check_right
from crm.bulk.models import KEPT_FOR, BulkRow, BulkRun
from crm.bulk.tasks import work_off_run
from crm.bulk.work import work_off

State = BulkRun.State
# So few are worked off at once, in the request that asks for them.
AT_ONCE = 200


class CountMoved(ValidationError):
    """There are ``count`` records by now, not as many as were confirmed."""

    def __init__(self, expected: int, count: int) -> None:
        self.expected, self.count = expected, count
        text = ngettext(
            "You confirmed %(expected)d; by now it is %(count)d. Nothing was changed.",
            "You confirmed %(expected)d; by now they are %(count)d. Nothing was changed.",
            count,
        )
        super().__init__(text % {"expected": expected, "count": count}, code="count_moved")


def start(
    action: BulkAction,
    *,
    user: Any,
    params: Mapping[str, Any],
    selection: models.QuerySet,
    expected: int,
    token: str,
    sentence: str,
    origin: str = "",
    at_once: int = AT_ONCE,
) -> BulkRun:
    """Start a run over ``selection``; few rows are worked off before this returns.

    The ids are written down in the same transaction. Sent again with the same ``token`` it gives
    the run there is. Raises ``CountMoved`` if there are not ``expected`` records any more, and
    ``ValidationError`` for parameters that the action refuses; then there is no run.
    """
    check_right(action, user)
    action.check(params, user)
    with transaction.atomic():
        run = BulkRun(
            action=action.key,
            record=action.record,
            user=user,
            params={**params, "names": action.names(params)},
            sentence=sentence,
            language=get_language() or "en",
            origin=origin,
            token=token,
        )
        if not _insert(run):
            return _started_already(token, user)
        total = sql.freeze(run.pk, selection, in_list_order=action.in_list_order)
        if total != expected:
            raise CountMoved(expected, total)
        _write_down(action, run, total)
        _set_off(run, total, at_once)
    run.refresh_from_db()
    return run


def _write_down(action: BulkAction, run: BulkRun, total: int) -> None:
    details = action.for_audit(run) | {"count": total}
    audit.record(action.audited_as, run, actor=run.user, **details)


def _insert(run: BulkRun) -> bool:
    """Insert the run, or find that one with its token (or an undo of the same run) exists."""
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def _started_already(token: str, user: Any) -> BulkRun:
    run = BulkRun.objects.filter(token=token, user=user).first()
    if run is None:
        raise ValidationError(_("This was sent before. Go back and begin again."))
    return run


def _set_off(run: BulkRun, total: int, at_once: int) -> None:
    if not total:
        raise ValidationError(_("Nothing is selected."))
    run.total = total
    run.save(update_fields=["total"])
    if total <= at_once:
        # In this transaction: a server that dies here leaves no run that nobody works off.
        work_off(run.pk)
    else:
        work_off_run.enqueue(run.pk)


def undo(run: BulkRun, *, user: Any) -> BulkRun:
    """Start a run that puts back what ``run`` did; rows edited since are refused.

    An undo is a run like any other, and may be undone in turn, which does it again. Raises
    ``ValidationError`` for what cannot be undone (any more).
    """
    if reason := why_not_undo(run):
        raise ValidationError(reason)
    action = action_of(run.action)
    check_right(action, user)
    with transaction.atomic():
        undoing = BulkRun(
            action=run.action,
            record=run.record,
            user=user,
            params=run.params,
            sentence=run.sentence,
            language=get_language() or "en",
            origin=run.origin,
            token=f"undo-{run.pk}-{secrets.token_urlsafe(16)}",
            undo_of=run,
        )
        if not _insert(undoing):
            raise ValidationError(_("It is undone already."))
        total = sql.freeze_done(undoing.pk, run.pk)
        _write_down(action, undoing, total)
        _set_off(undoing, total, AT_ONCE)
    undoing.refresh_from_db()
    return undoing


def why_not_undo(run: BulkRun) -> str:
    """Why a run cannot be undone; empty if it can."""
    action = action_of(run.action)
    if not action.undoable:
        return _("This cannot be undone. What was deleted is in the trash.")
    if not run.has_ended:
        return _("It has not ended yet. Cancel it first.")
    if not run.done:
        return _("It changed nothing.")
    if not run.rows_are_kept:
        return _("It is too long ago: undo is kept for %(days)d days.") % {"days": KEPT_FOR.days}
    if undone_by(run):
        return _("It is undone already.")
    return ""


def undone_by(run: BulkRun) -> BulkRun | None:
    """The run that undid this one, or is about to."""
    undos = [one for one in run.undos.all() if one.state != State.CANCELLED]
    return undos[0] if undos else None


# -- halting


def pause(run: BulkRun) -> bool:
    """Halt a run after the chunk it is at; returns whether it was on."""
    return _turn(run, BulkRun.ON, state=State.PAUSED, claimed_by="")


def cancel(run: BulkRun) -> bool:
    """End a run after the chunk it is at. What is done stays done, and can be undone."""
    ends = {"state": State.CANCELLED, "claimed_by": "", "finished_at": timezone.now()}
    return _turn(run, (*BulkRun.ON, State.PAUSED, State.FAILED), **ends)


def resume(run: BulkRun) -> bool:
    """Let a run go on that is paused, failed, or lost its worker; returns whether it does."""
    if undone_by(run):
        return False
    halted = [State.PAUSED, State.FAILED, *([State.RUNNING] if run.is_abandoned else [])]
    with transaction.atomic():
        queued = {"state": State.QUEUED, "claimed_by": "", "finished_at": None, "problem": ""}
        going_on = _turn(run, halted, **queued)
        if going_on:
            work_off_run.enqueue(run.pk)
    run.refresh_from_db()
    return going_on


def _turn(run: BulkRun, states: Any, **values: Any) -> bool:
    turned = BulkRun.objects.filter(pk=run.pk, state__in=states).update(**values)
    run.refresh_from_db()
    return turned == 1


# -- the end of what nobody needs any more


def purge_expired() -> int:
    """Drop rows and files of runs that ended over 30 days ago; returns how many runs.

    The runs themselves stay: they say who did what to how many.
    """
    purged = 0
    for run in BulkRun.objects.filter(finished_at__lt=timezone.now() - KEPT_FOR):
        with transaction.atomic():
            rows = BulkRow.objects.filter(run=run)
            if not rows.exists() and not run.file:
                continue
            rows._raw_delete(rows.db)  # type: ignore[attr-defined]
            if run.file:
                run.file.delete(save=False)
                run.file_name = ""
                run.save(update_fields=["file", "file_name"])
        purged += 1
    return purged
