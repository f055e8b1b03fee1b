"""Reading CSV files: recognised where that is certain, asked for where it is not.

A byte-order mark names an encoding; without one a file is UTF-8 or the caller says what it is. A
delimiter is what separates the header into the columns that are wanted. What cannot be read ends
the reading with a sentence that says where and what to do; a row that can be read but not trusted
(another number of cells than the header, control characters) comes with the reason.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# A longer cell is not a cell: a quotation mark was opened and never closed.
MAX_CELL = 1_048_576
csv.field_size_limit(MAX_CELL)

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MARKS = (
    # UTF-32 before UTF-16, whose mark it begins with.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEADER_AT_MOST = 262_144


def quoted(name: str) -> str:
    """``name`` in the quotation marks of the reader's language."""
    return _("“%(name)s”") % {"name": name}


class Row(NamedTuple):
    """A row as read: its number as a spreadsheet counts (the header is 1), cells, what is wrong."""

    number: int
    cells: list[str]
    problem: str


class CsvFile:
    """One CSV file. ``header`` is its columns; ``rows()`` may be read once at a time.

    ``columns`` are those that have to be there. Raises ``ValidationError`` when the file is
    missing or empty, is in another encoding, or lacks one of them.
    """

    def __init__(
        self,
        path: Path,
        *,
        columns: Iterable[str] = (),
        encoding: str = "",
        delimiter: str = "",
        skip: int = 0,
    ) -> None:
        self.path = path
        self.name = path.name
        self.skip = skip
        if not path.is_file():
            raise ValidationError(_("%(file)s is not there.") % {"file": path})
        self.size = path.stat().st_size
        self.encoding = self._recognise_encoding(encoding)
        self.position = 0
        columns = list(dict.fromkeys(columns))
        self.delimiter = delimiter or self._recognise_delimiter(columns)
        self.header = self._columns = self._read_header()
        self._check_columns(columns)

    # -- what the file is

    def _recognise_encoding(self, said: str) -> str:
        with self.path.open("rb") as file:
            start = file.read(4)
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                return encoding
        if not start:
            raise ValidationError(_("%(file)s is empty.") % {"file": self.name})
        if not said and b"\0" in start:
            raise ValidationError(
                _(
                    "%(file)s looks like UTF-16 without a byte-order mark. Say so: --encoding "
                    "utf-16-le or --encoding utf-16-be."
                )
                % {"file": self.name}
            )
        return check_encoding(said) if said else "utf-8"

    def _open(self) -> tuple[BinaryIO, TextIOWrapper]:
        binary = self.path.open("rb")
        return binary, TextIOWrapper(binary, encoding=self.encoding, newline="")

    def _start(self) -> str:
        """The beginning of the file from its header on."""
        _binary, text = self._open()
        with text:
            try:
                for _line in range(self.skip):
                    text.readline()
                return text.read(_HEADER_AT_MOST)
            except UnicodeDecodeError as error:
                raise self._undecodable() from error

    def _recognise_delimiter(self, columns: list[str]) -> str:
        start = self._start()
        headers = {delimiter: _header(start, delimiter) for delimiter in DELIMITERS}
        present = [delimiter for delimiter, header in headers.items() if len(header) > 1]
        if len(present) < 2:
            return present[0] if present else ","
        fitting = [d for d in present if set(columns) <= set(headers[d])] if columns else []
        if len(fitting) == 1:
            return fitting[0]
        raise ValidationError(
            _(
                "%(file)s: %(found)s all occur in the header and it is not certain which of them "
                "separates the columns. Say so: --delimiter, or delimiter in the mapping."
            )
            % {"file": self.name, "found": ", ".join(DELIMITERS[d] for d in present)}
        )

    def _read_header(self) -> list[str]:
        header = _header(self._start(), self.delimiter)
        if not any(header):
            raise ValidationError(_("%(file)s has no header.") % {"file": self.name})
        return header

    def _check_columns(self, columns: list[str]) -> None:
        missing = [column for column in columns if column not in self.header]
        if missing:
            raise ValidationError(
                _(
                    "%(file)s has no column %(missing)s. It has: %(header)s. Mend the mapping, or "
                    "say what separates the columns with --delimiter."
                )
                % {
                    "file": self.name,
                    "missing": ", ".join(map(quoted, missing)),
                    "header": ", ".join(map(quoted, self.header)),
                }
            )
        doubled = [column for column in columns if self.header.count(column) > 1]
        if doubled:
            raise ValidationError(
                _("%(file)s has more than one column %(column)s. Rename all but one.")
                % {"file": self.name, "column": quoted(doubled[0])}
            )

    # -- its rows

    def rows(self) -> Iterator[Row]:
        """Every row below the header, the blank ones left out.

        Raises ``ValidationError``, with the row, where the quoting or the encoding breaks.
        """
        binary, text = self._open()
        first = number = self.skip + 1
        width = len(self._columns)
        with text:
            try:
                for _line in range(self.skip):
                    text.readline()
                reader = csv.reader(text, delimiter=self.delimiter, strict=True)
                next(reader)
                for number, cells in enumerate(reader, start=first + 1):
                    text_of_row = "".join(cells)
                    if not text_of_row:
                        continue
                    if len(cells) != width:
                        yield Row(number, cells, _width_problem(len(cells), width))
                    elif text_of_row.isprintable():
                        yield Row(number, cells, "")
                    else:
                        yield Row(number, cells, self._control_problem(cells))
                    if not number & 1023:
                        self.position = binary.tell()
            except UnicodeDecodeError as error:
                raise self._undecodable() from error
            except csv.Error as error:
                raise self._unreadable(number + 1, reader.line_num, error) from error
        self.position = self.size

    def _control_problem(self, cells: list[str]) -> str:
        for column, cell in zip(self._columns, cells, strict=True):
            if found := _CONTROL.search(cell):
                return _("holds the control character U+%(code)s in the column “%(column)s”") % {
                    "code": f"{ord(found[0]):04X}",
                    "column": column,
                }
        return ""

    def _unreadable(self, number: int, line: int, error: csv.Error) -> ValidationError:
        return ValidationError(
            _(
                "%(file)s cannot be read from row %(row)d on (ends in line %(line)d): %(error)s. "
                "Most likely a quotation mark was opened and not closed, or stands alone inside a "
                "quoted cell, where it has to be doubled. Nothing was loaded."
            )
            % {"file": self.name, "row": number, "line": line, "error": error}
        )

    def _undecodable(self) -> ValidationError:
        content = self.path.read_bytes()
        line = 1
        try:
            content.decode(self.encoding)
        except UnicodeDecodeError as error:
            before = content[: error.start].decode(self.encoding, errors="ignore")
            line = len(before.splitlines()) or 1
        return ValidationError(
            _(
                "%(file)s, line %(line)d, is not %(encoding)s. Say what it is: --encoding cp1252 "
                "for most files from Windows, or encoding in the mapping. Nothing was loaded."
            )
            % {"file": self.name, "line": line, "encoding": self.encoding.upper()}
        )


def check_encoding(name: str) -> str:
    """``name`` as Python knows it. Raises ``ValidationError`` for an unknown one."""
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValidationError(
            _("“%(name)s” is no encoding. Known are utf-8, utf-16, cp1252, latin-1 and others.")
            % {"name": name}
        ) from error


def _header(start: str, delimiter: str) -> list[str]:
    """The names of the columns, blanks and line breaks in them made one blank."""
    try:
        cells = next(csv.reader(StringIO(start, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
    return [" ".join(cell.split()) for cell in cells]


def _width_problem(found: int, expected: int) -> str:
    return _("has %(found)d cells, the header has %(expected)d") % {
        "found": found,
        "expected": expected,
    }
