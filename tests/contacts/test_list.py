"""The list of contacts, as a browser asks for it."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from contacts.listing import CONTACTS
from contacts.models import Contact
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.accounts.models import User
from deals.services import select_status
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
URL = "/contacts/"


@pytest.fixture
def anna():
    return User.objects.create_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


@pytest.fixture
def book(anna):
    """A prospect, a customer, a past customer and two who are neither."""
    acme = company("Äcme")
    ada = person("Lovelace", first_name="Ada", company=acme, email="ada@example.com")
    deal(acme)
    deal(ada, "won")
    zoe = person("Zwick", owner=anna, phone="+49 30 1234")
    select_status(zoe, customer=CustomerStatus.PAST)
    return {"acme": acme, "ada": ada, "zoe": zoe, "bob": person("Bob"), "nil": company("Nil")}


def names(answer):
    return [contact.name for contact in answer.context["rows"]]


def test_all_contacts_stand_in_the_order_of_their_names(desk, book):
    answer = desk.get(URL)
    assert names(answer) == ["Äcme", "Bob", "Ada Lovelace", "Nil", "Zwick"]
    assert "5 contacts" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("prospect_status=current", {"Äcme"}),
        ("customer_status=current", {"Äcme", "Ada Lovelace"}),
        ("customer_status=current&customer_status=past", {"Äcme", "Ada Lovelace", "Zwick"}),
        ("customer_status=none&prospect_status=none", {"Bob", "Nil"}),
        ("kind=company", {"Äcme", "Nil"}),
        ("kind=person&customer_status=current", {"Ada Lovelace"}),
        ("owner=none&kind=company", {"Äcme", "Nil"}),
        ("q=ACME&kind=company", {"Äcme"}),
        ("q=äcme", {"Äcme", "Ada Lovelace"}),
        ("q=030 1234", set()),
        ("q=30 1234", {"Zwick"}),
        ("q=ada@example", {"Ada Lovelace"}),
        ("q=&owner=&kind=", {"Äcme", "Bob", "Ada Lovelace", "Nil", "Zwick"}),
        ("kind=person&kind=company", {"Äcme", "Bob", "Ada Lovelace", "Nil", "Zwick"}),
        ("not.kind=person", {"Äcme", "Nil"}),
        ("kind=person&not.customer_status=none&not.customer_status=past", {"Ada Lovelace"}),
        ("kind=company&prospect_status=current&2.phone.contains=1234", {"Äcme", "Zwick"}),
    ],
)
def test_filters_narrow_the_list(desk, book, query, expected):
    # The won deal of Ada counts for her company too.
    assert set(names(desk.get(f"{URL}?{query}"))) == expected


def test_an_owner_finds_their_own(desk, book, anna):
    assert names(desk.get(URL, {"owner": anna.pk})) == ["Zwick"]
    assert set(names(desk.get(URL, {"owner": [anna.pk, "none"]}))) == {
        "Äcme",
        "Bob",
        "Ada Lovelace",
        "Nil",
        "Zwick",
    }


@pytest.mark.parametrize(
    "query",
    [
        "customer_status=lost",
        "prospect_status=current&prospect_status=bogus",
        "kind=robot",
        "owner=999999",
        "owner=anna",
        "colour=red",
        "company__name=x",
        "q=a&q=b",
        "sort=password",
        "sort=owner__password",
        "sort=--name",
        "q=" + "x" * 201,
        "q=%00",
    ],
)
def test_an_address_that_is_not_understood_shows_nothing_and_says_why(desk, book, query):
    answer = desk.get(f"{URL}?{query}")
    assert answer.status_code == 200
    assert names(answer) == []
    assert answer.context["state"].faults
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert "Äcme" not in page


def chips(answer):
    return [chip for group in answer.context["chips"] for chip in group["chips"]]


def test_chips_say_what_is_filtered_and_take_it_away(desk, book):
    answer = desk.get(f"{URL}?customer_status=current&customer_status=past&kind=person&sort=-name")
    status, kind = chips(answer)
    assert status["sentence"] == "Customer Status is Current Customer or Past Customer"
    assert status["without"] == "?kind=person&sort=-name"
    assert kind["sentence"] == "Kind is Person"
    assert answer.context["clear"] == "?sort=-name"


@pytest.mark.parametrize(
    ("path", "current", "changed"),
    [
        (URL, "all", False),
        (f"{URL}?sort=-name", "all", False),
        (f"{URL}?prospect_status=current", None, False),
        (f"{URL}lists/prospects/", "prospects", False),
        (f"{URL}lists/customers/?kind=person", "customers", True),
        (f"{URL}lists/past-customers/", "past-customers", False),
    ],
)
def test_the_tab_of_the_list_is_current_and_says_whether_it_is_changed(
    desk, book, path, current, changed
):
    tabs = desk.get(path).context["tabs"]
    assert [tab["slug"] for tab in tabs if tab["current"]] == ([current] if current else [])
    assert any(tab["changed"] for tab in tabs) == changed


def test_a_list_has_an_address_of_its_own(desk, book):
    assert set(names(desk.get(f"{URL}lists/customers/"))) == {"Äcme", "Ada Lovelace"}
    assert desk.get(f"{URL}lists/nonsense/").status_code == 404


@pytest.mark.parametrize("column", [one.name for one in CONTACTS.columns() if one.order])
@pytest.mark.parametrize("minus", ["", "-"])
def test_every_sortable_column_sorts_both_ways(desk, book, column, minus):
    answer = desk.get(f"{URL}?sort={minus}{column}&columns={column}")
    assert len(names(answer)) == 5
    page = answer.content.decode()
    wanted = "descending" if minus else "ascending"
    assert re.findall(r'aria-sort="(\w+)"', page) == [wanted]


def test_sorting_by_company_puts_those_without_one_last_both_ways(desk, book):
    person("Yves", company=company("Zeta"))
    there = names(desk.get(f"{URL}?sort=company"))
    back = names(desk.get(f"{URL}?sort=-company"))
    assert there[:2] == ["Ada Lovelace", "Yves"]
    assert back[:2] == ["Yves", "Ada Lovelace"]
    assert set(there[2:]) == set(back[2:])


def test_pages_hold_every_contact_once_from_either_end(desk):
    Contact.objects.bulk_create(Contact(last_name=f"Same {n % 3}") for n in range(230))
    for sort in ("", "&sort=-name", "&sort=updated", "&sort=customer_status"):
        seen = []
        for number in range(1, 6):
            answer = desk.get(f"{URL}?page={number}{sort}")
            seen += [contact.pk for contact in answer.context["rows"]]
        assert len(seen) == len(set(seen)) == 230


def test_pages_go_on_in_the_order_of_the_list(desk):
    Contact.objects.bulk_create(Contact(last_name=f"Person {n:03}") for n in range(230))
    shown = []
    for number in range(1, 6):
        shown += names(desk.get(f"{URL}?page={number}"))
    assert shown == sorted(shown)


@pytest.mark.parametrize(
    ("page", "shown"), [("999999999999999999999", 2), ("-1", 2), ("two", 1), ("", 1), ("0", 2)]
)
def test_a_page_that_is_not_there_is_another_page_and_no_error(desk, page, shown):
    Contact.objects.bulk_create(Contact(last_name=f"Person {n:03}") for n in range(60))
    answer = desk.get(URL, {"page": page})
    assert answer.status_code == 200
    assert answer.context["page"].number == shown


def test_the_list_says_which_part_of_it_is_shown(desk):
    Contact.objects.bulk_create(Contact(last_name=f"Person {n}") for n in range(1234))
    assert desk.get(f"{URL}?page=2").context["summary"] == "51 to 100 of 1,234 contacts"


def test_no_column_costs_a_query_a_row(desk, anna):
    def add(number):
        for _ in range(number):
            employer = company(owner=anna, parent_company=company())
            ada = person(company=employer, owner=anna)
            deal(ada, "won")
            deal(ada)

    def costs():
        return {
            one.name: count_of_queries(desk, f"?columns={one.name}") for one in CONTACTS.columns()
        }

    add(1)
    few = costs()
    add(13)
    assert costs() == few
    assert max(few.values()) <= 12


def test_texts_cannot_break_out_of_the_page(desk):
    evil = '"><script>alert(1)</script>'
    company(evil)
    person("X", title=evil, company=company(evil + "2"))
    page = desk.get(URL, {"q": "script"}).content.decode() + desk.get(URL).content.decode()
    page += desk.get(URL, {"q": evil, evil: evil, "sort": evil}).content.decode()
    assert "<script>alert" not in page


def count_of_queries(desk, query=""):
    desk.get(f"{URL}{query}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        desk.get(f"{URL}{query}")
    return len(queries)


@pytest.mark.parametrize("query", ["", "?customer_status=none&q=person&owner=none&sort=company"])
def test_forty_contacts_cost_as_many_queries_as_two(desk, anna, query):
    def add(number):
        for _ in range(number):
            person(company=company(), owner=None if query else anna)

    add(1)
    few = count_of_queries(desk, query)
    add(19)
    assert count_of_queries(desk, query) == few <= 12


def test_only_what_is_listed_is_read(desk, book):
    with CaptureQueriesContext(connection) as queries:
        desk.get(URL)
    assert not any("description" in query["sql"] for query in queries)


def test_htmx_gets_the_results_with_what_follows_them(desk, book):
    headers = {"HX-Request": "true", "HX-Target": "results"}
    page = desk.get(f"{URL}?customer_status=current", headers=headers).content.decode()
    assert "<html" not in page
    assert page.count('id="results"') == 1
    assert "<title>Contacts · Standing</title>" in page
    assert re.search(r'id="tabs"[^>]*hx-swap-oob="true"', page)
    assert re.search(r'hx-swap-oob="innerHTML:#live">2 contacts; Customer Status is', page)
    assert 'id="list-q"' not in page, "the field somebody is typing in must stay"


def test_htmx_gets_the_list_for_a_tab(desk, book):
    headers = {"HX-Request": "true", "HX-Target": "list"}
    page = desk.get(f"{URL}?customer_status=current", headers=headers).content.decode()
    assert "<html" not in page
    assert page.count('id="list"') == page.count('id="results"') == page.count('id="list-q"') == 1


def test_the_whole_page_holds_no_part_twice(desk, book):
    page = desk.get(f"{URL}?customer_status=current").content.decode()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "hx-swap-oob" not in page


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_a_list_only_answers_questions(desk, method):
    assert getattr(desk, method)(URL).status_code == 405


def test_strangers_are_sent_to_sign_in(client, book):
    answer = client.get(f"{URL}?q=acme")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/accounts/login/?next=/contacts/%3Fq%3Dacme"


def test_an_empty_book_offers_to_begin(desk):
    page = desk.get(URL).content.decode()
    assert "No contacts yet" in page
    assert "<table" not in page


def test_a_ready_list_that_is_empty_says_so(desk, book):
    page = desk.get(f"{URL}lists/lost-prospects/").content.decode()
    assert "Nobody stands in this list" in page
    assert "No contacts yet" not in page


def test_no_match_says_so_and_offers_to_clear_the_filters(desk, book):
    page = desk.get(f"{URL}?q=nowhere").content.decode()
    assert "No contact fits" in page
    assert "Clear filters" in page


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_statuses_are_in_the_readers_language(desk, book, anna, language):
    anna.language = language
    anna.save()
    page = desk.get(URL).content.decode()
    assert f'<html lang="{language}"' in page
    with translation.override(language):
        for status in (ProspectStatus.CURRENT, CustomerStatus.CURRENT, CustomerStatus.PAST):
            assert str(status.label) in page
