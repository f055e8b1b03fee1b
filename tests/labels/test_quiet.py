"""Quiet customers: who is proposed, with which evidence, and what a person makes of it."""

from __future__ import annotations

import re
from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact, ContactTag, StatusChange
from crm.accounts.models import User
from crm.bulk.actions import action_of
from crm.bulk.models import BulkRun
from crm.bulk.services import start, undo
from crm.bulk.work import work_off
from deals.models import Deal, KeptQuiet
from deals.services import check_statuses, select_status
from deals.services.quiet import evidence_of, keep_quiet, quiet_customers
from settings.catalogue import forget
from settings.models import Account, Tag
from settings.services.account import change_account
from tests.deals.factories import deal, default_stages, person
from tests.forms import send

pytestmark = pytest.mark.django_db

PAGE = "/settings/quiet/"


@pytest.fixture
def bob():
    return User.objects.create_user("bob")


@pytest.fixture
def web(bob) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ann", is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def year():
    change_account(quiet_months=12)


def ago(days):
    return timezone.now() - timedelta(days=days)


def customer(days=500, name="", category="won", **more):
    """A customer whose last deal was closed so many days ago."""
    one = person(name)
    deal(one, category, closed_at=ago(days), opened_at=ago(days + 1), **more)
    one.refresh_from_db()
    return one


def proposed():
    return list(quiet_customers(Contact.objects.all()))


def shown(answer):
    return answer.content.decode()


def status(one):
    return Contact.objects.get(pk=one.pk).customer_status


# -- who is proposed


def test_nobody_is_proposed_unless_the_account_says_so(web):
    customer()
    assert len(proposed()) == 1
    change_account(quiet_months=None)
    assert proposed() == []
    assert "not said after how many months" in shown(web.get(PAGE))


def test_a_win_within_the_months_keeps_a_customer_off_the_list():
    late = customer(days=500)
    customer(days=300)
    assert proposed() == [late]
    deal(late, "won", closed_at=ago(10), opened_at=ago(11))
    assert proposed() == []


def test_months_are_those_of_the_calendar():
    change_account(quiet_months=1)
    noon = timezone.now().replace(year=2026, month=3, day=31, hour=12)
    with mock.patch("django.utils.timezone.now", return_value=noon):
        one = person()
        deal(one, "won", closed_at=noon - timedelta(days=31), opened_at=noon - timedelta(days=32))
        other = person()
        deal(other, "won", closed_at=noon - timedelta(days=33), opened_at=noon - timedelta(days=40))
        # A month before 31 March is 28 February.
        assert proposed() == [other]


def test_whoever_is_being_sold_to_is_not_quiet():
    one = customer()
    open_deal = deal(one, "incoming")
    assert proposed() == []
    open_deal.stage = default_stages()["lost"]
    open_deal.save()
    # It was sold to until a moment ago: the months begin anew.
    assert proposed() == []
    Deal.objects.filter(pk=open_deal.pk).update(closed_at=ago(400))
    assert proposed() == [one]


def test_a_customer_by_hand_counts_from_that_day():
    one = person()
    select_status(one, customer="current", at=ago(500))
    other = person()
    select_status(other, customer="current")
    assert proposed() == [one]
    evidence = evidence_of(proposed(), User.objects.create_superuser("x"))[0]
    assert (evidence.deal, evidence.nothing_since.date()) == (None, ago(500).date())


def test_who_was_made_a_customer_again_by_hand_is_not_asked_about_tomorrow():
    one = customer()
    select_status(one, customer="past")
    assert proposed() == []
    select_status(one, customer="current")
    assert proposed() == []


def test_neither_past_customers_nor_prospects_are_proposed():
    select_status(customer(), customer="past")
    customer(category="lost")
    person()
    assert proposed() == []


@pytest.mark.parametrize("category", ["contacts", "customers"])
def test_those_with_an_excepted_tag_are_left_out(boss, category):
    one, other = customer(name="One"), customer(name="Other")
    tag = Tag.objects.create(name="Partner", category=category)
    ContactTag.objects.create(contact=one, tag=tag)
    send(boss, PAGE, to=f"{PAGE}settings/", quiet_months=12, quiet_except=tag.pk)
    assert proposed() == [other]
    tag.deleted_at = timezone.now()
    tag.save()
    assert proposed() == [one, other]


# -- the page


def test_each_has_its_evidence(web):
    one = customer(name="Lovelace")
    won = Deal.objects.get()
    deal(one, "lost", closed_at=ago(450), opened_at=ago(460))
    by_hand = person("Hopper")
    select_status(by_hand, customer="current", at=ago(700))
    text = shown(web.get(PAGE))
    assert "2 customers are proposed" in text
    assert won.get_absolute_url() in text
    assert re.search(r"Last won on .*Deal \d+.*last lost on .*no active deal.*nothing for", text)
    assert "by hand since" in text
    assert "Quiet customers" in shown(web.get("/contacts/"))


def test_confirmed_they_are_past_customers_by_a_persons_selection_with_undo(web, bob):
    one, two, other = customer(), customer(), customer()
    answer = send(web, PAGE, row=[one.pk, two.pk], do="past")
    assert answer.status_code == 302
    assert [status(each) for each in (one, two, other)] == ["past", "past", "current"]
    row = StatusChange.objects.get(contact=one, new="past")
    assert (row.cause, row.actor) == ("selected", bob)
    page = shown(web.get(PAGE))
    assert "2 contacts marked as Past Customer" in page
    assert not [str(one) for one in check_statuses().differences]


