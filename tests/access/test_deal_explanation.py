"""Why a contact stands where it stands, told to somebody who may not see the deals behind it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from crm.accounts.levels import Level
from crm.actor import acting_as
from deals.models import Deal
from deals.services import explain, select_status
from tests.access.worlds import member
from tests.deals import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> Any:
    """Sees all contacts, and of the deals their own."""
    return member("clerk", deals=Level.OWN)


@pytest.fixture
def boss() -> Any:
    return member("boss")


def sold_to(category: str, name: str = "Secret", **more: Any) -> Any:
    moe = make.person("Moe")
    return moe, make.deal(moe, category, name=name, **more)


def moved(deal: Deal, category: str) -> None:
    deal.stage = make.default_stages()[category]
    deal.save()


@pytest.mark.parametrize(
    ("category", "kind", "hidden", "seen"),
    [
        ("incoming", "prospect", "a deal you cannot see is active", "the deal “Secret” is active"),
        (
            "lost",
            "prospect",
            "its only deal, which you cannot see, was lost",
            "its only deal, “Secret”, was moved to Lost",
        ),
        (
            "won",
            "prospect",
            "no deal is active, and a deal you cannot see was won",
            "no deal is active, and “Secret” was won",
        ),
        ("won", "customer", "a deal you cannot see was won", "“Secret” was moved to Won"),
    ],
)
def test_hidden_deal_is_told_without_its_name(clerk, boss, category, kind, hidden, seen):
    moe, _deal = sold_to(category)
    told = getattr(explain(moe, reader=clerk), kind)
    assert hidden in told.sentence
    assert "Secret" not in repr(told)
    assert [deal.id for deal in told.deals] == [None]
    assert seen in getattr(explain(moe, reader=boss), kind).sentence


def test_hidden_deal_is_told_without_stage_dates_and_who_moved_it(clerk, boss):
    dana = member("dana")
    with acting_as(dana):
        moe, deal = sold_to("incoming")
        moved(deal, "lost")
    told = explain(moe, reader=clerk).prospect
    (hidden,) = told.deals
    assert (hidden.stage, hidden.category, hidden.opened_at, hidden.closed_at) == (
        "", "", None, None,
    )  # fmt: skip
    assert told.by == ""
    assert "Dana" not in told.sentence
    assert explain(moe, reader=boss).prospect.by == "Dana"


def test_visible_deals_are_named_and_the_hidden_ones_counted(clerk, boss):
    moe = make.person("Moe")
    make.deal(moe, name="Mine", owner=clerk)
    make.deal(moe, name="Secret one")
    make.deal(moe, name="Secret two")
    sentence = explain(moe, reader=clerk).prospect.sentence
    assert "3 deals are active: “Mine” and 2 deals you cannot see." in sentence
    refusal = next(
        one.reason for one in explain(moe, reader=clerk).prospect.choices if one.value == "lost"
    )
    assert refusal == "Moe is being sold to: “Mine” and 2 deals you cannot see."
    assert "Secret one" in explain(moe, reader=boss).prospect.sentence


def test_hidden_deals_stand_last_whenever_they_were_opened(clerk):
    moe = make.person("Moe")
    make.deal(moe, name="Mine", owner=clerk)
    make.deal(moe, name="Secret")
    names = [deal.name for deal in explain(moe, reader=clerk).prospect.deals]
    assert names == ["Mine", "a deal you cannot see"]


def test_deleted_deal_is_named_to_who_sees_all_deals_alone(clerk, boss):
    moe, deal = sold_to("incoming", owner=clerk)
    assert "Secret" in explain(moe, reader=clerk).prospect.sentence
    deal.delete()
    moe.refresh_from_db()
    told = explain(moe, reader=clerk).prospect.sentence
    assert told.endswith("a deal you cannot see was deleted.")
    assert "“Secret” was deleted" in explain(moe, reader=boss).prospect.sentence


def test_refused_selection_counts_the_hidden_deals_in_the_way(clerk, boss):
    moe, _deal = sold_to("incoming")
    for who, named in ((clerk, "a deal you cannot see"), (boss, "“Secret”")):
        with acting_as(who), pytest.raises(ValidationError) as refused:
            select_status(moe, prospect="lost")
        assert refused.value.messages == [f"Moe is being sold to: {named}."]


def test_card_and_popover_of_a_contact_hold_nothing_of_a_hidden_deal(client: Client, clerk, boss):
    moe, deal = sold_to("incoming")
    pages = [moe.get_absolute_url(), reverse("contacts:explanation", args=[moe.pk])]
    for who, named in ((clerk, False), (boss, True)):
        client.force_login(who)
        for page in pages:
            shown = client.get(page, headers={"HX-Request": "true"}).content.decode()
            assert ("Secret" in shown) is named, page
            assert (deal.get_absolute_url() in shown) is named, page
