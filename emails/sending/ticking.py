"""Seeing that somebody sends: after a start, and every few seconds, which is what lets it go on after a worker died."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from emails import tasks
from emails.models import Mailing, Recipient, Sender
from emails.sending import dead, limits, retries
from emails.sending.liveness import SLOTS, holding
from emails.sending.rows import State

# Seconds between two looks.
EVERY = 2.0
# Fewer mails are not worth another connection.
MAILS_A_CONNECTION = 25


def tick() -> int:
    """Start what is due, bury what is dead, and have somebody send where nobody does; how many tasks that made.

    One statement where no mailing is on.
    """
    now = timezone.now()
    due = Q(state=Mailing.State.SCHEDULED, scheduled_at__lte=now)
    on = Mailing.objects.filter(due | Q(state=Mailing.State.SENDING) | Q(sending__gt=0))
    rows = list(on.order_by("pk").values_list("pk", "state", "sender"))
    made = _enqueue(
        (tasks.start_scheduled, [pk])
        for pk, state, _sender in rows
        if state == Mailing.State.SCHEDULED
    )
    for sender_id in dict.fromkeys(sender for _pk, state, sender in rows if sender):
        dead.bury(sender_id)
        made += kick(sender_id)
    return made


def kick(sender_id: Any) -> int:
    """Have a task for each connection of a sender that has something to do and nobody at it."""
    sender = Sender.objects.filter(pk=sender_id).first()
    if sender is None or limits.room(sender) == 0:
        return 0
    resting = retries.standing(retries.pauses_of(sender))
    due = 0 if "" in resting else _due(sender_id, resting)
    wanted = min(sender.connections, SLOTS, -(-due // MAILS_A_CONNECTION))
    return _enqueue(
        (tasks.send, [sender_id, slot]) for slot in range(wanted) if _is_free(sender_id, slot)
    )


def go_on(sender_id: int, slot: int) -> None:
    """A slice has ended before its work had."""
    _enqueue([(tasks.send, [sender_id, slot])])


def _due(sender_id: int, resting: Iterable[str]) -> int:
    """How many mails could go out now; no more are counted than all connections have use for."""
    mailings = Mailing.objects.filter(sender=sender_id, state=Mailing.State.SENDING, waiting__gt=0)
    at_once = Q(due_at=None) | Q(due_at__lte=timezone.now())
    found = 0
    for mailing_id in mailings.values_list("pk", flat=True):
        rows = Recipient.objects.filter(at_once, mailing=mailing_id, state=State.WAITING)
        for domain in resting:
            rows = rows.exclude(address__endswith=f"@{domain}")
        found += rows.order_by()[: SLOTS * MAILS_A_CONNECTION].count()
    return found


def _is_free(sender_id: int, slot: int) -> bool:
    with holding(sender_id, slot) as hold:
        return hold is not None


def _enqueue(wanted: Iterable[tuple[Any, list[int]]]) -> int:
    """Enqueue those tasks that do not wait already; how many."""
    wanted = list(wanted)
    if not wanted:
        return 0
    paths = {task.module_path for task, _arguments in wanted}
    waiting = DBTaskResult.objects.filter(status=TaskResultStatus.READY, task_path__in=paths)
    known = [
        (path, arguments["args"])
        for path, arguments in waiting.values_list("task_path", "args_kwargs")
    ]
    missing = [one for one in wanted if (one[0].module_path, one[1]) not in known]
    for task, arguments in missing:
        task.enqueue(*arguments)
    return len(missing)
