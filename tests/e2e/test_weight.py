"""What the list of contacts weighs when it is first seen, and what of it travels again."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from benchmarks.weight import BUDGETS, Weight, collected, served, weigh
from crm.accounts.models import User
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db(transaction=True)
TITLES = ("Head of Purchasing", "Chief Technology Officer", "", "Assistant to the Management")


@pytest.fixture(scope="session")
def production(tmp_path_factory):
    """Static files as production has them: compressed, and named by what is in them."""
    return collected(tmp_path_factory.mktemp("static"))


@pytest.fixture
def site(transactional_db, production):
    with served(production) as url:
        yield url


@pytest.fixture
def anna(transactional_db):
    return User.objects.create_superuser("anna", first_name="Anna", last_name="Bergmann")


@pytest.fixture
def book(anna):
    """Two pages of people with companies, titles, owners and every status."""
    firms = [company(f"Brückner & Söhne {number} GmbH", owner=anna) for number in range(8)]
    for number in range(60):
        one = person(
            f"Sonnenschein-{number}", first_name="Theodora", company=firms[number % 8], owner=anna,
            title=TITLES[number % 4],
        )  # fmt: skip
        if number % 3:
            deal(one, ("won", "lost")[number % 2])


@pytest.fixture
def weight(browser, site, anna, book):
    client = Client()
    client.force_login(anna)
    name = settings.SESSION_COOKIE_NAME
    context = browser.new_context(viewport={"width": 1440, "height": 800})
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])
    yield weigh(context, f"{site}/contacts/")
    context.close()


def test_the_first_view_of_a_list_keeps_its_budgets(weight):
    assert weight.sizes["document"] > 10_000, weight
    assert min(weight.sizes["stylesheet"], weight.sizes["script"]) > 10_000, weight
    assert weight.over() == {}, weight


def test_with_a_warm_cache_only_html_travels(weight):
    assert weight.again == []
    assert len(weight.asked) > 1


def test_a_page_over_its_budgets_is_found():
    light = Weight(
        {"document": 40_000, "stylesheet": 60_000, "script": 75_000}, ["/"] * 12, [], [], 1_500
    )  # fmt: skip
    assert light.over() == {}
    heavy = Weight(
        {"document": 40_001, "stylesheet": 60_001, "script": 75_001}, ["/"] * 13, ["/a.woff2"],
        ["https://elsewhere.example/"], 1_501, ["/a.css"],
    )  # fmt: skip
    assert list(heavy.over()) == list(BUDGETS)
