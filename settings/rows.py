"""Tags and custom fields as the pages of Settings list them: how many records have each, and where to look at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from settings.catalogue import catalogue
from settings.categories import Category
from settings.listing import TAGS
from settings.models import CustomField, Removal, Tag
from settings.services.usage import Counts, field_counts, tag_counts

Label = Tag | CustomField


@dataclass(frozen=True)
class Row:
    """A tag or field; ``used`` is how many records have it, ``address`` the list of these."""

    label: Label
    used: int
    address: str

    @property
    def kind(self) -> str:
        return Removal.Kind.TAG if isinstance(self.label, Tag) else Removal.Kind.FIELD

    @property
    def category(self) -> Category:
        return Category(self.label.category)


def row_of(label: Label, counts: Counts) -> Row:
    return Row(label, counts.get(label.pk, 0), list_of(label))


def list_of(label: Label) -> str:
    """The address of the list of records that have it; empty for a field that lists are not filtered by."""
    if isinstance(label, Tag):
        asked: dict[str, Any] = {TAGS[Category(label.category)]: label.pk}
    elif label.filterable:
        asked = {f"not.{label.form_name}.empty": "yes"}
    else:
        return ""
    name = "deals:list" if label.category == Category.DEALS else "contacts:list"
    return f"{reverse(name)}?{urlencode(asked)}"


def rows_of(*categories: Category) -> tuple[list[Row], list[Row]]:
    """The tags and the fields of categories of one record type; as many statements for two as for forty."""
    known = catalogue()
    return (
        _rows(known.tags(*categories), tag_counts(*categories)),
        _rows(known.fields(*categories), field_counts(*categories)),
    )


def _rows(labels: Iterable[Any], counts: Counts) -> list[Row]:
    return [row_of(label, counts) for label in labels]


@dataclass
class Pair:
    """What is called alike in both categories of contacts, aligned: tags, or fields of whatever types."""

    kind: str
    name: str
    contacts: Row | None = None
    customers: Row | None = None

    @property
    def sides(self) -> list[tuple[Category, Row | None]]:
        return [(Category.CONTACTS, self.contacts), (Category.CUSTOMERS, self.customers)]

    @property
    def is_in_both(self) -> bool:
        return bool(self.contacts and self.customers)

    @property
    def mergeable(self) -> bool:
        """Two of one name are, unless they are fields of different types."""
        if self.contacts is None or self.customers is None:
            return False
        one, other = self.contacts.label, self.customers.label
        return isinstance(one, Tag) or one.type == getattr(other, "type", "")


def aligned(rows: Iterable[Row]) -> list[Pair]:
    """In the order of the names."""
    pairs: dict[str, Pair] = {}
    for row in rows:
        pair = pairs.setdefault(row.label.key, Pair(row.kind, row.label.name))
        if row.category == Category.CONTACTS:
            pair.contacts, pair.name = row, row.label.name
        else:
            pair.customers = row
    return [pairs[key] for key in sorted(pairs)]
