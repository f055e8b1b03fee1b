"""The columns of a list and how it is sorted by them. The rows are a plain template loop: cells that are objects cost
five times as much as the page around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Expression, F, QuerySet
from django.db.models.expressions import OrderBy
from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Column:
    """A column; `order` is what it sorts by, field names or expressions; empty if it does not sort.

    `nullable` puts rows without a value last in both directions. Leave it out where an index serves the order: an
    index does not know “nulls last”.
    """

    name: str
    label: str | Promise
    order: Sequence[str | Expression] = ()
    nullable: bool = False
    # In which direction the first click sorts.
    descends: bool = False
    css: str = ""

    def ordering(self, descending: bool) -> list[OrderBy]:
        """The order by this column, down to the primary key, all in one direction so that one index can serve it."""
        nulls = True if self.nullable else None
        fields = [F(one) if isinstance(one, str) else one for one in (*self.order, "pk")]
        if descending:
            return [one.desc(nulls_last=nulls) for one in fields]
        return [one.asc(nulls_last=nulls) for one in fields]


@dataclass(frozen=True)
class Header:
    column: Column
    url: str
    # The value of aria-sort; empty unless the list is sorted by this column.
    sorted: str


@dataclass(frozen=True)
class SortChoice:
    value: str
    label: str
    selected: bool


class RecordTable:
    """Columns, order and rows of one list for one request.

    `problem` is a sentence when the address asks for an order that there is none of.
    """

    columns: ClassVar[Sequence[Column]]
    # As it stands in the address: a column's name, with a minus for descending.
    default_sort: ClassVar[str]
    # The template of the table's body; gets `rows` and `table`.
    rows_template: ClassVar[str]
    # What the rows need, and no more: wide rows are most of what a page of 50 costs.
    fields: ClassVar[Sequence[str]] = ()

    def __init__(self, params: QueryDict) -> None:
        self.params = params
        self.problem = ""
        self.sort = params.get("sort", "") or self.default_sort
        by_name = {column.name: column for column in self.columns if column.order}
        if self.sort.removeprefix("-") not in by_name:
            self.problem = _("This list cannot be sorted by “%(name)s”.") % {"name": self.sort}
            self.sort = self.default_sort
        self.descending = self.sort.startswith("-")
        self.sorted_by = by_name[self.sort.removeprefix("-")]

    def in_order(self, queryset: QuerySet) -> QuerySet:
        return queryset.order_by(*self.sorted_by.ordering(self.descending))

    def headers(self) -> list[Header]:
        return [Header(column, self._url(column), self._sorted(column)) for column in self.columns]

    def sort_choices(self) -> list[SortChoice]:
        """What a list without a visible head (on a phone) offers instead of it."""
        choices = []
        for column in self.columns:
            if not column.order:
                continue
            for descending in (column.descends, not column.descends):
                value = self._value(column, descending)
                label = _("%(column)s, descending") if descending else _("%(column)s, ascending")
                text = label % {"column": column.label}
                choices.append(SortChoice(value, text, self.sort == (value or self.default_sort)))
        return choices

    def prepare(self, rows: Iterable[Any]) -> list[Any]:
        """The rows of a page with what their template shows ready-made."""
        return list(rows)

    def _sorted(self, column: Column) -> str:
        if column is not self.sorted_by:
            return ""
        return "descending" if self.descending else "ascending"

    def _value(self, column: Column, descending: bool) -> str:
        value = f"-{column.name}" if descending else column.name
        return "" if value == self.default_sort else value

    def _url(self, column: Column) -> str:
        if not column.order:
            return ""
        again = column is self.sorted_by
        return address(
            self.params,
            sort=self._value(column, not self.descending if again else column.descends),
        )


class CardLink:
    """Addresses of many cards: resolving each of them would take longer than drawing its row."""

    def __init__(self, view: str) -> None:
        self.before, self.after = reverse(view, args=[0]).rsplit("0", 1)

    def to(self, pk: int | None) -> str:
        return f"{self.before}{pk}{self.after}" if pk else ""


def address(params: QueryDict, **changes: str | list[str]) -> str:
    """The address of the same list with `changes`; empty values are left out, and it begins at its first page."""
    query = params.copy()
    query.pop("page", None)
    for name, value in changes.items():
        query.setlist(name, [value] if isinstance(value, str) else value)
    for name in list(query):
        kept = [value for value in query.getlist(name) if value]
        if kept:
            query.setlist(name, kept)
        else:
            del query[name]
    return f"?{query.urlencode()}" if query else "."


def names_of_owners(rows: Iterable[Any]) -> dict[int | None, str]:
    """The name of each owner of these rows, drawn once: a page of fifty has few."""
    owners = {row.owner_id: row.owner for row in rows}
    return {pk: str(owner) if owner else "" for pk, owner in owners.items()}