def test_undone_they_are_customers_again(web):
    one = customer()
    send(web, PAGE, row=[one.pk], do="past")
    run = BulkRun.objects.get()
    undo(run, user=run.user)
    assert status(one) == "current"
    assert proposed() == [one]


def test_all_that_are_proposed_are_confirmed_at_once(web, monkeypatch):
    monkeypatch.setattr("deals.quiet_views.PAGE", 2)
    many = [customer() for _ in range(5)]
    fresh = customer(days=3)
    send(web, PAGE, scope="all", do="past")
    assert {status(one) for one in many} == {"past"}
    assert status(fresh) == "current"


def test_another_number_than_was_shown_is_not_confirmed(web):
    one = customer()
    answer = web.post(PAGE, {"scope": "all", "count": "2", "do": "past", "token": "t"}, follow=True)
    assert "You confirmed 2; by now it is 1" in shown(answer)
    assert status(one) == "current"


def test_who_bought_meanwhile_is_not_marked(web):
    one, two = customer(), customer()
    deal(two, "won")
    answer = web.post(PAGE, {"row": [one.pk, two.pk], "do": "past", "token": "t"}, follow=True)
    assert "You confirmed 2; by now it is 1" in shown(answer)
    assert status(one) == status(two) == "current"


def test_who_buys_while_the_run_waits_is_refused(bob):
    one, two = customer(), customer()
    rows = quiet_customers(Contact.objects.all())
    with mock.patch("crm.bulk.services.work_off_run"):
        run = start(
            action_of("contact.quiet"), user=bob, params={}, selection=rows, expected=2,
            token="t", sentence="", at_once=0,
        )  # fmt: skip
    deal(two, "won")
    work_off(run.pk)
    run.refresh_from_db()
    assert (run.done, run.refused) == (1, 1)
    assert (status(one), status(two)) == ("past", "current")


def test_never_by_itself(web):
    one = customer()
    web.get(PAGE)
    assert status(one) == "current"
    answer = web.post(PAGE, {"do": "past", "scope": "rows"}, follow=True)
    assert "Tick some rows first" in shown(answer)
    assert status(one) == "current"
    assert not BulkRun.objects.exists()


def test_kept_until_a_day_they_are_not_proposed_before(web, bob):
    one, two = customer(name="One"), customer(name="Two")
    until = timezone.localdate() + timedelta(days=90)
    send(web, PAGE, row=[one.pk], do="keep", until=until.isoformat())
    assert proposed() == [two]
    kept = KeptQuiet.objects.get()
    assert (kept.contact, kept.until, kept.set_by) == (one, until, bob)
    assert "One" in shown(web.get(f"{PAGE}?show=kept"))
    KeptQuiet.objects.update(until=timezone.localdate())
    assert proposed() == [one, two]
    send(web, PAGE, scope="all", do="keep", until=until.isoformat())
    assert proposed() == []
    assert KeptQuiet.objects.count() == 2


def test_who_is_kept_is_proposed_again_on_request(web):
    one = customer()
    keep_quiet(Contact.objects.all(), timezone.localdate() + timedelta(days=9))
    send(web, f"{PAGE}?show=kept", to=f"{PAGE}{one.pk}/again/")
    assert proposed() == [one]
    assert web.post(f"{PAGE}{one.pk + 1000}/again/").status_code == 404


@pytest.mark.parametrize("until", ["", "x", "2001-01-01", "2999-01-01"])
def test_a_day_that_cannot_be_is_refused_and_the_ticks_stay(web, until):
    one = customer()
    answer = send(web, PAGE, row=[one.pk], do="keep", until=until)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in shown(answer)
    assert re.search(rf'value="{one.pk}" id="row-{one.pk}" checked', shown(answer))
    assert not KeptQuiet.objects.exists()


def test_only_administrators_say_when_a_customer_is_quiet(web, boss):
    assert web.get(PAGE).status_code == 200
    assert "settings-nav" not in shown(web.get(PAGE))
    assert web.post(f"{PAGE}settings/", {"quiet_months": "3"}).status_code == 403
    assert Account.current().quiet_months == 12
    send(boss, PAGE, to=f"{PAGE}settings/", quiet_months="")
    assert Account.current().quiet_months is None
    refused = send(boss, PAGE, to=f"{PAGE}settings/", quiet_months="0")
    assert refused.status_code == 422
    assert Client().get(PAGE).status_code == 302


def test_the_page_costs_the_same_for_few_and_for_many(web):
    forget()
    web.get(PAGE)
    counts = []
    for number in (2, 38):
        for _ in range(number):
            customer()
        some = list(Contact.objects.order_by("pk").values_list("pk", flat=True)[:number])
        until = timezone.localdate() + timedelta(days=9)
        keep_quiet(Contact.objects.filter(pk__in=some), until)
        customer()
        with CaptureQueriesContext(connection) as captured:
            web.get(PAGE)
            web.get(f"{PAGE}?show=kept")
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_hostile_names_are_shown_as_they_are(web, boss):
    Tag.objects.create(name="<b>tag</b>", category="contacts")
    one = customer(name="<script>alert(1)</script>")
    Deal.objects.update(name="<img src=x>")
    for client in (web, boss):
        text = shown(client.get(PAGE))
        assert one.name not in text
        assert "<img src=x>" not in text
        assert "<b>tag" not in text
