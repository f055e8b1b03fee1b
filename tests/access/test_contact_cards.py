"""What the card of a contact tells of records that its reader may not see, and what it lets them do."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.levels import Level
from deals.models import DealContact
from tests.access.worlds import administrator, member, with_set
from tests.deals import factories as make
from tests.labels.people import field

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def ann() -> Any:
    return with_set("ann", "own")


@pytest.fixture
def boss() -> Any:
    return with_set("boss", "everything")


def seen_by(user: Any, contact: Contact) -> str:
    answer = client_of(user).get(contact.get_absolute_url())
    assert answer.status_code == 200
    return text(answer)


def test_a_hidden_company_is_told_of_without_its_name(ann, boss):
    secret = make.company("Secret Corp")
    person = make.person("Byron", company=secret, owner=ann)
    shown = seen_by(ann, person)
    assert "a company you cannot see" in shown
    assert "Secret" not in shown
    assert secret.get_absolute_url() not in shown
    assert "Secret Corp" in seen_by(boss, person)


def test_a_hidden_parent_company_is_told_of_without_its_name(ann, boss):
    secret = make.company("Secret Corp")
    firm = make.company("Firm", parent_company=secret, owner=ann)
    shown = seen_by(ann, firm)
    assert "a company you cannot see" in shown
    assert "Secret" not in shown
    assert "Secret Corp" in seen_by(boss, firm)


def test_hidden_employees_and_subsidiaries_are_not_even_counted(ann, boss):
    firm = make.company("Firm", owner=ann)
    make.person("Secretary", company=firm)
    make.company("Secret Sub", parent_company=firm)
    make.person("Open", company=firm, owner=ann)
    shown = seen_by(ann, firm)
    assert "Open" in shown
    assert "Secret" not in shown
    assert 'id="employees-title">Employees <span class="count num">1</span>' in shown
    everything = seen_by(boss, firm)
    assert "Secretary" in everything
    assert "Secret Sub" in everything


def test_a_hidden_deal_that_counts_is_a_number(ann, boss):
    person = make.person("Byron", owner=ann)
    make.deal(person, "won", name="Secret sale", value=98765)
    make.deal(person, "incoming", name="Open sale", owner=ann)
    shown = seen_by(ann, person)
    assert "Current Customer" in shown
    assert "a deal you cannot see was won" in shown
    assert "And 1 deal you cannot see." in shown
    assert "Open sale" in shown
    assert "Secret sale" not in shown
    assert "98,765" not in shown
    everything = seen_by(boss, person)
    assert "Secret sale" in everything
    assert "you cannot see" not in everything


def test_hidden_deals_that_count_alone_are_not_said_to_be_none(ann):
    person = make.person("Byron", owner=ann)
    make.deal(person, "lost", name="Secret sale")
    shown = seen_by(ann, person)
    assert "No deal counts" not in shown
    assert "1 deal you cannot see counts for Byron." in shown


def test_a_hidden_deal_that_merely_lists_the_contact_leaves_no_trace(ann, boss):
    person = make.person("Byron", owner=ann, company=make.company("Firm", owner=ann))
    before = seen_by(ann, person)
    other = make.deal(make.person(company=make.company("Beta")), name="Secret sale")
    DealContact.objects.create(deal=other, contact=person)
    assert masked(seen_by(ann, person)) == masked(before)
    assert "Secret sale" in seen_by(boss, person)


def masked(html: str) -> str:
    return " ".join(part for part in html.split(" ") if "csrf" not in part and "value=" not in part)


def test_companies_and_main_contacts_of_visible_deals_may_be_hidden(ann, boss):
    firm = make.company("Firm", owner=ann)
    secret = make.person("Secretary", company=firm)
    make.deal(secret, name="Open sale", owner=ann)
    shown = seen_by(ann, firm)
    assert "Through a contact you cannot see" in shown
    assert "Secretary" not in shown
    assert "Through Secretary" in seen_by(boss, firm)

    person = make.person("Byron", owner=ann, company=firm)
    other = make.deal(
        make.person("Secretive", company=make.company("Secret Beta")), name="Far", owner=ann
    )
    DealContact.objects.create(deal=other, contact=person)
    shown = seen_by(ann, person)
    assert "a company you cannot see · Main contact: a contact you cannot see" in shown
    assert "Secret" not in shown
    assert "Secret Beta · Main contact: Secretive" in seen_by(boss, person)


def test_employees_that_count_through_hidden_deals_are_not_said_to_be_on_none(ann, boss):
    firm = make.company("Firm", owner=ann)
    person = make.person("Byron", company=firm, owner=ann)
    make.deal(person, name="Secret sale")
    shown = seen_by(ann, firm)
    assert "Counts through a deal you cannot see" in shown
    assert "On no deal" not in shown
    make.deal(person, name="Open sale", owner=ann)
    shown = seen_by(ann, firm)
    assert "Open sale</a> and 1 deal you cannot see" in shown
    assert "Secret" not in shown
    assert "Secret sale" in seen_by(boss, firm)


def test_history_names_only_deals_that_one_sees(ann, boss):
    person = make.person("Byron", owner=ann)
    deal = make.deal(person, name="Secret sale")
    shown = seen_by(ann, person)
    history = shown.split('id="history"')[1]
    assert "deal opened: a deal you cannot see" in history
    assert "Secret" not in shown
    assert "Secret sale" in seen_by(boss, person).split('id="history"')[1]
    deal.delete()
    assert "Secret" not in seen_by(ann, person)
    assert "Secret sale" in seen_by(boss, person)


def test_a_custom_field_that_points_at_a_hidden_contact_is_empty(ann, boss):
    made = field("Agent", "contact")
    secret = make.person("Secretary")
    person = make.person("Byron", owner=ann)
    from settings.services import set_values

    set_values("contact", {person.pk: {made.pk: secret.pk}})
    shown = seen_by(ann, person)
    assert "Secretary" not in shown
    assert "a contact you cannot see" in shown.split('id="history"')[1]
    assert seen_by(boss, person).count("Secretary") == 2


def test_who_only_reads_finds_no_buttons(boss):
    reader = with_set("reader", "read")
    firm = make.company("Firm")
    make.person("Byron", company=firm)
    shown, everything = seen_by(reader, firm), seen_by(boss, firm)
    addresses = [
        reverse(f"contacts:{name}", args=[firm.pk])
        for name in ("edit", "merge", "delete", "select_status", "tags")
    ]
    for address in (*addresses, reverse("deals:new"), reverse("contacts:new_person")):
        assert f'{address}"' not in shown.replace("?", '"')
        assert f'{address}"' in everything.replace("?", '"')


def test_what_one_may_only_see_is_refused_and_what_is_hidden_is_not_there(boss):
    reader = member("reader", contacts=(OWN, NONE), customers=(ALL, NONE))
    customer, hidden = make.company("Customer"), make.company("Hidden")
    make.deal(customer, "won")
    other = make.company("Other")
    make.deal(other, "won")
    client = client_of(reader)
    before = list(Contact.objects.order_by("pk").values())
    for contact, status in ((customer, 403), (hidden, 404)):
        pk = contact.pk
        for address, sent in (
            (reverse("contacts:edit", args=[pk]), {"name": "X"}),
            (reverse("contacts:delete", args=[pk]), {}),
            (reverse("contacts:select_status", args=[pk]), {"customer": "past"}),
            (reverse("contacts:tags", args=[pk]), {"category": "contacts", "name": "x"}),
            (reverse("contacts:mark_employees", args=[pk, "customer", "past"]), {}),
            (reverse("contacts:merge_pair", args=[pk, other.pk]), {}),
        ):
            assert client.post(address, sent).status_code == status, address
        for name in ("edit", "delete", "merge"):
            address = reverse(f"contacts:{name}", args=[pk])
            assert client.get(address).status_code == status
            assert client_of(boss).get(address).status_code == 200
        cell = reverse("contacts:cell", args=[pk, "city"])
        headers = {"HX-Request": "true"}
        assert client.get(cell, headers=headers).status_code == status
        assert client.post(cell, {"city": "Ulm"}, headers=headers).status_code == status
    assert list(Contact.objects.order_by("pk").values()) == before


def test_the_explanation_of_a_hidden_contact_is_not_there(ann, boss):
    hidden = make.person("Hidden")
    address = reverse("contacts:explanation", args=[hidden.pk])
    headers = {"HX-Request": "true"}
    assert client_of(ann).get(address, headers=headers).status_code == 404
    assert "Hidden" in text(client_of(boss).get(hidden.get_absolute_url()))
    assert client_of(boss).get(address, headers=headers).status_code == 200


def test_the_explanation_names_no_hidden_deal(ann, boss):
    person = make.person("Byron", owner=ann)
    make.deal(person, name="Secret sale")
    address = reverse("contacts:explanation", args=[person.pk])
    headers = {"HX-Request": "true"}
    shown = text(client_of(ann).get(address, headers=headers))
    assert "a deal you cannot see is active" in shown
    assert "Secret" not in shown
    assert "Secret sale" in text(client_of(boss).get(address, headers=headers))


def test_an_administrator_who_looks_as_somebody_else_reads_what_they_read(ann):
    person = make.person("Byron", owner=ann)
    make.deal(person, name="Secret sale")
    client = client_of(administrator())
    assert client.post(f"/settings/users/{ann.pk}/preview/").status_code == 302
    for address in (person.get_absolute_url(), reverse("contacts:explanation", args=[person.pk])):
        shown = text(client.get(address, headers={"HX-Request": "true"}))
        assert "a deal you cannot see" in shown
        assert "Secret" not in shown


def test_a_card_costs_no_more_statements_for_more_records(ann, boss):
    def cost(user: Any, many: int) -> int:
        firm = make.company(owner=ann, parent_company=make.company())
        for _number in range(many):
            person = make.person(company=firm, owner=ann)
            make.deal(person, owner=ann)
            make.deal(person)
            make.deal(make.person(company=firm), "won", owner=ann)
        client = client_of(user)
        client.get(firm.get_absolute_url())
        with CaptureQueriesContext(connection) as captured:
            assert client.get(firm.get_absolute_url()).status_code == 200
        return len(captured)

    assert cost(boss, 2) == cost(boss, 9) <= 20
    assert cost(ann, 2) == cost(ann, 9) <= 26
