"""What is put off and tried again, what is given up, and when a mailing pauses itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Contact
from crm.audit.models import Action, Entry
from emails import sending
from emails.models import Address, AddressEvent, Mailing, MailSettings, SenderPause
from emails.sending import retries, ticking
from tests.emails import crowds
from tests.emails.posts import (
    BUSY,
    CLOSED,
    GONE,
    LATER,
    REFUSED,
    Clock,
    Post,
    clock,
    held,
    post,
    row_of,
    states,
    work,
)

__all__ = ["clock", "held", "post"]
pytestmark = pytest.mark.django_db
State = Mailing.State
FIRST = crowds.address_of(0)


def started(number: int) -> Any:
    crowds.readers(number)
    return crowds.started()


def on_one_domain(number: int, domain: str = "slow.example.org") -> list[str]:
    addresses = [f"reader{n}@{domain}" for n in range(number)]
    Contact.objects.bulk_create([Contact(last_name="Reader", email=one) for one in addresses])
    return addresses


# -- put off


def test_a_mail_that_is_put_off_is_tried_again_later_and_the_others_go_out(
    held: None, clock: Clock, post: Post
) -> None:
    made = started(4)
    post.answers[FIRST] = [LATER, LATER, post.always or GONE._replace(result=LATER.result)]
    work(made)
    assert states(made) == {"sent": 3, "waiting": 1}
    row = row_of(made, FIRST)
    assert row.answer == "450 4.2.0 Greylisted"
    assert timedelta(seconds=48) <= row.due_at - clock() <= timedelta(seconds=72)
    work(made)
    assert post.asked.count(FIRST) == 1
    clock.forward(seconds=73)
    work(made)
    row = row_of(made, FIRST)
    assert (post.asked.count(FIRST), row.attempts) == (2, 2)
    assert row.due_at - clock() >= timedelta(seconds=240)
    post.answers.clear()
    clock.forward(seconds=361)
    work(made)
    assert (made.state, states(made)) == (State.DONE, {"sent": 4})


def test_waits_grow_and_none_is_as_long_as_another() -> None:
    first = timezone.now()
    waits = [
        (retries.next_attempt(attempts, first) - timezone.now()).total_seconds()
        for attempts in range(1, 9)
    ]
    assert waits == sorted(waits)
    assert 20 * 3600 < sum(retries.DELAYS) <= 24 * 3600
    assert len({retries.jittered(60) for _ in range(10)}) == 10


def test_a_mail_that_is_put_off_for_a_day_is_given_up(held: None, clock: Clock, post: Post) -> None:
    made = started(1)
    post.always = LATER
    for _ in range(14):
        work(made)
        SenderPause.objects.all().delete()
        clock.forward(hours=2)
    assert states(made) == {"failed": 1}
    row = row_of(made, FIRST)
    assert (row.reason, made.state) == ("gave_up", State.DONE)
    assert 4 <= row.attempts <= 10
    assert row.changed_at - row.first_at <= timedelta(hours=24)
    # That it was put off for a day counts against the address, and does not suppress it at once.
    assert Address.objects.get(address=FIRST).soft_bounces == 1
    assert Address.objects.get(address=FIRST).suppressed == ""


def test_a_mail_that_waited_for_a_paused_mailing_is_not_given_up_for_that(
    held: None, clock: Clock, post: Post
) -> None:
    made = started(1)
    post.answers[FIRST] = [LATER]
    work(made)
    sending.pause(made, user=made.author)
    clock.forward(days=3)
    sending.resume(made, user=made.author)
    work(made)
    assert states(made) == {"waiting": 1}
    assert row_of(made, FIRST).attempts == 2


def test_a_domain_that_puts_off_three_in_a_row_is_left_alone(
    held: None, clock: Clock, post: Post
) -> None:
    slow = on_one_domain(8)
    made = started(3)
    for one in slow:
        post.answers[one] = [LATER]
    work(made)
    assert sum(one in slow for one in post.asked) == retries.IN_A_ROW
    assert states(made) == {"sent": 3, "waiting": 8}
    untried = [row for row in made.recipients.filter(state="waiting") if not row.attempts]
    assert len(untried) == 5
    [pause] = SenderPause.objects.all()
    assert (pause.domain, pause.times) == ("slow.example.org", 1)
    assert pause.until - clock() >= timedelta(minutes=4)
    assert ticking.kick(made.sender_id) == 0

    # The first that is put off after the rest begins a longer one.
    clock.forward(minutes=6.5)
    asked = len(post.asked)
    work(made)
    assert len(post.asked) == asked + 1
    pause.refresh_from_db()
    assert (pause.times, pause.until - clock() >= timedelta(minutes=12)) == (2, True)

    # One that is taken ends it.
    post.answers.clear()
    clock.forward(hours=1)
    work(made)
    assert (made.state, SenderPause.objects.count()) == (State.DONE, 0)


# -- refused


def test_an_address_that_does_not_exist_is_mailed_by_nobody_any_more(
    held: None, post: Post
) -> None:
    made = started(3)
    post.answers[FIRST] = [GONE]
    work(made)
    assert states(made) == {"sent": 2, "failed": 1}
    row = row_of(made, FIRST)
    assert (row.reason, row.answer, made.bounced) == ("refused", GONE.text, 1)
    assert Address.objects.get(address=FIRST).suppressed == "bounced"
    event = AddressEvent.objects.get(address=FIRST)
    assert (event.kind, event.mailing_id, event.position) == ("bounced", made.pk, row.position)
    assert event.details == {"answer": GONE.text}


def test_a_letter_that_is_refused_leaves_its_address_mailable(held: None, post: Post) -> None:
    made = started(3)
    post.answers[FIRST] = [REFUSED]
    work(made)
    assert (row_of(made, FIRST).reason, made.bounced) == ("rejected", 1)
    assert not Address.objects.filter(address=FIRST).exclude(suppressed="").exists()


# -- the server itself


def test_a_server_that_lets_nobody_in_pauses_the_mailing_and_says_why(
    held: None, post: Post
) -> None:
    made = started(3)
    post.before = lambda number: setattr(post, "always", CLOSED if number == 1 else None)
    work(made)
    assert made.state == State.PAUSED
    assert "535 5.7.8 Bad password" in made.problem
    assert "“default”" in made.problem
    assert states(made) == {"sent": 1, "waiting": 2}
    assert {row.attempts for row in made.recipients.filter(state="waiting")} == {0}
    sending.resume(made, user=made.author)
    work(made)
    assert (made.state, made.problem, len(post.to)) == (State.DONE, "", 3)


def test_a_mailer_that_is_not_set_up_pauses_the_mailing(held: None) -> None:
    made = started(1)
    made.sender.mailer = "other"
    made.sender.save()
    work(made)
    assert (made.state, "“other”" in made.problem) == (State.PAUSED, True)
    assert states(made) == {"waiting": 1}


def test_a_server_that_is_away_is_asked_again_and_again_and_then_the_mailing_pauses(
    held: None, clock: Clock, post: Post
) -> None:
    made = started(3)
    post.always = BUSY
    work(made)
    assert (made.state, len(post.asked)) == (State.SENDING, 1)
    assert "421 4.3.2 Come back later" in made.problem
    assert states(made) == {"waiting": 3}
    waits = []
    while made.state == State.SENDING:
        [pause] = SenderPause.objects.all()
        waits.append((pause.until - clock()).total_seconds())
        asked = len(post.asked)
        work(made)
        assert len(post.asked) == asked
        clock.forward(seconds=waits[-1] + 1)
        work(made)
    assert waits == sorted(waits)
    assert sum(waits) > 3600
    assert made.state == State.PAUSED
    assert {row.attempts for row in made.recipients.all()} == {0}

    post.always = None
    sending.resume(made, user=made.author)
    work(made)
    assert (made.state, states(made)) == (State.DONE, {"sent": 3})


def test_a_server_that_comes_back_is_forgiven(held: None, clock: Clock, post: Post) -> None:
    made = started(3)
    post.before = lambda number: setattr(post, "always", BUSY if number == 1 else None)
    work(made)
    assert (states(made), made.problem != "") == ({"sent": 1, "waiting": 2}, True)
    clock.forward(seconds=5)
    work(made)
    assert (made.state, made.problem, SenderPause.objects.count()) == (State.DONE, "", 0)


# -- thresholds


def test_a_mailing_pauses_itself_when_too_many_come_back(
    held: None, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emails.sending.slices.FIRST_BATCH", 10)
    monkeypatch.setattr("emails.sending.slices.LARGEST_BATCH", 10)
    made = started(60)
    for row in made.recipients.order_by("position")[5:11]:
        post.answers[row.address] = [GONE]
    work(made)
    assert made.state == State.PAUSED
    assert "5 % are allowed" in made.problem or "5.0 % are allowed" in made.problem
    assert (made.bounced, states(made)) == (5, {"sent": 5, "failed": 5, "waiting": 50})
    [entry] = Entry.objects.filter(action=Action.MAIL_PAUSED)
    assert entry.details["reason"] == made.problem

    # Whoever lets it go on knows of these; others are counted anew.
    sending.resume(made, user=made.author)
    work(made)
    assert (made.state, made.bounced) == (State.DONE, 6)


def test_a_few_refusals_of_a_few_mails_say_nothing(held: None, post: Post) -> None:
    made = started(6)
    for number in range(4):
        post.answers[crowds.address_of(number)] = [GONE]
    work(made)
    assert (made.state, made.bounced) == (State.DONE, 4)


def test_an_administrator_says_how_many_may_come_back(held: None, post: Post) -> None:
    made = started(30)
    MailSettings.objects.update(bounces_at_most=Decimal(50))
    for number in range(10):
        post.answers[crowds.address_of(number)] = [GONE]
    work(made)
    assert (made.state, made.bounced) == (State.DONE, 10)


def test_a_mailing_pauses_itself_when_too_many_complain(
    held: None, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emails.sending.slices.FIRST_BATCH", 10)
    monkeypatch.setattr("emails.sending.slices.LARGEST_BATCH", 10)
    made = started(20)

    def complain(number: int) -> None:
        if number == 12:
            sent = made.recipients.filter(state="sent").order_by("position")
            for row in sent[:3]:
                assert sending.note_result(made.pk, row.position, "complained")
                assert not sending.note_result(made.pk, row.position, "complained")

    post.before = complain
    work(made)
    assert (made.state, made.complained) == (State.PAUSED, 3)
    assert "unwanted" in made.problem
    assert states(made) == {"sent": 20}


def test_a_mail_that_comes_back_later_has_failed_and_counts(held: None, post: Post) -> None:
    made = started(3)
    work(made)
    row = row_of(made, FIRST)
    assert sending.note_result(made.pk, row.position, "bounced", answer="550 5.1.1 Gone")
    assert not sending.note_result(made.pk, row.position, "bounced", answer="550 5.1.1 Gone")
    assert states(made) == {"sent": 2, "failed": 1}
    assert (made.bounced, row_of(made, FIRST).answer) == (1, "550 5.1.1 Gone")


def test_a_mail_of_which_it_is_heard_that_it_arrived_is_uncertain_no_more(
    held: None, post: Post
) -> None:
    made = started(2)
    post.answers[FIRST] = [GONE._replace(result=type(GONE.result).UNKNOWN)]
    work(made)
    assert states(made) == {"sent": 1, "uncertain": 1}
    assert sending.note_result(made.pk, row_of(made, FIRST).position, "delivered")
    assert states(made) == {"sent": 2}
    assert not sending.note_result(made.pk, 99, "bounced")
