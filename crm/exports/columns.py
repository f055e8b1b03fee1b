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

from crm.lists.through import Through

Kind = Literal["text", "number", "money", "date", "datetime"]
Convert = Callable[[Any], Any]
# What is done with all values of a column.
Step = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """``name`` is what machines call it, ``header`` what people do; ``source`` an ORM path or expression.

    A source must not multiply rows. ``look_up`` finds for the sources of many rows at once what stands for each;
    columns that share it, and then their source as well, ask it once, and take each its ``part``. ``convert`` makes
    of it what the file holds; ``shown`` does instead in files that people read. ``words`` gives, for these, what such
    values are called; where ``read_back`` is true they are a fixed list, and `load` understands them in any language.
    """

    name: str
    header: str | Promise
    source: str | Combinable
    convert: Convert | None = None
    kind: Kind = "text"
    look_up: Callable[[Sequence[Any]], Mapping[Any, Any]] | None = None
    part: Convert | None = None
    shown: Convert | None = None
    words: Callable[[], Mapping[Any, Any]] | None = None
    read_back: bool = False
    # The record that it tells of, where a list has no field of it.
    through: Through | None = None

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
    """Makes the cells of a file of stored rows. ``last`` says what this kind of file does with a column in the end.

    Column by column: a step taken for two thousand values at once costs half of what it does value by value.
    """

    def __init__(self, sheet: Sheet, last: Callable[[ExportColumn], Step | None]) -> None:
        self._looked_up = [
            (place, column.look_up, column.part)
            for place, column in enumerate(sheet.columns)
            if column.look_up
        ]
        self._steps: list[tuple[int, Step]] = []
        for place, column in enumerate(sheet.columns):
            steps = _converted(column, sheet.for_people, last(column))
            self._steps += [(place, step) for step in steps if step]

    def of(self, rows: Sequence[Sequence[Any]]) -> Iterable[Sequence[Any]]:
        if not (self._steps or self._looked_up) or not rows:
            return rows
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        self._look_up(columns)
        for place, step in self._steps:
            columns[place] = step(columns[place])
        return zip(*columns, strict=True)

    def _look_up(self, columns: list[Sequence[Any]]) -> None:
        found: dict[Any, Mapping[Any, Any]] = {}
        for place, look_up, part in self._looked_up:
            if look_up not in found:
                found[look_up] = look_up(columns[place])
            values = [found[look_up].get(value) for value in columns[place]]
            columns[place] = [part(value) for value in values] if part else values


def _converted(column: ExportColumn, for_people: bool, last: Step | None) -> list[Step | None]:
    convert = column.shown if for_people and column.shown else column.convert
    if not for_people or column.words is None:
        return [each(convert) if convert else None, last]
    return [each(_Worded(column.words(), convert, last).__getitem__)]


class _Worded(dict[Any, Any]):
    """What stored values are in the file; remembers those it was asked for, which are few, again and again."""

    def __init__(
        self, words: Mapping[Any, Any], convert: Convert | None, last: Step | None
    ) -> None:
        self._words = {value: str(word) for value, word in words.items()}
        self._convert = convert
        self._last = last

    def __missing__(self, stored: Any) -> Any:
        value = self._convert(stored) if self._convert else stored
        word = self._words.get(value, value)
        if self._last:
            (word,) = self._last([word])
        if len(self) < 10_000:
            self[stored] = word
        return word


def each(convert: Convert) -> Step:
    return lambda values: list(map(convert, values))
