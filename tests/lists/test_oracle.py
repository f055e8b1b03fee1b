"""Every operator of every field against a plain evaluation of the same rows.

    STANDING_LIST_WORLDS=2000 pytest tests/lists/test_oracle.py

asks that many worlds instead of a few.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.http import QueryDict
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm.lists.conditions import Chip, Conditions
from crm.lists.registry import Context, Registry, registries, registry_of
from crm.lists.state import ListState
from deals.models import Deal
from tests.deals.factories import company, deal, person
from tests.labels.making import make_labels
from tests.lists.oracle import Oracle
from tests.lists.worlds import ZONES, Plan, World, plans, values_for, world_of

pytestmark = pytest.mark.django_db

WORLDS = int(os.environ.get("STANDING_LIST_WORLDS", 6))
RECORDS = ["contact", "deal"]
SETTINGS = settings(
    max_examples=WORLDS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
# Of the values that one operator may have, so many are tried in one world.
TRIED = int(os.environ.get("STANDING_LIST_VALUES", 4))


def operators(registry: Registry) -> list[tuple[Any, Any]]:
    return [(found, one) for found in registry.filters() for one in found.kind.operators]


def ids_of(field: Any, world: World) -> list[int]:
    if getattr(field.kind, "picker", None) == "company":
        return [one.pk for one in world.contacts[:3]]
    return [one.pk for one in world.contacts]


def state_of(record: str, conditions: Conditions, context: Context) -> ListState:
    """The list as its address asks for it."""
    query = QueryDict(mutable=True)
    for name, value in conditions.pairs():
        query.appendlist(name, value)
    return ListState(registry_of(record), context, query)


def found_by(record: str, conditions: Conditions, context: Context) -> set[int]:
    state = state_of(record, conditions, context)
    assert state.faults == [], f"{conditions.pairs()} is refused"
    found = list(state.matching().values_list("pk", flat=True))
    assert len(found) == len(set(found)), f"{conditions.pairs()} lists a row twice"
    return set(found)


def assert_agree(record: str, conditions: Conditions, context: Context, oracle: Oracle) -> None:
    found, expected = found_by(record, conditions, context), oracle.matching(conditions)
    rows = {pk: oracle.rows[pk]["name"] for pk in found ^ expected}
    assert found == expected, (
        f"{record} {conditions.pairs()}: too many {sorted(found - expected)}, "
        f"missing {sorted(expected - found)}; {rows}"
    )


def as_seen(world: World, record: str) -> tuple[Context, Oracle]:
    user = world.users[0]
    return Context.of(user, world.now), Oracle(record, user, world.now, world.zone)


@pytest.mark.parametrize("record", RECORDS)
def test_every_operator_of_every_field_has_a_plain_meaning(
    record: str, django_user_model: Any
) -> None:
    user = django_user_model.objects.create_user("ann")
    make_labels(record, random.Random(1))
    tests = Oracle(record, user, datetime(2024, 1, 1, tzinfo=UTC), UTC).tests
    asked = {(found.name, one.name) for found, one in operators(registry_of(record))}
    assert asked == {(name, op) for name, ops in tests.items() for op in ops}
    firsts = {found.name: found.kind.operators[0].name for found in registry_of(record).filters()}
    assert firsts == {name: next(iter(ops)) for name, ops in tests.items()}


def test_every_record_type_with_lists_is_compared() -> None:
    assert sorted(one.record for one in registries()) == RECORDS


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("record", RECORDS)
def test_each_operator_lists_exactly_what_it_means(record: str, zone: str) -> None:
    @given(plans(zone), st.randoms(use_true_random=True))
    @settings(SETTINGS, max_examples=max(2, WORLDS // 6), phases=[Phase.generate])
    def compare(plan: Plan, rng: random.Random) -> None:
        with world_of(plan) as world:
            context, oracle = as_seen(world, record)
            wrong = []
            for found, one in operators(registry_of(record)):
                values = values_for(record, found, one, context, ids_of(found, world))
                for value in rng.sample(values, min(TRIED, len(values))):
                    for negated in (False, True):
                        chip = Chip(found.name, one.name, (value,), negated)
                        try:
                            assert_agree(record, Conditions(((chip,),)), context, oracle)
                        except AssertionError as error:
                            wrong.append(str(error).partition("\n")[0])
            assert not wrong, "\n".join(wrong)

    compare()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("record", RECORDS)
def test_groups_of_chips_list_exactly_what_they_mean(record: str, zone: str) -> None:
    @given(plans(zone), st.data())
    @SETTINGS
    def compare(plan: Plan, data: st.DataObject) -> None:
        with world_of(plan) as world:
            context, oracle = as_seen(world, record)
            for _number in range(12):
                conditions = data.draw(asked_of(record, world, context))
                assert_agree(record, conditions, context, oracle)

    compare()


@st.composite
def asked_of(draw: st.DrawFn, record: str, world: World, context: Context) -> Conditions:
    """Up to three groups of up to three chips of several values."""
    choices = operators(registry_of(record))

    def chip() -> Chip:
        found, one = draw(st.sampled_from(choices))
        values = values_for(record, found, one, context, ids_of(found, world))
        most = 3 if one.several else 1
        chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True))
        name = one.name if draw(st.booleans()) or one is not found.kind.operators[0] else ""
        return Chip(found.name, name, tuple(chosen), draw(st.booleans()))

    groups = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    return Conditions(tuple(tuple(chip() for _n in range(size)) for size in groups))


@pytest.mark.parametrize("record", RECORDS)
def test_a_chip_and_its_negation_part_the_visible_rows(record: str) -> None:
    @given(plans("Europe/Berlin"), st.data())
    @settings(SETTINGS, max_examples=max(1, WORLDS // 3))
    def compare(plan: Plan, data: st.DataObject) -> None:
        with world_of(plan) as world:
            context, oracle = as_seen(world, record)
            for group in data.draw(asked_of(record, world, context)).groups:
                for chip in group:
                    other = Chip(chip.field, chip.op, chip.values, not chip.negated)
                    one = found_by(record, Conditions(((chip,),)), context)
                    rest = found_by(record, Conditions(((other,),)), context)
                    assert one | rest == {pk for pk in oracle.rows if oracle.has(pk, chip.field)}
                    assert not one & rest

    compare()


# -- what random worlds seldom have


def listed(record: str, user: Any, query: str) -> list[str]:
    state = ListState(registry_of(record), Context.of(user), QueryDict(query))
    assert state.faults == []
    return list(state.queryset().values_list("name", flat=True))


def test_cents_add_up_exactly(django_user_model: Any) -> None:
    ann = django_user_model.objects.create_user("ann")
    acme = company("Acme")
    for value in ("0.10", "0.20", "1000000.10", "-1000000.10"):
        deal(acme, "won", value=Decimal(value))
    for query, found in (
        ("won_value.least=0.30 EUR", True),
        ("won_value.most=0.30 EUR", True),
        ("won_value.least=0.31 EUR", False),
        ("won_value.most=0.29 EUR", False),
        ("not.won_value.most=0.30 EUR", False),
    ):
        assert (listed("contact", ann, query) == ["Acme"]) is found, query


def test_long_texts_are_compared_to_their_end(django_user_model: Any) -> None:
    ann = django_user_model.objects.create_user("ann")
    name = "Ä" * 251 + "Ende"
    sold = deal(company(name, description="Ö" * 20_000 + " Schluß"), name=name)
    for query in ("name=ENDE", f"name.is={name}", f"name.starts={name[:-1]}", "contact_name=ende"):
        assert listed("deal", ann, query) == [sold.name]
    for query in ("name=ende", f"name.is={name}", "description=o+schluss"):
        assert listed("contact", ann, query) == [name]
    assert listed("deal", ann, f"name.is={name[:-1]}") == []
    assert listed("contact", ann, "description.is=schluss") == []


def test_statuses_of_days_to_come_have_no_age(django_user_model: Any) -> None:
    """A clock that was wrong leaves dates ahead; they are days in the future, and not today's."""
    ann = django_user_model.objects.create_user("ann")
    late = deal(company("Acme"), name="Late")
    models.QuerySet(Deal).filter(pk=late.pk).update(
        stage_changed_at=timezone.now() + timedelta(days=5)
    )
    assert listed("deal", ann, "stage_days=-5") == ["Late"]
    assert listed("deal", ann, "stage_days.most=-1") == ["Late"]
    for query in ("stage_days=-1", "stage_days.least=-4", "stage_days.most=-6", "stage_days=0"):
        assert listed("deal", ann, query) == []
    assert listed("deal", ann, f"stage_days.least=-{10**13}") == ["Late"]
    assert listed("deal", ann, f"stage_days.most={10**13}") == ["Late"]
    assert listed("deal", ann, f"stage_days={10**13}") == []


def test_who_has_no_company_is_in_one_group_whatever_another_asks(django_user_model: Any) -> None:
    ann = django_user_model.objects.create_user("ann")
    firm = company("Firm", owner=ann)
    person("Alone")
    person("Employed", company=firm)
    for chip in ("company_customer_status=none", f"company_owner={ann.pk}"):
        for first in (f"company={firm.pk}", f"company={firm.pk}&kind=person", "kind=company"):
            query = f"{first}&2.not.{chip}"
            assert "Alone" in listed("contact", ann, query), query
            assert "Alone" not in listed("contact", ann, f"{first}&2.{chip}"), query
