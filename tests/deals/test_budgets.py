"""What the status service costs in queries: the same for two contacts and for forty."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deals.models import Deal, DealContact
from deals.services import explain, select_status, set_primary_contact
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db


def with_co_workers(many: int) -> Deal:
    firm = company()
    star = person(company=firm)
    sold = deal(star)
    people = [person(company=firm) for _ in range(many)]
    DealContact.objects.bulk_create([DealContact(deal=sold, contact=one) for one in people])
    return Deal.objects.get(pk=sold.pk)


def queries(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def assert_same(cost: Callable[[int], int], at_most: int, few: int = 2, many: int = 40) -> None:
    small, large = cost(few), cost(many)
    assert small == large
    assert small <= at_most


def test_moving_a_deal() -> None:
    stage = default_stages()["won"]

    def cost(many: int) -> int:
        sold = with_co_workers(many)
        sold.stage = stage
        return queries(sold.save)

    assert cost(5) <= 12
    assert_same(cost, 12)


def test_moving_many_deals() -> None:
    stage = default_stages()["won"]

    def cost(many: int) -> int:
        ids = [with_co_workers(2).pk for _ in range(many)]
        return queries(lambda: Deal.objects.filter(pk__in=ids).update(stage=stage))

    assert_same(cost, 18, 2, 12)


def test_deleting_a_deal_with_twenty_links() -> None:
    def cost(many: int) -> int:
        return queries(with_co_workers(many).delete)

    # Three of them note tags, values and collaborators for the trash, and one writes the audit log.
    assert_same(cost, 22, 2, 20)


def test_deleting_fifty_deals() -> None:
    def cost(many: int) -> int:
        firm = company()
        ids = [deal(firm).pk for _ in range(many)]
        return queries(Deal.objects.filter(pk__in=ids).delete)

    assert_same(cost, 22, 2, 50)


def test_associating_a_contact() -> None:
    def cost(many: int) -> int:
        sold = with_co_workers(many)
        added = person(company=sold.company)
        return queries(lambda: DealContact.objects.create(deal=sold, contact=added))

    assert_same(cost, 12)


def test_moving_the_star() -> None:
    def cost(many: int) -> int:
        sold = with_co_workers(many)
        star = person()
        return queries(lambda: set_primary_contact(sold, star, keep_previous=True))

    assert_same(cost, 22)


def test_changing_jobs() -> None:
    def cost(many: int) -> int:
        firm, rival = company(), company()
        bob = person(company=firm)
        for _ in range(many):
            DealContact.objects.create(deal=deal(firm), contact=bob)
        bob.company = rival
        return queries(bob.save)

    assert_same(cost, 16, 2, 12)


def test_selecting_a_status() -> None:
    def cost(many: int) -> int:
        sold = with_co_workers(many)
        firm = sold.company
        assert firm
        return queries(lambda: select_status(firm, customer="past"))

    assert_same(cost, 8)


def test_explaining() -> None:
    def cost(many: int) -> int:
        firm = company()
        for _ in range(many):
            deal(firm, "won")
        return queries(lambda: explain(firm))

    assert_same(cost, 5, 2, 12)
