"""Starting, halting and going on; who is not mailed although they were to be; who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.audit.models import Action, Entry
from crm.suppression import services as erased
from emails import sending, standing
from emails.models import Mailing, MailSettings, Recipient
from emails.reasons import Suppressed
from emails.sending import slices
from tests.emails import crowds
from tests.emails.posts import (
    CUT,
    Clock,
    Post,
    clock,  # noqa: F401
    held,  # noqa: F401
    post,  # noqa: F401
    row_of,
    states,
    work,
)

pytestmark = pytest.mark.django_db
State = Mailing.State
ALL = [crowds.address_of(number) for number in range(6)]


@pytest.fixture
def readers() -> list[Contact]:
    crowds.readers(6)
    return list(Contact.objects.order_by("pk"))


@pytest.fixture
def mailing(readers: list[Contact], held: None) -> Any:
    """Started, and not sent yet."""
    return crowds.started()


@pytest.fixture
def by_twos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "FIRST_BATCH", 2)
    monkeypatch.setattr(slices, "LARGEST_BATCH", 2)


def audited(action: str) -> list[Entry]:
    return list(Entry.objects.filter(action=action))


# -- starting


def test_a_start_sends_to_everybody_once_and_is_written_down(
    readers: list[Contact],
    post: Post,
) -> None:
    made = crowds.started()
    assert sorted(post.to) == ALL
    assert (made.state, made.sent, made.total) == (State.DONE, 6, 6)
    assert states(made) == {"sent": 6}
    assert made.finished_at
    [entry] = audited(Action.MAIL_STARTED)
    assert (entry.actor_name, entry.record_id, entry.details["count"]) == ("ann", made.pk, 6)
    message = post.message(ALL[0])
    assert str(message["Subject"]) == "News for Ann 0"
    assert str(message["To"]) == f"Ann 0 Reader <{ALL[0]}>"


def test_two_clicks_and_a_form_sent_again_send_one_mailing(
    readers: list[Contact],
    post: Post,
    client: Client,
) -> None:
    made: Any = crowds.mailing()
    client.force_login(made.author)
    page = reverse("emails:review", args=[made.pk])
    client.post(page, {"step": "count"})
    for _ in range(3):
        answer = client.post(page, {"step": "send", "expected": "6", "typed": "6"})
        assert answer.status_code in (302, 303)
    assert sorted(post.to) == ALL
    assert len(audited(Action.MAIL_STARTED)) == 1
    assert sending.start(made, user=made.author, expected=6) is False
    assert len(post.to) == 6


def test_nothing_is_sent_when_there_are_others_than_were_confirmed(
    readers: list[Contact],
    post: Post,
) -> None:
    made = crowds.mailing()
    with pytest.raises(sending.CountMoved) as refusal:
        sending.start(made, user=made.author, expected=5)
    assert (refusal.value.expected, refusal.value.count) == (5, 6)
    made.refresh_from_db()
    assert (made.state, post.asked, audited(Action.MAIL_STARTED)) == (State.DRAFT, [], [])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"subject": ""}, "ubject"),
        ({"html": ""}, "written"),
        ({"html": "<p>{{ nickname }}</p>"}, "nickname"),
        ({"html": "<p>Dear {{ phone }}</p>"}, "hone"),
        ({"sender": None}, "ender"),
    ],
)
def test_what_is_not_in_order_is_not_sent(
    readers: list[Contact],
    post: Post,
    wrong: dict[str, Any],
    says: str,
) -> None:
    made = crowds.mailing(**wrong)
    with pytest.raises(ValidationError, match=says):
        sending.start(made, user=made.author, expected=6)
    made.refresh_from_db()
    assert (made.state, post.asked) == (State.DRAFT, [])


def test_nobody_starts_or_halts_what_is_somebody_elses(
    mailing: Any,
    post: Post,
) -> None:
    bob = User.objects.create_user("bob")
    for act in (sending.pause, sending.resume, sending.cancel, sending.resend_uncertain):
        with pytest.raises(PermissionDenied):
            act(mailing, user=bob)
    draft = crowds.mailing()
    with pytest.raises(PermissionDenied):
        sending.start(draft, user=bob, expected=6)


def test_a_mailing_that_everybody_is_left_out_of_is_not_started(
    readers: list[Contact],
    post: Post,
) -> None:
    standing.suppress(ALL, Suppressed.UNSUBSCRIBED)
    made = crowds.mailing()
    with pytest.raises(ValidationError):
        sending.start(made, user=made.author, expected=0)
    assert post.asked == []


# -- pausing, going on, cancelling


def test_a_pause_lets_out_what_is_in_hand_and_no_more_until_it_goes_on(
    mailing: Any,
    post: Post,
    by_twos: None,
) -> None:
    post.at(2, lambda: sending.pause(mailing, user=mailing.author))
    work(mailing)
    assert mailing.state == State.PAUSED
    assert states(mailing) == {"sent": 4, "waiting": 2}
    assert sending.pause(mailing, user=mailing.author) is False
    post.before = lambda number: None
    assert sending.resume(mailing, user=mailing.author) is True
    work(mailing)
    assert (mailing.state, sorted(post.to)) == (State.DONE, ALL)
    assert [len(audited(one)) for one in (Action.MAIL_PAUSED, Action.MAIL_RESUMED)] == [1, 1]


def test_who_is_left_when_a_mailing_is_cancelled_is_left_out(
    mailing: Any,
    post: Post,
    by_twos: None,
) -> None:
    post.at(2, lambda: sending.cancel(mailing, user=mailing.author))
    work(mailing)
    assert mailing.state == State.CANCELLED
    assert states(mailing) == {"sent": 4, "left_out": 2}
    assert {row.reason for row in mailing.recipients.filter(state="left_out")} == {"cancelled"}
    assert sending.resume(mailing, user=mailing.author) is False
    work(mailing)
    assert len(post.to) == 4
    assert len(audited(Action.MAIL_CANCELLED)) == 1


def test_a_letter_put_off_while_its_mailing_is_cancelled_is_not_tried_again(
    mailing: Any,
    post: Post,
) -> None:
    from tests.emails.posts import LATER

    post.answers[ALL[5]] = [LATER]
    post.at(5, lambda: sending.cancel(mailing, user=mailing.author))
    work(mailing)
    assert states(mailing) == {"sent": 5, "left_out": 1}


def test_what_a_mailing_says_cannot_be_changed_once_it_is_sent(
    mailing: Any,
    post: Post,
    by_twos: None,
    client: Client,
) -> None:
    client.force_login(mailing.author)
    page = reverse("emails:compose", args=[mailing.pk])
    told = {"subject": "Other", "html": "<p>Other</p>", "sender": mailing.sender_id}
    post.at(2, lambda: client.post(page, told))
    work(mailing)
    assert {str(post.message(one)["Subject"])[:8] for one in ALL} == {"News for"}
    assert mailing.subject.startswith("News for")


# -- between the list and the letter


def _unsubscribe(one: Contact) -> None:
    standing.suppress([one.email], Suppressed.UNSUBSCRIBED)


def _complain(one: Contact) -> None:
    standing.suppress([one.email], Suppressed.COMPLAINED)


def _erase(one: Contact) -> None:
    erased.suppress([one.email], "erased")


def _delete(one: Contact) -> None:
    one.delete()


def _move(one: Contact) -> None:
    one.email = "elsewhere@example.org"
    one.save()


def _hide(one: Contact) -> None:
    Contact.objects.exclude(pk=one.pk).update(owner=User.objects.get(username="ann"))
    User.objects.filter(username="ann").update(
        view_contacts=Level.OWN, edit_contacts=Level.OWN, view_customers=0, edit_customers=0
    )


def _require(one: Contact) -> None:
    standing.set_basis([address for address in ALL if address != one.email], "consent")
    MailSettings.objects.update(basis_required=True)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_unsubscribe, "unsubscribed"),
        (_complain, "complained"),
        (_erase, "erased"),
        (_delete, "gone"),
        (_move, "moved"),
        (_hide, "not_yours"),
        (_require, "no_basis"),
    ],
)
def test_who_must_not_be_mailed_any_more_is_left_out_with_the_reason(
    mailing: Any,
    readers: list[Contact],
    post: Post,
    happens: Any,
    reason: str,
) -> None:
    happens(readers[3])
    work(mailing)
    assert sorted(post.asked) == sorted({*ALL} - {ALL[3]})
    assert (mailing.state, mailing.left_out) == (State.DONE, 1)
    row = row_of(mailing, ALL[3])
    assert (row.state, row.reason, row.attempts) == ("left_out", reason, 0)
    assert states(mailing) == {"sent": 5, "left_out": 1}


def test_who_unsubscribes_while_letters_go_out_is_not_in_the_next_batch(
    mailing: Any,
    readers: list[Contact],
    post: Post,
    by_twos: None,
) -> None:
    post.at(1, lambda: _unsubscribe(readers[2]))
    work(mailing)
    assert ALL[2] not in post.asked
    assert row_of(mailing, ALL[2]).reason == "unsubscribed"


def _deactivate(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=False)


def _revoke(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(may_mail=False)


def _retire(ann: User) -> None:
    from emails.models import Sender

    Sender.objects.update(is_active=False)


@pytest.mark.parametrize(
    ("happens", "says"),
    [(_deactivate, "sign in"), (_revoke, "right “Mailing”"), (_retire, "not in use")],
)
def test_a_mailing_stops_with_a_reason_when_it_may_not_be_sent_any_more(
    mailing: Any,
    post: Post,
    by_twos: None,
    happens: Any,
    says: str,
) -> None:
    post.at(1, lambda: happens(mailing.author))
    work(mailing)
    assert mailing.state == State.PAUSED
    assert says in mailing.problem
    assert states(mailing) == {"sent": 2, "waiting": 4}
    assert {row.attempts for row in mailing.recipients.filter(state="waiting")} == {0}
    admin = User.objects.create_superuser("admin")
    with pytest.raises(ValidationError, match=says):
        sending.resume(mailing, user=admin)
    [entry] = audited(Action.MAIL_PAUSED)
    assert (entry.actor_name, says in entry.details["reason"]) == ("", True)


def test_a_row_that_lacks_a_value_by_now_fails_alone(
    readers: list[Contact],
    held: None,
    post: Post,
) -> None:
    made = crowds.started(html="<p>Dear {{ first_name }}</p>")
    Contact.objects.filter(pk=readers[2].pk).update(first_name="")
    work(made)
    assert states(made) == {"sent": 5, "failed": 1}
    row = row_of(made, ALL[2])
    assert (row.reason, row.answer) == ("lacking", "first_name")


def test_names_that_would_tear_a_header_go_out_as_words(
    readers: list[Contact],
    held: None,
    post: Post,
) -> None:
    made = crowds.started()
    Contact.objects.filter(pk=readers[0].pk).update(first_name="Ann\r\nBcc: eve@example.com")
    work(made)
    assert states(made) == {"sent": 6}
    message = post.message(ALL[0])
    assert str(message["Subject"]) == "News for Ann Bcc: eve@example.com"
    assert message["Bcc"] is None


# -- what is not known


def test_what_a_dead_worker_had_in_hand_is_uncertain_and_never_sent_again_by_itself(
    mailing: Any,
    post: Post,
) -> None:
    batch = slices.batches.take(
        mailing.sender_id, f"{mailing.sender_id}.0/dead", 2, slices.Places()
    )
    assert batch is not None
    assert states(mailing) == {"sending": 2, "waiting": 4}
    work(mailing)
    assert states(mailing) == {"sent": 4, "uncertain": 2}
    assert mailing.state == State.DONE
    assert {row_of(mailing, one.address).reason for one in batch.rows} == {"stopped"}
    work(mailing)
    assert len(post.to) == 4


def test_a_cut_connection_leaves_one_mail_uncertain(mailing: Any, post: Post) -> None:
    post.answers[ALL[1]] = [CUT]
    work(mailing)
    assert states(mailing) == {"sent": 5, "uncertain": 1}
    assert row_of(mailing, ALL[1]).reason == "cut_off"


def test_uncertain_mails_are_sent_again_when_somebody_says_so_under_the_same_id(
    mailing: Any,
    post: Post,
) -> None:
    post.answers[ALL[1]] = [CUT]
    work(mailing)
    post.answers.clear()
    assert sending.resend_uncertain(mailing, user=mailing.author) == 1
    assert mailing.state == State.SENDING
    work(mailing)
    assert (mailing.state, states(mailing)) == (State.DONE, {"sent": 6})
    assert post.asked.count(ALL[1]) == 2
    assert sending.resend_uncertain(mailing, user=mailing.author) == 0
    [entry] = audited(Action.MAIL_RESENT)
    assert entry.details["count"] == 1


def test_the_message_id_of_a_recipient_is_always_the_same(
    mailing: Any,
    post: Post,
) -> None:
    work(mailing)
    first = {one: str(post.message(one)["Message-ID"]) for one in ALL}
    assert len(set(first.values())) == 6
    mailing.recipients.update(state="uncertain")
    Mailing.objects.filter(pk=mailing.pk).update(sent=0, uncertain=6)
    sending.resend_uncertain(mailing, user=mailing.author)
    work(mailing)
    assert {one: str(post.message(one)["Message-ID"]) for one in ALL} == first


def test_a_worker_that_was_taken_for_dead_may_still_say_that_a_letter_was_sent(
    mailing: Any,
    post: Post,
) -> None:
    def taken_for_dead(number: int) -> None:
        if number == 1:
            Recipient.objects.filter(state="sending").update(state="uncertain", reason="stopped")
            Mailing.objects.update(sending=0, uncertain=6)

    post.before = taken_for_dead
    post.answers[ALL[4]] = [CUT]
    work(mailing)
    assert states(mailing) == {"sent": 5, "uncertain": 1}


# -- who is told


@pytest.mark.parametrize(("minutes", "mails"), [(1, 0), (3, 1)])
def test_the_author_is_told_when_a_long_mailing_is_done(
    readers: list[Contact],
    held: None,
    clock: Clock,
    post: Post,
    mailoutbox: list[Any],
    minutes: int,
    mails: int,
) -> None:
    made = crowds.started()
    User.objects.update(email="ann@example.org")
    clock.forward(minutes=minutes)
    work(made)
    assert [one.to for one in mailoutbox] == [["ann@example.org"]] * mails
    if mails:
        assert mailoutbox[0].subject.startswith("Sent: News for")
        assert "6 mails were sent." in mailoutbox[0].body
        assert f"https://crm.example.org/mailings/{made.pk}/" in mailoutbox[0].body


def test_the_author_is_told_when_a_long_mailing_stops_by_itself(
    mailing: Any,
    post: Post,
    by_twos: None,
    mailoutbox: list[Any],
) -> None:
    User.objects.update(email="ann@example.org")
    ago = timezone.now() - timedelta(minutes=5)
    Mailing.objects.update(started_at=ago)
    post.at(1, lambda: _revoke(mailing.author))
    work(mailing)
    [told] = mailoutbox
    assert told.subject.startswith("Stopped: ")
    assert "right “Mailing”" in told.body


# -- to oneself


def test_a_test_goes_to_oneself_and_into_no_ledger(
    readers: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = crowds.mailing()
    User.objects.update(email="Ann@Example.org")
    made.author.refresh_from_db()
    post = _own_post(monkeypatch)
    sending.send_test(made, user=made.author, to="ann@example.org")
    assert post.to == ["ann@example.org"]
    message = post.message("ann@example.org")
    assert str(message["Subject"]).endswith("News for Ann 0")
    made.refresh_from_db()
    assert (made.state, made.sent, made.recipients.count()) == (State.DRAFT, 0, 0)
    with pytest.raises(ValidationError, match="own address"):
        sending.send_test(made, user=made.author, to="eve@example.com")
    with pytest.raises(PermissionDenied):
        sending.send_test(made, user=User.objects.create_user("bob"), to="ann@example.org")
    assert len(post.to) == 1


def test_a_test_that_the_server_refuses_says_so(
    readers: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.emails.posts import CLOSED

    made = crowds.mailing()
    User.objects.update(email="ann@example.org")
    made.author.refresh_from_db()
    _own_post(monkeypatch).always = CLOSED
    with pytest.raises(ValidationError, match="Bad password"):
        sending.send_test(made, user=made.author, to="ann@example.org")


def _own_post(monkeypatch: pytest.MonkeyPatch) -> Post:
    from contextlib import nullcontext

    made = Post()
    monkeypatch.setattr("emails.sending.trial.transport", lambda _mailer: nullcontext(made))
    return made
