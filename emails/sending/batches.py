"""A batch of rows: taken in hand in one short transaction, and given what they came to in another.

In between nothing is locked, and whoever looks sees them as being sent. A row is marked in a transaction that is over
before any mail server hears of it: whatever happens afterwards, it is not taken again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from crm.accounts.models import User
from crm.retry import retrying
from emails.models import Mailing, Sender, SenderPause
from emails.reasons import LeftOut
from emails.sending import ending, limits, retries, rows, thresholds
from emails.sending.rows import Outcome, Row, State

logger = logging.getLogger(__name__)

# How long a database may be gone before what became of a batch is lost, and its rows are uncertain: in seconds.
WAITS = (0.1, 0.5, 1, 2, 4, 8, 15)


@dataclass
class Batch:
    mailing: Mailing
    claim: str
    rows: list[Row]
    # Of the sender, also those that are over; by domain.
    pauses: Mapping[str, SenderPause]


class Places:
    """Where each mailing goes on; the rows before wait to be tried again, and are looked at when no others are left."""

    def __init__(self) -> None:
        self._after: dict[int, int] = {}
        self._mailings: dict[int, Mailing] = {}
        self.last = 0

    def mailing(self, mailing_id: int) -> Mailing:
        """Read once: what a mailing says does not change after it has started."""
        if mailing_id not in self._mailings:
            self._mailings[mailing_id] = Mailing.objects.get(pk=mailing_id)
        return self._mailings[mailing_id]

    def of(self, mailing_id: int) -> list[int]:
        after = self._after.get(mailing_id, 0)
        return [after, 0] if after else [0]

    def moved(self, mailing_id: int, position: int) -> None:
        self._after[mailing_id] = position
        self.last = mailing_id


@retrying
def take(sender_id: int, claim: str, size: int, places: Places) -> Batch | None:
    """Take up to ``size`` rows of one mailing in hand; None if there is nothing to do for this sender now.

    Mailings of a sender take turns; a mail to a single contact goes first.
    """
    # Durable: inside another transaction nothing would be kept when letters go out.
    with transaction.atomic(durable=True):
        senders = Sender.objects.select_for_update(of=("self",), no_key=True)
        sender = senders.filter(pk=sender_id).first()
        if sender is None:
            return None
        pauses = retries.pauses_of(sender)
        resting = retries.standing(pauses)
        left = limits.room(sender)
        size = size if left is None else min(size, left)
        if "" in resting or not size:
            return None
        for mailing_id in _in_turn(sender_id, places.last):
            mailing = places.mailing(mailing_id)
            rows.lock_counts(mailing)
            if mailing.state != Mailing.State.SENDING:
                continue
            for after in places.of(mailing_id):
                taken = rows.take(mailing_id, claim, size=size, after=after, without=resting)
                if taken:
                    places.moved(mailing_id, taken[-1].position)
                    rows.count(mailing, [(State.WAITING, State.SENDING, len(taken))])
                    limits.take(sender, len(taken))
                    # Its author as they are now: active, and with which rights.
                    author: Any = mailing.author_id
                    mailing.author = User.objects.filter(pk=author).first()
                    mailing.sender = sender
                    return Batch(mailing, claim, taken, pauses)
    return None


def _in_turn(sender_id: int, last: int) -> list[int]:
    due = Mailing.objects.filter(sender=sender_id, state=Mailing.State.SENDING, waiting__gt=0)
    found = list(due.order_by("pk").values_list("pk", "is_single"))
    return [
        pk for pk, _single in sorted(found, key=lambda one: (not one[1], one[0] <= last, one[0]))
    ]


def finish(batch: Batch, outcomes: Sequence[Outcome], seconds: float) -> Mailing:
    """Write down what became of a batch; returns its mailing as it is then.

    What was sent must not be forgotten: a database that is away for a moment is waited for.
    """
    for wait in (*WAITS, None):
        try:
            return _finish(batch, outcomes, seconds)
        except (OperationalError, InterfaceError):
            if wait is None or connection.in_atomic_block:
                break
            logger.warning("What became of a batch could not be written yet", exc_info=True)
            connection.close()
            time.sleep(wait)
    known = [(one.position, one.state) for one in outcomes]
    logger.error("Mailing %s: what became of these is lost: %s", batch.mailing.pk, known)
    return _finish(batch, outcomes, seconds)


@retrying
def _finish(batch: Batch, outcomes: Sequence[Outcome], seconds: float) -> Mailing:
    mailing = batch.mailing
    with transaction.atomic(durable=True):
        rows.lock_counts(mailing)
        if mailing.state == Mailing.State.CANCELLED:
            outcomes = [_cancelled(one) for one in outcomes]
        counted: Counter[tuple[str, str]] = Counter()
        for was, those in _by_state(batch, outcomes).items():
            rows.write(mailing.pk, batch.claim, those, was=was)
            counted.update((was, one.state) for one in those)
        moved = [(was, state, number) for (was, state), number in counted.items()]
        bounced = sum(thresholds.is_bounce(one) for one in outcomes)
        more = {"bounced": F("bounced") + bounced} if bounced else {}
        rows.count(mailing, moved, seconds=F("seconds") + seconds, **more)
        if bounced:
            mailing.bounced += bounced
            thresholds.suppress_bounced(batch, outcomes)
        # Of one that is over nothing is left to keep back.
        if not ending.end_if_done(mailing) and bounced:
            thresholds.check(mailing)
    return mailing


def _by_state(batch: Batch, outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes by what their rows are now.

    Whoever took this connection for dead has made them uncertain meanwhile. That a letter was sent is then news; that
    it was not does not make them wait again: somebody may have decided already.
    """
    states = rows.in_hand(batch.mailing.pk, batch.claim, [one.position for one in outcomes])
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        was = states.get(one.position)
        if was == State.SENDING or (was == State.UNCERTAIN and one.state == State.SENT):
            found.setdefault(str(was), []).append(one)
    return found


def _cancelled(one: Outcome) -> Outcome:
    if one.state != State.WAITING:
        return one
    return one._replace(state=State.LEFT_OUT, reason=LeftOut.CANCELLED, due_at=None)
