"""Chips as an address and as stored data, and the address of a list."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.accounts.models import User
from crm.lists.conditions import CHIPS_AT_MOST, VALUES_AT_MOST, Chip, Conditions
from crm.lists.models import ListPreference, SmartList
from crm.lists.registry import RESERVED, registry_of
from crm.lists.saved import create_list
from crm.lists.state import ListState

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in RESERVED and name != "not"
)
values = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12
).filter(str.strip)
chips = st.builds(
    Chip,
    names,
    st.just("") | st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    st.lists(values, min_size=1, max_size=4, unique=True).map(tuple),
    st.booleans(),
)
few = st.lists(st.lists(chips, min_size=1, max_size=4).map(tuple), max_size=4)
conditions = few.map(lambda groups: Conditions(tuple(groups)))


def params(pairs: list[tuple[str, str]] | str) -> QueryDict:
    return QueryDict(pairs if isinstance(pairs, str) else urlencode(pairs))


def read(query: str) -> tuple[Conditions, list[str]]:
    return Conditions.of_params(params(query), RESERVED)


# -- an address


@given(conditions)
@settings(deadline=None)
def test_what_an_address_says_is_read_back(asked: Conditions) -> None:
    assert Conditions.of_params(params(asked.pairs()), RESERVED) == (asked, [])


@given(conditions)
@settings(deadline=None)
def test_what_is_stored_is_read_back(asked: Conditions) -> None:
    assert Conditions.of_data(json.loads(json.dumps(asked.as_data()))) == asked


def test_groups_operators_and_negation_are_read() -> None:
    found, problems = read("city=Paris&city=Rome&not.name.starts=a&2.owner=me&2.not.value.least=5")
    assert not problems
    assert found.groups == (
        (Chip("city", "", ("Paris", "Rome")), Chip("name", "starts", ("a",), True)),
        (Chip("owner", "", ("me",)), Chip("value", "least", ("5",), True)),
    )


def test_chips_of_one_key_stay_apart() -> None:
    both = Conditions(((Chip("city", "", ("a",)), Chip("city", "", ("b",))),))
    assert both.pairs() == [("city", "a"), ("city~2", "b")]
    assert read("city=a&city~2=b") == (both, [])


def test_the_same_value_twice_is_one_value() -> None:
    assert read("city=a&city=b&city=a")[0].groups == ((Chip("city", "", ("a", "b")),),)


def test_an_empty_field_of_a_form_is_no_filter() -> None:
    assert read("city=&name=%20&value.least=") == (Conditions(), [])


def test_numbers_of_groups_need_not_follow_on() -> None:
    assert read("7.city=a&3.city=b&city=c")[0] == Conditions(
        ((Chip("city", "", ("c",)),), (Chip("city", "", ("b",)),), (Chip("city", "", ("a",)),))
    )


@pytest.mark.parametrize(
    "key",
    [
        "?", "_connector", "__class__", "owner__password", "0.city", "01.city", "100.city", "not.",
        ".city", "city.", "city..is", "City", "city~0", "city~", "city~100", "2.2.city",
        "not.not.city", "2.not.x.y~3.", "city\n", "cité", "1.not.", "city.is.is", "-city", "city[]",
    ],
)  # fmt: skip
def test_key_that_can_be_no_filter_is_a_problem(key: str) -> None:
    found, problems = Conditions.of_params(params([(key, "x")]), RESERVED)
    if key == "not.not.city":
        assert found.groups == ((Chip("not", "city", ("x",), True),),)
    elif key == "owner__password":
        # Its form is that of a name: the registry does not know it.
        assert found.groups == ((Chip(key, "", ("x",)),),)
    else:
        assert not found
        assert len(problems) == 1


def test_as_many_chips_as_there_may_be_are_read_and_one_more_is_not() -> None:
    most = [(f"f{number}", "x") for number in range(CHIPS_AT_MOST)]
    assert Conditions.of_params(params(most), RESERVED)[1] == []
    assert len(Conditions.of_params(params([*most, ("g", "x")]), RESERVED)[1]) == 1


def test_of_far_too_many_chips_so_many_are_shown_that_it_is_still_too_many() -> None:
    many = [(f"{1 + number % 5}.f{number}", "x") for number in range(1_000)]
    found, problems = Conditions.of_params(params(many), RESERVED)
    assert "1000" in problems[0]
    assert len(found.chips) == CHIPS_AT_MOST + 1
    assert all(found.groups)
    assert Conditions.of_params(params(found.pairs()), RESERVED)[1] != []


def test_as_many_values_as_there_may_be_are_read_and_one_more_is_not() -> None:
    most = [("f", str(number)) for number in range(VALUES_AT_MOST)]
    assert Conditions.of_params(params(most), RESERVED)[1] == []
    assert len(Conditions.of_params(params([*most, ("f", "x")]), RESERVED)[1]) == 1


# -- stored data


@pytest.mark.parametrize(
    "data",
    [
        None, {}, 5, "text", True, [5], ["text"], [None], [{}], [[5]], [["text"]], [[None]], [[[]]], [[]],
        [[{}]], [[{"field": "city"}]], [[{"values": ["a"]}]], [[{"field": "city", "values": "ab"}]],
        [[{"field": "city", "values": {"a": 1}}]], [[{"field": "city", "values": [1]}]],
        [[{"field": "city", "values": [None]}]], [[{"field": "city", "values": [["a"]]}]],
        [[{"field": "city", "values": []}]],
        [[{"field": 5, "values": ["a"]}]], [[{"field": "city", "op": 5, "values": ["a"]}]],
        [[{"field": "city", "not": "false", "values": ["a"]}]],
        [[{"field": "city", "values": ["a"]}], []],
        [{"field": "city", "values": ["a"]}],
        [[{"field": "city", "values": ["\ud800"]}]], [[{"field": "city", "values": ["a\x00"]}]],
        [[{"field": "ci\udfffty", "values": ["a"]}]], [[{"field": "city", "op": "\ud800", "values": ["a"]}]],
    ],
)  # fmt: skip
def test_damaged_data_is_refused_and_never_asks_for_everything(data: Any) -> None:
    with pytest.raises(ValueError):
        Conditions.of_data(data)


def test_data_without_any_group_asks_for_everything() -> None:
    assert Conditions.of_data([]) == Conditions()


# -- one chip changed


@given(conditions, chips, st.integers(0, 5), st.integers(0, 5))
@settings(deadline=None)
def test_a_chip_is_put_where_it_belongs(
    asked: Conditions, chip: Chip, group: int, index: int
) -> None:
    made = asked.replaced(group, index, chip)
    assert all(made.groups), "an empty group is left"
    groups = [list(one) for one in asked.groups]
    if group >= len(groups):
        assert made.groups == (*asked.groups, (chip,))
    elif index >= len(groups[group]):
        assert made.groups[group] == (*asked.groups[group], chip)
    else:
        groups[group][index] = chip
        assert made.groups == tuple(map(tuple, groups))


@given(conditions, st.integers(0, 5), st.integers(0, 5))
@settings(deadline=None)
def test_a_chip_is_taken_away_and_nothing_else(asked: Conditions, group: int, index: int) -> None:
    made = asked.replaced(group, index, None)
    assert all(made.groups), "an empty group is left"
    if group < len(asked.groups) and index < len(asked.groups[group]):
        expected = [*asked.chips]
        del expected[sum(len(one) for one in asked.groups[:group]) + index]
        assert made.chips == expected
    else:
        assert made == asked


# -- the address of a state

CONTACTS = registry_of("contact")
WIDE = [
    "", "customer_status=current", "customer_status=current&2.not.owner=me", "edited=1", "q=ada",
    "q=", "sort=-updated,name", "sort=name", "columns=email,phone",
    "columns=company,prospect_status,customer_status,owner,updated", "density=compact",
    "per_page=100", "q=a&sort=-name&columns=email&city=Paris&city~2=Rome&per_page=25", "page=7",
    "edited=1&q=x", "sort=company,-name&edited=1", "columns=name,email",
]  # fmt: skip


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


def saved_list(user: User, query: str) -> SmartList:
    state = ListState.of(CONTACTS, user, QueryDict(query))
    return create_list(state, user, name="Mine", shared=False)


def habits(user: User) -> list[ListPreference | None]:
    return [
        None,
        ListPreference(user=user, record="contact"),
        ListPreference(
            user=user, record="contact", columns=["email"], density="compact", per_page=25
        ),
    ]


def seen(state: ListState) -> dict[str, Any]:
    return {
        "conditions": state.conditions, "text": state.text, "sort": state.sort_text,
        "columns": [one.name for one in state.columns], "density": state.density,
        "per_page": state.per_page, "changed": state.changed, "faults": state.faults,
    }  # fmt: skip


@pytest.mark.parametrize("query", WIDE)
@pytest.mark.parametrize(
    "under",
    ["", "all", "customers", "customer_status=past&sort=-name&columns=email", "q=bob&owner=me"],
)
def test_the_address_of_a_state_gives_that_state_again(ann: User, query: str, under: str) -> None:
    listed: Any = CONTACTS.ready_list(under)
    if listed is None and under:
        listed = saved_list(ann, under)
    for preference in habits(ann):
        state = ListState.of(CONTACTS, ann, QueryDict(query), listed, preference)
        again = ListState.of(CONTACTS, ann, QueryDict(state.query), listed, preference)
        assert seen(again) == seen(state)
        assert again.address() == state.address()
        assert "page=7" not in state.address()


@pytest.mark.parametrize(
    "under", ["customers", "customer_status=past&sort=-name&columns=email&q=bob"]
)
def test_a_list_as_it_is_has_an_empty_address_and_is_not_changed(ann: User, under: str) -> None:
    listed: Any = CONTACTS.ready_list(under) or saved_list(ann, under)
    for preference in habits(ann):
        state = ListState.of(CONTACTS, ann, QueryDict(""), listed, preference)
        assert state.address() == "."
        assert not state.changed


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ("customer_status=current", True), ("edited=1", True), ("q=ada", True), ("q=", True),
        ("sort=name", True), ("columns=phone", True), ("customer_status=past", False),
        ("q=bob", False), ("sort=-name", False), ("columns=email", False), ("columns=name,email", False),
        ("density=compact", False), ("per_page=25", False), ("page=3", False),
        ("customer_status.is=past", True), ("customer_status=past&2.city=x", True),
    ],
)  # fmt: skip
def test_a_list_is_changed_where_it_asks_for_something_else(
    ann: User, change: str, changed: bool
) -> None:
    listed = saved_list(ann, "customer_status=past&sort=-name&columns=email&q=bob")
    state = ListState.of(CONTACTS, ann, QueryDict(change), listed)
    assert state.changed is changed
    assert ListState.of(CONTACTS, ann, QueryDict(change)).changed is False


def test_filters_taken_off_a_list_stay_off_in_its_address(ann: User) -> None:
    state = ListState.of(CONTACTS, ann, QueryDict(""), CONTACTS.ready_list("customers"))
    address = state.address(conditions=Conditions())
    again = ListState.of(CONTACTS, ann, QueryDict(address[1:]), CONTACTS.ready_list("customers"))
    assert address == "?edited=1"
    assert again.conditions == Conditions()
    assert again.changed


def test_what_is_given_twice_is_refused(ann: User) -> None:
    for name, value in (("q", "a"), ("sort", "name"), ("columns", "email"), ("per_page", "50")):
        state = ListState.of(CONTACTS, ann, QueryDict(f"{name}={value}&{name}={value}"))
        assert len(state.faults) == 1
        assert not state.matching().exists()


def test_nobody_sees_a_row_without_signing_in(ann: User) -> None:
    CONTACTS.model()._default_manager.create(last_name="Ada")
    assert ListState.of(CONTACTS, ann, QueryDict("")).matching().count() == 1
    assert ListState.of(CONTACTS, AnonymousUser(), QueryDict("")).matching().count() == 0
