"""Giving a custom field another type, and taking that back without losing anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from contacts.models import Contact, ContactChange, ContactValue
from contacts.models.labels import HOLDER
from crm.accounts.models import User
from crm.actor import acting_as
from crm.changes import one_change
from deals.models import DealValue
from deals.services import select_status
from settings.catalogue import catalogue
from settings.categories import FieldType
from settings.models import Account, CustomField, Option, Removal
from settings.services import delete_label, merge_labels, set_values, undo_removal, values_of
from settings.services.converters import OPTIONS_AT_MOST
from settings.services.converting import convert_field
from settings.services.previewing import preview_conversion
from settings.types import Value, type_of
from tests.deals import factories as make
from tests.labels.worlds import made_field

pytestmark = pytest.mark.django_db
LONG = "Ünïcode “quoted”; a\\b\nsecond line\n\n=cmd()|' /C calc'!A0"


@pytest.fixture
def ann() -> User:
    return User.objects.create_superuser("ann", "ann@example.com", first_name="Ann", last_name="Ö")


def samples(type: str, ann: User) -> list[Value]:
    """Values that people really give, and those that convert into few other types."""
    bob = User.objects.get_or_create(username="bob")[0]
    texts = ["Red", "red; Blue", "12", "1.50", "yes", "2026-11-23", "2026-11-23 14:30",
             "ann@example.com", "+49 30 123", "https://example.com/x", "Ann Ö", "Acme", "x" * 120,
             "\u202eevil", "<script>alert(1)</script>"]  # fmt: skip
    found: dict[str, list[Value]] = {
        FieldType.TEXT: texts,
        FieldType.LONG_TEXT: [*texts, LONG, "x" * 10_000],
        FieldType.WHOLE: [0, 1, -7, 12, 10**14],
        FieldType.NUMBER: [Decimal("0"), Decimal("1"), Decimal("1.5"), Decimal("-2.0001")],
        FieldType.MONEY: [Decimal("0.00"), Decimal("12.50"), Decimal("-3.00")],
        FieldType.YES_NO: [True, False],
        FieldType.DATE: [date(2026, 11, 23), date(1, 1, 2), date(9999, 12, 30)],
        FieldType.MOMENT: [
            datetime(2026, 11, 23, 23, 30, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 30, 5, 123456, tzinfo=UTC),
        ],
        FieldType.EMAIL: ["ann@example.com", "bob@example.org"],
        FieldType.PHONE: ["+49 30 123", "12"],
        FieldType.URL: ["https://example.com/x", "http://example.org"],
        FieldType.ADDRESS: ["Main St 1; B\n10115\nBerlin\n\nGermany", "\n\nParis\n\n"],
        FieldType.USER: [ann.pk, bob.pk],
        FieldType.CONTACT: [make.company("Acme").pk, make.person("Curie").pk],
    }
    return found.get(type, [])


def filled(type: str, ann: User, **more: Any) -> tuple[CustomField, dict[int, Value]]:
    """A field of this type, and what each of some companies has in it."""
    names = ["Red", "Blue", "12", "a; b\\", "ann@example.com", "Ann Ö"]
    chooses = type in (FieldType.CHOICE, FieldType.CHOICES)
    field = made_field("Level", type, options=names if chooses else (), **more)
    values = samples(type, ann)
    options = list(field.options.values_list("pk", flat=True))
    if type == FieldType.CHOICE:
        values = options
    elif type == FieldType.CHOICES:
        values = [(options[0],), tuple(options), (options[3],), (options[2],)]
    given = {make.company().pk: value for value in values}
    set_values("contact", {pk: {field.pk: value} for pk, value in given.items()})
    return field, values_now(field)


def values_now(field: CustomField) -> dict[int, Value]:
    field = CustomField.objects.get(pk=field.pk)
    ids = list(ContactValue.objects.filter(field=field).values_list("contact_id", flat=True))
    return {
        pk: found[field.pk]
        for pk, found in values_of(HOLDER, ids, [field], unseen=True).items()
        if field.pk in found
    }


def rows(field: CustomField) -> list[Mapping[str, Any]]:
    return list(ContactValue.objects.filter(field=field).order_by("pk").values())


def options(field: CustomField) -> list[Mapping[str, Any]]:
    return list(Option.objects.filter(field=field).order_by("pk").values())


def undo(removal: Removal) -> None:
    undo_removal(removal)


def by_name(records: Iterable[str]) -> dict[str, int]:
    return {name: make.company(name).pk for name in records}


# -- every pair of types


@pytest.mark.parametrize("old", FieldType.values)
def test_every_value_is_converted_or_refused_and_undoing_brings_back_the_same_rows(
    old: str, ann: User
) -> None:
    field, before = filled(old, ann)
    stored, offered = rows(field), options(field)
    for new in [one for one in FieldType.values if one != old]:
        preview = preview_conversion(field, new, ann)
        assert preview.converted + preview.lost == len(before), new
        assert (rows(field), options(field)) == (stored, offered), new
        with acting_as(ann):
            removal = convert_field(field, new, lost=preview.lost)
        assert (removal.kept, removal.lost) == (preview.converted, preview.lost), new
        field.refresh_from_db()
        assert field.type == new
        after = values_now(field)
        assert len(after) == removal.kept, new
        # What is stored is what a form would store: cleaning it again changes nothing.
        assert {pk: type_of(field).clean(field, one) for pk, one in after.items()} == after, new
        undo(removal)
        field.refresh_from_db()
        assert field.type == old
        assert (rows(field), options(field)) == (stored, offered), new
        assert CustomField.objects.count() == 1


@pytest.mark.parametrize("old", [one for one in FieldType.values if one != FieldType.LONG_TEXT])
def test_everything_becomes_a_long_text(old: str, ann: User) -> None:
    field, before = filled(old, ann)
    convert_field(field, FieldType.LONG_TEXT, lost=0)
    assert values_now(field).keys() == before.keys()


WORDS: dict[tuple[str, str], Any] = {
    (FieldType.CHOICE, FieldType.TEXT): ["Red", "Blue", "12", "a; b\\", "ann@example.com", "Ann Ö"],
    (FieldType.CHOICES, FieldType.TEXT): [
        "Red",
        r"Red; Blue; 12; a\; b\\; ann@example.com; Ann Ö",
        r"a\; b\\",
        "12",
    ],
    (FieldType.CHOICES, FieldType.WHOLE): [None, None, None, 12],
    (FieldType.YES_NO, FieldType.TEXT): ["yes", "no"],
    (FieldType.DATE, FieldType.TEXT): ["2026-11-23", "0001-01-02", "9999-12-30"],
    (FieldType.MOMENT, FieldType.TEXT): [
        "2026-11-24 00:30:00+01:00",
        "2026-03-29 03:30:05.123456+02:00",
    ],
    (FieldType.MOMENT, FieldType.DATE): [date(2026, 11, 24), date(2026, 3, 29)],
    (FieldType.USER, FieldType.TEXT): ["Ann Ö", "bob"],
    (FieldType.CONTACT, FieldType.TEXT): ["Acme", "Curie"],
    (FieldType.ADDRESS, FieldType.TEXT): [r"Main St 1\; B; 10115; Berlin; ; Germany", "; ; Paris"],
    (FieldType.ADDRESS, FieldType.LONG_TEXT): [
        "Main St 1; B\n10115\nBerlin\n\nGermany",
        "Paris",
    ],
    (FieldType.MONEY, FieldType.TEXT): ["0.00", "12.50", "-3.00"],
    (FieldType.MONEY, FieldType.WHOLE): [0, None, -3],
    (FieldType.NUMBER, FieldType.WHOLE): [0, 1, None, None],
    (FieldType.NUMBER, FieldType.MONEY): [Decimal("0"), Decimal("1"), Decimal("1.5"), None],
    (FieldType.WHOLE, FieldType.MONEY): [Decimal(0), Decimal(1), Decimal(-7), Decimal(12), None],
    (FieldType.WHOLE, FieldType.YES_NO): [False, True, None, None, None],
    (FieldType.EMAIL, FieldType.USER): ["ann@example.com", None],
}


@pytest.mark.parametrize("pair", WORDS, ids=lambda pair: "-".join(pair))
def test_values_become_what_people_expect(pair: tuple[str, str], ann: User) -> None:
    Account(time_zone="Europe/Berlin").save()
    field, before = filled(pair[0], ann)
    # Whoever changes the type reads and lives elsewhere.
    with translation.override("de"), timezone.override("Pacific/Auckland"):
        convert_field(field, pair[1])
    after = values_now(field)
    wanted = [
        ann.pk if one == "ann@example.com" and pair[1] == "user" else one for one in WORDS[pair]
    ]
    assert [after.get(pk) for pk in before] == wanted


# -- texts


def test_texts_become_options_in_their_order_and_spellings_are_one(ann: User) -> None:
    field = made_field("Size")
    texts = ["10", "9", "large", "Large ", "100", "Äpfel", "apfel"]
    given = dict(zip(by_name("ABCDEFG").values(), texts, strict=True))
    set_values("contact", {pk: {field.pk: text} for pk, text in given.items()})
    assert preview_conversion(field, "choice", ann).options == ["10", "9", "large", "100", "Äpfel"]
    convert_field(field, "choice", lost=0)
    assert list(field.options.values_list("name", flat=True)) == [
        "9",
        "10",
        "100",
        "Äpfel",
        "large",
    ]
    names = dict(field.options.values_list("pk", "name"))
    assert [names[one] for one in values_now(field).values()] == [
        "10", "9", "large", "large", "100", "Äpfel", "Äpfel",
    ]  # fmt: skip


def test_a_text_with_several_names_becomes_several_options() -> None:
    field = made_field("Colours", "long_text")
    contact = make.company()
    set_values("contact", {contact.pk: {field.pk: "Red; Blue\nGreen; Red"}})
    convert_field(field, "choices", lost=0)
    assert set(field.options.values_list("name", flat=True)) == {"Red", "Blue", "Green"}
    assert len(values_now(field)[contact.pk]) == 3


def test_over_a_hundred_different_texts_are_refused_as_options(ann: User) -> None:
    field = made_field("Size")
    given = {make.company().pk: f"Text {number}" for number in range(OPTIONS_AT_MOST + 1)}
    set_values("contact", {pk: {field.pk: text} for pk, text in given.items()})
    stored = rows(field)
    for attempt in (
        lambda: preview_conversion(field, "choice", ann),
        lambda: convert_field(field, "choice"),
    ):
        with pytest.raises(ValidationError, match="over 100 new options"):
            attempt()
    assert rows(field) == stored
    assert not Option.objects.exists()
    assert not Removal.objects.exists()
    ContactValue.objects.filter(contact=next(iter(given))).delete()
    assert convert_field(field, "choice").kept == OPTIONS_AT_MOST


def test_hostile_texts_become_no_options(ann: User) -> None:
    field = made_field("Name", "long_text")
    bad = ["x" * 81, "a\x07b", "\u0301", "x" * 10_000]
    good = ["<script>alert(1)</script>", "=cmd()", "\u202eabc", "a, b"]
    given = dict(zip(by_name("ABCDEFGH").values(), [*bad, *good], strict=True))
    set_values("contact", {pk: {field.pk: text} for pk, text in given.items()})
    preview = preview_conversion(field, "choice", ann)
    assert [one.old for one in preview.refused] == bad
    assert preview.options == good
    convert_field(field, "choice", lost=4)
    assert set(field.options.values_list("name", flat=True)) == set(good)


def test_a_name_that_several_share_means_nobody(ann: User) -> None:
    field = made_field("Partner")
    make.company("Twin")
    make.company("Twin")
    only = make.company("Acme")
    given = by_name("ABC")
    texts = {"A": "Twin", "B": "Acme", "C": "Nobody at all"}
    set_values("contact", {given[name]: {field.pk: text} for name, text in texts.items()})
    preview = preview_conversion(field, "contact", ann)
    assert {one.reason for one in preview.refused} == {
        "Several are called “Twin”.",
        "Nobody is called “Nobody at all”.",
    }
    convert_field(field, "contact")
    assert values_now(field) == {given["B"]: only.pk}


# -- options


def test_choices_keep_their_options_and_the_lists_that_name_them() -> None:
    field = made_field("Level", "choice", options=["Low", "High"])
    low, high = field.options.all()
    one = make.company()
    set_values("contact", {one.pk: {field.pk: high.pk}})
    removal = convert_field(field, "choices", lost=0)
    assert values_now(field) == {one.pk: (high.pk,)}
    set_values("contact", {one.pk: {field.pk: (low.pk,)}})
    undo(removal)
    assert values_now(field) == {one.pk: low.pk}


def test_changing_to_a_text_and_by_hand_back_finds_the_options() -> None:
    field = made_field("Level", "choice", options=["Low", "High"])
    offered = options(field)
    one = make.company()
    set_values("contact", {one.pk: {field.pk: offered[1]["id"]}})
    convert_field(field, "text")
    convert_field(field, "choice")
    assert options(field) == offered
    assert values_now(field) == {one.pk: offered[1]["id"]}


def test_the_default_goes_along_and_comes_back() -> None:
    field = made_field("Level", "choice", options=["Low", "High"], default="High")
    removal = convert_field(field, "text")
    field.refresh_from_db()
    assert field.default == "High"
    CustomField.objects.filter(pk=field.pk).update(default="Low")
    undo(removal)
    field.refresh_from_db()
    assert field.default == "Low"
    removal = convert_field(field, "date")
    field.refresh_from_db()
    assert field.default == ""
    undo(removal)
    field.refresh_from_db()
    assert field.default == "Low"


def test_the_currency_of_money_comes_back() -> None:
    field = made_field("Fee", "money", currency="CHF")
    removal = convert_field(field, "number")
    field.refresh_from_db()
    assert field.currency == ""
    undo(removal)
    field.refresh_from_db()
    assert field.currency == "CHF"


# -- undoing after edits


def test_undoing_keeps_what_was_changed_since_where_it_can(ann: User) -> None:
    names = ["Same", "Changed", "Unfit", "Cleared", "Lost", "Lost, changed", "New", "New, unfit"]
    ids = by_name(names)
    field = made_field("Age", "text")
    first = {
        "Same": "1",
        "Changed": "2",
        "Unfit": "3",
        "Cleared": "4",
        "Lost": "x",
        "Lost, changed": "y",
    }
    set_values("contact", {ids[name]: {field.pk: text} for name, text in first.items()})
    stored = {row["contact_id"]: row for row in rows(field)}
    removal = convert_field(field, "whole", lost=2)
    back = convert_field(field, "text")
    undo(back)
    later = {"Changed": 22, "Cleared": None, "Lost, changed": 5, "New": 6}
    set_values("contact", {ids[name]: {field.pk: value} for name, value in later.items()})
    undo(removal)
    found = {name: values_now(field).get(pk) for name, pk in ids.items()}
    assert found == {
        "Same": "1", "Changed": "22", "Unfit": "3", "Cleared": None, "Lost": "x",
        "Lost, changed": "5", "New": "6", "New, unfit": None,
    }  # fmt: skip
    for name in ("Same", "Unfit", "Lost"):
        assert next(r for r in rows(field) if r["contact_id"] == ids[name]) == stored[ids[name]]


def test_undoing_tells_in_the_history_what_could_not_be_kept(ann: User) -> None:
    ids = by_name(["Old", "New"])
    field = made_field("Age", "whole")
    set_values("contact", {ids["Old"]: {field.pk: 5}})
    removal = convert_field(field, "text")
    set_values("contact", {ids["Old"]: {field.pk: "five"}, ids["New"]: {field.pk: "six"}})
    ContactChange.objects.all().delete()
    with acting_as(ann):
        undo(removal)
    assert values_now(field) == {ids["Old"]: 5}
    told = ContactChange.objects.order_by("contact_id").values_list(
        "contact_id", "old", "new", "actor"
    )
    assert list(told) == [(ids["Old"], "five", "5", ann.pk), (ids["New"], "six", "", ann.pk)]


def test_undoing_makes_the_options_that_values_since_need() -> None:
    one = make.company()
    field = made_field("Level", "choice", options=["Low"])
    removal = convert_field(field, "text")
    set_values("contact", {one.pk: {field.pk: "High"}})
    undo(removal)
    assert list(field.options.values_list("name", flat=True)) == ["Low", "High"]
    assert values_now(field) == {one.pk: field.options.get(name="High").pk}


def test_options_renamed_since_are_no_edits_of_values() -> None:
    one = make.company()
    field = made_field("Level")
    set_values("contact", {one.pk: {field.pk: "Low"}})
    stored = rows(field)
    removal = convert_field(field, "choice")
    option = field.options.get()
    option.name = "Niedrig"
    option.save()
    undo(removal)
    assert rows(field) == stored
    assert not Option.objects.exists()


# -- in which order things are undone


def test_what_happened_since_is_undone_first() -> None:
    field = made_field("Level")
    first = convert_field(field, "choice")
    second = convert_field(field, "choices")
    with pytest.raises(ValidationError, match="Undo that first"):
        undo(first)
    deleted = delete_label(field)
    with pytest.raises(ValidationError, match="Undo that first"):
        undo(second)
    for one in (deleted, second, first):
        undo(one)
    field.refresh_from_db()
    assert field.type == "text"
    with pytest.raises(ValidationError, match="undone already"):
        undo(first)


def test_a_merge_is_not_parted_while_the_type_is_another() -> None:
    one, other = made_field("One"), made_field("Other")
    contact = make.company()
    set_values("contact", {contact.pk: {other.pk: "12"}})
    merged = merge_labels(other, one)
    converted = convert_field(one, "whole")
    with pytest.raises(ValidationError, match="given another type since"):
        undo(merged)
    undo(converted)
    undo(merged)
    assert values_now(other) == {contact.pk: "12"}
    assert values_now(one) == {}
    converted = convert_field(one, "whole")
    whole = made_field("Third", "whole")
    set_values("contact", {contact.pk: {whole.pk: 7}})
    one.refresh_from_db()
    later = merge_labels(whole, one)
    with pytest.raises(ValidationError, match="merged since"):
        undo(converted)
    undo(later)
    undo(converted)
    assert values_now(whole) == {contact.pk: 7}


def test_after_30_days_it_stays_converted() -> None:
    from settings.services import purge_expired

    field = made_field("Level")
    contact = make.company()
    set_values("contact", {contact.pk: {field.pk: "12"}})
    removal = convert_field(field, "whole")
    assert purge_expired() == 0
    twin = CustomField.objects.exclude(pk=field.pk).get()
    CustomField.objects.filter(pk=twin.pk).update(deleted_at=timezone.now() - timedelta(days=31))
    assert purge_expired() == 1
    with pytest.raises(ValidationError, match="too long ago"):
        undo(removal)
    assert values_now(field) == {contact.pk: 12}
    assert ContactValue.objects.count() == 1


# -- what is seen, and by whom


def test_unseen_values_are_converted_and_come_back_but_are_not_shown(ann: User) -> None:
    seen, unseen = make.company("Seen"), make.company("Unseen")
    field = made_field("Level", category="customers")
    for one in (seen, unseen):
        select_status(one, customer="past")
    set_values("contact", {one.pk: {field.pk: "x"} for one in (seen, unseen)})
    select_status(unseen, customer="none")
    preview = preview_conversion(field, "whole", ann)
    assert [one.record for one in preview.refused] == [seen]
    assert (preview.lost, preview.not_shown) == (2, 1)
    removal = convert_field(field, "whole", lost=2)
    undo(removal)
    assert values_now(field) == {seen.pk: "x", unseen.pk: "x"}


def test_more_losses_than_were_confirmed_are_refused(ann: User) -> None:
    field = made_field("Level")
    contact = make.company()
    preview = preview_conversion(field, "whole", ann)
    set_values("contact", {contact.pk: {field.pk: "x"}})
    stored = rows(field)
    with pytest.raises(ValidationError, match="changed in the meantime"):
        convert_field(field, "whole", lost=preview.lost)
    assert rows(field) == stored
    assert CustomField.objects.get().type == "text"


def test_the_first_twenty_that_cannot_are_shown_with_why(ann: User) -> None:
    field = made_field("Level")
    contacts = [make.company() for _number in range(25)]
    set_values("contact", {one.pk: {field.pk: f"No {one.pk}"} for one in contacts})
    preview = preview_conversion(field, "whole", ann)
    assert [one.record for one in preview.refused] == contacts[:20]
    first = preview.refused[0]
    assert first.old == f"No {contacts[0].pk}"
    assert first.reason == f"“No {contacts[0].pk}” is no number."
    assert preview.not_shown == 5


def test_a_type_is_another_one_and_the_field_is_there(ann: User) -> None:
    field = made_field("Level")
    for wanted in ("text", "nonsense", ""):
        with pytest.raises(ValidationError):
            convert_field(field, wanted)
    delete_label(field)
    with pytest.raises(ValidationError, match="removed already"):
        convert_field(field, "whole")


def test_fields_of_deals_are_converted_too() -> None:
    field = made_field("Level", category="deals")
    deal = make.deal(make.company())
    set_values("deal", {deal.pk: {field.pk: "12"}})
    stored = list(DealValue.objects.values())
    removal = convert_field(field, "whole")
    assert DealValue.objects.get(field=field).number == 12
    undo(removal)
    assert list(DealValue.objects.values()) == stored


def test_a_value_of_the_old_type_is_not_given_to_the_new_one() -> None:
    """Somebody sent a form while the type was being changed."""
    from settings.catalogue import known_once

    field = made_field("Level")
    contact = make.company()
    with known_once():
        assert catalogue().fields_by_id[field.pk].type == "text"
        CustomField.objects.filter(pk=field.pk).update(type="whole")
        with pytest.raises(ValidationError, match="given another type"):
            set_values("contact", {contact.pk: {field.pk: "12"}})
    assert not ContactValue.objects.exists()


# -- statements


def counted(number: int, type: str) -> tuple[int, int, int]:
    field = made_field(f"Level {number}")
    first = {make.company().pk: str(one % 2) for one in range(number)}
    set_values("contact", {pk: {field.pk: text} for pk, text in first.items()})
    user = User.objects.get()
    with CaptureQueriesContext(connection) as previewing:
        preview_conversion(field, type, user)
    with CaptureQueriesContext(connection) as converting:
        removal = convert_field(field, type)
    edited = CustomField.objects.get(pk=field.pk)
    kind = type_of(edited)
    options = list(edited.options.values_list("pk", flat=True))
    value = options[0] if options else kind.from_text(edited, "1")
    set_values("contact", {pk: {field.pk: value} for pk in first})
    with CaptureQueriesContext(connection) as undoing:
        undo(removal)
    return len(previewing), len(converting), len(undoing)


@pytest.mark.parametrize("type", ["whole", "long_text", "choice"])
def test_forty_values_take_as_many_statements_as_two(type: str, ann: User) -> None:
    made_field("Warm")
    with one_change():
        assert Contact.objects.count() == 0
    assert counted(2, type) == counted(40, type)
