"""A deal and everybody on it in one form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, StatusChange
from deals.models import Deal, DealContact
from tests.deals import factories as make
from tests.forms import forms_of, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user("ann", language="en")
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def edit_page(deal: Deal) -> str:
    return reverse("deals:edit", args=[deal.pk])


def shown_form(response: Any) -> Any:
    return next(form for form in forms_of(response) if "estimated_close_date" in form.names)


def new_page(contact: Contact) -> str:
    return reverse("deals:new") + f"?contact={contact.pk}"


def test_new_deal_begins_with_the_contact_as_star(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    person = make.person("Byron", company=acme)
    answer = send(
        client, new_page(person), having="name", name="Audit", value="1200.50", currency="usd"
    )
    deal = Deal.objects.get()
    assert answer["Location"] == deal.get_absolute_url()
    assert (deal.primary_contact, deal.company, deal.owner) == (person, acme, ann)
    assert (str(deal.value), deal.currency, deal.group) == ("1200.50", "USD", "active")
    assert "Byron: Non Prospect → Current Prospect" in text(client.get(answer["Location"]))


def test_new_deal_asks_for_a_main_contact(client: Client, ann: Any) -> None:
    answer = send(client, reverse("deals:new"), having="name", name="Audit")
    assert answer.status_code == 200
    assert "Choose the main contact of this deal." in text(answer)
    assert not Deal.objects.exists()


def test_contact_is_found_by_name_without_a_script(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    send(
        client,
        reverse("deals:new"),
        having="name",
        name="Audit",
        rows__0__contact="",
        rows__0__contact_text="byron",
    )
    assert Deal.objects.get().primary_contact == person


def test_star_and_the_others_are_saved_as_one_change(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    ada, bob = make.person("Ada", company=acme), make.person("Bob", company=acme)
    page = new_page(ada)
    send(
        client,
        page,
        having="name",
        name="Audit",
        stage=make.default_stages()["won"].pk,
        rows__1__contact=bob.pk,
        rows__1__role="Buyer",
    )
    assert Deal.objects.get().links.get().role == "Buyer"
    changes = StatusChange.objects.values_list("contact", "status", "new")
    assert sorted(changes) == sorted(
        (contact.pk, "customer", "current") for contact in (acme, ada, bob)
    )


def test_closed_deal_may_be_dated_back_but_not_ahead(client: Client, ann: Any) -> None:
    person = make.person()
    won = make.default_stages()["won"].pk
    day = timezone.localdate() - timedelta(days=400)
    ahead = timezone.localdate() + timedelta(days=2)
    page = new_page(person)
    refused = send(client, page, having="name", name="A", stage=won, closed_on=ahead)
    assert "A deal cannot be closed in the future." in text(refused)
    send(client, page, having="name", name="Audit", stage=won, closed_on=day)
    person.refresh_from_db()
    assert timezone.localdate(person.customer_since) == day


def test_open_deal_has_no_close_date(client: Client, ann: Any) -> None:
    deal = make.deal(make.person())
    day = timezone.localdate()
    answer = send(client, edit_page(deal), having="name", closed_on=day)
    assert "A deal in this stage is not closed yet." in text(answer)


def test_saving_a_closed_deal_keeps_its_moment(client: Client, ann: Any) -> None:
    moment = timezone.now() - timedelta(days=9, hours=3)
    deal = make.deal(make.person(), "won", closed_at=moment)
    assert send(client, edit_page(deal), having="name", name="Renamed").status_code == 302
    deal.refresh_from_db()
    assert (deal.name, deal.closed_at) == ("Renamed", moment)


def test_won_deal_that_is_lost_today_closes_today(client: Client, ann: Any) -> None:
    deal = make.deal(make.person(), "won", closed_at=timezone.now() - timedelta(days=9))
    send(client, edit_page(deal), having="name", stage=make.default_stages()["lost"].pk)
    deal.refresh_from_db()
    assert deal.closed_at
    assert timezone.now() - deal.closed_at < timedelta(minutes=1)


def test_preview_tells_and_stores_nothing(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    deal = make.deal(make.person("Byron", company=acme), name="Audit")
    won = make.default_stages()["won"].pk
    answer = send(client, edit_page(deal), having="name", stage=won, name="Other", preview="1")
    assert answer.status_code == 200
    follows = text(answer).split("What follows for the statuses")[1]
    assert "Byron" in follows
    assert "Current Customer" in follows
    assert shown_form(answer).data()["name"] == ["Other"], "what was typed stays"
    deal.refresh_from_db()
    assert (deal.name, deal.group) == ("Audit", "active")
    assert StatusChange.objects.filter(status="customer").count() == 0


def test_preview_of_a_new_deal_stores_nothing(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    data = shown_form(client.get(new_page(person))).data(name="Audit")
    answer = client.post(reverse("deals:preview"), data, headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    assert "Byron" in text(answer)
    assert "Current Prospect" in text(answer)
    assert not Deal.objects.exists()
    assert Contact.objects.get(pk=person.pk).prospect_status == "none"


def test_preview_of_what_cannot_be_saved_says_why(client: Client, ann: Any) -> None:
    data = shown_form(client.get(reverse("deals:new"))).data(name="Audit")
    answer = client.post(reverse("deals:preview"), data)
    assert "Choose the main contact of this deal." in text(answer)


def test_another_row_is_there_on_request(client: Client, ann: Any) -> None:
    person = make.person()
    answer = send(client, new_page(person), having="name", name="Audit", add_row="1")
    assert "rows-2-contact" in shown_form(answer).names
    assert shown_form(answer).data()["name"] == ["Audit"]
    assert not Deal.objects.exists()


def test_changing_the_star_asks_what_about_the_one_before(client: Client, ann: Any) -> None:
    acme = make.company()
    ada, bob = make.person("Ada", company=acme), make.person("Bob", company=acme)
    deal = make.deal(ada)
    DealContact.objects.create(deal=deal, contact=bob)
    answer = send(client, edit_page(deal), having="name", star=1)
    assert answer.status_code == 200
    assert "Ada was the main contact: keep it on the deal, or remove it?" in text(answer)
    deal.refresh_from_db()
    assert deal.primary_contact == ada
    again = shown_form(answer).data(previous_star="keep")
    assert client.post(edit_page(deal), again).status_code == 302
    deal.refresh_from_db()
    assert deal.primary_contact == bob
    assert deal.links.get().contact == ada


def test_star_that_is_removed_answers_by_itself(client: Client, ann: Any) -> None:
    ada, bob = make.person("Ada"), make.person("Bob")
    deal = make.deal(ada)
    DealContact.objects.create(deal=deal, contact=bob)
    send(client, edit_page(deal), having="name", star=1, rows__0__DELETE="on")
    deal.refresh_from_db()
    assert deal.primary_contact == bob
    assert not deal.links.exists()


def test_main_contact_alone_cannot_be_removed(client: Client, ann: Any) -> None:
    deal = make.deal(make.person())
    answer = send(client, edit_page(deal), having="name", rows__0__DELETE="on")
    assert "The main contact cannot be removed: choose another one first." in text(answer)


def test_nobody_is_on_a_deal_twice(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    deal = make.deal(person)
    answer = send(client, edit_page(deal), having="name", rows__1__contact=person.pk)
    assert answer.status_code == 200
    assert "Byron is on the deal twice." in text(answer)


def test_stale_form_saves_nothing_until_confirmed(client: Client, ann: Any) -> None:
    deal = make.deal(make.person(), name="Audit")
    shown = shown_form(client.get(edit_page(deal)))
    deal.name = "Audit 2026"
    deal.stage = make.default_stages()["won"]
    deal.save()
    answer = client.post(edit_page(deal), shown.data(name="Review"))
    assert answer.status_code == 200
    assert "Audit 2026" in text(answer)
    assert "Review" in text(answer)
    deal.refresh_from_db()
    assert (deal.name, deal.group) == ("Audit 2026", "won")
    assert client.post(edit_page(deal), shown_form(answer).data()).status_code == 302
    deal.refresh_from_db()
    assert deal.name == "Review"


def test_star_set_meanwhile_is_not_taken_back(client: Client, ann: Any) -> None:
    ada, bob = make.person("Ada"), make.person("Bob")
    deal = make.deal(ada, name="Audit")
    shown = shown_form(client.get(edit_page(deal)))
    deal.primary_contact = bob
    deal.save()
    answer = client.post(edit_page(deal), shown.data(name="Review"))
    assert answer.status_code == 200
    deal.refresh_from_db()
    assert (deal.primary_contact, deal.name) == (bob, "Audit")


def test_contact_removed_meanwhile_stays_removed(client: Client, ann: Any) -> None:
    deal = make.deal(make.person())
    link = DealContact.objects.create(deal=deal, contact=make.person("Bob"))
    shown = shown_form(client.get(edit_page(deal)))
    link.delete()
    assert client.post(edit_page(deal), shown.data(name="Review")).status_code == 302
    assert not deal.links.exists()


def test_contact_added_meanwhile_stays(client: Client, ann: Any) -> None:
    deal = make.deal(make.person())
    shown = shown_form(client.get(edit_page(deal)))
    DealContact.objects.create(deal=deal, contact=make.person("Bob"))
    assert client.post(edit_page(deal), shown.data(name="Review")).status_code == 302
    assert deal.links.count() == 1


def test_meddled_rows_are_refused_not_an_error(client: Client, ann: Any) -> None:
    deal = make.deal(make.person())
    for wrong in (
        {"rows-TOTAL_FORMS": "x"},
        {"rows-1-contact": "4711"},
        {"rows-1-contact": "²"},
        {"star": "99"},
        {"stage": "0"},
    ):
        data = shown_form(client.get(edit_page(deal))).data(**wrong)
        assert client.post(edit_page(deal), data).status_code == 200, wrong


def test_form_costs_the_same_for_2_and_for_40_contacts(client: Client, ann: Any) -> None:
    costs = []
    for number in (2, 40):
        acme = make.company()
        deal = make.deal(make.person(company=acme))
        for _each in range(number):
            DealContact.objects.create(deal=deal, contact=make.person(company=acme))
        with CaptureQueriesContext(connection) as shown:
            page = client.get(edit_page(deal))
        with CaptureQueriesContext(connection) as saved:
            data = shown_form(page).data(stage=make.default_stages()["won"].pk)
            assert client.post(edit_page(deal), data).status_code == 302
        costs.append((len(shown), len(saved)))
    assert costs[0] == costs[1]
    assert costs[1][0] <= 20
