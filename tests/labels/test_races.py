"""Two people at once. PostgreSQL only: SQLite has one writer at a time, who has locked everything."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from contacts.models import Contact, ContactTag, ContactValue
from contacts.models.labels import HOLDER
from crm.retry import retrying
from deals.services import select_status
from settings.models import CustomField, Removal, Tag
from settings.services import (
    change_tags,
    delete_everywhere,
    delete_label,
    merge_labels,
    set_values,
    undo_removal,
    values_of,
)
from tests.deals.factories import default_stages, person
from tests.labels.worlds import made_field, made_tag
from tests.proof.racing import Rounds

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="SQLite has one writer at a time; there is no race between writers to show",
    ),
]

ROUNDS = int(os.environ.get("STANDING_LABEL_ROUNDS", 12))
Race = Callable[[], tuple[Callable[[], object], Callable[[], object], Callable[[Any, Any], None]]]


def fresh(contact: Contact) -> Contact:
    return Contact.objects.get(pk=contact.pk)


def links() -> set[tuple[int, int]]:
    return set(ContactTag.objects.values_list("contact_id", "tag_id"))


def live(label: Any) -> bool:
    return bool(type(label).objects.live().filter(pk=label.pk).exists())


def tagging_and_deleting() -> Any:
    """Either the tag is there first and goes with its tag, or it is refused: no live contact is left with a dead tag
    that nobody removed from it.
    """
    tag, one, carrier = made_tag("VIP", "customers"), person("Ann"), person("Bob")
    for each in (one, carrier):
        select_status(each, customer="current")
    change_tags("contact", [carrier.pk], on=[tag.pk])

    def check(tagged: Any, deleted: Any) -> None:
        assert deleted is None
        removal = Removal.objects.latest("pk")
        assert isinstance(tagged, ValidationError | None)
        assert ((one.pk, tag.pk) in links()) == (tagged is None)
        assert removal.lost == (2 if tagged is None else 1)

    return (
        lambda: change_tags("contact", [one.pk], on=[tag.pk]),
        lambda: delete_label(tag),
        check,
    )


def setting_and_merging() -> Any:
    """A value that is set before the merge goes along; after it, the field is gone."""
    field, into, one = made_field("Shoe", "whole"), made_field("Foot", "whole"), person("Ann")

    def check(was_set: Any, merged: Any) -> None:
        assert merged is None
        assert isinstance(was_set, ValidationError | None)
        found = values_of(HOLDER, [one.pk], [into]).get(one.pk, {})
        assert found == ({into.pk: 7} if was_set is None else {})
        assert not ContactValue.objects.filter(field=field).exists()

    return (
        lambda: set_values("contact", {one.pk: {field.pk: 7}}),
        lambda: merge_labels(field, into),
        check,
    )


def setting_and_deleting_in_contacts() -> Any:
    """Of a customer it stays, whichever was first; never is it with the removed one."""
    field, one = made_field("Shoe", "whole"), person("Ann")
    select_status(one, customer="current")

    def check(was_set: Any, deleted: Any) -> None:
        assert deleted is None
        assert isinstance(was_set, ValidationError | None)
        into = CustomField.objects.live().get(key="shoe")
        found = values_of(HOLDER, [one.pk], [into]).get(one.pk, {})
        assert found == ({into.pk: 7} if was_set is None else {})

    return (
        lambda: set_values("contact", {one.pk: {field.pk: 7}}),
        lambda: delete_label(field),
        check,
    )


def entering_and_deleting_in_contacts() -> Any:
    """Who enters the category meanwhile has it or has lost it, by who was first; undoing gives it back."""
    tag, one = made_tag("VIP"), person("Ann")
    change_tags("contact", [one.pk], on=[tag.pk])

    def check(entered: Any, deleted: Any) -> None:
        assert (entered, deleted) == (None, None)
        removal = Removal.objects.latest("pk")
        [(_one, where)] = links()
        assert where in (tag.pk, removal.into_id)
        assert (removal.kept, removal.lost) == ((0, 1) if where == tag.pk else (1, 0))
        undo_removal(removal)
        assert links() == {(one.pk, tag.pk)}

    return (
        lambda: select_status(fresh(one), customer="current"),
        lambda: delete_label(tag),
        check,
    )


def undoing_twice() -> Any:
    """One undoes it, the other is told that it is undone."""
    tag, one = made_tag("VIP"), person("Ann")
    select_status(one, customer="current")
    change_tags("contact", [one.pk], on=[tag.pk])
    removal = delete_label(tag)

    def check(first: Any, second: Any) -> None:
        assert sorted([first is None, second is None]) == [False, True]
        assert isinstance(first or second, ValidationError)
        assert links() == {(one.pk, tag.pk)}
        assert live(tag)
        assert Tag.objects.live().count() == 1

    return lambda: undo_removal(removal), lambda: undo_removal(removal), check


def deleting_twice() -> Any:
    tag, one = made_tag("VIP"), person("Ann")
    select_status(one, customer="current")
    change_tags("contact", [one.pk], on=[tag.pk])

    def check(first: Any, second: Any) -> None:
        assert sorted([first is None, second is None]) == [False, True]
        assert isinstance(first or second, ValidationError)
        assert Removal.objects.count() == 1
        undo_removal(Removal.objects.get())
        assert links() == {(one.pk, tag.pk)}

    return lambda: delete_label(tag), lambda: delete_label(tag), check


def deleting_everywhere_and_in_contacts() -> Any:
    """One of them is told; whoever was first, undoing all of it brings everything back."""
    tag, same, one = made_tag("VIP"), made_tag("VIP", "customers"), person("Ann")
    select_status(one, customer="current")
    change_tags("contact", [one.pk], on=[tag.pk, same.pk])
    before = links()

    def check(first: Any, second: Any) -> None:
        assert None in (first, second)
        assert all(isinstance(error, ValidationError | None) for error in (first, second))
        for removal in Removal.objects.order_by("-pk"):
            undo_removal(removal)
        assert links() == before
        assert live(tag)
        assert live(same)

    return lambda: delete_everywhere(tag), lambda: delete_label(tag), check


def merging_into_each_other() -> Any:
    one, other, ann = made_tag("A"), made_tag("B"), person("Ann")
    change_tags("contact", [ann.pk], on=[one.pk])

    def check(first: Any, second: Any) -> None:
        assert sorted([first is None, second is None]) == [False, True]
        assert isinstance(first or second, ValidationError)
        [(_ann, where)] = links()
        assert live(Tag.objects.get(pk=where))

    return lambda: merge_labels(one, other), lambda: merge_labels(other, one), check


RACES = [
    tagging_and_deleting,
    setting_and_merging,
    setting_and_deleting_in_contacts,
    entering_and_deleting_in_contacts,
    undoing_twice,
    deleting_twice,
    deleting_everywhere_and_in_contacts,
    merging_into_each_other,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_two_people_at_once_get_what_one_after_the_other_would(race: Race) -> None:
    default_stages()
    with Rounds(2) as racing:
        for number in range(ROUNDS):
            first, second, check = race()
            jitter = random.random() * 0.006

            def late(work: Callable[[], object], jitter: float = jitter) -> Callable[[], object]:
                def run() -> None:
                    time.sleep(jitter)
                    retrying(work)()

                return run

            works = (
                (retrying(first), late(second)) if number % 2 else (late(first), retrying(second))
            )
            errors = racing.run(*works)
            try:
                check(*errors)
            except AssertionError as error:
                raise AssertionError(f"round {number}: {errors}") from error
            for model in (ContactTag, ContactValue, Removal, Tag, CustomField):
                model.objects.all().delete()  # type: ignore[attr-defined]
            Contact.objects.all().delete()
