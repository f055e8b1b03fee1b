"""What records carry, of what their reader may see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Q

from crm.accounts.models import User
from settings.catalogue import catalogue
from settings.categories import AppliesTo, Category, FieldType
from settings.holders import Holder
from settings.models import CustomField, Tag
from settings.types import READ, Names, Value, type_of

Values = Mapping[int, Value]


def shown_by(holder: Holder, one: str = "field") -> Q:
    """As a condition on links or values: those that are seen. What a contact carries of Prospects & Customers is
    unseen while it does not belong there, and stays; so is the value of a field that is for the other kind.
    """
    members = Q(**{f"{one}__category": Category.CUSTOMERS}) & holder.through(
        holder.members(Category.CUSTOMERS)
    )
    shown = ~Q(**{f"{one}__category": Category.CUSTOMERS}) | members
    if one == "field":
        for kind in (AppliesTo.PEOPLE, AppliesTo.COMPANIES):
            shown &= ~Q(field__applies_to=kind) | holder.through(holder.of_kind(kind))
    return shown


def values_of(
    holder: Holder, ids: Collection[int], fields: Iterable[CustomField], *, unseen: bool = False
) -> dict[int, dict[int, Value]]:
    """For each of these records the values of these fields, by number; one statement.

    With ``unseen`` also those of a category that a contact does not belong to, and of the other kind.
    """
    by_id = {field.pk: field for field in fields}
    found: dict[int, dict[int, Value]] = defaultdict(dict)
    if not by_id or not ids:
        return found
    rows = holder.values._default_manager.filter(
        Q((f"{holder.key}__in", list(ids))), field__in=list(by_id)
    )
    if not unseen and any(
        field.category == Category.CUSTOMERS or field.applies_to for field in by_id.values()
    ):
        rows = rows.filter(shown_by(holder))
    rows = rows.order_by(holder.key_id, "field_id").values(holder.key_id, "field_id", *READ)
    for (pk, field_id), group in groupby(rows, key=itemgetter(holder.key_id, "field_id")):
        found[pk][field_id] = type_of(by_id[field_id]).value(list(group))
    return found


def tags_of(
    holder: Holder, ids: Collection[int], categories: Sequence[Category], *, unseen: bool = False
) -> dict[int, list[Tag]]:
    """For each of these records its tags of these categories, in their order; one statement beside the catalogue."""
    tags = {tag.pk: tag for tag in catalogue().tags(*categories)}
    found: dict[int, list[Tag]] = defaultdict(list)
    if not tags or not ids:
        return found
    links = holder.links._default_manager.filter(
        Q((f"{holder.key}__in", list(ids))), tag__in=list(tags)
    )
    if not unseen and Category.CUSTOMERS in categories:
        links = links.filter(shown_by(holder, "tag"))
    carried = defaultdict(set)
    for pk, tag_id in links.order_by().values_list(holder.key_id, "tag_id"):
        carried[pk].add(tag_id)
    for pk, ids_of_tags in carried.items():
        found[pk] = [tag for tag_id, tag in tags.items() if tag_id in ids_of_tags]
    return found


def names_for(
    holder: Holder, fields: Iterable[CustomField], values: Iterable[Values], user: Any
) -> Names:
    """What the people and contacts in these values are called; contacts that ``user`` may not see are left out, all
    are named for None. At most two statements.
    """
    wanted: dict[str, set[int]] = {FieldType.USER: set(), FieldType.CONTACT: set()}
    asking = [field for field in fields if field.type in wanted]
    for one in values:
        for field in asking:
            if (value := one.get(field.pk)) is not None:
                wanted[field.type].add(value)
    names = Names(currency=catalogue().account.currency if _has_money(fields) else "")
    if wanted[FieldType.USER]:
        people = User.objects.filter(pk__in=wanted[FieldType.USER])
        names.users = {one.pk: str(one) for one in people}
    if wanted[FieldType.CONTACT]:
        names.contacts = holder.names(sorted(wanted[FieldType.CONTACT]), user)
    return names


def _has_money(fields: Iterable[CustomField]) -> bool:
    return any(field.type == FieldType.MONEY and not field.currency for field in fields)


@dataclass(frozen=True)
class Seen:
    """A field of a record as its card shows it; ``text`` is empty and ``value`` None where it has none."""

    field: CustomField
    value: Value
    text: str


def seen_of(
    holder: Holder, record: Any, categories: Sequence[Category], user: Any
) -> tuple[dict[Category, list[Tag]], dict[Category, list[Seen]]]:
    """The tags and the fields of one record, by category, fields without a value included; both without those of a
    category that it does not belong to, and fields without those that are for the other kind of contact.
    """
    belonging = [one for one in categories if belongs(holder, record, one)]
    carried = tags_of(holder, [record.pk], belonging, unseen=True).get(record.pk, [])
    tags = {one: [tag for tag in carried if tag.category == one] for one in belonging}
    return tags, fields_seen(holder, record, belonging, user)


def fields_seen(
    holder: Holder, record: Any, belonging: Sequence[Category], user: Any
) -> dict[Category, list[Seen]]:
    """The fields of a record that belongs to these categories, as ``seen_of`` gives them."""
    fields = [one for one in catalogue().fields(*belonging) if has_field(record, one)]
    values = values_of(holder, [record.pk], fields, unseen=True).get(record.pk, {})
    names = names_for(holder, fields, [values], user)
    shown = [
        Seen(
            field,
            values.get(field.pk),
            type_of(field).show(field, values[field.pk], names) if field.pk in values else "",
        )
        for field in fields
    ]
    return {one: [seen for seen in shown if seen.field.category == one] for one in belonging}


def belongs(holder: Holder, record: Any, category: Category) -> bool:
    """Whether a loaded record belongs to a category, by the statuses it was loaded with."""
    if category != Category.CUSTOMERS:
        return True
    return (record.prospect_status, record.customer_status) != ("none", "none")


def has_field(record: Any, field: CustomField) -> bool:
    """Whether the field is for this kind of contact."""
    if not field.applies_to:
        return True
    return bool(record.is_organization == (field.applies_to == "company"))
