"""How many records carry a tag or have a value of a field, as far as it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet

from settings.categories import Category, FieldType
from settings.holders import holder_for
from settings.models import CustomField, Tag
from settings.services.reading import shown_by

Counts = dict[int, int]


def tag_counts(*categories: Category) -> Counts:
    """How many records carry each tag of categories of one record type, by its number; one statement.

    Of those of Prospects & Customers only contacts that belong there are counted. What nobody carries is left out.
    """
    holder = holder_for(categories[0])
    links: Any = holder.links._default_manager
    rows = links.filter(shown_by(holder, "tag"), **_of("tag", categories))
    return _counted(rows, "tag", "pk")


def field_counts(*categories: Category) -> Counts:
    """The same for custom fields; at most two statements."""
    holder = holder_for(categories[0])
    manager: Any = holder.values._default_manager
    rows = manager.filter(shown_by(holder), **_of("field", categories))
    several = Q(field__type=FieldType.CHOICES)
    # A record has one row of every field but of those with several choices.
    return {
        **_counted(rows.exclude(several), "field", "pk"),
        **_counted(rows.filter(several), "field", holder.key_id, distinct=True),
    }


def _of(one: str, categories: Sequence[Category]) -> dict[str, Any]:
    return {f"{one}__category__in": list(categories), f"{one}__deleted_at": None}


def _counted(rows: QuerySet, by: str, what: str, *, distinct: bool = False) -> Counts:
    grouped = rows.order_by().values_list(by).annotate(n=Count(what, distinct=distinct))
    return dict(grouped)


def outside(label: Tag | CustomField) -> int:
    """How many contacts carry it that do not belong to Prospects & Customers."""
    holder = holder_for(label.category)
    manager: Any
    if isinstance(label, Tag):
        manager, condition = holder.links._default_manager, Q(tag=label.pk)
    else:
        manager, condition = holder.values._default_manager, Q(field=label.pk)
    rows = manager.filter(condition, ~holder.through(holder.members(Category.CUSTOMERS)))
    return int(rows.aggregate(n=Count(holder.key_id, distinct=True))["n"])
