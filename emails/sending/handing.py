"""Handing the letters of a batch to a mail server, and what each answer means for its row and for the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.mail import InvalidMailer, MailerDoesNotExist
from django.utils.translation import gettext as _

from emails import standing
from emails.models import Mailing, Sender
from emails.reasons import Failure
from emails.sending import ending, retries
from emails.sending.batches import Batch
from emails.sending.rows import Outcome, Row, State
from emails.sending.writing import envelope_sender
from emails.transport import SMTP, Answer, Messages, Result, transport

_FINAL: dict[Result, tuple[str, str]] = {
    Result.SENT: (State.SENT, ""),
    Result.NO_SUCH_ADDRESS: (State.FAILED, Failure.REFUSED),
    Result.REFUSED: (State.FAILED, Failure.REJECTED),
    Result.UNKNOWN: (State.UNCERTAIN, Failure.CUT_OFF),
}


class Courier:
    """One connection to a mail server, and what it learns on the way."""

    def __init__(self) -> None:
        self._post: SMTP | Messages | None = None
        self._mailer = ""
        # The row whose letter is out of our hands and has no answer yet.
        self._in_flight: int | None = None
        # Mails put off in a row, by domain; and what was learned that must be written down.
        self._put_off: Counter[str] = Counter()
        self._resting: dict[str, str] = {}
        self._served: set[str] = set()
        self._given_up: list[tuple[Row, str]] = []

    def close(self) -> None:
        if self._post is not None:
            self._post.close()
            self._post = None

    def deliver(
        self, batch: Batch, letters: Sequence[tuple[Row, bytes]], until: float
    ) -> Iterator[Outcome]:
        """Hand letters over until the time is over or the server takes no more; what became of those.

        Raises ``ValidationError`` where the server takes none until somebody changes something.
        """
        sender: Any = batch.mailing.sender
        post = self._connected(sender)
        known = set(batch.pauses)
        for row, letter in letters:
            domain = row.address.rpartition("@")[2]
            if domain in self._resting:
                continue
            self._in_flight = row.position
            answer = post.send(envelope_sender(sender), row.address, letter)
            self._in_flight = None
            if answer.result is Result.NO_SERVICE:
                raise ValidationError(_refusal(sender, answer))
            if answer.result is Result.BUSY:
                self._resting[""] = answer.text
                return
            yield self._outcome(row, answer)
            self._learn(domain, answer, known)
            if time.monotonic() > until:
                return

    def _connected(self, sender: Sender) -> SMTP | Messages:
        if self._post is None or self._mailer != sender.mailer:
            self.close()
            try:
                self._post = transport(sender.mailer)
            except (MailerDoesNotExist, InvalidMailer) as error:
                raise ValidationError(
                    _("There is no mail server “%(name)s”, or it is not set up (%(error)s).")
                    % {"name": sender.mailer, "error": error}
                ) from error
            self._mailer = sender.mailer
        return self._post

    def _outcome(self, row: Row, answer: Answer) -> Outcome:
        if final := _FINAL.get(answer.result):
            state, reason = final
            return Outcome(row.position, state, row.attempts, reason, answer.text)
        due_at = retries.next_attempt(row.attempts, row.first_at)
        if due_at is None:
            self._given_up.append((row, answer.text))
            return Outcome(row.position, State.FAILED, row.attempts, Failure.GAVE_UP, answer.text)
        return Outcome(row.position, State.WAITING, row.attempts, "", answer.text, due_at)

    def _learn(self, domain: str, answer: Answer, known: set[str]) -> None:
        """A domain that puts off one mail after the other gets a rest; the next refusal after one begins another."""
        if answer.result is Result.SENT:
            self._put_off.pop(domain, None)
            self._served |= {domain, ""} & known
        elif answer.result is Result.LATER:
            self._put_off[domain] += 1
            if domain in known or self._put_off[domain] >= retries.IN_A_ROW:
                self._resting[domain] = answer.text

    def not_done(self, row: Row) -> Outcome:
        """What becomes of a row without an outcome: it waits again, unless its letter was under way."""
        if row.position == self._in_flight:
            return Outcome(row.position, State.UNCERTAIN, row.attempts, Failure.STOPPED)
        return Outcome(row.position, State.WAITING, row.attempts - 1)

    def settle(self, mailing: Mailing) -> None:
        """Write down what was learned on the way, for all workers."""
        sender: Any = mailing.sender
        for row, answer in self._given_up:
            standing.put_off(
                row.address,
                mailing_id=mailing.pk,
                position=row.position,
                details={"answer": answer},
            )
        if self._served:
            retries.end_pauses(sender, self._served)
            if "" in self._served:
                ending.note(mailing, "")
        for domain, answer in self._resting.items():
            pause = retries.pause(sender, domain, answer)
            if domain:
                self._put_off.pop(domain, None)
            elif pause is None:
                ending.stop(mailing.pk, _silence(sender, answer))
            else:
                ending.note(mailing, _silence(sender, answer))
        self._given_up, self._served, self._resting = [], set(), {}


def _refusal(sender: Sender, answer: Answer) -> str:
    return _(
        "The mail server “%(name)s” takes no mail of %(sender)s: %(answer)s. Check its address and its "
        "password, or ask who keeps it; then let the mailing go on."
    ) % {"name": sender.mailer, "sender": sender.address, "answer": answer.text.rstrip(".")}


def _silence(sender: Sender, answer: str) -> str:
    return _("The mail server “%(name)s” cannot take mail now: %(answer)s.") % {
        "name": sender.mailer,
        "answer": answer.rstrip("."),
    }
