"""The statements that move rows of the ledger from one state to another, alike for SQLite and PostgreSQL.

Each is one statement for one row and for hundreds, and touches only rows that are still in the state that they are
moved from. Whoever calls has the mailing's row locked and moves its counts in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F
from django.utils import timezone

from emails.models import Mailing, Recipient

State = Recipient.State
# What changes of a mailing once it has started.
_MOVING = (
    "state", "author_id", "problem", "finished_at", "told_at", "measured_from", "bounced", "complained",
    *State.values,
)  # fmt: skip


class Row(NamedTuple):
    """A recipient in hand."""

    position: int
    contact_id: int
    name: str
    address: str
    attempts: int
    first_at: datetime


class Outcome(NamedTuple):
    """What a row comes to: its state, a code of ``emails.reasons``, the server's words, and when it is tried again.

    ``attempts`` is how often it was handed over by then.
    """

    position: int
    state: str
    attempts: int
    reason: str = ""
    answer: str = ""
    due_at: datetime | None = None


def take(
    mailing_id: int, claim: str, *, size: int, after: int, without: Collection[str]
) -> list[Row]:
    """Mark the next rows that are due as being sent, in their order, and return them.

    Looks behind the position ``after``, and leaves out the domains ``without``.
    """
    now = timezone.now()
    apart = " AND address NOT LIKE %s" * len(without)
    next_ones = f"""SELECT position FROM emails_recipient
        WHERE mailing_id = %s AND state = 'waiting' AND position > %s
        AND (due_at IS NULL OR due_at <= %s){apart}
        ORDER BY position LIMIT %s"""
    # PostgreSQL knows nothing of rows that were written a moment ago, and would compare each of them with each of the
    # next ones; of an array it looks each up.
    among = "= ANY(ARRAY({}))" if connection.vendor == "postgresql" else "IN ({})"
    statement = f"""UPDATE emails_recipient SET state = 'sending', claimed_by = %s, changed_at = %s,
        attempts = attempts + 1, first_at = COALESCE(first_at, %s)
        WHERE mailing_id = %s AND state = 'waiting' AND position {among.format(next_ones)}
        RETURNING position, contact_id, name, address, attempts, first_at"""
    at = _moment(now)
    domains = [f"%@{one}" for one in without]
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [claim, at, at, mailing_id, mailing_id, after, at, *domains, size],
        )
        found = cursor.fetchall()
    rows = [Row(*one)._replace(first_at=_read(one[5])) for one in found]
    return sorted(rows)


def write(mailing_id: int, claim: str, outcomes: Iterable[Outcome], *, was: str) -> int:
    """Give rows that a connection has in hand, in the state ``was``, what they come to; how many were in it."""
    at = _moment(timezone.now())
    values = [
        (one.state, one.reason, one.answer[:500], one.attempts, _moment(one.due_at), one.position)
        for one in outcomes
    ]
    if connection.vendor == "sqlite":
        # Its planner would look through the JSON again for each row.
        with connection.cursor() as cursor:
            cursor.executemany(
                """UPDATE emails_recipient SET state = %s, reason = %s, answer = %s, attempts = %s,
                due_at = %s, changed_at = %s
                WHERE mailing_id = %s AND position = %s AND claimed_by = %s AND state = %s""",
                [(*one[:5], at, mailing_id, one[5], claim, was) for one in values],
            )
            return int(cursor.rowcount)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE emails_recipient r SET state = v.value ->> 0, reason = v.value ->> 1,
            answer = v.value ->> 2, attempts = (v.value ->> 3)::smallint,
            due_at = (v.value ->> 4)::timestamptz, changed_at = %s
            FROM jsonb_array_elements(%s::jsonb) AS v
            WHERE r.mailing_id = %s AND r.position = (v.value ->> 5)::integer
            AND r.claimed_by = %s AND r.state = %s""",
            [at, json.dumps(values), mailing_id, claim, was],
        )
        return int(cursor.rowcount)


def in_hand(mailing_id: int, claim: str, positions: Collection[int]) -> dict[int, str]:
    """The state of those of these rows that a connection took last, by position."""
    rows = Recipient.objects.filter(
        mailing=mailing_id, position__in=positions, claimed_by=claim
    ).order_by()
    return dict(rows.values_list("position", "state"))


def count(mailing: Mailing, moved: Iterable[tuple[str, str, int]], **more: Any) -> None:
    """Move the counts of a mailing: so many from one state to another; ``more`` are other columns to write."""
    changes: dict[str, int] = {}
    for was, state, number in moved:
        changes[was] = changes.get(was, 0) - number
        changes[state] = changes.get(state, 0) + number
    values = {name: F(name) + number for name, number in changes.items() if number}
    if values or more:
        Mailing.objects.filter(pk=mailing.pk).update(**values, **more)
        for name, number in changes.items():
            setattr(mailing, name, getattr(mailing, name) + number)


def locked(mailing_id: int) -> Mailing:
    """The mailing with its row locked, its author and its sender. Raises ``Mailing.DoesNotExist``."""
    # Of the mailing alone: its author may be gone, and PostgreSQL locks no outer join.
    rows = Mailing.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("author", "sender").get(pk=mailing_id)


def lock_counts(mailing: Mailing) -> None:
    """Lock the row of a mailing that was read before, and read what may have changed of it since."""
    now = Mailing.objects.select_for_update(no_key=True).values(*_MOVING).get(pk=mailing.pk)
    for name, value in now.items():
        setattr(mailing, name, value)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else str(connection.ops.adapt_datetimefield_value(value))


def _read(value: Any) -> datetime:
    field = Recipient._meta.get_field("first_at")
    for converter in connection.ops.get_db_converters(field.get_col("emails_recipient")):
        value = converter(value, None, connection)
    return value
