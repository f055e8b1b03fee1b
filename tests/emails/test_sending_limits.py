"""How many mails a sender sends in a minute, an hour, a day, by a clock that is moved by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contacts.models import Contact
from emails import sending
from emails.models import Mailing, Sender, SenderMinute
from emails.sending import limits, ticking
from emails.sending.liveness import holding
from tests.emails import crowds
from tests.emails.posts import Clock, Post, clock, held, post, states, work

__all__ = ["clock", "held", "post"]
pytestmark = pytest.mark.django_db


def started(number: int, **allowed: int) -> Any:
    crowds.readers(number)
    made = crowds.started()
    Sender.objects.update(**allowed)
    return made


def run(made: Any, clock: Clock, minutes: int) -> list[int]:
    """How many went out in each minute."""
    sent = []
    for _ in range(minutes):
        before = made.sent
        work(made)
        sent.append(made.sent - before)
        clock.forward(minutes=1)
    return sent


def test_no_more_go_out_in_a_minute_than_allowed(held: None, clock: Clock, post: Post) -> None:
    made = started(25, per_minute=10)
    assert run(made, clock, 4) == [10, 10, 5, 0]
    assert made.state == "done"


def test_no_more_go_out_in_an_hour_than_allowed_wherever_it_begins(
    held: None, clock: Clock, post: Post
) -> None:
    made = started(16, per_minute=4, per_hour=10)
    sent = run(made, clock, 64)
    assert sent[:4] == [4, 4, 2, 0]
    assert all(sum(sent[at : at + 60]) <= 10 for at in range(len(sent)))
    assert sent[60:] == [4, 2, 0, 0]


def test_no_more_go_out_in_a_day_than_allowed(held: None, clock: Clock, post: Post) -> None:
    made = started(12, per_day=5)
    sent = []
    for _ in range(60):
        before = made.sent
        work(made)
        sent.append(made.sent - before)
        clock.forward(hours=1)
    assert all(sum(sent[at : at + 24]) <= 5 for at in range(len(sent)))
    assert sum(sent) == 12


def test_nobody_is_asked_to_send_while_there_is_no_room(
    held: None, clock: Clock, post: Post
) -> None:
    made = started(5, per_hour=2)
    assert ticking.kick(made.sender_id) == 1
    work(made)
    assert ticking.kick(made.sender_id) == 0
    clock.forward(hours=1)
    assert ticking.kick(made.sender_id) == 1


def test_mailings_of_one_sender_share_its_limits_and_those_of_another_do_not(
    held: None, clock: Clock, post: Post
) -> None:
    made = started(6, per_minute=4)
    second = crowds.started()
    other = Sender.objects.create(name="Other", address="other@example.org")
    third = crowds.started(sender=other)
    work(made)
    second.refresh_from_db()
    assert (made.sent + second.sent, limits.room(Sender.objects.get(pk=made.sender_id))) == (4, 0)
    work(third)
    assert third.sent == 6


def test_mailings_take_turns_and_a_mail_to_one_contact_goes_first(
    held: None, clock: Clock, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emails.sending.slices.FIRST_BATCH", 2)
    monkeypatch.setattr("emails.sending.slices.LARGEST_BATCH", 2)
    first = started(6)
    second = crowds.started()
    one = Contact.objects.order_by("pk").first()
    rows = [["state", ""], ["scope", "rows"], ["row", str(one.pk)], ["count", "1"]]
    single = crowds.mailing(selection=rows, is_single=True, subject="Alone")
    sending.start(single, user=single.author, expected=1)
    order: list[object] = []
    post.before = lambda _number: order.append(_under_way())
    work(first)
    assert order[0] == "Alone"
    assert order[1:9] == [first.pk, first.pk, second.pk, second.pk] * 2
    assert (states(first), states(second)) == ({"sent": 6}, {"sent": 6})


def _under_way() -> object:
    found = Mailing.objects.get(sending__gt=0)
    return "Alone" if found.is_single else found.pk


def test_each_connection_is_one_workers(held: None, post: Post) -> None:
    made = started(4)
    with holding(made.sender_id, 0) as mine, holding(made.sender_id, 0) as again:
        assert (mine is not None, again) == (True, None)
        assert sending.work(made.sender_id, 0) is False
        assert post.asked == []
        with holding(made.sender_id, 1) as another:
            assert another is not None
    with holding(made.sender_id, 0) as mine:
        assert mine is not None


def test_a_sender_has_as_many_connections_as_it_may_and_as_it_has_use_for(
    held: None, post: Post
) -> None:
    made = started(60, connections=2)
    assert ticking.kick(made.sender_id) == 2
    with holding(made.sender_id, 0):
        assert ticking.kick(made.sender_id) == 1
    Sender.objects.update(connections=10)
    assert ticking.kick(made.sender_id) == 3


def test_minutes_are_forgotten_after_two_days(held: None, clock: Clock, post: Post) -> None:
    made = started(1)
    work(made)
    clock.forward(days=3)
    limits.take(made.sender, 1)
    assert SenderMinute.objects.count() == 1
    assert limits.used_since(made.sender, clock() - timedelta(days=9)) == 1
