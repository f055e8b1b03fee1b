"""Selecting for many is selecting for each: the same rows, marks, history and refusals."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, StatusChange
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.actor import acting_as
from crm.trash.services import row_of
from deals.models import Deal, DealContact, DealParty
from deals.services import check_statuses, select_status, set_primary_contact
from deals.services.select_many import select_statuses
from deals.services.take_back import EDITED, put_back_selections
from deals.stages import Category
from tests.bulk.runs import user
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
WORLDS = int(os.environ.get("STANDING_WORLDS", 12))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def world(rng: random.Random, clock: mock.Mock) -> list[int]:
    """Contacts with deals, marks and kept wins, as chance has it; their ids."""

    def later() -> None:
        clock.return_value += timedelta(hours=rng.randint(1, 50))

    firms = [company(f"Firm {n}") for n in range(3)]
    people = [person(f"Person {n}", company=rng.choice([*firms, None])) for n in range(7)]
    everybody = [*firms, *people]
    for number in range(rng.randint(2, 8)):
        later()
        star = rng.choice(everybody)
        sold = deal(star, rng.choice(list(Category.values)), name=f"Deal {number}")
        others = [one for one in people if one != star]
        for one in rng.sample(others, rng.randint(0, 3)):
            DealContact.objects.create(deal=sold, contact=one)
        if rng.random() < 0.4:
            later()
            set_primary_contact(sold, rng.choice(everybody), keep_previous=rng.random() < 0.5)
    for _ in range(rng.randint(0, 12)):
        later()
        kind, value = one_selection(rng)
        try:
            select_status(rng.choice(everybody), **{kind: value})  # type: ignore[arg-type]
        except ValidationError:
            continue
    later()
    return [one.pk for one in everybody]


def one_selection(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.5:
        return "prospect", rng.choice(ProspectStatus.values)
    return "customer", rng.choice(CustomerStatus.values)


def stored() -> dict[str, Any]:
    """Everything that selecting may write."""
    contacts = {one.pk: [row_of(one), one.prospect_status, one.customer_status]
                for one in Contact.objects.all()}  # fmt: skip
    parties = DealParty.objects.values_list("deal", "contact", "kept", "joined_at")
    history = StatusChange.objects.order_by("contact_id", "status", "pk").values_list(
        "contact_id", "status", "old", "new", "effective_at", "recorded_at", "actor", "cause",
        "deal_id", "deal_name", "stage_name", "stage_category",
    )  # fmt: skip
    return {"contacts": contacts, "parties": sorted(parties), "history": list(history)}


class Back(Exception):
    pass


def rolled_back(work: Any) -> Any:
    found = None
    try:
        with transaction.atomic():
            found = work()
            raise Back
    except Back:
        return found


@pytest.fixture
def clock():
    with mock.patch("django.utils.timezone.now", return_value=BEGIN) as clock:
        yield clock


@pytest.mark.parametrize("seed", range(WORLDS))
def test_many_selected_is_each_selected(seed: int, clock) -> None:
    rng = random.Random(seed)
    ann = user()
    ids = world(rng, clock)
    for selection in (
        *({"prospect": value} for value in ProspectStatus.values),
        *({"customer": value} for value in CustomerStatus.values),
        dict(one_selection(rng) for _ in range(3)),
    ):

        def one_by_one(selection: Any = selection) -> Any:
            refused = {}
            for contact in Contact.objects.filter(pk__in=ids).order_by("pk"):
                try:
                    select_status(contact, **selection)
                except ValidationError as error:
                    refused[contact.pk] = error.message_dict
            return stored(), refused

        def all_at_once(selection: Any = selection) -> Any:
            before = stored()
            many = select_statuses(ids, **selection)
            assert [one.contact_id for one in many] == sorted(ids)
            refused = {
                one.contact_id: {kind: [text] for kind, text in one.refusals.items()}
                for one in many
                if one.refusals
            }
            after = stored()
            for one in many:
                changed = before["contacts"][one.contact_id] != after["contacts"][one.contact_id]
                assert (one.before is not None) == (one.after is not None) == changed
            assert not check_statuses().differences
            return after, refused

        with acting_as(ann):
            assert rolled_back(all_at_once) == rolled_back(one_by_one)


@pytest.mark.parametrize("seed", range(WORLDS))
def test_taking_back_leaves_everybody_as_before(seed: int, clock) -> None:
    rng = random.Random(1000 + seed)
    ids = world(rng, clock)
    for value in CustomerStatus.values:
        before = stored()
        many = select_statuses(ids, customer=value, prospect=rng.choice(["lost", "none", None]))
        changed = {one.contact_id: (one.before, one.after) for one in many if one.before}
        left = stored()
        clock.return_value += timedelta(days=1)
        found = put_back_selections(changed)  # type: ignore[arg-type]
        assert EDITED not in found.values()
        after = stored()
        assert after["contacts"] == before["contacts"]
        assert after["parties"] == before["parties"]
        assert not check_statuses().differences
        # And forth again: what was taken back is done once more.
        again = {pk: (changed[pk][1], changed[pk][0]) for pk in changed}
        put_back_selections(again)  # type: ignore[arg-type]
        assert stored()["parties"] == left["parties"]
        assert stored()["contacts"] == left["contacts"]
        assert not check_statuses().differences


def pictures(ids: list[int], **selection: str) -> dict[int, Any]:
    many = select_statuses(ids, **selection)
    return {one.contact_id: (one.before, one.after) for one in many if one.before}


def test_history_tells_of_both_the_selection_and_its_end() -> None:
    one = company()
    ann = user()
    with acting_as(ann):
        left = pictures([one.pk], customer="past")
        put_back_selections(left)
    rows = StatusChange.objects.order_by("pk").values_list("old", "new", "cause", "actor")
    assert list(rows) == [
        ("none", "past", "selected", ann.pk),
        ("past", "none", "selected", ann.pk),
    ]


def test_another_selection_since_is_not_taken_back() -> None:
    one = company()
    left = pictures([one.pk], customer="past")
    select_status(one, customer="current")
    assert put_back_selections(left) == {one.pk: EDITED}
    one.refresh_from_db()
    assert one.customer_status == "current"


def test_a_selection_of_the_other_status_since_does_not_hinder() -> None:
    one = company()
    left = pictures([one.pk], customer="past")
    select_status(one, prospect="lost")
    assert put_back_selections(left)[one.pk] != EDITED
    one.refresh_from_db()
    assert (one.prospect_status, one.customer_status) == ("lost", "none")


def test_a_kept_win_whose_deal_is_not_won_any_more_does_not_come_back() -> None:
    star, other = company("Star"), company("Other")
    sold = deal(star, "won")
    set_primary_contact(sold, other, keep_previous=False)
    left = pictures([star.pk], customer="none")
    assert left[star.pk][0]["kept"]
    sold.refresh_from_db()
    sold.delete()
    put_back_selections(left)
    star.refresh_from_db()
    assert star.customer_status == "none"
    assert not check_statuses().differences


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(ValidationError, match="none of the values"):
        select_statuses([company().pk], prospect="past")


def test_who_is_gone_is_refused() -> None:
    gone = company()
    pk = gone.pk
    gone.delete()
    (one,) = select_statuses([pk], customer="past")
    assert one.refusals
    assert not StatusChange.objects.exists()


@pytest.mark.parametrize("selection", [{"customer": "none"}, {"prospect": "lost"}])
def test_the_queries_do_not_grow(selection) -> None:
    def cost(number: int) -> tuple[int, int]:
        Deal.objects.all().delete()
        Contact.objects.all().delete()
        ids = []
        for n in range(number):
            star, other = company(), company()
            sold = deal(star, "won")
            set_primary_contact(sold, other, keep_previous=False)
            select_status(star, customer="past")
            deal(company(f"Lost {n}"), "lost")
            ids += [star.pk, other.pk, company().pk]
        with CaptureQueriesContext(connection) as done:
            left = pictures(ids, **selection)
        with CaptureQueriesContext(connection) as undone:
            put_back_selections(left)
        return len(done), len(undone)

    assert cost(2) == cost(20)
    assert max(cost(2)) <= 16
