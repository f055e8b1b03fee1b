"""CSV: for spreadsheets, guarded; for machines, as it is stored; for Mailchimp, one row an address."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from typing import Any, BinaryIO

from crm.exports.columns import Cells, ExportColumn, Sheet, Step, each, zone_name
from crm.exports.guard import guarded, guarded_all, unguarded

Rows = Sequence[Sequence[Any]]


class CsvEncoder:
    """Makes bytes of rows, some at a time; `header` comes first.

    For people: UTF-8 with a byte-order mark, texts guarded, moments in the reader's time zone. For machines: without
    one, everything quoted, nothing changed.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._cells = Cells(sheet, self._last)
        self._text = StringIO(newline="")
        self._writer = csv.writer(
            self._text, quoting=csv.QUOTE_MINIMAL if sheet.for_people else csv.QUOTE_ALL
        )

    def header(self) -> bytes:
        self._writer.writerow(self.sheet.headers())
        mark = codecs.BOM_UTF8 if self.sheet.for_people else b""
        return mark + self._taken()

    def encode(self, rows: Rows) -> bytes:
        self._writer.writerows(self._cells.of(rows))
        return self._taken()

    def go_on(self, part: BinaryIO) -> None:
        """Go on where ``part`` ends, which another encoder wrote of the same sheet."""

    def complete(self, part: BinaryIO) -> BinaryIO:
        """The file, of all that `header` and `encode` gave."""
        return part

    def _last(self, column: ExportColumn) -> Step | None:
        if column.kind == "datetime":
            return local_moments(self.sheet.zone) if self.sheet.for_people else exact_moments
        return guarded_all if column.kind == "text" and self.sheet.for_people else None

    def _taken(self) -> bytes:
        taken = self._text.getvalue().encode("utf-8", "replace")
        self._text.seek(0)
        self._text.truncate()
        return taken


class MailchimpEncoder(CsvEncoder):
    """Only rows with an address, which is the first column, and of each address only the first."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__(sheet)
        self._seen: set[str] = set()

    def header(self) -> bytes:
        self._writer.writerow([column.name for column in self.sheet.columns])
        return self._taken()

    def encode(self, rows: Rows) -> bytes:
        return super().encode([row for row in rows if self._is_new(row[0])])

    def go_on(self, part: BinaryIO) -> None:
        part.seek(0)
        written = csv.reader(line.decode() for line in part)
        next(written, None)
        for cells in written:
            self._is_new(unguarded(cells[0]))

    def _last(self, column: ExportColumn) -> Step | None:
        return each(plain_or_guarded) if column.kind == "text" else super()._last(column)

    def _is_new(self, address: str) -> bool:
        key = address.strip().casefold()
        if not key or key in self._seen:
            return False
        self._seen.add(key)
        return True


# Numbers and addresses: they must be as they are for Mailchimp, and no formula comes of them.
_PLAIN = re.compile(r"\+?[0-9][0-9 ()./-]*|[+-]?[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+")


def plain_or_guarded(value: Any) -> Any:
    if value.__class__ is str and not _PLAIN.fullmatch(value):
        return guarded(value)
    return value


class _Offsets(dict[int, timedelta | None]):
    """How far a time zone is from UTC on a day of UTC; None where that changes in the course of it."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def __missing__(self, day: int) -> timedelta | None:
        first = datetime.fromordinal(day).replace(tzinfo=UTC)
        offsets = {
            (first + timedelta(hours=hours)).astimezone(self._zone).utcoffset() for hours in (0, 24)
        }
        self[day] = offsets.pop() if len(offsets) == 1 else None
        return self[day]


def local_moments(zone: tzinfo) -> Step:
    """Moments, which are stored in UTC, as spreadsheets know them for dates: to the second, in this time zone."""
    offsets = _Offsets(zone)

    def shifted(values: Sequence[Any]) -> list[Any]:
        return [
            None
            if value is None
            else str(
                value.astimezone(zone) if (by := offsets[value.toordinal()]) is None else value + by
            )[:19]
            for value in values
        ]

    def as_stored(values: Sequence[Any]) -> list[Any]:
        return [None if value is None else str(value)[:19] for value in values]

    return as_stored if zone_name(zone) == "UTC" else shifted


def exact_moments(values: Sequence[Any]) -> list[Any]:
    return [value and value.isoformat() for value in values]
