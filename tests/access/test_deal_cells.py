"""Cells of lists, edited where they stand, and what search boxes offer: for who may see and edit only some records."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.levels import Level
from deals.models import Deal
from tests.access.checksums import checksum, differing
from tests.access.worlds import member, with_set
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE
HTMX: Any = {"HX-Request": "true"}


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def cell(record: Any, name: str) -> str:
    return reverse(f"{type(record)._meta.app_label}:cell", args=[record.pk, name])


@pytest.fixture
def ann() -> Any:
    return with_set("ann", "own")


@pytest.fixture
def clerk() -> Any:
    """Sees all contacts and deals, and edits their own."""
    return member("clerk", contacts=(ALL, OWN), customers=(ALL, OWN), deals=(ALL, OWN))


@pytest.mark.parametrize("kind", ["deal", "contact"])
def test_cell_is_for_who_may_edit_the_record(ann, clerk, kind):
    star = make.person("Byron")
    record: Any = make.deal(star, name="Audit") if kind == "deal" else star
    name = "value" if kind == "deal" else "city"
    clients = (client_of(ann), 404), (client_of(clerk), 403)
    before = checksum()
    for client, status in clients:
        assert client.get(cell(record, name), headers=HTMX).status_code == status
        sent = {name: "77", "was": ""}
        assert client.post(cell(record, name), sent, headers=HTMX).status_code == status
    assert not differing(before, checksum())
    type(record).objects.filter(pk=record.pk).update(owner=clerk)
    sent = {name: "77", "was": ""}
    answer = client_of(clerk).post(cell(record, name), sent, headers=HTMX)
    assert answer.status_code == 200
    assert str(type(record).objects.values_list(name, flat=True).get(pk=record.pk)) in (
        "77",
        "77.00",
    )


def test_deal_given_away_in_its_cell_is_out_of_sight_and_says_so(ann):
    ben = with_set("ben", "own")
    deal = make.deal(make.person("Star", owner=ann), name="Audit", owner=ann)
    sent = {"owner": ben.pk, "was": ann.pk}
    answer = client_of(ann).post(cell(deal, "owner"), sent, headers=HTMX)
    assert answer.status_code == 200
    shown = text(answer)
    assert "Saved. It is not among what you may see any more." in shown
    assert "Audit" not in shown
    assert Deal.objects.get(pk=deal.pk).owner == ben


def test_row_after_its_cell_is_saved_names_no_hidden_contact(ann):
    deal = make.deal(make.person("Hidden"), name="Audit", owner=ann)
    sent = {"value": "77", "was": ""}
    shown = text(client_of(ann).post(cell(deal, "value"), sent, headers=HTMX))
    assert "Audit" in shown
    assert "Hidden" not in shown


def test_cell_with_a_hidden_company_holds_neither_its_name_nor_its_number(ann):
    works = make.company("Secret Works", pk=918273)
    person = make.person("Byron", owner=ann, company=works)
    client = client_of(ann)
    shown = text(client.get(cell(person, "company"), headers=HTMX))
    assert "a company you cannot see" in shown
    assert "Secret" not in shown
    assert "918273" not in shown


def test_cell_takes_a_company_that_one_may_edit_and_no_other(clerk):
    own, seen = make.company("Own", owner=clerk), make.company("Seen")
    person = make.person("Byron", owner=clerk)
    client = client_of(clerk)
    before = checksum()
    refused = client.post(cell(person, "company"), {"company": seen.pk, "was": ""}, headers=HTMX)
    assert refused.status_code == 422
    assert not differing(before, checksum())
    client.post(cell(person, "company"), {"company": own.pk, "was": ""}, headers=HTMX)
    assert Contact.objects.get(pk=person.pk).company == own


def test_deals_to_choose_from_are_those_that_one_may_edit(clerk, ann):
    own = make.deal(make.person("Byron", owner=clerk), name="Audit one", owner=clerk)
    make.deal(make.person("Byron"), name="Audit two")
    page = reverse("deals:options")
    found = client_of(clerk).get(page, {"q": "audit"}).json()["results"]
    assert [one["id"] for one in found] == [own.pk]
    assert client_of(ann).get(page, {"q": "audit"}).json()["results"] == []


def test_deals_to_choose_from_are_not_found_by_a_hidden_main_contact(ann):
    deal = make.deal(make.person("Hidden"), name="Audit", owner=ann)
    client, page = client_of(ann), reverse("deals:options")
    assert client.get(page, {"q": "hidden"}).json()["results"] == []
    found = client.get(page, {"q": "audit"}).json()["results"]
    assert found == [{"id": deal.pk, "name": "Audit", "detail": ""}]
