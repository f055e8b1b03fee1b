"""Filters that no contact can ever pass are called so, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.impossible import never_together
from contacts.statuses import CUSTOMER_MARKS, PROSPECT_MARKS, Standing
from crm.lists.conditions import Chip, Conditions
from crm.lists.registry import Context, registry_of
from crm.lists.state import ListState
from tests.lists.oracle import Oracle
from tests.lists.worlds import Plan, plans, world_of

NUMBERS = ["active_deals", "won_deals", "lost_deals"]
CODES = {
    "prospect_status": ["none", "current", "lost"],
    "customer_status": ["none", "current", "past"],
    "prospect_how": ["deals", "selected"],
    "customer_how": ["deals", "selected"],
}
EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
NOBODY: Any = Context(None, EARLY)


def grid() -> list[dict[str, Any]]:
    """What the law makes of up to six deals of each group and every mark, before and after the deals."""
    found = {}
    moments = [(EARLY, LATE), (LATE, EARLY)]
    marks = product(["", *PROSPECT_MARKS], ["", *CUSTOMER_MARKS], moments)
    for (prospect_mark, customer_mark, (marked, closed)), counts in product(
        list(marks), product(range(7), repeat=3)
    ):
        active, won, lost = counts
        one = Standing(active, won, lost, closed if won else None, closed if lost else None)
        alone = one.by_deals_alone()
        if prospect_mark:
            one.set_mark("prospect", prospect_mark, marked, None)
        if customer_mark:
            one.set_mark("customer", customer_mark, marked, None)
        seen = {
            **dict(zip(NUMBERS, counts, strict=True)),
            "prospect_status": one.prospect,
            "customer_status": one.customer,
            "prospect_how": "deals" if one.prospect == alone.prospect else "selected",
            "customer_how": "deals" if one.customer == alone.customer else "selected",
        }
        found[tuple(seen.values())] = seen
    return list(found.values())


GRID = grid()
TESTS: dict[str, Callable[[int, list[str]], bool]] = {
    "is": lambda held, asked: held in [int(float(one)) for one in asked],
    "least": lambda held, asked: held >= int(float(asked[0])),
    "most": lambda held, asked: held <= int(float(asked[0])),
}


def passes(seen: dict[str, Any], chip: Chip) -> bool:
    held = seen[chip.field]
    if chip.field in CODES:
        return (held in chip.values) != chip.negated
    return TESTS[chip.op or "is"](held, list(chip.values)) != chip.negated


def possible(group: list[Chip]) -> bool:
    return any(all(passes(seen, chip) for chip in group) for seen in GRID)


@st.composite
def chips(draw: st.DrawFn) -> Chip:
    name = draw(st.sampled_from([*NUMBERS, *CODES]))
    negated = draw(st.booleans())
    if name in CODES:
        codes = draw(st.lists(st.sampled_from(CODES[name]), min_size=1, unique=True))
        return Chip(name, draw(st.sampled_from(["", "is"])), tuple(codes), negated)
    op = draw(st.sampled_from(["", "is", "least", "most"]))
    asked = st.sampled_from(["0", "1", "2", "3", "-1", "1.0", "2e0", " 1 ", "+2"])
    most = 1 if op in ("least", "most") else 2
    return Chip(name, op, tuple(draw(st.lists(asked, min_size=1, max_size=most))), negated)


@given(st.lists(chips(), max_size=4))
@settings(deadline=None, max_examples=300)
def test_never_is_said_exactly_of_what_the_law_rules_out(group: list[Chip]) -> None:
    assert never_together(group, NOBODY) is not possible(group)


def chip(name: str, *values: str, op: str = "", negated: bool = False) -> Chip:
    return Chip(name, op, values, negated)


@pytest.mark.parametrize(
    "group",
    [
        [chip("prospect_status", "lost"), chip("won_deals", "1", op="least")],
        [chip("prospect_status", "none"), chip("active_deals", "2", op="least")],
        [chip("prospect_status", "current"), chip("active_deals", "0")],
        [chip("customer_status", "none"), chip("won_deals", "0", negated=True)],
        [chip("customer_status", "none"), chip("customer_how", "selected")],
        [chip("prospect_status", "lost"), chip("prospect_status", "current")],
        [chip("active_deals", "3", op="least"), chip("active_deals", "2", op="most")],
        [chip("prospect_status", "none", "current", "lost", negated=True)],
        [chip("won_deals", "-1", op="most")],
        [chip("lost_deals", "-1")],
    ],
)
def test_what_contradicts_the_law_is_never(group: list[Chip]) -> None:
    assert never_together(group, NOBODY)
    assert never_together([*group, chip("city", "Paris")], NOBODY)


@pytest.mark.parametrize(
    "group",
    [
        [],
        [chip("prospect_status", "lost")],
        [chip("city", "Paris"), chip("city", "Paris", negated=True)],
        [chip("customer_status", "past"), chip("won_deals", "0")],
        [chip("prospect_status", "none"), chip("lost_deals", "1", op="least")],
        [chip("prospect_status", "lost"), chip("lost_deals", "0")],
        [chip("active_deals", "1000000"), chip("prospect_status", "current")],
    ],
)
def test_what_can_be_is_not_called_impossible(group: list[Chip]) -> None:
    assert not never_together(group, NOBODY)


def test_many_numbers_are_tried_at_once() -> None:
    odd = [str(number) for number in range(1, 400, 2)]
    never = [chip("won_deals", *odd) for _n in range(20)] + [chip("prospect_status", "lost")]
    assert never_together(never, NOBODY)
    assert not never_together([*never[:-1], chip("prospect_status", "none")], NOBODY)


@pytest.mark.django_db
def test_a_list_that_has_a_row_is_never_called_impossible() -> None:
    @given(
        plans("UTC"), st.lists(st.lists(chips(), min_size=1, max_size=3), min_size=20, max_size=20)
    )
    @settings(deadline=None, max_examples=5, suppress_health_check=list(HealthCheck))
    def compare(plan: Plan, groups: list[list[Chip]]) -> None:
        with world_of(plan) as world:
            oracle = Oracle("contact", world.users[0], world.now, world.zone)
            for group in groups:
                conditions = Conditions((tuple(group),))
                query = QueryDict(mutable=True)
                for name, value in conditions.pairs():
                    query.appendlist(name, value)
                context = Context.of(world.users[0], world.now)
                state = ListState(registry_of("contact"), context, query)
                assert state.faults == []
                if oracle.matching(conditions):
                    assert state.never == []
                elif state.never:
                    assert not state.matching().exists()

    compare()
