"""What was chosen in a list: only rows that are in it, and nothing where the post is damaged."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.models import Contact
from crm.accounts.models import User
from crm.lists.addresses import kept_under
from crm.lists.models import SmartList
from crm.lists.registry import registry_of
from crm.lists.saved import create_list
from crm.lists.selection import ROWS_AT_MOST, Selection
from crm.lists.state import ListState
from tests.deals.factories import company, deal, person
from tests.lists.oracle import Oracle
from tests.lists.test_oracle import RECORDS, SETTINGS, WORLDS, as_seen, asked_of, state_of
from tests.lists.worlds import Plan, plans, world_of

pytestmark = pytest.mark.django_db
CONTACTS = registry_of("contact")


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def book(ann: User) -> dict[str, Contact]:
    """Two in London and one in Paris."""
    return {
        "ada": person("Lovelace", city="London"),
        "bob": person("Bob", city="London"),
        "cid": person("Cid", city="Paris"),
    }


def posted(*rows: Any, **more: str) -> QueryDict:
    found = QueryDict(mutable=True)
    for name, value in more.items():
        found[name] = value
    found.setlist("row", [str(one) for one in rows])
    return found


def chosen(user: User, *rows: Any, **more: str) -> set[int]:
    return {one.pk for one in Selection.of(CONTACTS, user, posted(*rows, **more)).queryset}


@pytest.mark.parametrize("record", RECORDS)
def test_only_rows_of_the_list_are_chosen(record: str) -> None:
    @given(plans("UTC"), st.data())
    @settings(SETTINGS, max_examples=max(2, WORLDS // 3))
    def compare(plan: Plan, data: st.DataObject) -> None:
        with world_of(plan) as world:
            # What is posted is looked at now, not when it was shown.
            context, _oracle = as_seen(world, record)
            for _number in range(4):
                conditions = data.draw(asked_of(record, world, context))
                state = state_of(record, conditions, context).query
                everything = Selection.of(
                    registry_of(record),
                    world.users[0],
                    posted(state=state, scope="all", count="3"),
                )
                now = everything.state.context.now
                oracle = Oracle(record, world.users[0], now, world.zone)
                expected = oracle.matching(conditions)
                assert {one.pk for one in everything.queryset} == expected
                assert everything.count == len(expected)
                rows = data.draw(
                    st.lists(st.sampled_from([*oracle.rows, 10**12]), min_size=1, unique=True)
                )
                for scope in ("rows", "page"):
                    some = Selection.of(
                        registry_of(record), world.users[0], posted(*rows, state=state, scope=scope)
                    )
                    assert {one.pk for one in some.queryset} == expected & set(rows)
                    assert some.seen == len(rows)

    compare()


def test_rows_hidden_by_a_filter_are_never_chosen(ann: User, book: dict[str, Contact]) -> None:
    ids = [one.pk for one in book.values()]
    london = {book["ada"].pk, book["bob"].pk}
    for scope in ("rows", "page"):
        assert chosen(ann, *ids, state="city=London", scope=scope) == london
        assert chosen(ann, book["cid"].pk, state="city=London", scope=scope) == set()
        assert chosen(ann, *ids, state="", scope=scope) == set(ids)
    assert chosen(ann, *ids, state="?city=London", scope="all", count="2") == london
    assert chosen(ann, *ids, state="q=bob", scope="rows") == {book["bob"].pk}


def test_a_row_that_left_the_list_meanwhile_is_left_alone(
    ann: User, book: dict[str, Contact]
) -> None:
    ids = [book["ada"].pk, book["bob"].pk]
    Contact.objects.filter(pk=book["bob"].pk).update(city="Rome")
    selection = Selection.of(CONTACTS, ann, posted(*ids, state="city=London", scope="rows"))
    assert [one.pk for one in selection.queryset] == [book["ada"].pk]
    assert (selection.count, selection.seen) == (1, 2)


def test_the_rows_are_those_of_the_saved_list(ann: User, book: dict[str, Contact]) -> None:
    state = ListState.of(CONTACTS, ann, QueryDict("city=Paris"))
    saved = create_list(state, ann, name="Paris", shared=False)
    ids = [one.pk for one in book.values()]
    assert chosen(ann, *ids, list=saved.slug, state="") == {book["cid"].pk}
    assert chosen(ann, *ids, list=saved.slug, state="city=London&q=bob") == {book["bob"].pk}
    deal(company("Acme"), "won")
    acme = Contact.objects.get(name="Acme").pk
    assert chosen(ann, *ids, acme, list="customers", scope="all", count="1") == {acme}


def test_posting_the_fields_again_chooses_the_same(ann: User, book: dict[str, Contact]) -> None:
    ids = [one.pk for one in book.values()]
    for sent in (
        posted(*ids, state="city=London", scope="rows"),
        posted(state="city=London", scope="all", count="2"),
        posted(*ids, *ids, list="all", state="", scope="page"),
    ):
        first = Selection.of(CONTACTS, ann, sent)
        again = QueryDict(mutable=True)
        for name, value in first.fields:
            again.appendlist(name, value)
        second = Selection.of(CONTACTS, ann, again)
        assert list(first.queryset) == list(second.queryset)
        assert (first.seen, first.fields) == (second.seen, second.fields)


def test_short_letters_choose_what_they_stand_for(ann: User, book: dict[str, Contact]) -> None:
    short = kept_under(QueryDict("city=London"))
    london = {book["ada"].pk, book["bob"].pk}
    assert chosen(ann, state=short, scope="all", count="2") == london


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ([], {}), ([], {"scope": "rows"}), ([], {"scope": "page"}), (["abc"], {}), (["-1"], {}),
        (["1.0"], {}), (["1e3"], {}), ([""], {}), (["²"], {}), (["٣"], {}), (["9" * 40], {}),
        (["1", "x"], {}), (["1 OR 1=1"], {}), (["1\x00"], {}), (range(1, ROWS_AT_MOST + 2), {}),
        (["1"], {"scope": "everything"}), (["1"], {"scope": ""}), (["1"], {"scope": "ALL"}),
        ([], {"scope": "all"}), ([], {"scope": "all", "count": "many"}),
        ([], {"scope": "all", "count": "-1"}), ([], {"scope": "all", "count": "9" * 40}),
        (["1"], {"list": "no-such-list"}), (["1"], {"list": "\x00"}), (["1"], {"list": "../all"}),
        (["1"], {"state": "shoe_size=5"}), (["1"], {"state": "name=%00"}),
        (["1"], {"state": "owner__password__startswith=a"}), (["1"], {"state": "customer_status=rich"}),
        (["1"], {"state": "not.customer_status=rich"}), (["1"], {"state": "created=soon"}),
        (["1"], {"state": "sort=password"}), (["1"], {"state": "columns=password"}),
        (["1"], {"state": "per_page=100000"}), (["1"], {"state": "q=%00"}), (["1"], {"state": "?=5"}),
        (["1"], {"state": "s=nonsense"}), (["1"], {"state": "s="}), (["1"], {"state": "s=%00"}),
        ([], {"scope": "all", "count": "1", "state": "s=aaaaaaaa"}),
        ([], {"scope": "all", "count": "1", "state": "??city=London"}),
        ([], {"scope": "all", "count": "1", "state": "city=London&edit=0.0"}),
    ],
)  # fmt: skip
def test_a_damaged_post_is_refused_in_a_sentence(
    ann: User, book: dict[str, Contact], rows: Any, more: dict[str, str]
) -> None:
    if more.get("state", "").endswith("edit=0.0"):
        # What is open beside the list is no part of what it asks for.
        assert chosen(ann, *rows, **more) == {book["ada"].pk, book["bob"].pk}
        return
    with pytest.raises(ValidationError) as refused:
        Selection.of(CONTACTS, ann, posted(*rows, **more))
    assert all(sentence.endswith((".", "!")) for sentence in refused.value.messages)


def test_lists_of_others_are_gone_and_lists_of_everybody_are_not(
    ann: User, book: dict[str, Contact]
) -> None:
    ben = User.objects.create_user("ben")
    state = ListState.of(CONTACTS, ben, QueryDict("city=Paris"))
    own = create_list(state, ben, name="Paris", shared=False)
    with pytest.raises(ValidationError, match="gone"):
        Selection.of(CONTACTS, ann, posted(book["cid"].pk, list=own.slug))
    SmartList.objects.update(shared=True)
    assert chosen(ann, book["cid"].pk, list=own.slug) == {book["cid"].pk}


def test_a_saved_list_that_is_damaged_chooses_nothing(ann: User, book: dict[str, Contact]) -> None:
    damaged: list[Any] = [{}, [[]], None, [[{"field": "city", "values": "London"}]]]
    for conditions in damaged:
        SmartList.objects.all().delete()
        saved = (
            SmartList.objects.create(
                record="contact", name="Bad", slug="bad", owner=ann, conditions=conditions
            )
            if conditions is not None
            else SmartList.objects.create(
                record="contact", name="Bad", slug="bad", owner=ann, conditions="null"
            )
        )
        with pytest.raises(ValidationError, match="cannot be read"):
            Selection.of(CONTACTS, ann, posted(list=saved.slug, scope="all", count="3"))


def test_nobody_chooses_without_signing_in(book: dict[str, Contact]) -> None:
    gone = User.objects.create_user("gone", is_active=False)
    ids = [one.pk for one in book.values()]
    assert chosen(gone, *ids) == set()
    assert chosen(gone, scope="all", count="3") == set()
