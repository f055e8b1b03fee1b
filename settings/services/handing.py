"""The rows of tags and custom fields, and handing them from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.db.models.functions import Concat, Length, Substr
from django.utils.translation import gettext as _

from crm.names import name_key
from settings.categories import CHOOSING, Category, FieldType
from settings.holders import Holder, holder_for
from settings.models import CustomField, Option, Removal, Tag
from settings.models.labels import NAME_LENGTH

Label = Tag | CustomField


def kind_of(label: Label) -> str:
    return Removal.Kind.TAG if isinstance(label, Tag) else Removal.Kind.FIELD


def counterpart(label: Label) -> Label | None:
    """The one of the same name (and for a field, type) in the other category of contacts."""
    if label.category == Category.DEALS:
        return None
    return alike(label, other_category(label.category))


def other_category(category: str) -> Category:
    return Category.CONTACTS if category == Category.CUSTOMERS else Category.CUSTOMERS


def alike(label: Label, category: str) -> Label | None:
    found = type(label).objects.live().filter(category=category, key=label.key)
    if isinstance(label, CustomField):
        found = found.filter(type=label.type)
    return found.first()


def rows_of(label: Label) -> tuple[Holder, QuerySet]:
    """The links of a tag, or the values of a field."""
    holder = holder_for(label.category)
    if isinstance(label, Tag):
        return holder, holder.links._default_manager.filter(tag=label.pk)
    return holder, holder.values._default_manager.filter(field=label.pk)


def column_of(label: Label) -> str:
    return "tag" if isinstance(label, Tag) else "field"


def refuse_taken(label: Label, category: str) -> None:
    if type(label).objects.live().filter(category=category, key=label.key).exists():
        raise ValidationError(
            _("%(category)s has another “%(name)s” already. Rename one of them first.")
            % {"category": Category(category).label, "name": label.name}
        )


def free_name(label: Label, category: str) -> str:
    """Its name where that is free, else one that tells it apart."""
    taken = set(type(label).objects.live().filter(category=category).values_list("key", flat=True))
    if label.key not in taken:
        return label.name
    more = [label.get_type_display()] if isinstance(label, CustomField) else []
    number = 2
    while True:
        extra = f" ({', '.join(str(one) for one in more)})" if more else f" ({number})"
        name = label.name[: NAME_LENGTH - len(extra)] + extra
        if name_key(name) not in taken:
            return name
        more, number = [], number if more else number + 1


def hand_over(
    label: Label,
    into: Label,
    rows: QuerySet,
    options: Mapping[int, int],
    mark: str = "",
    *,
    unmark: str = "",
) -> int:
    """Give rows of ``label`` to ``into``, but for those that it has already.

    They are marked with where they came from, or lose such a mark, which all of them have.
    """
    holder = holder_for(label.category)
    there = rows_of(into)[1].filter(**{holder.key: OuterRef(holder.key)})
    changes: dict[str, Any] = {column_of(label): into.pk}
    if isinstance(label, CustomField):
        slot: Any = OuterRef("slot")
        if label.type in CHOOSING and options:
            matched = mapped("option_id", options)
            changes["option_id"] = matched
            if label.type == FieldType.CHOICES:
                changes["slot"] = matched
                slot = mapped(OuterRef("slot"), options)
        there = there.filter(slot=slot)
    if mark:
        changes["came_from"] = Concat("came_from", Value(mark))
    if unmark:
        changes["came_from"] = unmarked(unmark)
    handed = rows.filter(~Exists(there)).order_by().update(**changes)
    if mark:
        # What stays behind for want of room: it is handed over when the other makes room, see `_next_in_line`.
        left = rows.filter(Exists(there)).order_by()
        left.update(came_from=Concat("came_from", Value(mark)))
    return handed


def unmarked(mark: str) -> Substr:
    """Where a row came from that ends with ``mark``, without it."""
    return Substr("came_from", 1, Length("came_from") - len(mark))


def mapped(of: Any, options: Mapping[int, int]) -> Case:
    of = F(of) if isinstance(of, str) else of
    whens = [When(models.lookups.Exact(of, old), then=Value(new)) for old, new in options.items()]
    return Case(*whens, default=of, output_field=models.BigIntegerField())


def matched(label: Label, into: Label, known: Mapping[int, int] | None = None) -> dict[int, int]:
    """For the options of one field those ``known`` of the other, else those of the same names, made where missing."""
    if not isinstance(label, CustomField) or label.type not in CHOOSING:
        return {}
    theirs = {option.key: option for option in Option.objects.filter(field=into.pk)}
    last = max((option.position for option in theirs.values()), default=0)
    found = dict(known or {})
    for number, option in enumerate(Option.objects.filter(field=label.pk), 1):
        if option.pk in found:
            continue
        if option.key not in theirs:
            theirs[option.key] = Option.objects.create(
                field_id=into.pk, name=option.name, color=option.color, retired=option.retired,
                position=last + number,
            )  # fmt: skip
        found[option.pk] = theirs[option.key].pk
    return found
