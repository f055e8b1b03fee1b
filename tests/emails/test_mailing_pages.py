"""The pages of mailings: the list, what is looked at before one goes out, how far it is, who got it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.audit.models import Entry
from emails import ledger, mailing_advice, mailing_review_views
from emails.mailing_forms import moment_of
from emails.mailing_results import MailingResult, span
from emails.models import Address, Mailing, MailSettings, Recipient, Sender
from emails.sending.limits import take
from tests.deals.factories import person

pytestmark = pytest.mark.django_db
State = Mailing.State


@pytest.fixture(autouse=True)
def no_worker() -> Iterator[None]:
    """What is started waits for a worker that does not come."""
    with mock.patch("emails.sending.ticking.kick", return_value=0):
        yield


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", "ann@example.org", "secret")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", "bob@example.org", "secret")


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", "root@example.org", "secret")


@pytest.fixture
def web(ann: User) -> Client:
    return signed_in(ann)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def crowd() -> list[Contact]:
    """Three who can be mailed, and four who cannot, each for another reason."""
    Address.objects.create(
        address="gone@example.com", suppressed="unsubscribed", suppressed_at=timezone.now()
    )
    people = [person(f"Reader {n}", email=f"reader{n}@example.com") for n in range(3)]
    people += [
        person("Silent"),
        person("Odd", email="no address@example.com"),
        person("Gone", email="gone@example.com"),
        person("Twin", email="READER0@example.com"),
    ]
    return people


def draft(author: User, **more: Any) -> Mailing:
    """A mail to all contacts that nothing is wrong with, with its ledger."""
    MailSettings(postal_address="1 Long Lane, Springfield").save()
    sender, _new = Sender.objects.get_or_create(
        address="news@example.org", defaults={"name": "News"}
    )
    given = {
        "author": author,
        "sender": sender,
        "subject": "Spring",
        "html": "<p>Dear readers, spring is here.</p>",
        "selection": [["list", ""], ["state", ""], ["count", "7"], ["scope", "all"]],
        "sentence": "everything",
        "origin": "https://crm.example.org",
    }
    mailing = Mailing.objects.create(**given | more)
    if mailing.state == State.DRAFT:
        ledger.write(mailing, author)
    return mailing


def over(author: User, **more: Any) -> Mailing:
    """A mailing that is over, with a recipient of each kind."""
    people = crowd()
    mailing = draft(author)
    rows = Recipient.objects.filter(mailing=mailing, state="waiting").order_by("position")
    for row, state in zip(rows, ("sent", "uncertain", "failed"), strict=True):
        reason = {"sent": "", "uncertain": "cut_off", "failed": "refused"}[state]
        answer = "550 no such user" if state == "failed" else ""
        Recipient.objects.filter(mailing=mailing, position=row.position).update(
            state=state, reason=reason, answer=answer, changed_at=timezone.now()
        )
    assert people
    counts = {"waiting": 0, "sent": 1, "uncertain": 1, "failed": 1}
    values = {"state": State.DONE, "started_at": timezone.now(), "seconds": 10.0, **counts}
    Mailing.objects.filter(pk=mailing.pk).update(**values | more)
    mailing.refresh_from_db()
    return mailing


def said(answer: Any) -> str:
    text: str = answer.content.decode()
    return " ".join(text.split())


def url(name: str, mailing: Mailing, *more: Any) -> str:
    return reverse(f"emails:{name}", args=[mailing.pk, *more])


def send(web: Client, mailing: Mailing, step: str = "send", **more: Any) -> Any:
    return web.post(url("review", mailing), {"step": step, "expected": mailing.waiting} | more)


# -- the list


def test_the_list_shows_ones_own_mailings_and_an_administrator_everybodys(ann, bob, root):
    draft(ann, subject="Of Ann")
    draft(bob, subject="Of Bob", state=State.DONE)
    page = said(signed_in(ann).get(reverse("emails:mailings")))
    assert "Of Ann" in page
    assert "Of Bob" not in page
    assert "Of Bob" not in said(signed_in(ann).get(reverse("emails:mailings") + "?everybody"))
    assert "Of Bob" not in said(signed_in(root).get(reverse("emails:mailings")))
    everybody = said(signed_in(root).get(reverse("emails:mailings") + "?everybody"))
    assert "Of Ann" in everybody
    assert "Of Bob" in everybody


def test_the_list_is_narrowed_by_state(ann, web):
    draft(ann, subject="First words")
    draft(ann, subject="On its way", state=State.SENDING)
    draft(ann, subject="Halted", state=State.PAUSED)
    at = timezone.now() + timedelta(days=1)
    draft(ann, subject="Tomorrow", state=State.SCHEDULED, scheduled_at=at)
    shown = {
        key: said(web.get(reverse("emails:mailings"), {"show": key}))
        for key in ("", "draft", "scheduled", "on", "over", "nonsense")
    }
    subjects = ("First words", "On its way", "Halted", "Tomorrow")
    found = {key: [one for one in subjects if one in page] for key, page in shown.items()}
    assert found == {
        "": list(subjects),
        "nonsense": list(subjects),
        "draft": ["First words"],
        "scheduled": ["Tomorrow"],
        "on": ["On its way", "Halted"],
        "over": [],
    }


def test_the_list_costs_the_same_for_few_and_for_many(ann, web):
    costs = []
    for number in (2, 30):
        for _each in range(number):
            draft(ann, state=State.DONE)
        web.get(reverse("emails:mailings"))
        with CaptureQueriesContext(connection) as asked:
            assert "Spring" in said(web.get(reverse("emails:mailings")))
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 6


def test_a_draft_is_deleted_and_what_was_sent_is_kept(ann, web):
    crowd()
    unsent, sent = draft(ann), draft(ann, state=State.DONE)
    web.post(url("delete", unsent))
    web.post(url("delete", sent))
    assert list(Mailing.objects.all()) == [sent]
    assert not Recipient.objects.filter(mailing_id=unsent.pk).exists()
    assert "kept for good" in said(web.get(reverse("emails:mailings")))


def test_a_mailing_is_duplicated_as_a_draft_once_however_often_the_form_is_sent(ann, web):
    mailing = over(ann, subject="Spring {{ first_name }}")
    for _each in range(2):
        answer = web.post(url("again", mailing), {"token": "abc"})
    (copy,) = Mailing.objects.exclude(pk=mailing.pk)
    assert answer.url == url("compose", copy)
    assert (copy.state, copy.subject, copy.html) == ("draft", mailing.subject, mailing.html)
    assert (copy.waiting, copy.total, copy.sent) == (3, 7, 0)
    assert copy.key != mailing.key


def test_an_administrator_who_duplicates_somebodys_mailing_writes_their_own(ann, root):
    mailing = draft(ann, state=State.DONE)
    signed_in(root).post(url("again", mailing), {"token": "abc"})
    assert Mailing.objects.exclude(pk=mailing.pk).get().author == root


# -- the ledger beforehand


def test_the_review_tells_how_many_get_it_and_how_many_not_by_reason(ann, web):
    crowd()
    page = said(web.get(url("review", draft(ann))))
    assert '<dd id="to-be-mailed">3</dd>' in page
    for reason in (
        "No e-mail address", "Not a valid e-mail address", "Unsubscribed", "Same address as another",
    ):  # fmt: skip
        assert f'>{reason}</a> <span class="num">1</span>' in page
    assert "Reader 1" not in page


def test_rows_are_there_on_demand_by_reason_and_by_name(ann, web):
    crowd()
    mailing = draft(ann)

    def names(**query: str) -> list[str]:
        page = said(web.get(url("review", mailing), query))
        return [
            name
            for name in ("Reader 0", "Reader 1", "Silent", "Odd", "Gone", "Twin")
            if f"{name}</a>" in page
        ]

    assert names(show="left_out-unsubscribed") == ["Gone"]
    assert names(show="waiting") == ["Reader 0", "Reader 1"]
    assert names(q="reader1@") == ["Reader 1"]
    assert names(show="left_out-no_address", q="reader") == []
    assert names(q="silent") == ["Silent"]
    assert len(names(page="1")) == 6


def test_rows_cost_the_same_for_few_and_for_many(ann, web):
    costs = []
    for number in (2, 40):
        for each in range(number):
            person(f"P{number}-{each}", email=f"p{number}-{each}@example.com")
        mailing = over_quickly(ann)
        web.get(url("mailing", mailing))
        with CaptureQueriesContext(connection) as asked:
            assert "P2-1" in said(web.get(url("mailing", mailing)))
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 8


def over_quickly(author: User) -> Mailing:
    mailing = draft(author)
    Recipient.objects.filter(mailing=mailing).update(state="sent")
    Mailing.objects.filter(pk=mailing.pk).update(state=State.DONE, sent=mailing.waiting, waiting=0)
    mailing.refresh_from_db()
    return mailing


def test_names_of_contacts_that_moved_out_of_sight_are_not_told(ann, bob, root):
    people = crowd()
    mailing = draft(ann)
    for area in ("contacts", "customers"):
        setattr(ann, f"edit_{area}", Level.OWN)
        setattr(ann, f"view_{area}", Level.OWN)
    ann.save()
    Contact.objects.filter(pk=people[0].pk).update(owner=ann)
    page = said(signed_in(ann).get(url("review", mailing), {"page": "1"}))
    assert "Reader 0" in page
    assert "Reader 1" not in page
    assert "reader1@example.com" not in page
    assert "A contact you cannot see" in page
    searched = said(signed_in(ann).get(url("review", mailing), {"q": "reader1@example.com"}))
    assert "Nobody is found here." in searched
    assert "Reader 1" in said(signed_in(root).get(url("review", mailing), {"page": "1"}))


def test_looking_writes_nothing_and_counting_again_does(ann, web):
    crowd()
    mailing = draft(ann)
    person("Late", email="late@example.com")
    before = mailing.ledger_at
    web.get(url("review", mailing))
    mailing.refresh_from_db()
    assert (mailing.waiting, mailing.ledger_at) == (3, before)
    web.post(url("review", mailing), {"step": "count"})
    mailing.refresh_from_db()
    assert mailing.waiting == 4


def test_what_is_wrong_with_a_mail_is_named_and_keeps_it_from_being_sent(ann, web):
    crowd()
    mailing = draft(ann, subject="", html="<p>Dear {{ nonsense }}</p>")
    page = said(web.get(url("review", mailing)))
    assert "nonsense" in page
    assert 'id="send-now"' not in page
    answer = send(web, mailing)
    assert answer.status_code == 422
    mailing.refresh_from_db()
    assert mailing.state == State.DRAFT


def test_the_senders_limits_tell_how_long_it_takes():
    sender = Sender(name="News", address="news@example.org")
    assert "No limits" in mailing_advice.Pace(sender, 100).told
    sender.per_day = 300
    sender.save()
    pace = mailing_advice.Pace(sender, 1_000)
    assert pace.seconds == 3 * 86_400
    assert "At most 300 a day: about 3 days in all." in pace.told
    take(sender, 200)
    assert mailing_advice.Pace(sender, 300).seconds == 86_400


def test_spans_are_told_in_words():
    assert [span(one) for one in (5, 60, 600, 7_200, 200_000)] == [
        "less than a minute", "about 1 minute", "about 10 minutes", "about 2 hours", "about 2 days",
    ]  # fmt: skip


def test_a_domain_that_failed_its_check_and_very_many_personal_mailboxes_are_warned_of(ann, web):
    for number in range(3):
        person(f"G{number}", email=f"g{number}@gmail.com")
    mailing = draft(ann)
    with mock.patch.object(mailing_advice, "MANY_A_DAY", 2):
        page = said(web.get(url("review", mailing)))
        assert "3 of these addresses are personal mailboxes" in page
        assert "example.org was never checked" in page
        failed = {"about": "dkim", "state": "fail", "code": "x"}
        Sender.objects.update(checked_at=timezone.now(), check_results={"findings": [failed]})
        page = said(web.get(url("review", mailing)))
        assert "The check of example.org found something wanting: DKIM" in page
    Sender.objects.update(check_results={"findings": [failed | {"state": "pass"}]})
    page = said(web.get(url("review", mailing)))
    assert "found something wanting" not in page
    assert "personal mailboxes" not in page


# -- sending


def test_sending_freezes_the_audience_and_a_second_click_sends_nothing_more(ann, web):
    crowd()
    mailing = draft(ann)
    for _each in range(2):
        answer = send(web, mailing)
        assert answer.url == url("mailing", mailing)
    mailing.refresh_from_db()
    assert (mailing.state, mailing.waiting) == (State.SENDING, 3)
    assert Entry.objects.filter(action="mail_started").count() == 1


def test_a_number_that_moved_is_told_with_both_and_nothing_is_sent(ann, web):
    crowd()
    mailing = draft(ann)
    person("Late", email="late@example.com")
    answer = send(web, mailing)
    assert answer.status_code == 409
    assert "You confirmed 3 recipients; by now they are 4." in said(answer)
    assert '<dd id="to-be-mailed">4</dd>' in said(answer)
    assert 'name="expected" value="4"' in said(answer)
    mailing.refresh_from_db()
    assert mailing.state == State.DRAFT
    assert send(web, mailing).status_code == 302


def test_many_are_confirmed_by_typing_the_number(ann, web):
    crowd()
    mailing = draft(ann)
    with mock.patch.object(mailing_review_views, "TYPED_ABOVE", 2):
        assert "Type 3 to confirm" in said(web.get(url("review", mailing)))
        for typed in ("", "4"):
            answer = send(web, mailing, typed=typed)
            assert answer.status_code == 422
            assert "Type the number of recipients to confirm." in said(answer)
        assert send(web, mailing, typed="3").status_code == 302


def test_what_forms_leave_out_or_make_up_confirms_nothing(ann, web):
    crowd()
    mailing = draft(ann)
    for expected in ("", "٣", "9" * 40):
        assert web.post(
            url("review", mailing), {"step": "send", "expected": expected}
        ).status_code in (409, 422)
    mailing.refresh_from_db()
    assert mailing.state == State.DRAFT


# -- later


def schedule(web: Client, mailing: Mailing, at: datetime, clock: str = "UTC", **more: Any) -> Any:
    wall = at.astimezone(ZoneInfo(clock))
    values = {"day": wall.strftime("%Y-%m-%d"), "time": wall.strftime("%H:%M"), "zone": clock}
    return send(web, mailing, "schedule", **values | more)


def test_a_mailing_is_scheduled_in_a_time_zone_and_taken_back(ann, web):
    crowd()
    mailing = draft(ann)
    at = (timezone.now() + timedelta(days=40)).replace(hour=12, minute=0, second=0, microsecond=0)
    assert schedule(web, mailing, at, "Asia/Tokyo").url == url("mailing", mailing)
    mailing.refresh_from_db()
    assert (mailing.state, mailing.scheduled_at) == (State.SCHEDULED, at)
    page = said(web.get(url("mailing", mailing)))
    assert "Goes out" in page
    assert "load delay:30s" in page
    web.post(url("turn", mailing, "unschedule"))
    mailing.refresh_from_db()
    assert (mailing.state, mailing.scheduled_at) == (State.DRAFT, None)


def test_a_time_that_is_over_or_no_time_at_all_is_refused(ann, web):
    crowd()
    mailing = draft(ann)
    answer = schedule(web, mailing, timezone.now() - timedelta(hours=1))
    assert answer.status_code == 422
    assert "That is over. Choose a time after" in said(answer)
    for wrong in ({"day": "2027-02-30"}, {"zone": "Mars/Olympus"}):
        at = timezone.now() + timedelta(days=1)
        assert schedule(web, mailing, at, **wrong).status_code == 422
    mailing.refresh_from_db()
    assert mailing.state == State.DRAFT


def test_a_time_that_clocks_jump_over_is_refused_and_of_one_twice_the_first_counts():
    berlin = ZoneInfo("Europe/Berlin")
    with pytest.raises(ValidationError, match=r"put forward over 2:30 a\.m\."):
        moment_of(datetime(2027, 3, 28, 2, 30), berlin)
    assert moment_of(datetime(2027, 3, 28, 3, 0), berlin) == datetime(2027, 3, 28, 1, tzinfo=UTC)
    twice = moment_of(datetime(2027, 10, 31, 2, 30), berlin)
    assert twice == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    with pytest.raises(ValidationError):
        moment_of(datetime(9999, 12, 31, 23, 59), ZoneInfo("America/Los_Angeles"))


def test_a_jumped_time_is_refused_on_the_page(ann, web):
    crowd()
    mailing = draft(ann)
    wrong = {"day": "2031-03-30", "time": "02:30", "zone": "Europe/Berlin"}
    answer = send(web, mailing, "schedule", **wrong)
    assert answer.status_code == 422
    assert "the clocks are put forward over 2:30 a.m. on that day" in said(answer)


# -- on its way


def test_the_page_tells_states_reasons_and_what_came_back_since(ann, web):
    mailing = over(ann, unsubscribed=4, bounced=5, complained=6)
    page = said(web.get(url("mailing", mailing)))
    for words, number in (
        ("Sent", 1), ("Uncertain", 1), ("Failed", 1), ("Left out", 4),
        ("Unsubscribed", 4), ("Bounced", 5), ("Complained", 6),
    ):  # fmt: skip
        assert f"<dt>{words}</dt><dd>{number}</dd>" in page
    assert '>The address was refused</a> <span class="num">1</span>' in page
    assert '>Unsubscribed</a> <span class="num">1</span>' in page
    assert "550 no such user" in page


def test_clicks_are_shown_where_they_were_counted(ann, web):
    mailing = over(ann)
    assert "Clicks on links" not in said(web.get(url("mailing", mailing)))
    mailing.links.create(number=1, url="https://example.org/spring", clicks=12)
    page = said(web.get(url("mailing", mailing)))
    assert "https://example.org/spring</a>" in page
    assert "12 clicks" in page


def test_while_it_is_on_the_page_looks_again_ever_more_rarely_and_then_stops(ann, web):
    crowd()
    mailing = draft(ann)
    send(web, mailing)
    page = said(web.get(url("mailing", mailing)))
    assert "load delay:1s" in page
    assert 'value="0" max="3"' in page
    later = web.get(url("progress", mailing), {"n": "9"}, headers={"hx-request": "true"})
    assert "load delay:5s" in said(later)
    assert "<html" not in said(later)
    assert web.get(url("progress", mailing)).url == url("mailing", mailing)
    Mailing.objects.filter(pk=mailing.pk).update(state=State.DONE, waiting=0, sent=3)
    done = web.get(url("progress", mailing), {"n": "10"}, headers={"hx-request": "true"})
    assert "hx-get" not in said(done)
    assert "3 sent" in said(done)


def test_rate_and_time_left_are_told_once_they_are_known(ann):
    on = Mailing(state=State.SENDING, total=1_000, waiting=900, sent=100, seconds=4)
    assert (MailingResult(on, ann).rate, MailingResult(on, ann).time_left) == ("", "")
    on.seconds = 10
    assert MailingResult(on, ann).rate == "10 a second"
    assert MailingResult(on, ann).time_left == "about 2 minutes left"
    on.seconds = 400
    assert MailingResult(on, ann).rate == "15 a minute"


def test_pause_go_on_and_cancel_by_buttons(ann, web):
    crowd()
    mailing = draft(ann)
    send(web, mailing)
    seen = []
    for step in ("pause", "pause", "resume", "cancel", "resume"):
        page = said(web.get(url("mailing", mailing)))
        offered = [one for one in ("pause", "resume", "cancel") if f'id="mailing-{one}"' in page]
        web.post(url("turn", mailing, step))
        mailing.refresh_from_db()
        seen.append((offered, str(mailing.state)))
    assert seen == [
        (["pause", "cancel"], "paused"),
        (["resume", "cancel"], "paused"),
        (["resume", "cancel"], "sending"),
        (["pause", "cancel"], "cancelled"),
        ([], "cancelled"),
    ]
    assert "too late" in said(web.get(url("mailing", mailing)))
    assert web.post(url("turn", mailing, "explode")).status_code == 404
    assert web.get(url("turn", mailing, "pause")).status_code == 405


def test_resending_says_beforehand_that_some_may_get_it_twice(ann, web):
    mailing = over(ann)
    page = said(web.get(url("resend", mailing)))
    assert "Some may get this mail twice." in page
    assert "for 1 mail" in page
    mailing.refresh_from_db()
    assert mailing.uncertain == 1
    web.post(url("resend", mailing))
    mailing.refresh_from_db()
    assert (mailing.state, mailing.uncertain, mailing.waiting) == (State.SENDING, 0, 1)
    web.post(url("resend", mailing))
    mailing.refresh_from_db()
    assert mailing.waiting == 1


def test_the_frame_looks_for_mailings_only_while_one_is_on(ann, web):
    crowd()
    asked = f'hx-get="{reverse("emails:indicator")}"'
    assert asked not in said(web.get(reverse("emails:mailings")))
    mailing = draft(ann)
    send(web, mailing)
    assert asked in said(web.get(reverse("emails:mailings")))
    assert "Spring" in said(web.get(reverse("emails:indicator")))
    Mailing.objects.filter(pk=mailing.pk).update(state=State.DONE, waiting=0, sent=3)
    assert "Spring" not in said(web.get(reverse("emails:indicator")))
    assert asked not in said(web.get(reverse("emails:mailings")))


def test_the_log_is_taken_along_without_formulas_and_it_is_written_down(ann, web):
    mailing = over(ann)
    Recipient.objects.filter(mailing=mailing, state="failed").update(
        name='=HYPERLINK("x")', answer="=1+1"
    )
    answer = web.post(url("log", mailing))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:4] == ["Number", "Name", "Address", "State"]
    assert len(rows) == 8
    failed = next(row for row in rows if row[3] == "Failed")
    assert failed[1] == '\'=HYPERLINK("x")'
    assert failed[5] == "'=1+1"
    assert Entry.objects.filter(action="exported", record_id=mailing.pk).count() == 1


def test_the_log_of_what_one_cannot_see_has_no_names_and_without_the_right_there_is_none(ann):
    mailing = over(ann)
    for area in ("contacts", "customers"):
        setattr(ann, f"edit_{area}", Level.NONE)
        setattr(ann, f"view_{area}", Level.NONE)
    ann.save()
    answer = signed_in(ann).post(url("log", mailing))
    assert b"reader" not in b"".join(answer.streaming_content).lower()
    ann.may_export = False
    ann.save()
    assert signed_in(ann).post(url("log", mailing)).status_code == 403
    assert "As a CSV file" not in said(signed_in(ann).get(url("mailing", mailing)))


# -- who may


PAGES = ("mailing", "review", "resend", "progress")
ACTS = ("review", "resend", "delete", "again", "log")


def test_a_mailing_of_somebody_else_is_not_there(ann, bob):
    mailing = over(ann)
    web = signed_in(bob)
    assert {web.get(url(name, mailing)).status_code for name in PAGES} == {404}
    assert {web.post(url(name, mailing)).status_code for name in ACTS} == {404}
    assert web.post(url("turn", mailing, "cancel")).status_code == 404
    mailing.refresh_from_db()
    assert (mailing.state, mailing.uncertain) == (State.DONE, 1)


def test_without_the_right_to_mail_the_addresses_are_refused_and_no_page_leads_there(ann):
    mailing = over(ann)
    ann.may_mail = False
    ann.save()
    web = signed_in(ann)
    assert web.get(reverse("emails:mailings")).status_code == 403
    assert {web.get(url(name, mailing)).status_code for name in PAGES} == {403}
    assert {web.post(url(name, mailing)).status_code for name in ACTS} == {403}
    assert reverse("emails:mailings") not in said(web.get("/contacts/"))
