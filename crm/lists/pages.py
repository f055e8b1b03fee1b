"""Pages that cost the same wherever they are in the list, and counts that delay nothing."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

# Above this a list says “10,000+” at once; the exact number follows after the rows.
COUNTED_AT_ONCE = 10_000
# A page that ends after so many rows asks for the exact number first.
COUNTED_AT_MOST = 1_000_000


def count_up_to(rows: QuerySet, number: int = COUNTED_AT_ONCE) -> int:
    """How many rows there are, or ``number`` + 1 where there are more: it stops counting there."""
    return rows.order_by()[: number + 1].values("pk").count()


class RecordPaginator(Paginator):
    """Pages of `rows`, chosen by their ids first.

    OFFSET reads every row before the page. Over the ids alone the database needs only the index that filters and
    sorts; the wide rows are then fetched for this page only. Pages in the second half are reached from the end. The
    ids must be sorted to the last one (by something that ends in the primary key), or the two halves would not meet.

    Up to `COUNTED_AT_ONCE` rows are counted, or up to the next multiple of it that the page asked for is within: what
    is counted is little more than what OFFSET passes over. How many more there are is asked for after the rows.
    """

    def __init__(self, ids: QuerySet, rows: QuerySet, per_page: int) -> None:
        super().__init__(ids, per_page)
        self.ids = ids
        self.rows = rows
        self.exact = False
        self.counted_to = COUNTED_AT_ONCE

    @cached_property
    def count(self) -> int:
        if self.exact:
            return int(self.ids.order_by().values("pk").count())
        return count_up_to(self.ids, self.counted_to)

    @property
    def open_ended(self) -> bool:
        """Whether there are more rows than were counted."""
        return not self.exact and self.count > self.counted_to

    def page(self, number: Any) -> Page:
        """The page with its rows in order; raises `InvalidPage` as Django's does."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        ids = self._ids(start, min(start + self.per_page, self.count))
        found = self.rows.in_bulk(ids)
        # A row deleted between the two queries is left out.
        return Page([found[pk] for pk in ids if pk in found], number, self)

    def validate_number(self, number: Any) -> int:
        """As Django's, after counting at least as far as the page reaches."""
        try:
            end = int(number) * self.per_page
        except (TypeError, ValueError):
            end = 0
        if end > self.counted_to:
            self.exact = self.exact or end > COUNTED_AT_MOST
            self.counted_to = -(-end // COUNTED_AT_ONCE) * COUNTED_AT_ONCE
            self.__dict__.pop("count", None)
            self.__dict__.pop("num_pages", None)
        return super().validate_number(number)

    def _ids(self, start: int, end: int) -> list[Any]:
        if start >= end:
            return []
        ids = self.ids.values_list("pk", flat=True)
        if self.open_ended or start <= self.count // 2:
            return list(ids[start:end])
        return list(ids.reverse()[self.count - end : self.count - start])[::-1]
