"""A mail server that is asked without a net: it says what it was told to, and keeps what it was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.utils import timezone

from emails import sending
from emails.models import Mailing, Recipient
from emails.sending import ticking
from emails.transport import Answer, Result

SENT = Answer(Result.SENT, "250 OK")
LATER = Answer(Result.LATER, "450 4.2.0 Greylisted")
GONE = Answer(Result.NO_SUCH_ADDRESS, "550 5.1.1 No such user")
REFUSED = Answer(Result.REFUSED, "554 5.7.1 Not wanted")
CUT = Answer(Result.UNKNOWN, "SMTPServerDisconnected: Connection unexpectedly closed")
BUSY = Answer(Result.BUSY, "421 4.3.2 Come back later")
CLOSED = Answer(Result.NO_SERVICE, "535 5.7.8 Bad password")


class Post:
    """Answers of an address are used up in turn; the last one stays. Whoever has none is sent to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.letters: list[tuple[str, bytes]] = []
        self.answers: dict[str, list[Answer]] = {}
        self.always: Answer | None = None
        # Called before each letter with how many were handed over before.
        self.before: Callable[[int], Any] = lambda _number: None

    def send(self, _sender: str, address: str, letter: bytes) -> Answer:
        self.before(len(self.asked))
        self.asked.append(address)
        given = self.answers.get(address)
        answer = self.always or (given[0] if given else SENT)
        if given and len(given) > 1:
            given.pop(0)
        if answer.result is Result.SENT:
            self.letters.append((address, letter))
        return answer

    def at(self, number: int, act: Callable[[], Any]) -> None:
        """Do something when so many letters were handed over, before the next one is."""
        self.before = lambda asked: act() if asked == number else None

    def close(self) -> None:
        pass

    @property
    def to(self) -> list[str]:
        return [address for address, _letter in self.letters]

    def message(self, address: str) -> EmailMessage:
        found = [letter for to, letter in self.letters if to == address]
        return message_from_bytes(found[-1], policy=policy.default)


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 9, 0, 30, tzinfo=timezone.get_default_timezone())

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    made = Post()
    monkeypatch.setattr("emails.sending.handing.transport", lambda _mailer: made)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timezone, "now", made)
    return made


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sends by themselves; ``work`` does."""
    monkeypatch.setattr(ticking, "_enqueue", lambda wanted: len(list(wanted)))


def work(mailing: Any, *, slot: int = 0) -> Any:
    while sending.work(mailing.sender_id, slot):
        pass
    mailing.refresh_from_db()
    return mailing


def states(mailing: Mailing) -> dict[str, int]:
    """How many rows there are in each state; the mailing must say the same."""
    rows = Counter(Recipient.objects.filter(mailing=mailing).values_list("state", flat=True))
    mailing.refresh_from_db()
    assert {one: getattr(mailing, one) for one in Recipient.State.values} == {
        one: rows[one] for one in Recipient.State.values
    }
    return dict(rows)


def row_of(mailing: Mailing, address: str) -> Recipient:
    return Recipient.objects.get(mailing=mailing, address=address)
