"""A mail server that refuses, delays, drops and hangs: what is tried again and when, what halts; no row is lost.

What each single answer means is in ``test_transport``; here it is what a mailing makes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from unittest import mock

import pytest
from django.test import override_settings
from django.utils import timezone

from contacts.models import Contact
from emails import sending, tasks
from emails.models import Address, Mailing, Recipient, SenderPause
from emails.sending import retries
from tests.emails import crowds
from tests.emails.smtp import HANGS, Fault, Server, Step

pytestmark = pytest.mark.django_db

NOT_NOW = Fault(Step.RCPT, "450 4.2.0 Try again later")
NOBODY = Fault(Step.RCPT, "550 5.1.1 No such user")
CLOSED = Fault(Step.CONNECT, "421 4.3.2 No more connections", cuts=True)
# What a server does to the first letter to an address, and what becomes of its row.
FAULTS = {
    "put-off": (NOT_NOW, "waiting"),
    "put-off-at-data": (Fault(Step.DATA, "451 4.3.0 Not now"), "waiting"),
    # The connection may have been worn out: on another the letter is tried again at once.
    "put-off-and-closed": (Fault(Step.RCPT, "421 4.7.0 Later", cuts=True), "sent"),
    "dropped-at-rcpt": (Fault(Step.RCPT, cuts=True), "sent"),
    "silent-at-rcpt": (Fault(Step.RCPT, after=HANGS), "sent"),
    "dropped-at-data": (Fault(Step.DATA, cuts=True), "sent"),
    "put-off-after-the-dot": (Fault(Step.DOT, "451 4.7.1 Later"), "waiting"),
    "dropped-in-the-letter": (Fault(Step.LETTER, cuts=True), "uncertain"),
    "dropped-after-the-dot": (Fault(Step.DOT, cuts=True), "uncertain"),
    "taken-and-dropped": (Fault(Step.DOT, cuts=True, takes=True), "uncertain"),
    "silent-after-the-dot": (Fault(Step.DOT, after=HANGS), "uncertain"),
    "slow": (Fault(Step.DOT, after=0.15), "sent"),
    "nobody": (NOBODY, "failed"),
    "unwanted": (Fault(Step.DOT, "554 5.7.1 Not wanted here"), "failed"),
}


class Clock:
    """The time that the product reads; it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(timezone.get_current_timezone())

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with mock.patch("django.utils.timezone.now", clock):
        yield clock


@contextmanager
def to(*addresses: str) -> Iterator[tuple[Mailing, Server]]:
    """A mailing to these addresses, queued in this order, and the server that its mails go to."""
    Contact.objects.bulk_create(
        [Contact(last_name=f"Reader {n:03}", email=one) for n, one in enumerate(addresses)]
    )
    with (
        Server() as server,
        override_settings(MAILERS=server.mailers(timeout=0.1)),
        mock.patch.object(type(tasks.send), "enqueue"),
    ):
        yield crowds.started(), server


def readers(number: int, domain: str = "") -> list[str]:
    """So many addresses, each at a domain of its own unless it is said which."""
    return [f"reader{n}@{domain or f'mail{n}.example.org'}" for n in range(number)]


def send(mailing: Mailing) -> None:
    """As a worker does until nothing is due."""
    crowds.send_on(mailing)
    mailing.refresh_from_db()
    # Nobody has anything in hand, and the mailing says the same as its rows.
    rows = Counter(crowds.rows_of(mailing.pk).values())
    states = Recipient.State.values
    assert {state: getattr(mailing, state) for state in states} == {
        one: rows[one] for one in states
    }
    assert mailing.sending == 0


def row(mailing: Mailing, address: str) -> Recipient:
    return Recipient.objects.get(mailing=mailing, address=address)


