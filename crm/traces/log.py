"""One log of several sources: entries, and the histories of statuses, tags and fields, merged by time.

A page reads its rows and one more of each source that can have some, so that its statements do not depend on how
much there is, and nobody counts. The next page begins behind the last row: its moment, source and number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime

from contacts.models import ContactChange, StatusChange
from crm.audit.models import Entry
from crm.traces.asking import LABEL, STATUS, Asked
from deals.models import DealChange

PAGE = 50


@dataclass(frozen=True)
class Source:
    """``moment`` is its column of time; ``asked`` its rows for what is asked, None where it can have none."""

    moment: str
    asked: Callable[[Asked], QuerySet[Any] | None]


def _entries(asked: Asked) -> QuerySet[Any] | None:
    if asked.action in (STATUS, LABEL):
        return None
    rows = Entry.objects.all()
    if asked.action:
        rows = rows.filter(action=asked.action)
    if asked.user is not None or asked.by_system:
        rows = rows.filter(actor_id=asked.user)
    if asked.source:
        rows = rows.filter(source=asked.source)
    if asked.request_id:
        rows = rows.filter(request_id=asked.request_id)
    if asked.record:
        rows = rows.filter(record=asked.record)
    return rows if asked.record_id is None else rows.filter(record_id=asked.record_id)


def _status_changes(asked: Asked) -> QuerySet[Any] | None:
    if asked.action not in ("", STATUS) or asked.record == "accounts.user":
        return None
    rows = StatusChange.objects.select_related("actor")
    if asked.source:
        rows = rows.filter(source=asked.source)
    if asked.request_id:
        rows = rows.filter(request_id=asked.request_id)
    column = "deal_id" if asked.record == "deals.deal" else "contact"
    return _of_history(rows, asked, column)


def _label_changes(model: Any, record: str, key: str) -> Callable[[Asked], QuerySet[Any] | None]:
    def found(asked: Asked) -> QuerySet[Any] | None:
        elsewhere = asked.action not in ("", LABEL) or asked.record not in ("", record)
        # They do not know where they came from.
        if elsewhere or asked.source or asked.request_id:
            return None
        return _of_history(model._default_manager.select_related("actor"), asked, key)

    return found


def _of_history(rows: QuerySet[Any], asked: Asked, column: str) -> QuerySet[Any]:
    if asked.user is not None or asked.by_system:
        rows = rows.filter(actor=asked.user)
    return rows if asked.record_id is None else rows.filter(**{column: asked.record_id})


SOURCES = [
    Source("at", _entries),
    Source("recorded_at", _status_changes),
    Source("recorded_at", _label_changes(ContactChange, "contacts.contact", "contact")),
    Source("recorded_at", _label_changes(DealChange, "deals.deal", "deal")),
]


@dataclass(frozen=True)
class Mark:
    """A place in the log: behind this row."""

    at: datetime
    source: int
    pk: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.source}~{self.pk}"

    @classmethod
    def of(cls, text: str) -> Mark | None:
        """None for what is no mark."""
        try:
            at, source, pk = text.split("~")
            moment = parse_datetime(at)
            if moment is None or moment.tzinfo is None:
                return None
            return cls(moment, int(source), int(pk))
        except ValueError:
            return None


@dataclass(frozen=True)
class Row:
    """A row of the log, and the one of its source that it was made of."""

    mark: Mark
    of: Model


@dataclass(frozen=True)
class LogPage:
    rows: list[Row]
    older: Mark | None


def page_of(asked: Asked, behind: Mark | None = None, size: int = PAGE) -> LogPage:
    """The newest rows of what is asked, those behind a mark where one is given."""
    found: list[Row] = []
    for number, source in enumerate(SOURCES):
        rows = source.asked(asked)
        if rows is None:
            continue
        rows = rows.filter(_in_time(source.moment, number, asked, behind))
        newest = rows.order_by(f"-{source.moment}", "-pk")[: size + 1]
        found += [Row(Mark(getattr(one, source.moment), number, one.pk), one) for one in newest]
    found.sort(key=lambda row: (row.mark.at, -row.mark.source, row.mark.pk), reverse=True)
    shown = found[:size]
    return LogPage(shown, shown[-1].mark if len(found) > size else None)


def _in_time(moment: str, number: int, asked: Asked, behind: Mark | None) -> Q:
    condition = Q()
    if asked.since:
        condition &= Q(**{f"{moment}__gte": asked.since})
    if asked.before:
        condition &= Q(**{f"{moment}__lt": asked.before})
    if behind is None:
        return condition
    # At one moment the sources follow each other, and in each the newest number comes first.
    later = Q(**{f"{moment}__lt": behind.at})
    if number == behind.source:
        later |= Q(**{moment: behind.at, "pk__lt": behind.pk})
    elif number > behind.source:
        later |= Q(**{moment: behind.at})
    # So that an index by time is walked from there.
    return condition & Q(**{f"{moment}__lte": behind.at}) & later
