"""Pages of a list that is counted only as far as it has to be."""

from __future__ import annotations

import pytest
from django.core.paginator import EmptyPage, PageNotAnInteger
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.lists import pages
from crm.lists.pages import RecordPaginator
from tests.deals.factories import person

pytestmark = pytest.mark.django_db
# How many contacts there are, how many a page has, and how far is counted at once.
CONTACTS, PER_PAGE, AT_ONCE = 47, 3, 10


@pytest.fixture(autouse=True)
def people(monkeypatch):
    monkeypatch.setattr(pages, "COUNTED_AT_ONCE", AT_ONCE)
    monkeypatch.setattr(pages, "COUNTED_AT_MOST", 100)
    for number in range(CONTACTS):
        person(f"P{number:02}")


def paginator():
    return RecordPaginator(Contact.objects.order_by("sort_key", "pk"), Contact.objects.all(), 3)


def names(page):
    return [one.name for one in page]


def test_every_page_has_its_rows_however_far_it_is():
    shown = []
    for number in range(1, 17):
        page = paginator().get_page(number)
        assert page.number == number
        shown += names(page)
    assert shown == [f"P{number:02}" for number in range(CONTACTS)]


@pytest.mark.parametrize(
    ("number", "count", "open_ended"),
    [("1", 11, True), ("3", 11, True), ("4", 21, True), ("13", 41, True), ("14", 47, False)],
)
def test_a_list_is_counted_to_the_next_round_number_after_the_page(number, count, open_ended):
    found = paginator()
    page = found.get_page(number)
    assert page.number == int(number)
    assert (found.count, found.open_ended) == (count, open_ended)


@pytest.mark.parametrize("number", ["17", "99", "1" + "0" * 30])
def test_a_page_after_the_end_is_the_last_one(number):
    found = paginator()
    page = found.get_page(number)
    assert (page.number, names(page)) == (16, ["P45", "P46"])
    assert (found.count, found.open_ended) == (CONTACTS, False)
    with pytest.raises(EmptyPage):
        paginator().page(number)


@pytest.mark.parametrize("number", ["", "x", None, "1.5"])
def test_what_is_no_number_is_the_first_page(number):
    assert names(paginator().get_page(number)) == ["P00", "P01", "P02"]
    with pytest.raises(PageNotAnInteger):
        paginator().page(number)


@pytest.mark.parametrize("number", [1, 7, 16, 99])
def test_a_page_takes_three_queries_wherever_it_is(number):
    with CaptureQueriesContext(connection) as queries:
        paginator().get_page(number)
    assert len(queries) == 3


def test_the_exact_number_is_counted_when_it_is_asked_for():
    found = paginator()
    found.exact = True
    assert (found.count, found.open_ended) == (CONTACTS, False)
