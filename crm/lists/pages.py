"""Pages that cost the same wherever they are in the list."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet


class RecordPaginator(Paginator):
    """Pages of `rows`, chosen by their ids first.

    OFFSET reads every row before the page. Over the ids alone the database needs only the index that filters and
    sorts; the wide rows are then fetched for this page only. Pages in the second half are reached from the end. The
    ids must be sorted to the last one (by something that ends in the primary key), or the two halves would not meet.
    """

    def __init__(self, ids: QuerySet, rows: QuerySet, per_page: int) -> None:
        super().__init__(ids, per_page)
        self.ids = ids
        self.rows = rows

    def page(self, number: Any) -> Page:
        """The page with its rows in order; raises `InvalidPage` as Django's does."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        ids = self._ids(start, min(start + self.per_page, self.count))
        found = self.rows.in_bulk(ids)
        # A row deleted between the two queries is left out.
        return Page([found[pk] for pk in ids if pk in found], number, self)

    def _ids(self, start: int, end: int) -> list[Any]:
        if start >= end:
            return []
        ids = self.ids.values_list("pk", flat=True)
        if start <= self.count // 2:
            return list(ids[start:end])
        return list(ids.reverse()[self.count - end : self.count - start])[::-1]
