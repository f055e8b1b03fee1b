"""Sending for a while: batch after batch over one connection, until the time is over or nothing is left."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.access import may
from crm.accounts.levels import Right
from crm.actor import acting_as
from emails import ledger
from emails.models import Mailing
from emails.sending import batches, dead, ending
from emails.sending.batches import Batch, Places
from emails.sending.handing import Courier
from emails.sending.liveness import Hold, holding
from emails.sending.rows import Outcome, State
from emails.sending.writing import Writer
from settings.catalogue import known_once

logger = logging.getLogger(__name__)

# Seconds. Other tasks of the worker get their turn, and a worker that is asked to end does so.
SLICE = 20.0
# A batch that took longer is followed by a smaller one, a quick one by a larger: what a pause, an unsubscribing or a
# dead worker leaves open is little.
BATCH_TAKES = 1.0
FIRST_BATCH, SMALLEST_BATCH, LARGEST_BATCH = 20, 1, 200
# After so long the rest of a batch goes back.
BATCH_AT_MOST = 3.0


def work(sender_id: int, slot: int, *, lasts: float = SLICE) -> bool:
    """Send over one of a sender's connections for ``lasts`` seconds; whether there is more to do at once.

    Nothing if somebody else is at it. What a dead worker had in hand is made uncertain first.
    """
    with holding(sender_id, slot) as hold:
        if hold is None:
            return False
        dead.bury(sender_id, own_slot=slot)
        claim = f"{sender_id}.{slot}/{uuid.uuid4().hex[:16]}"
        return _Slice(sender_id, claim, hold, lasts).run()


class _Slice:
    def __init__(self, sender_id: int, claim: str, hold: Hold, lasts: float) -> None:
        self.sender_id, self.claim, self.hold = sender_id, claim, hold
        self.ends_at = time.monotonic() + lasts
        self.places = Places()
        self.size = FIRST_BATCH
        self.courier = Courier()
        self.writers: dict[int, Writer] = {}
        self.halted = False

    def run(self) -> bool:
        try:
            while not self.halted and self.hold.lasts():
                if time.monotonic() > self.ends_at:
                    return True
                batch = batches.take(self.sender_id, self.claim, self.size, self.places)
                if batch is None:
                    return False
                self._work_off(batch)
            # Another slice finds out what there is, with another connection to the database.
            return not self.halted
        finally:
            self.courier.close()

    def _work_off(self, batch: Batch) -> None:
        began = time.monotonic()
        outcomes: dict[int, Outcome] = {}
        problem = ""
        with as_its_author(batch.mailing), known_once():
            try:
                for outcome in self._outcomes(batch, began + BATCH_AT_MOST):
                    outcomes[outcome.position] = outcome
            except ValidationError as error:
                problem = " ".join(error.messages)
            except Exception as error:
                logger.exception("Mailing %s stopped", batch.mailing.pk)
                problem = _("Something unexpected stopped it (%(error)s).")
                problem %= {"error": type(error).__name__}
            finally:
                # Also when the process is told to end in the middle.
                self._finish(batch, outcomes, time.monotonic() - began)
            if problem:
                self.halted = True
                ending.stop(batch.mailing.pk, problem)

    def _outcomes(self, batch: Batch, until: float) -> Iterator[Outcome]:
        """What becomes of the rows, one after the other; of those that are not tried, nothing.

        Raises ``ValidationError`` for what keeps the whole mailing from going on.
        """
        mailing = batch.mailing
        user = author_of(mailing)
        in_hand: Any = batch.rows
        left = ledger.recheck(mailing, in_hand, user)
        for row in batch.rows:
            if why := left.get(row.position):
                yield Outcome(row.position, State.LEFT_OUT, row.attempts - 1, why)
        rows = [row for row in batch.rows if row.position not in left]
        if not rows:
            return
        letters, failed = self._writer(mailing, user).letters(rows)
        yield from failed
        yield from self.courier.deliver(batch, letters, until)

    def _writer(self, mailing: Mailing, user: Any) -> Writer:
        """What a mailing says does not change once it has started; what its author may see does."""
        writer = self.writers.get(mailing.pk)
        if writer is None:
            writer = self.writers[mailing.pk] = Writer(mailing, user)
        writer.user = user
        return writer

    def _finish(self, batch: Batch, outcomes: dict[int, Outcome], seconds: float) -> None:
        sent = sum(one.state == State.SENT for one in outcomes.values())
        for row in batch.rows:
            if row.position not in outcomes:
                outcomes[row.position] = self.courier.not_done(row)
        if seconds > BATCH_TAKES:
            self.size = max(self.size // 2, SMALLEST_BATCH)
        elif seconds < BATCH_TAKES / 2 and sent * 2 > self.size:
            self.size = min(self.size * 2, LARGEST_BATCH)
        mailing = batches.finish(batch, list(outcomes.values()), seconds)
        self.courier.settle(mailing)
        ending.tell(mailing)


def author_of(mailing: Mailing) -> Any:
    """With whose rights a mailing is sent. Raises ``ValidationError`` if they lack what it needs by now."""
    user, sender = mailing.author, mailing.sender
    if user is None or not user.is_active:
        raise ValidationError(_("Whoever wrote it may not sign in any more."))
    if not may(user, Right.MAIL):
        problem = _("%(name)s lacks the right “%(right)s” by now. An administrator grants it.")
        raise ValidationError(problem % {"name": user, "right": Right.MAIL.label})
    if sender is None or not sender.is_active or sender.user_id not in (None, user.pk):
        raise ValidationError(
            _("The sender “%(sender)s” is not in use any more, or not %(name)s’s to use.")
            % {"sender": sender or "–", "name": user}
        )
    return user


@contextmanager
def as_its_author(mailing: Mailing) -> Iterator[None]:
    user = mailing.author
    language = (user.language if user else "") or mailing.language
    zone = user.zone if user else None
    with acting_as(user), translation.override(language), timezone.override(zone):
        yield
