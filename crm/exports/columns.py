"""Columns of a file: what each is called, where its values come from, what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Literal

from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.utils.functional import Promise
from django.utils.text import capfirst

Kind = Literal["text", "number", "money", "date", "datetime"]
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """``name`` is what machines call it, ``header`` what people do; ``source`` an ORM path or expression.

    A source must not multiply rows. ``look_up`` finds for the sources of many rows at once what stands for each, and
    ``convert`` makes of it what the file holds. ``words`` gives, for files that people read, what such values are
    called; where ``read_back`` is true they are a fixed list, and `load` understands them in any language.
    """

    name: str
    header: str | Promise
    source: str | Combinable
    convert: Convert | None = None
    kind: Kind = "text"
    look_up: Callable[[Sequence[Any]], Mapping[Any, Any]] | None = None
    words: Callable[[], Mapping[Any, Any]] | None = None
    read_back: bool = False

    def title(self, zone: tzinfo) -> str:
        """The header for people; of moments, with the time zone that they are in."""
        title = capfirst(str(self.header))
        return f"{title} ({zone_name(zone)})" if self.kind == "datetime" else title


def zone_name(zone: tzinfo) -> str:
    return getattr(zone, "key", "") or "UTC"


@dataclass(frozen=True)
class Sheet:
    """The columns of one file, in order, and for whom it is: people, in their language and time zone, or machines."""

    columns: Sequence[ExportColumn]
    for_people: bool = True
    zone: tzinfo = UTC
    # Of the page in a workbook.
    title: str = ""

    def headers(self) -> list[str]:
        if not self.for_people:
            return [column.name for column in self.columns]
        return [column.title(self.zone) for column in self.columns]

    def values(self, queryset: QuerySet, *before: str) -> QuerySet:
        """The rows of ``queryset`` as tuples of what is stored, behind the fields of ``before``."""
        return queryset.values_list(*before, *(column.source for column in self.columns))


class Cells:
    """Makes the cells of a file of stored rows. ``last`` says what this kind of file does with a column in the end."""

    def __init__(self, sheet: Sheet, last: Callable[[ExportColumn], Convert | None]) -> None:
        self.sheet = sheet
        self._look_ups = [
            (place, column.look_up) for place, column in enumerate(sheet.columns) if column.look_up
        ]
        self._steps: list[tuple[int, Convert]] = []
        for place, column in enumerate(sheet.columns):
            makes = [column.convert, self._worded(column), last(column)]
            if converts := [make for make in makes if make]:
                self._steps.append((place, _chained(converts)))

    def of(self, rows: Sequence[Sequence[Any]]) -> Iterable[Sequence[Any]]:
        if not self._steps and not self._look_ups:
            return rows
        return self._made(rows)

    def _made(self, rows: Sequence[Sequence[Any]]) -> Iterable[Sequence[Any]]:
        found = [
            (place, look_up([row[place] for row in rows])) for place, look_up in self._look_ups
        ]
        steps = self._steps
        for row in rows:
            cells = list(row)
            for place, values in found:
                cells[place] = values.get(cells[place])
            for place, convert in steps:
                cells[place] = convert(cells[place])
            yield cells

    def _worded(self, column: ExportColumn) -> Convert | None:
        if not self.sheet.for_people or column.words is None:
            return None
        words = {value: str(word) for value, word in column.words().items()}
        return lambda value: words.get(value, value)


def _chained(converts: Sequence[Convert]) -> Convert:
    if len(converts) == 1:
        return converts[0]
    first, rest = converts[0], _chained(converts[1:])
    return lambda value: rest(first(value))
