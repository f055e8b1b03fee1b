"""Why a record is in a list or not is told as the list decides it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.accounts.models import User
from crm.lists.registry import Context, registry_of
from crm.lists.state import ListState
from crm.lists.why import reasons_for
from deals.models import Deal
from tests.deals.factories import company, deal, person
from tests.lists.test_oracle import RECORDS, SETTINGS, WORLDS, as_seen, asked_of, state_of
from tests.lists.worlds import Plan, plans, world_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def asking(record: str, user: Any, query: str) -> ListState:
    return ListState(registry_of(record), Context.of(user), QueryDict(query))


@pytest.mark.parametrize("record", RECORDS)
def test_each_chip_passes_as_it_means_and_all_say_whether_it_is_listed(record: str) -> None:
    @given(plans("America/St_Johns"), st.data())
    @settings(SETTINGS, max_examples=max(2, WORLDS // 3))
    def compare(plan: Plan, data: st.DataObject) -> None:
        with world_of(plan) as world:
            context, oracle = as_seen(world, record)
            for _number in range(3):
                conditions = data.draw(asked_of(record, world, context))
                state = state_of(record, conditions, context)
                matching = set(state.matching().values_list("pk", flat=True))
                for pk in oracle.rows:
                    reasons = reasons_for(state, pk)
                    assert reasons.record.pk == pk
                    assert reasons.listed == (pk in matching)
                    assert reasons.listed == oracle.listed(pk, conditions)
                    verdicts = [one for group in reasons.groups for one in group]
                    assert [one.chip.chip for one in verdicts] == conditions.chips
                    for one in verdicts:
                        assert one.passed == oracle.passes(pk, one.chip.chip), one.sentence
                        assert one.seen

    compare()


def test_the_text_is_told_apart_from_the_chips(ann: User) -> None:
    ada = person("Lovelace", first_name="Ada", city="London")
    for query, text_passed, listed in (
        ("q=ada&city=London", True, True),
        ("q=bob&city=London", False, False),
        ("q=ada&city=Paris", True, False),
        ("city=London", None, True),
    ):
        reasons = reasons_for(asking("contact", ann, query), ada.pk)
        assert (reasons.text_passed, reasons.listed) == (text_passed, listed)


def test_a_wrong_letter_is_forgiven_only_where_the_list_forgives_it(ann: User) -> None:
    meier = person("Meier")
    state = asking("contact", ann, "q=meyer")
    reasons = reasons_for(state, meier.pk)
    assert (reasons.text_passed, reasons.listed) == (True, True)
    person("Meyer")
    reasons = reasons_for(asking("contact", ann, "q=meyer"), meier.pk)
    assert (reasons.text_passed, reasons.listed) == (False, False)


def test_of_two_groups_one_is_enough(ann: User) -> None:
    ada = person("Lovelace", city="London")
    reasons = reasons_for(asking("contact", ann, "city=Paris&2.city=London"), ada.pk)
    assert [[one.passed for one in group] for group in reasons.groups] == [[False], [True]]
    assert reasons.listed


def test_a_chip_that_is_not_understood_passes_nobody(ann: User) -> None:
    ada = person("Lovelace", city="London")
    for bad in ("shoe_size=5", "customer_status=rich", "not.customer_status=rich", "created=soon"):
        reasons = reasons_for(asking("contact", ann, f"city=London&{bad}"), ada.pk)
        assert [one.passed for one in reasons.groups[0]] == [True, False]
        assert not reasons.listed


def test_whom_the_reader_may_not_see_nothing_is_told_about(ann: User) -> None:
    ada = person("Lovelace", city="London")
    assert reasons_for(asking("contact", ann, ""), ada.pk).listed
    assert reasons_for(asking("contact", ann, ""), ada.pk + 1) is None
    assert reasons_for(asking("contact", AnonymousUser(), ""), ada.pk) is None
    gone = User.objects.create_user("gone", is_active=False)
    assert reasons_for(asking("contact", gone, ""), ada.pk) is None


@pytest.mark.parametrize("part", ["", "why"])
def test_a_number_of_nobody_tells_nothing(client: Any, ann: User, part: str) -> None:
    person("Lovelace", city="London")
    client.force_login(ann)
    headers = {"HX-Request": "true", "HX-Target": part} if part else {}
    for pk in ("999999", "0", "-1", "abc", "9" * 30, "1 OR 1=1", "²", "٣"):
        answer = client.get("/contacts/", {"city": "London", "why": pk}, headers=headers)
        assert answer.status_code == 200
        assert not answer.context.get("why")


def test_the_number_of_queries_is_the_same_for_any_number_of_rows(ann: User) -> None:
    query = (
        "customer_status=current&prospect_how=deals&prospect_was=current@2024-01-01"
        "&won_value.least=5 EUR&company_city=x&owner=me&2.name=x&2.not.open_value.most=9 EUR"
    )

    def cost() -> int:
        state = asking("contact", ann, query)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            reasons_for(state, first.pk)
        return len(queries)

    first = company()
    deal(first, "won", value=5)
    few = cost()
    for _number in range(40):
        deal(person(company=first), "won", value=5)
    assert Deal.objects.count() == 41
    assert cost() == few
    assert few <= 12
