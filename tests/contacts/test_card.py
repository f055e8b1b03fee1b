"""The card of a contact: what it shows, and the statuses that may be selected on it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact, StatusChange
from crm.actor import acting_as
from deals.models import Deal, DealContact
from deals.services import select_status
from tests.deals import factories as make
from tests.forms import forms_of, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user(
        "ann", first_name="Ann", last_name="Ek", language="en"
    )
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_card_asks_strangers_to_sign_in(ann: Any) -> None:
    contact = make.person()
    answer = Client().get(contact.get_absolute_url())
    assert answer.status_code == 302
    assert "login" in answer["Location"]


def test_card_of_nobody_is_not_found(client: Client, ann: Any) -> None:
    assert client.get(reverse("contacts:card", args=[4711])).status_code == 404


def test_card_explains_both_statuses(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    person = make.person("Byron", company=acme)
    with acting_as(ann):
        make.deal(person, "lost", name="Audit")
    shown = text(client.get(person.get_absolute_url()))
    assert "Lost Prospect" in shown
    assert "Non Customer" in shown
    assert "its only deal, “Audit”, was moved to" in shown
    assert "Ann Ek" in shown


def test_lost_deals_are_not_said_to_be_no_deals(client: Client, ann: Any) -> None:
    person = make.person()
    make.deal(person, "lost")
    shown = text(client.get(person.get_absolute_url()))
    assert "Non Customer: no won deal counts for it." in shown


def test_card_keeps_apart_what_counts_and_what_merely_lists(client: Client, ann: Any) -> None:
    acme, beta = make.company("Acme"), make.company("Beta")
    person = make.person("Byron", company=acme)
    make.deal(person, name="Ours")
    theirs = make.deal(make.person(company=beta), name="Theirs")
    DealContact.objects.create(deal=theirs, contact=person)
    shown = text(client.get(person.get_absolute_url()))
    counting, listing = shown.split('id="listed"')
    assert "Ours" in counting
    assert "Theirs" not in counting
    assert "Theirs" in listing


def test_name_is_shown_as_text(client: Client, ann: Any) -> None:
    contact = make.company("<script>alert(1)</script>")
    make.deal(contact, name="<b>Audit</b>")
    shown = text(client.get(contact.get_absolute_url()))
    assert "<script>alert" not in shown
    assert "<b>Audit" not in shown


def test_company_card_shows_who_differs_and_through_which_deal(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    bob, cid = make.person("Bob", company=acme), make.person("Cid", company=acme)
    make.deal(bob, "won", name="Audit")
    shown = text(client.get(acme.get_absolute_url()))
    employees = shown.split('id="employees"')[1]
    first, second = employees.split("Cid")
    assert "Bob" in first
    assert "Audit" in first
    assert "differs from the company" not in first
    assert "differs from the company" in second
    assert "On no deal of this company" in second
    assert cid.get_absolute_url() in employees


def test_history_tells_since_when_and_when_recorded(client: Client, ann: Any) -> None:
    person = make.person()
    make.deal(person, "won", closed_at=date(2017, 5, 4), name="Old")
    shown = text(client.get(person.get_absolute_url()))
    assert "May 4, 2017" in shown
    assert "Recorded" in shown


def test_history_has_pages(client: Client, ann: Any) -> None:
    person = make.person()
    deal = make.deal(person)
    stages = make.default_stages()
    for number in range(25):
        deal.stage = stages["won" if number % 2 else "lost"]
        deal.save()
    count = StatusChange.objects.filter(contact=person.pk).count()
    assert count > 20
    assert "Page 1 of" in text(client.get(person.get_absolute_url()))
    assert "Page 2 of" in text(client.get(person.get_absolute_url() + "?history=2"))


def test_selecting_past_customer_marks_and_tells(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    page, to = person.get_absolute_url(), reverse("contacts:select_status", args=[person.pk])
    answer = send(client, page, to=to, having="customer", customer="past")
    assert answer.status_code == 302
    person.refresh_from_db()
    assert (person.customer_status, person.customer_marked_by) == ("past", ann)
    assert "Byron: Non Customer → Past Customer." in text(client.get(page))


def test_refused_selection_says_why_beside_the_status(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    make.deal(person, name="Audit")
    page, to = person.get_absolute_url(), reverse("contacts:select_status", args=[person.pk])
    shown = next(form for form in forms_of(client.get(page)) if "prospect" in form.names)
    assert ("prospect", "none") in shown.disabled
    answer = client.post(to, {"prospect": "none"})
    assert answer.status_code == 200
    assert "Byron is being sold to: “Audit”." in text(answer)
    person.refresh_from_db()
    assert person.prospect_status == "current"
    assert person.prospect_mark == ""


def test_unknown_status_is_refused_not_an_error(client: Client, ann: Any) -> None:
    person = make.person()
    to = reverse("contacts:select_status", args=[person.pk])
    assert client.post(to, {"customer": "emperor"}).status_code == 200
    assert client.post(to, {}).status_code == 302
    person.refresh_from_db()
    assert person.customer_status == "none"


def test_selecting_for_a_company_offers_to_mark_the_employees(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    bob, cid = make.person("Bob", company=acme), make.person("Cid", company=acme)
    make.deal(bob, name="Audit")
    select_status(acme, customer="current")
    mark = reverse("contacts:mark_employees", args=[acme.pk, "customer", "past"])
    to = reverse("contacts:select_status", args=[acme.pk])
    assert client.post(to, {"customer": "past"}).status_code == 302
    assert mark in text(client.get(acme.get_absolute_url()))
    assert mark not in text(client.get(acme.get_absolute_url())), "an offer is made once"
    answer = send(client, mark, employee=[bob.pk])
    assert answer.status_code == 302
    assert Contact.objects.get(pk=bob.pk).customer_status == "past"
    assert Contact.objects.get(pk=cid.pk).customer_status == "none"


def test_marking_employees_shows_who_is_refused_and_why(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    bob, cid = make.person("Bob", company=acme), make.person("Cid", company=acme)
    make.deal(bob, name="Audit", company=make.company("Other"))
    mark = reverse("contacts:mark_employees", args=[acme.pk, "prospect", "lost"])
    shown = text(client.get(mark))
    assert "Bob is being sold to: “Audit”." in shown
    client.post(mark, {"employee": [bob.pk, cid.pk]})
    assert Contact.objects.get(pk=bob.pk).prospect_status == "current"
    assert Contact.objects.get(pk=cid.pk).prospect_status == "lost"


@pytest.mark.parametrize("way", ["customer/emperor", "rank/past"])
def test_marking_employees_as_nonsense_is_not_found(client: Client, ann: Any, way: str) -> None:
    acme = make.company()
    assert client.get(f"/contacts/{acme.pk}/employees/{way}/").status_code == 404


def test_star_cannot_be_deleted_and_the_deals_are_named(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    deal = make.deal(person, name="Audit")
    page = reverse("contacts:delete", args=[person.pk])
    for answer in (client.get(page), client.post(page)):
        assert answer.status_code == 200
        assert "Audit" in text(answer)
        assert deal.get_absolute_url() in text(answer)
    assert Contact.objects.filter(pk=person.pk).exists()


def test_deleting_a_company_says_whose_statuses_follow(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    ann_star, bob = make.person("Ada", company=acme), make.person("Bob", company=acme)
    deal = make.deal(ann_star, name="Audit")
    DealContact.objects.create(deal=deal, contact=bob)
    page = reverse("contacts:delete", args=[acme.pk])
    shown = text(client.get(page))
    assert "2 employees are then without a company." in shown
    assert "Bob" in shown.split("What follows for the statuses")[1]
    assert Contact.objects.filter(pk=acme.pk).exists()
    assert send(client, page).status_code == 302
    assert not Contact.objects.filter(pk=acme.pk).exists()
    bob.refresh_from_db()
    assert bob.prospect_status == "none"


def test_explanation_is_a_fragment_for_htmx(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    page = reverse("contacts:explanation", args=[person.pk])
    assert client.get(page).status_code == 302
    fragment = client.get(page, headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content
    assert b"Non Prospect" in fragment.content


def test_options_are_few_and_folded(client: Client, ann: Any) -> None:
    acme = make.company("Müller Söhne")
    for number in range(30):
        make.person(f"Mueller {number}", company=acme)
    found = client.get(reverse("contacts:options"), {"q": "MÜLLER"}).json()["results"]
    assert 0 < len(found) <= 20
    companies = client.get(reverse("contacts:options"), {"q": "muller", "kind": "company"})
    assert [one["name"] for one in companies.json()["results"]] == ["Müller Söhne"]


def _crowd(number: int) -> Contact:
    acme = make.company()
    make.company(parent_company=acme)
    other = make.company()
    elsewhere = make.deal(make.person(company=other))
    for _each in range(number):
        person = make.person(company=acme)
        make.deal(person, "won")
    lone = make.deal(acme)
    DealContact.objects.create(deal=elsewhere, contact=acme)
    Deal.objects.filter(pk=lone.pk).update(hot=True)
    return acme


def test_card_costs_the_same_for_2_and_for_40(client: Client, ann: Any) -> None:
    few, many = _crowd(2), _crowd(40)
    client.get(few.get_absolute_url())
    with CaptureQueriesContext(connection) as small:
        client.get(few.get_absolute_url())
    with CaptureQueriesContext(connection) as large:
        client.get(many.get_absolute_url())
    assert len(small) == len(large), [query["sql"] for query in large]
    assert len(large) <= 20, [query["sql"] for query in large]


def test_person_card_costs_the_same_for_2_and_for_40_deals(client: Client, ann: Any) -> None:
    costs = []
    for number in (2, 40):
        person = make.person(company=make.company())
        for _each in range(number):
            make.deal(person, "won")
        with CaptureQueriesContext(connection) as queries:
            client.get(person.get_absolute_url())
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert costs[1] <= 20


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads small tables whole")
def test_subsidiaries_are_found_by_their_parent(client: Client, ann: Any) -> None:
    firm = make.company()
    for _ in range(30):
        make.person(company=make.company())
    with connection.cursor() as cursor:
        # What SQLite then knows, no company having subsidiaries, once led it to read all contacts by name.
        cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as asked:
            client.get(firm.get_absolute_url())
        (below,) = [one["sql"] for one in asked if "of_subsidiaries" in one["sql"]]
        cursor.execute(f"EXPLAIN QUERY PLAN {below}")
        steps = [row[3] for row in cursor.fetchall()]
    assert "SEARCH U0 USING COVERING INDEX contact_by_parent (parent_company_id=?)" in steps
