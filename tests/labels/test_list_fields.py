"""Tags and custom fields in lists: what they sort, what is unseen there, and what they cost.

What each filter lists is compared with a plain evaluation in `tests/lists/test_oracle.py`.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, ContactValue
from contacts.models.labels import HOLDER, PROSPECT_OR_CUSTOMER
from crm.accounts.models import User
from crm.folding import digits, fold
from crm.lists.registry import Context, registry_of
from crm.lists.state import ListState
from deals.models import Deal
from deals.services import select_status
from settings.categories import AppliesTo, Category, FieldType
from settings.models import CustomField, Option, Tag
from settings.services import change_tags, set_values
from settings.types import type_of
from tests.deals.factories import company, deal, person
from tests.labels.making import carry, make_labels, values_for
from tests.labels.worlds import made_field, made_tag
from tests.lists.worlds import TEXTS

pytestmark = pytest.mark.django_db
# Statements of a list with tags and fields of all types: a dozen, and what these are read with.
MOST = 12 + 6


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", last_name="Abel")


def listed(user: Any, query: str, record: str = "contact") -> list[int]:
    state = ListState(registry_of(record), Context.of(user), QueryDict(query))
    assert state.faults == [], query
    return list(state.queryset().values_list("pk", flat=True))


# -- sorting


def sort_key(field: CustomField, row: Any) -> Any:
    """What a value is sorted by, in plain Python."""
    if field.type in (FieldType.TEXT, FieldType.LONG_TEXT, FieldType.EMAIL, FieldType.URL,
                      FieldType.ADDRESS):  # fmt: skip
        return fold(row["text"])[:200].encode()
    if field.type == FieldType.PHONE:
        return digits(row["text"]).encode()
    if field.type == FieldType.CHOICE:
        return Option.objects.get(pk=row["option_id"]).position
    if field.type == FieldType.USER:
        return User.objects.get(pk=row["user_id"]).last_name.encode()
    if field.type == FieldType.CONTACT:
        return Contact.objects.get(pk=row["record_id"]).sort_key.encode()
    column = {FieldType.DATE: "date", FieldType.MOMENT: "moment", FieldType.YES_NO: "yes"}
    return row[column.get(FieldType(field.type), "number")]


def shows(contact: Contact, field: CustomField) -> bool:
    statuses = contact.prospect_status, contact.customer_status
    if field.category == Category.CUSTOMERS and statuses == ("none", "none"):
        return False
    kind = AppliesTo.COMPANIES if contact.is_organization else AppliesTo.PEOPLE
    return field.applies_to in (AppliesTo.ALL, kind)


@pytest.mark.parametrize("category", ["contacts", "customers"])
@pytest.mark.parametrize("applies_to", ["", "person", "company"])
def test_each_type_sorts_as_its_values_do(ann: User, category: str, applies_to: str) -> None:
    users = [ann, User.objects.create_user("ben", last_name="Zorn")]
    contacts = [company(f"Firm {n}") for n in range(6)] + [person(f"P {n}") for n in range(8)]
    for one in contacts[::2]:
        select_status(one, customer="past")
    rng = random.Random(7)
    ids = [one.pk for one in contacts]
    wrong = []
    for kind in FieldType:
        field = made_field(
            f"Field {kind}", kind, category, applies_to=applies_to,
            options=["b", "a", "c"] if "choice" in kind else (),
        )  # fmt: skip
        give(field, ids, rng, users)
        if kind == FieldType.CHOICES:
            assert registry_of("contact").get(field.form_name).order == ()  # type: ignore[union-attr]
            continue
        rows = {row["contact_id"]: row for row in ContactValue.objects.filter(field=field).values()}
        seen = [
            one.pk
            for one in Contact.objects.filter(pk__in=ids)
            if one.pk in rows and shows(one, field)
        ]
        keys = {pk: sort_key(field, rows[pk]) for pk in seen}
        rest = [pk for pk in ids if pk not in keys]
        for minus in ("", "-"):
            found = listed(ann, f"sort={minus}{field.form_name}")
            ordered = [keys[pk] for pk in found[: len(seen)] if pk in keys]
            expected = sorted(keys.values(), reverse=bool(minus))
            if ordered != expected or sorted(found[len(seen) :]) != sorted(rest):
                wrong.append(f"{minus}{kind}: {ordered} is not {expected}")
    assert not wrong, "\n".join(wrong)


def give(field: CustomField, ids: list[int], rng: random.Random, users: list[User]) -> None:
    """Values for two in three, past the rules of who may have them."""
    wanted = values_for(field, TEXTS, ids, users)
    rows = []
    for pk in ids:
        if (
            rng.random() < 0.66
            and (value := type_of(field).clean(field, rng.choice(wanted))) is not None
        ):
            rows += [
                ContactValue(contact_id=pk, field=field, **columns)
                for columns in type_of(field).rows(field, value)
            ]
    ContactValue.objects.bulk_create(rows)


# -- what is unseen


def test_what_is_unseen_is_neither_listed_nor_counted_nor_shown(ann: User, client: Any) -> None:
    client.force_login(ann)
    level, key = made_field("Level", "text", "customers"), made_tag("Key", "customers")
    inside, outside = person("In"), person("Out")
    for one in (inside, outside):
        select_status(one, customer="current")
        set_values("contact", {one.pk: {level.pk: "Secret"}})
    change_tags("contact", [inside.pk, outside.pk], on=[key.pk])
    select_status(outside, customer="none")
    name = level.form_name
    for query in (f"{name}=secret", f"{name}.starts=sec", f"not.{name}.empty=yes",
                  f"customer_tags={key.pk}", "not.customer_tags.empty=yes"):  # fmt: skip
        assert listed(ann, query) == [inside.pk], query
    for query in (f"not.{name}=secret", f"{name}.empty=yes", f"not.customer_tags={key.pk}",
                  "customer_tags.empty=yes"):  # fmt: skip
        assert listed(ann, query) == [], query
    page = client.get(f"/contacts/?columns={name},customer_tags").content.decode()
    assert page.count("Secret") == 1
    assert page.count('class="tag tag-gray"') == 1


def test_nobody_is_a_word_like_others_in_a_text(ann: User) -> None:
    email = made_field("Second address", "email")
    person("A")
    two = person("B")
    set_values("contact", {two.pk: {email.pk: "None@example.com"}})
    assert listed(ann, f"{email.form_name}=NONE") == [two.pk]
    assert listed(ann, f"{email.form_name}.is=none") == []


def test_a_field_of_people_asks_nothing_of_companies(ann: User) -> None:
    hobby = made_field("Hobby", "text", applies_to="person")
    one = person("A")
    company("B")
    assert listed(ann, f"{hobby.form_name}.empty=yes") == [one.pk]
    set_values("contact", {one.pk: {hobby.pk: "Chess"}})
    assert listed(ann, f"not.{hobby.form_name}=go") == [one.pk]


# -- what it costs


@pytest.mark.parametrize("record", ["contact", "deal"])
@pytest.mark.parametrize("sorted_by", ["", "user"])
def test_a_list_costs_the_same_for_any_number_of_tags_fields_and_options(
    ann: User, client: Any, record: str, sorted_by: str
) -> None:
    client.force_login(ann)
    people = [person(f"P {n}") for n in range(4)]
    for one in people:
        deal(one, "won")
    ids = [one.pk for one in people]
    records = ids if record == "contact" else deals_of(ids)
    rng = random.Random(3)
    carry_more(record, records, rng, ids, [ann], first=True)
    few = cost(client, record, sorted_by)
    for _number in range(2):
        carry_more(record, records, rng, ids, [ann], first=False)
    many = cost(client, record, sorted_by)
    assert few == many <= MOST, (few, many)


def deals_of(ids: list[int]) -> list[int]:
    return list(Deal.objects.filter(primary_contact__in=ids).values_list("pk", flat=True))


_numbers = itertools.count(1)


def carry_more(
    record: str, records: list[int], rng: random.Random, contacts: list[int], users: list[User], *,
    first: bool,
) -> None:  # fmt: skip
    """A field of every type, and as many tags, beside those there are."""
    if not first:
        for model in (CustomField, Tag):
            for one in model.objects.all():
                one.name = f"Earlier {next(_numbers)}"
                one.save()
        # As many options more as well.
        for field in CustomField.objects.filter(type__in=["choice", "choices"]):
            Option.objects.create(field=field, name=f"More {next(_numbers)}")
    carry(record, records, rng, TEXTS, contacts, users)
    # Whom values name is asked only where some are shown.
    CustomField.objects.update(applies_to="")


def cost(client: Any, record: str, sorted_by: str) -> int:
    # The latest of each type: a table has no more than so many columns.
    columns = ["tags", *(["customer_tags"] if record == "contact" else [])]
    columns += [
        CustomField.objects.filter(
            type=kind, category__in=[one.value for one in Category.of_record(record)]
        )
        .latest("pk")
        .form_name
        for kind in FieldType
    ]
    query = f"columns={','.join(columns)}"
    if sorted_by:
        category = ["deals"] if record == "deal" else ["contacts", "customers"]
        field = CustomField.objects.filter(type=sorted_by, category__in=category)[0]
        nobody = "=none" if sorted_by == "user" else ".empty=yes"
        query += f"&sort={field.form_name}&not.{field.form_name}{nobody}&not.tags.empty=yes"
    path = f"/{record}s/?{query}"
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200
    assert not answer.context["state"].faults
    assert len(answer.context["table"].fields) >= 17
    assert answer.context["rows"]
    return len(captured)


def test_members_are_who_the_registry_says_they_are() -> None:
    one, other = person("A"), person("B")
    select_status(one, prospect="lost")
    assert list(Contact.objects.filter(PROSPECT_OR_CUSTOMER)) == [one]
    assert HOLDER.members(Category.CONTACTS).children == []
    assert other not in Contact.objects.filter(HOLDER.members(Category.CUSTOMERS))


def test_worlds_have_a_field_of_every_type() -> None:
    _tags, fields = make_labels("contact", random.Random(1))
    assert {one.type for one in fields} == set(FieldType)


def test_a_column_shows_nothing_of_a_field_for_the_other_kind(client: Any) -> None:
    ann = User.objects.create_user("ann")
    client.force_login(ann)
    firm, worker = company(name="Acme"), person(last_name="Berg")
    seats = CustomField.objects.create(category=Category.CONTACTS, name="Seats", type="text")
    set_values("contact", {firm.pk: {seats.pk: "of-acme"}, worker.pk: {seats.pk: "of-berg"}})
    CustomField.objects.filter(pk=seats.pk).update(applies_to="person")
    shown = client.get(f"/contacts/?columns={seats.form_name}").content.decode()
    assert "of-berg" in shown
    assert "of-acme" not in shown