def test_whatever_happens_to_one_letter_the_others_go_out_and_no_row_is_lost(clock: Clock) -> None:
    odd = {name: f"{name}@{name}.example.org" for name in FAULTS}
    # In between are those that nothing happens to, and enough of them that two failures are few.
    good = readers(50)
    with to(*[one for two in zip(odd.values(), good, strict=False) for one in two], *good[14:]) as (
        mailing,
        server,
    ):
        for name, (fault, _state) in FAULTS.items():
            server.expect(odd[name], fault)
        send(mailing)
        found = crowds.rows_of(mailing.pk)
        assert {name: found[odd[name]] for name in FAULTS} == {
            name: state for name, (_fault, state) in FAULTS.items()
        }
        assert {found[one] for one in good} == {"sent"}
        # Nothing is tried again before its time, and everything after it; what is open never is.
        clock.now += timedelta(seconds=30)
        send(mailing)
        assert crowds.rows_of(mailing.pk) == found
        clock.now += timedelta(seconds=60)
        send(mailing)
        assert mailing.state == "done"
        later = crowds.rows_of(mailing.pk)
    assert later == {one: "sent" if was == "waiting" else was for one, was in found.items()}
    taken = server.to()
    assert set(taken.values()) == {1}
    assert {one for one, state in later.items() if state == "sent"} | {
        odd["taken-and-dropped"]
    } == set(taken)
    # Only who is not there is never written to again.
    assert list(Address.objects.exclude(suppressed="").values_list("address", "suppressed")) == [
        (odd["nobody"], "bounced")
    ]


def test_what_is_put_off_waits_longer_each_time_and_is_given_up_after_a_day(clock: Clock) -> None:
    [address] = readers(1)
    with to(address) as (mailing, server):
        server.expect(address, *[NOT_NOW] * 99)
        began, waits = clock.now, []
        while True:
            send(mailing)
            found = row(mailing, address)
            if found.state != "waiting":
                break
            assert found.answer == "450 4.2.0 Try again later"
            waits.append((found.due_at - clock.now).total_seconds())
            clock.now += timedelta(seconds=waits[-1])
    assert (found.state, found.reason, mailing.state) == ("failed", "gave_up", "done")
    assert timedelta(hours=18) < clock.now - began < timedelta(hours=30)
    assert found.attempts == len(server.begun[address]) == len(waits) + 1 <= 10
    # A fifth more or less than planned, so that what was put off together does not come back together.
    assert len(set(waits)) == len(waits)
    for wait, planned in zip(waits, retries.DELAYS, strict=False):
        assert 0.8 * planned <= wait <= 1.2 * planned
    assert list(retries.DELAYS) == sorted(retries.DELAYS)


def test_those_put_off_together_do_not_come_back_together(clock: Clock) -> None:
    addresses = readers(20)
    with to(*addresses) as (mailing, server):
        for one in addresses:
            server.expect(one, NOT_NOW)
        send(mailing)
        due = [one.due_at for one in Recipient.objects.filter(mailing=mailing) if one.due_at]
        assert len(set(due)) == 20
        assert max(due) - min(due) > timedelta(seconds=5)


def test_a_domain_that_puts_off_one_after_the_other_is_left_alone_and_others_are_not(
    clock: Clock,
) -> None:
    busy, others = readers(8, "busy.example.org"), readers(30)
    with to(*busy, *others) as (mailing, server):
        server.expect_of_domain("busy.example.org", NOT_NOW)
        send(mailing)
        assert set(server.to()) == set(others)
        asked = sum(len(server.begun[one]) for one in busy)
        assert asked == retries.IN_A_ROW
        # Nobody there is asked while it rests; after that one letter asks whether it is better.
        clock.now += timedelta(seconds=200)
        send(mailing)
        assert sum(len(server.begun[one]) for one in busy) == asked
        clock.now += timedelta(seconds=200)
        send(mailing)
        assert sum(len(server.begun[one]) for one in busy) == asked + 1
        # The rest that were never asked have lost no attempt by it.
        assert Recipient.objects.filter(mailing=mailing, attempts=0).count() == 8 - asked
        server.behave()
        clock.now += timedelta(hours=1)
        send(mailing)
        assert mailing.state == "done"
    assert set(server.to().values()) == {1}
    assert set(crowds.rows_of(mailing.pk).values()) == {"sent"}


