"""What a contact says about itself: data first, sentences second."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from contacts.models import Contact
from crm.accounts.models import User
from crm.actor import acting_as
from deals.models import DealContact
from deals.services import explain, merge_contacts, select_status
from deals.services.explain import StatusExplanation
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", first_name="Ann", last_name="Lee")


def refused(explanation: StatusExplanation) -> dict[str, str]:
    return {each.value: each.reason for each in explanation.choices if not each.allowed}


def move(sold: Any, category: str) -> None:
    sold.stage = default_stages()[category]
    sold.save()


def test_contact_without_deals_says_that_none_counts() -> None:
    found = explain(person("Moe"))
    assert found.prospect.sentence == "Non Prospect: no deal counts for it."
    assert found.customer.sentence == "Non Customer: no won deal counts for it."
    assert (found.prospect.since, found.prospect.selected, found.prospect.deals) == (
        None,
        False,
        [],
    )
    assert refused(found.prospect) == {
        "current": "Only an active deal makes a Current Prospect; Moe has none."
    }
    assert refused(found.customer) == {}


def test_active_deal_is_named_and_stands_in_the_way() -> None:
    moe = person("Moe")
    deal(moe, name="Audit")
    found = explain(moe).prospect
    assert "the deal “Audit” is active" in found.sentence
    assert [(each.name, each.group, each.kept) for each in found.deals] == [
        ("Audit", "active", False)
    ]
    assert refused(found) == {
        "none": "Moe is being sold to: “Audit”.",
        "lost": "Moe is being sold to: “Audit”.",
    }


def test_lost_prospect_says_which_deal_and_who_moved_it(ann: User) -> None:
    moe = person("Moe")
    audit = deal(moe, name="Audit 2026")
    with acting_as(ann):
        move(audit, "lost")
    found = explain(moe).prospect
    assert found.sentence.endswith("its only deal, “Audit 2026”, was moved to Lost by Ann Lee.")
    assert (found.by, found.cause) == ("Ann Lee", "deal_moved")


def test_customer_since_is_the_day_of_the_win() -> None:
    moe = person("Moe")
    deal(moe, "won", name="Audit", closed_at=datetime(2017, 3, 1, 12, tzinfo=UTC))
    found = explain(moe)
    assert found.customer.sentence.startswith("Current Customer since March 1, 2017: “Audit”")
    assert refused(found.customer).keys() == {"none"}
    assert "“Audit”" in refused(found.customer)["none"]
    assert refused(found.prospect)["lost"] == "Moe bought: “Audit”."


def test_selected_status_names_who_selected_it(ann: User) -> None:
    moe = person("Moe")
    deal(moe, "won")
    with acting_as(ann):
        select_status(moe, customer="past")
    found = explain(moe).customer
    assert (found.value, found.selected, found.by) == ("past", True, "Ann Lee")
    assert found.sentence.endswith("selected by Ann Lee.")


def test_kept_win_says_that_it_stays_and_does_not_refuse_non_customer() -> None:
    acme = company("Acme")
    moe = person("Moe", company=acme)
    sold = deal(acme, "won", name="Audit")
    link = DealContact.objects.create(deal=sold, contact=moe)
    link.delete()
    found = explain(moe).customer
    assert found.value == "current"
    assert [each.kept for each in found.deals] == [True]
    assert "stays though" in found.sentence
    assert refused(found) == {}


def test_status_that_went_with_a_deal_names_the_deal(ann: User) -> None:
    moe = person("Moe")
    audit = deal(moe, name="Audit")
    with acting_as(ann):
        audit.delete()
    found = explain(moe).prospect
    assert found.sentence.endswith("the deal “Audit” was deleted by Ann Lee.")


def test_many_deals_are_counted_and_the_first_few_named() -> None:
    moe = person("Moe")
    for number in range(8):
        deal(moe, name=f"Deal {number}")
    sentence = explain(moe).prospect.sentence
    assert "8 deals are active" in sentence
    assert "and 3 more" in sentence


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Current Prospect"),
        ("de", "Aktueller potenzieller Kunde"),
        ("fr", "Prospect actuel"),
    ],
)
def test_sentence_and_words_come_in_the_readers_language(language: str, expected: str) -> None:
    moe = person("Moe")
    deal(moe, name="Audit")
    with translation.override(language):
        found = explain(moe).prospect
    assert found.label == expected
    assert expected in found.sentence
    assert ("the deal" in found.sentence) == (language == "en")


def test_explaining_only_reads_and_costs_the_same_for_many_deals() -> None:
    few, many = person("Few"), person("Many")
    deal(few)
    for _number in range(40):
        deal(many)
    counts = []
    for contact in (few, many):
        with CaptureQueriesContext(connection) as queries:
            explain(contact)
        counts.append(len(queries))
        assert all(query["sql"].startswith("SELECT") for query in queries.captured_queries)
    assert counts[0] == counts[1] <= 5


def test_data_is_plain() -> None:
    moe = person("Moe")
    deal(moe, name="Audit")
    data = explain(moe).as_data()
    assert data["contact_id"] == moe.pk
    assert data["prospect"]["value"] == "current"
    assert data["prospect"]["deals"][0]["name"] == "Audit"
    assert data["customer"]["choices"][0] == {
        "value": "none",
        "label": "Non Customer",
        "current": True,
        "allowed": True,
        "reason": "",
    }


def test_merging_is_told_as_merging() -> None:
    kept, gone = person("Kept"), person("Gone")
    deal(gone, name="Audit")
    merge_contacts(kept, gone)
    assert not Contact.objects.filter(pk=gone.pk).exists()
    found = explain(Contact.objects.get(pk=kept.pk)).prospect
    assert (found.value, found.cause) == ("current", "merged")
