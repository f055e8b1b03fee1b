"""Cells of lists, edited in place."""

from __future__ import annotations

import re

import pytest

from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm.accounts.models import User
from deals.models import Deal
from deals.querysets import DealQuerySet
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def anna():
    return User.objects.create_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


@pytest.fixture
def ada():
    return person("Lovelace", first_name="Ada", email="ada@example.com", company=company("Äcme"))


def url_of(record, field):
    kind = "contacts" if isinstance(record, Contact) else "deals"
    return f"/{kind}/{record.pk}/cell/{field}/"


def opened(desk, record, field):
    """The fields of the form that opens."""
    text = desk.get(url_of(record, field), headers=HTMX).content.decode()
    found = {}
    for tag in re.findall(r"<input[^>]*>", text):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] in ("version", "was"):
            found[name[1]] = value[1] if value else ""
    return found


def save(desk, record, field, **sent):
    posted = {**opened(desk, record, field), "list": "", "state": "", **sent}
    return desk.post(url_of(record, field), posted, headers=HTMX)


# -- opening


def test_a_cell_opens_with_its_value_and_says_whose_it_is(desk, ada):
    text = desk.get(url_of(ada, "email"), headers=HTMX).content.decode()
    assert 'value="ada@example.com"' in text
    assert re.search(r'<label class="visually-hidden" for="(\S+)">E-mail of Ada Lovelace', text)[1] in text  # fmt: skip
    assert "first_name" not in text


def test_without_htmx_the_page_that_edits_the_record_opens(desk, ada):
    assert desk.get(url_of(ada, "email")).url == f"/contacts/{ada.pk}/edit/"
    sale = deal(ada)
    assert desk.get(url_of(sale, "value")).url == f"/deals/{sale.pk}/edit/"


@pytest.mark.parametrize(
    "field", ["name", "customer_status", "active_deals", "password", "updated"]
)
def test_only_what_the_registry_calls_editable_opens(desk, ada, field):
    assert desk.get(url_of(ada, field), headers=HTMX).status_code == 404
    assert desk.post(url_of(ada, field), {field: "x"}, headers=HTMX).status_code == 404


def test_a_company_has_no_employer_to_edit(desk, ada):
    answer = desk.get(url_of(ada.company, "company"), headers=HTMX)
    assert "has no field “Company” of its own" in answer.content.decode()
    refused = desk.post(url_of(ada.company, "company"), {"company": "1"}, headers=HTMX)
    assert refused.status_code == 422


def test_whoever_may_not_see_a_record_gets_no_cell(desk, ada, monkeypatch):
    monkeypatch.setattr(ContactQuerySet, "_reached_by", lambda self, user, act: self.none())
    monkeypatch.setattr(DealQuerySet, "_reached_by", lambda self, user, act: self.none())
    for record, field in ((ada, "email"), (deal(ada), "value")):
        assert desk.get(url_of(record, field), headers=HTMX).status_code == 404
        answer = desk.post(url_of(record, field), {field: "5"}, headers=HTMX)
        assert answer.status_code == 404


# -- saving


def test_saving_a_cell_answers_with_the_row_as_the_list_shows_it(desk, ada):
    answer = save(desk, ada, "email", email="new@example.com", state="columns=email,city")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.startswith("<tr><td><input")
    assert "mailto:new@example.com" in text
    assert text.count("<td") == 3
    assert "E-mail of Ada Lovelace is saved." in text
    ada.refresh_from_db()
    assert (ada.email, ada.first_name, ada.company.name) == ("new@example.com", "Ada", "Äcme")


def test_a_row_that_no_longer_matches_stays_in_sight(desk, ada):
    answer = save(desk, ada, "email", email="", state="not.email.empty=yes")
    assert "Ada Lovelace" in answer.content.decode()


def test_what_the_form_of_the_record_refuses_is_refused_and_tied_to_the_field(desk, ada):
    answer = save(desk, ada, "email", email="no address")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert answer["HX-Retarget"] == "this"
    assert 'value="no address"' in text
    described = re.search(r'aria-describedby="([^"]+)"', text)[1]
    assert f'id="{described}"' in text
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_the_company_of_a_person_changes_and_the_statuses_follow(desk, ada):
    other = company("Other")
    deal(ada, "won")
    answer = save(desk, ada, "company", company=other.pk)
    assert answer.status_code == 200
    ada.refresh_from_db()
    assert ada.company == other
    assert ada.customer_status == "current"


def test_values_of_a_deal_are_saved(desk, ada, anna):
    sale = deal(ada, value=5)
    assert save(desk, sale, "value", value="1250.50").status_code == 200
    assert save(desk, sale, "owner", owner=anna.pk).status_code == 200
    assert save(desk, sale, "hot", hot="on").status_code == 200
    assert save(desk, sale, "expected_close", estimated_close_date="2030-01-31").status_code == 200
    sale = Deal.objects.get(pk=sale.pk)
    assert (str(sale.value), sale.owner, sale.hot) == ("1250.50", anna, True)
    assert sale.estimated_close_date.isoformat() == "2030-01-31"
    assert save(desk, sale, "value", value="much").status_code == 422


# -- two people at once


def test_the_second_of_two_sees_both_values_and_loses_nothing(desk, ada):
    first, second = opened(desk, ada, "email"), opened(desk, ada, "email")
    assert save(desk, ada, "email", **first, email="first@example.com").status_code == 200
    answer = save(desk, ada, "email", **second, email="second@example.com")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "first@example.com" in text
    assert 'value="second@example.com"' in text
    assert Contact.objects.get(pk=ada.pk).email == "first@example.com"
    # What came back carries the newer version: sent again it is confirmed.
    again = {
        "version": re.search(r'name="version" value="([^"]*)"', text)[1],
        "was": re.search(r'name="was" value="([^"]*)"', text)[1],
    }
    assert save(desk, ada, "email", **again, email="second@example.com").status_code == 200
    assert Contact.objects.get(pk=ada.pk).email == "second@example.com"


def test_who_edits_another_cell_of_the_record_is_in_nobodys_way(desk, ada):
    mine = opened(desk, ada, "email")
    assert save(desk, ada, "city", city="Ulm").status_code == 200
    assert save(desk, ada, "email", **mine, email="mine@example.com").status_code == 200
    ada.refresh_from_db()
    assert (ada.city, ada.email) == ("Ulm", "mine@example.com")