def test_a_server_that_lets_nobody_in_is_asked_less_and_less_often_and_then_the_mailing_pauses(
    clock: Clock,
) -> None:
    addresses = readers(30)
    with to(*addresses) as (mailing, server):
        server.expect_always(CLOSED)
        moments = []
        while mailing.state == "sending":
            send(mailing)
            moments.append(clock.now)
            assert mailing.waiting == 30
            assert "No more connections" in mailing.problem
            if mailing.state == "sending":
                asked, until = server.met[Step.CONNECT], SenderPause.objects.get().until
                clock.now = until - timedelta(seconds=0.1)
                send(mailing)
                assert server.met[Step.CONNECT] == asked
                clock.now = until
        assert mailing.state == "paused"
        rests = [after - before for before, after in pairwise(moments)]
        assert rests == sorted(rests)
        assert timedelta(hours=1) < moments[-1] - moments[0] < timedelta(hours=6)
        # No row has lost an attempt by it, and all go out when somebody lets the mailing go on.
        assert (
            not Recipient.objects.filter(mailing=mailing)
            .exclude(state="waiting", attempts=0)
            .exists()
        )
        server.behave()
        assert sending.resume(mailing, user=mailing.author)
        send(mailing)
    assert (mailing.state, mailing.sent, mailing.problem) == ("done", 30, "")


def test_a_greeting_that_is_none_and_one_cut_connection_cost_seconds(clock: Clock) -> None:
    addresses = readers(30)
    with to(*addresses) as (mailing, server):
        server.expect_nth(1, Fault(Step.CONNECT, "Hello, who is there?", cuts=True))
        server.expect_nth(2, Fault(Step.CONNECT, cuts=True))
        server.expect_nth(12, Fault(Step.MAIL, "421 4.7.0 Closing", cuts=True))
        server.expect_nth(20, Fault(Step.MAIL, cuts=True))
        began = clock.now
        while mailing.state == "sending":
            send(mailing)
            clock.now += timedelta(seconds=1)
    assert (mailing.state, mailing.sent) == ("done", 30)
    assert set(server.to().values()) == {1}
    assert clock.now - began < timedelta(minutes=2)


class TestThreshold:
    def test_past_five_percent_of_bounces_a_mailing_pauses_itself_and_says_why(self) -> None:
        addresses = readers(200)
        with to(*addresses) as (mailing, server):
            for one in addresses[60:72]:
                server.expect(one, NOBODY)
            send(mailing)
            assert mailing.state == "paused"
            assert "5 %" in mailing.problem
            # At once, not at its end: a batch may go out meanwhile.
            assert 5 <= mailing.bounced <= 12
            assert mailing.sent + mailing.failed <= 60 + 100
            assert mailing.waiting == 200 - mailing.sent - mailing.failed
            taken = len(server.letters)
            send(mailing)
            assert len(server.letters) == taken
            # Somebody looks at it and lets it go on: measured from here, the rest is well.
            assert sending.resume(mailing, user=mailing.author)
            send(mailing)
            assert (mailing.state, mailing.sent, mailing.failed) == ("done", 188, 12)
        assert set(server.to().values()) == {1}
        assert Address.objects.filter(suppressed="bounced").count() == 12

    def test_five_percent_and_no_more_does_not_halt_it(self) -> None:
        addresses = readers(100)
        with to(*addresses) as (mailing, server):
            for one in addresses[95:]:
                server.expect(one, NOBODY)
            send(mailing)
        assert (mailing.state, mailing.sent, mailing.bounced) == ("done", 95, 5)

    def test_what_is_put_off_is_no_bounce(self, clock: Clock) -> None:
        addresses = readers(40)
        with to(*addresses) as (mailing, server):
            for one in addresses[:20]:
                server.expect(one, NOT_NOW)
            send(mailing)
            assert (mailing.state, mailing.bounced, mailing.waiting) == ("sending", 0, 20)
