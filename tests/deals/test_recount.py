"""The recount takes a short look first; nothing that is wrong may hide from it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.changes import one_change
from deals.models import Deal, DealContact, DealParty
from deals.services import check_statuses
from deals.services.recount import recount_all
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db


def raw(model: type[models.Model]) -> models.QuerySet[Any]:
    """Rows past every guard, as somebody at the database has them."""
    return models.QuerySet(model)


@pytest.fixture
def won() -> Deal:
    """A won deal with a company, its employee as the star, and one co-worker."""
    firm = company("Firm")
    sale = deal(person("Star", company=firm), "won")
    DealContact.objects.create(deal=sale, contact=person("Coworker", company=firm))
    assert not check_statuses().differences
    return sale


def texts() -> list[str]:
    return [str(difference) for difference in check_statuses().differences]


def coworker(sale: Deal) -> Contact:
    return Contact.objects.get(deal_links__deal=sale)


def test_stray_party_is_found_where_another_is_missing_in_its_place(won: Deal) -> None:
    stranger = person("Stranger")
    raw(DealParty).filter(contact=coworker(won)).update(contact=stranger)
    found = texts()
    assert any(f"contact {coworker(won).pk}: " in text and "not counted" in text for text in found)
    assert any(f"contact {stranger.pk}: " in text and "does not" in text for text in found)


def test_stray_and_missing_parties_are_repaired_together(won: Deal) -> None:
    stranger = person("Stranger")
    raw(DealParty).filter(contact=coworker(won)).update(contact=stranger)
    check_statuses(fix=True)
    assert texts() == []
    assert coworker(won).customer_status == CustomerStatus.CURRENT
    assert DealParty.objects.filter(contact=stranger).count() == 0


def test_coworker_who_left_the_company_unseen_is_found(won: Deal) -> None:
    raw(Contact).filter(pk=coworker(won).pk).update(company=company("Other"))
    assert len(texts()) == 1


def test_associated_contact_from_elsewhere_stored_as_party_is_found(won: Deal) -> None:
    outsider = person("Outsider", company=company("Other"))
    DealContact.objects.create(deal=won, contact=outsider)
    assert texts() == []
    raw(DealParty).bulk_create([DealParty(deal=won, contact=outsider)])
    assert len(texts()) == 2


def test_party_kept_although_it_is_one_is_found_and_repaired(won: Deal) -> None:
    raw(DealParty).filter(contact=won.primary_contact_id).update(kept=True)
    assert len(texts()) >= 1
    check_statuses(fix=True)
    assert texts() == []
    assert not DealParty.objects.filter(kept=True).exists()


def test_kept_win_of_somebody_still_listed_is_in_order(won: Deal) -> None:
    left = coworker(won)
    left.company = company("Other")
    left.save()
    assert DealParty.objects.get(contact=left).kept
    assert texts() == []


def test_kept_win_of_a_deal_that_was_lost_unseen_is_found(won: Deal) -> None:
    with one_change():
        left = coworker(won)
        left.company = company("Other")
        left.save()
    raw(Deal).filter(pk=won.pk).update(group="lost")
    assert any("does not count" in text or "counted as" in text for text in texts())


def test_facts_without_any_party_are_found_and_repaired() -> None:
    lone = person("Lone")
    raw(Contact).filter(pk=lone.pk).update(active_deals=1)
    assert len(texts()) == 1
    assert recount_all(cause="recounted") == 1
    lone.refresh_from_db()
    assert lone.prospect_status == ProspectStatus.NONE


def test_repair_dates_the_statuses_by_their_deals(won: Deal) -> None:
    star = Contact.objects.filter(pk=won.primary_contact_id)
    facts: dict[str, Any] = {"won_deals": 0, "last_won_at": None, "customer_since": None}
    raw(Contact).filter(pk=won.primary_contact_id).update(**facts)
    recount_all(cause="recounted")
    assert star.get().customer_since == won.closed_at


def test_recount_costs_the_same_queries_whatever_there_is(
    won: Deal, django_assert_num_queries: Any
) -> None:
    with CaptureQueriesContext(connection) as few:
        check_statuses()
    for number in range(20):
        deal(person(f"Another {number}", company=company(f"Firm {number}")), "won")
    with django_assert_num_queries(len(few)):
        check_statuses()
