"""The columns of a list and its rows. The rows are a plain template loop over cells that are drawn already: a loop
over cells inside it costs twice as much as the page around them, cells that are objects of their own five times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.lists.cells import NOTHING, CardLink
from crm.lists.registry import Field, Registry, loaded
from crm.lists.saved import found_list, preference_of
from crm.lists.state import SORTED_BY_AT_MOST, ListState
from crm.lists.through import drawing, unseen


@dataclass(frozen=True)
class Header:
    field: Field
    # Sorts by this column alone, and by it after those that sort already.
    url: str
    then_url: str
    # The value of aria-sort; empty unless the list is sorted by this column first.
    sorted: str
    # Its place among the columns sorted by, from 1; 0 if it is none of them.
    place: int
    descending: bool

    @property
    def also(self) -> str:
        """What aria-sort cannot say, since it belongs to one header alone; empty for that one and for the others."""
        if self.place < 2:
            return ""
        if self.descending:
            return _("sorted by it in place %(place)d, descending") % {"place": self.place}
        return _("sorted by it in place %(place)d, ascending") % {"place": self.place}

    @property
    def editable(self) -> bool:
        return bool(self.field.editable)


class RecordTable:
    """Columns, order and rows of one list for one request."""

    def __init__(self, state: ListState) -> None:
        self.state = state
        self.fields = state.columns
        self.shown = self.fields[len(state.registry.fixed_columns) :]

    def rows(self) -> QuerySet:
        """Visible rows with what the columns need, and no more: wide rows are most of what a page of 50 costs."""
        registry = self.state.registry
        needed = [*registry.always, *(name for field in self.fields for name in field.needs)]
        relations = {name.rpartition("__")[0] for name in needed if "__" in name}
        rows = registry.visible(self.state.context.user).only(*dict.fromkeys(needed))
        return rows.select_related(*sorted(relations)) if relations else rows

    def prepare(self, rows: Iterable[Any]) -> list[Any]:
        """The rows of a page, each with `url`, `key` (its id), `choose` (what ticking it is called) and `cells`: the
        columns shown, as HTML.
        """
        shown = list(rows)
        context = self.state.context
        link = CardLink(self.state.registry.card_view)
        choose = _("Select %(name)s")
        hidden = unseen(self.shown, shown, context)
        found_by = loaded(self.shown, shown, context)
        columns: list[tuple[str, Any, Any]] = [
            (
                field.css,
                drawing(field, hidden, context, NOTHING),
                found_by[field.loader] if field.loader else None,
            )
            for field in self.shown
            if field.cell
        ]
        for row in shown:
            row.url = link.to(row.pk)
            row.key = str(row.pk)
            row.choose = choose % {"name": row.name}
            row.cells = format_html_join(
                "",
                "{}",
                (
                    (drawn(css, *cell(row, found.get(row.pk) if found is not None else None)),)
                    for css, cell, found in columns
                ),
            )
        return shown

    def headers(self) -> list[Header]:
        return [self._header(field) for field in self.fields]

    def _header(self, field: Field) -> Header:
        sort = self.state.sort
        place = next((n for n, (one, _down) in enumerate(sort, 1) if one is field), 0)
        descending = bool(place) and sort[place - 1][1]
        if not field.order:
            return Header(field, "", "", "", 0, False)
        again = not descending if place else field.descends
        value = ("-" if again else "") + field.name
        others = [] if place else [self.state.sort_text]
        kept = [("-" if down else "") + one.name for one, down in sort if one is not field]
        then = ",".join(
            [*kept[: place - 1], value, *kept[place - 1 :]] if place else [*others, value]
        )
        first = ("descending" if descending else "ascending") if place == 1 else ""
        full = not place and len(sort) >= SORTED_BY_AT_MOST
        return Header(
            field,
            self.state.address(sort=value),
            "" if full else self.state.address(sort=then),
            first,
            place,
            descending,
        )


def drawn(css: str, text: str, href: str) -> SafeString:
    if href:
        text = format_html('<a href="{}">{}</a>', href, text)
    return (
        format_html('<td class="{}">{}</td>', css, text)
        if css
        else format_html("<td>{}</td>", text)
    )


def row_as_listed(registry: Registry, user: Any, posted: QueryDict, pk: int) -> list[Any]:
    """One row as the list that was posted shows it, with its columns, whether it still matches or not; empty for one
    that the user may not see. ``posted`` has ``list`` and ``state``.
    """
    slug = posted.get("list", "")
    listed = found_list(registry, user, slug) if slug else None
    state = ListState.of(
        registry,
        user,
        QueryDict(posted.get("state", "")),
        listed,
        preference_of(user, registry.record),
    )
    table = RecordTable(state)
    return table.prepare(table.rows().filter(pk=pk))
