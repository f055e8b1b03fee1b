"""The list of deals, as a browser asks for it."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.accounts.models import User
from deals.listing import DEALS
from deals.models import Pipeline, Stage
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
URL = "/deals/"


@pytest.fixture
def anna():
    return User.objects.create_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


@pytest.fixture
def book(anna):
    acme = company("Äcme")
    ada = person("Lovelace", first_name="Ada", company=acme)
    ago = timezone.now() - timedelta(days=9)
    return [
        deal(acme, name="Audit", value=Decimal("12500"), opened_at=ago, owner=anna),
        deal(ada, "in_progress", name="Büro", value=Decimal("9.5"), currency="USD"),
        deal(ada, "won", name="Chairs", opened_at=ago - timedelta(days=1)),
        deal(person("Zwick"), "lost", name="Desks", hot=True),
        deal(person("Young"), "unqualified", name="Extras"),
    ]


def names(answer):
    return [deal.name for deal in answer.context["rows"]]


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("open", {"Audit", "Büro"}),
        ("won", {"Chairs"}),
        ("lost", {"Desks", "Extras"}),
        ("all", {"Audit", "Büro", "Chairs", "Desks", "Extras"}),
        ("lost-this-month", {"Desks", "Extras"}),
        ("stale", set()),
    ],
)
def test_ready_lists_show_open_won_and_lost_deals(desk, book, slug, expected):
    answer = desk.get(f"{URL}lists/{slug}/")
    assert set(names(answer)) == expected
    assert [tab["slug"] for tab in answer.context["tabs"] if tab["current"]] == [slug]


def test_the_newest_deal_stands_first(desk, book):
    assert names(desk.get(URL))[-2:] == ["Audit", "Chairs"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=buro", {"Büro"}),
        ("q=lovelace", {"Büro", "Chairs"}),
        ("q=lovelace&group=won", {"Chairs"}),
        ("owner=none&group=active", {"Büro"}),
    ],
)
def test_filters_narrow_the_list(desk, book, query, expected):
    assert set(names(desk.get(f"{URL}?{query}"))) == expected


def test_stage_and_pipeline_narrow_the_list(desk, book):
    other = Pipeline.objects.create(name="Renewals", position=9)
    stage = Stage.objects.create(pipeline=other, name="Due", category="incoming")
    deal(person("Xu"), name="Renewal", stage=stage)
    assert names(desk.get(URL, {"stage": stage.pk})) == ["Renewal"]
    assert names(desk.get(URL, {"pipeline": other.pk})) == ["Renewal"]
    both = [stage.pk, book[0].stage_id]
    answer = desk.get(URL, {"stage": both})
    assert set(names(answer)) == {"Renewal", "Audit"}
    assert "Renewals: Due" in answer.context["chips"][0]["chips"][0]["sentence"]


@pytest.mark.parametrize(
    "query",
    ["group=open", "stage=0", "stage=x", "pipeline=77777", "owner=you", "contact=0", "sort=secret"],
)
def test_an_address_that_is_not_understood_shows_nothing_and_says_why(desk, book, query):
    answer = desk.get(f"{URL}?{query}")
    assert names(answer) == []
    assert answer.context["state"].faults


@pytest.mark.parametrize("column", [one.name for one in DEALS.columns() if one.order])
@pytest.mark.parametrize("minus", ["", "-"])
def test_every_sortable_column_sorts_both_ways(desk, book, column, minus):
    answer = desk.get(f"{URL}?sort={minus}{column}&columns={column}")
    assert len(names(answer)) == 5
    assert len(re.findall(r"aria-sort=", answer.content.decode())) == 1


def test_values_sort_within_their_currency_and_none_comes_last(desk, book):
    deal(person("Xu"), name="Big", value=Decimal("99999"))
    assert names(desk.get(f"{URL}?sort=value"))[:3] == ["Audit", "Big", "Büro"]
    assert names(desk.get(f"{URL}?sort=-value"))[:3] == ["Büro", "Big", "Audit"]


@pytest.mark.parametrize(
    ("language", "amounts"),
    [
        ("en", ["12,500\u00a0EUR", "9.50\u00a0USD"]),
        ("de", ["12.500\u00a0EUR", "9,50\u00a0USD"]),
        ("fr", ["12\u202f500\u00a0EUR", "9,50\u00a0USD"]),
    ],
)
def test_amounts_are_written_as_the_reader_writes_them(desk, book, anna, language, amounts):
    anna.language = language
    anna.save()
    page = desk.get(URL).content.decode().replace("&nbsp;", "\u00a0")
    for amount in amounts:
        assert amount in page.replace("12\u00a0500", "12\u202f500")


def test_a_list_survives_a_search_without_scripts(desk, book):
    page = desk.get(f"{URL}lists/won/?hot=no").content.decode()
    assert 'action="/deals/lists/won/"' in page
    assert '<input type="hidden" name="hot" value="no">' in page


def test_the_main_contact_carries_the_star_and_a_hot_deal_is_called_so(desk, book):
    page = desk.get(URL).content.decode()
    assert re.search(r'href="/contacts/\d+/">Zwick<', page)
    assert page.count('<span class="visually-hidden">Hot<') == 1


def test_forty_deals_cost_as_many_queries_as_two_with_any_column(desk, anna):
    def count(query):
        with CaptureQueriesContext(connection) as queries:
            desk.get(f"{URL}?{query}")
        return len(queries)

    def costs():
        desk.get(URL)
        asked = ["group=active&q=person&owner=me&sort=stage"]
        asked += [f"columns={one.name}" for one in DEALS.columns()]
        return {query: count(query) for query in asked}

    def add(number):
        for _ in range(number):
            deal(person(company=company()), owner=anna)

    add(2)
    few = costs()
    add(38)
    assert costs() == few
    assert max(few.values()) <= 12


def test_strangers_are_sent_to_sign_in(client, book):
    assert client.get(URL).status_code == 302
