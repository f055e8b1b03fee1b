"""Reading this product's own exports: in whatever language and time zone they were written, guarded or not.

Columns get the names that machines know, words their codes, moments their time zone, and the apostrophes that guard a
text come off. A file for machines, whose columns have these names already, is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from crm.exports.columns import ExportColumn
from crm.exports.fields import exports_of
from crm.exports.guard import unguarded
from crm.lists.registry import Context
from imports.fields import REQUIRED, Entity
from imports.label_names import is_label
from imports.mapping import FieldMap, Section
from imports.reading import CsvFile, Row, quoted

RECORDS = {Entity.COMPANIES: "contact", Entity.PEOPLE: "contact", Entity.DEALS: "deal"}
_ZONED = re.compile(r"(?P<title>.+) \((?P<zone>[^()]+)\)")

Read = Callable[[str], str]


class ExportedFile(CsvFile):
    """An export of ``record`` (“contact” or “deal”). ``header`` is the names of its columns."""

    def __init__(self, path: Path, record: str, **options: Any) -> None:
        super().__init__(path, **options)
        columns = exports_of(record).every_column(Context.of(None))
        names = {column.name for column in columns}
        self._reads: list[Read] = []
        if sum(cell in names or is_label(cell) for cell in self.header) * 2 > len(self.header):
            return
        with translation.override(self._language(columns)):
            known = {capfirst(str(column.header)): column for column in reversed(columns)}
            found = [self._column(cell, known) for cell in self.header]
            self._reads = [_read(column, zone) for column, zone in found]
        written = self.header
        self.header = [
            column.name if column else cell
            for (column, _zone), cell in zip(found, written, strict=True)
        ]

    def _language(self, columns: list[ExportColumn]) -> str:
        """The language in which most of the header is the name of a column."""

        def recognised(language: str) -> int:
            with translation.override(language):
                known = {capfirst(str(column.header)): column for column in columns}
                return sum(self._column(cell, known)[0] is not None for cell in self.header)

        return max((code for code, _name in settings.LANGUAGES), key=recognised)

    @staticmethod
    def _column(cell: str, known: dict[str, ExportColumn]) -> tuple[ExportColumn | None, str]:
        if cell in known:
            return known[cell], ""
        zoned = _ZONED.fullmatch(cell)
        if zoned and zoned["title"] in known and zoned["zone"] in available_timezones():
            return known[zoned["title"]], zoned["zone"]
        return None, ""

    def rows(self) -> Iterator[Row]:
        for row in super().rows():
            if self._reads and len(row.cells) == len(self._reads):
                cells = [read(cell) for read, cell in zip(self._reads, row.cells, strict=True)]
                yield row._replace(cells=cells)
            else:
                yield row


def _read(column: ExportColumn | None, zone: str) -> Read:
    if column and column.words and column.read_back:
        codes = {str(word).casefold(): str(code) for code, word in column.words().items()}
        return lambda text: codes.get(text.strip().casefold(), unguarded(text))
    return _moment(ZoneInfo(zone)) if zone else unguarded


def _moment(zone: ZoneInfo) -> Read:
    def read(text: str) -> str:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            # Refused with the others that are no dates, or read in the form that the mapping says.
            return text
        return moment.replace(tzinfo=zone).isoformat() if moment.tzinfo is None else text

    return read


def fitting(section: Section, file: CsvFile) -> Section:
    """``section`` without the fields of which an export has no column: it has those of its list.

    Raises ``ValidationError`` if it lacks one that a load cannot do without.
    """
    header = set(file.header)
    fields = {
        name: fitted
        for name, mapped in section.fields.items()
        if (fitted := _fitting(mapped, header)) is not None
    }
    missing = [key for key in section.key if key not in header]
    for names in REQUIRED[section.entity]:
        if not any(name in fields for name in names):
            missing.append(section.fields[names[-1]].columns[0])
    if section.only and section.only[0] not in header:
        missing.append(section.only[0])
    if missing:
        raise ValidationError(
            _(
                "%(file)s has no column %(missing)s, without which an export cannot be loaded. Export "
                "again with all columns that can be loaded."
            )
            % {"file": file.name, "missing": ", ".join(map(quoted, missing))}
        )
    return replace(section, fields=fields)


def _fitting(mapped: FieldMap, header: set[str]) -> FieldMap | None:
    otherwise = _fitting(mapped.otherwise, header) if mapped.otherwise else None
    if not set(mapped.columns) <= header:
        return otherwise
    date_column = mapped.date_column if mapped.date_column in header else ""
    return replace(mapped, otherwise=otherwise, date_column=date_column)
