"""XLSX with real numbers and dates, and texts that stay texts.

The rows are written as the XML that they are in the workbook, some at a time, so that a file can be gone on with where
it was left. The workbook around them (styles, header, frozen row) is made by XlsxWriter at the end, and the rows are
laid into its sheet.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

import xlsxwriter
from django.utils.translation import gettext as _
from xlsxwriter.utility import xl_col_to_name

from crm.exports.columns import Cells, ExportColumn, Kind, Sheet
from crm.exports.guard import looks_like_formula

ROWS_AT_MOST = 1_048_575
# In halves of UTF-16 pairs, which is how Excel counts.
LENGTH_AT_MOST = 32_767
_FORMATS: dict[str, dict[str, Any]] = {
    "money": {"num_format": "#,##0.00"},
    "date": {"num_format": "yyyy-mm-dd"},
    "datetime": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    # Opened for editing it would become a formula without.
    "formula": {"num_format": "@", "quote_prefix": True},
}
# Styles are numbered as the sheet first uses them: the header, which is bold, then the row below it in the frame.
_STYLES = {name: number for number, name in enumerate(_FORMATS, start=2)}
_WIDTHS: dict[Kind, int] = {"text": 24, "number": 10, "money": 14, "date": 12, "datetime": 19}
# Day 61 of Excel, which takes 1900 for a leap year: from here on it counts as everybody does.
_FIRST_DAY = date(1900, 3, 1)
# Excel knows no time zones.
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001
_DAY = timedelta(days=1)
# What XML forbids, and what has a meaning of its own in it or in Excel's texts.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MEANING = re.compile(
    "[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_"
)
_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_PLACE_OF_ROWS = re.compile(rb'<row r="2".*(?=</sheetData>)', re.DOTALL)
_SIZE = re.compile(rb'(?<=<dimension ref=")[^"]*')

Write = Callable[[str, Any], str]


class XlsxEncoder:
    """Makes the XML of rows, some at a time; `complete` makes the workbook of it."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.rows = 0
        self._cells = Cells(sheet, lambda column: None)
        self._writes: list[tuple[str, Write]] = [
            (xl_col_to_name(place), self._write(column))
            for place, column in enumerate(sheet.columns)
        ]

    def header(self) -> bytes:
        """Nothing: the header row belongs to the workbook."""
        return b""

    def encode(self, rows: Sequence[Sequence[Any]]) -> bytes:
        written: list[str] = []
        writes = self._writes
        number = self.rows + 1
        for cells in self._cells.of(rows):
            number += 1
            written.append(f'<row r="{number}">')
            for (letters, write), value in zip(writes, cells, strict=True):
                if value is not None and value != "":
                    written.append(write(f"{letters}{number}", value))
            written.append("</row>\n")
        self.rows = number - 1
        return "".join(written).encode()

    def go_on(self, part: BinaryIO) -> None:
        """Go on where ``part`` ends, which another encoder wrote of the same sheet."""
        part.seek(0)
        self.rows = sum(line.endswith(b"</row>\n") for line in part)

    def complete(self, part: BinaryIO) -> BinaryIO:
        """The workbook of all that `encode` gave."""
        file = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115
        with (
            ZipFile(self._frame()) as frame,
            ZipFile(file, "w", ZIP_DEFLATED, compresslevel=4) as book,
        ):
            for name in frame.namelist():
                content = frame.read(name)
                place = _PLACE_OF_ROWS.search(content)
                with book.open(name, "w") as into:
                    into.write(self._sized(content[: place.start()]) if place else content)
                    if place:
                        part.seek(0)
                        shutil.copyfileobj(part, into, 1 << 20)
                        into.write(content[place.end() :])
        file.seek(0)
        return file  # type: ignore[return-value]

    def _frame(self) -> BinaryIO:
        """A workbook with the header, and everything that rows lean on."""
        frame = BytesIO()
        book = xlsxwriter.Workbook(frame, {"in_memory": True, "strings_to_formulas": False})
        title = _NAME.sub(" ", self.sheet.title).strip(" '")[:31]
        page = book.add_worksheet(title if title.casefold() != "history" else "")
        bold = book.add_format({"bold": True})
        last = len(self.sheet.columns) - 1
        for place, (name, column) in enumerate(
            zip(self.sheet.headers(), self.sheet.columns, strict=True)
        ):
            width = max(_WIDTHS[column.kind], min(len(name) + 2, 40))
            page.set_column(place, place, width)
            page.write_string(0, place, _FORBIDDEN.sub("", name), bold)
        for place, form in enumerate(_FORMATS.values()):
            page.write_blank(1, place, None, book.add_format(form))
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, max(self.rows, 1), last)
        book.close()
        frame.seek(0)
        return frame

    def _sized(self, before: bytes) -> bytes:
        last = xl_col_to_name(len(self.sheet.columns) - 1)
        return _SIZE.sub(f"A1:{last}{self.rows + 1}".encode(), before)

    # -- a cell

    def _write(self, column: ExportColumn) -> Write:
        writes: dict[Kind, Write] = {
            "text": text_cell,
            "number": number_cell,
            "money": money_cell,
            "date": date_cell,
            "datetime": self._moment_cell,
        }
        return writes[column.kind]

    def _moment_cell(self, place: str, value: datetime) -> str:
        local = value.astimezone(self.sheet.zone).replace(tzinfo=None, microsecond=0)
        if local.date() < _FIRST_DAY:
            return text_cell(place, local.isoformat(" "))
        return _number(place, (local - _DAY_ZERO) / _DAY, "datetime")


def text_cell(place: str, value: Any) -> str:
    text = value if value.__class__ is str else str(value)
    if len(text) > LENGTH_AT_MOST // 2:
        text = shortened(text)
    style = f' s="{_STYLES["formula"]}"' if looks_like_formula(text) else ""
    space = (
        ' xml:space="preserve"' if text[0].isspace() or text[-1].isspace() or "\n" in text else ""
    )
    if _MEANING.search(text):
        text = escaped(text)
    return f'<c r="{place}"{style} t="inlineStr"><is><t{space}>{text}</t></is></c>'


def number_cell(place: str, value: Any) -> str:
    if isinstance(value, int | float | Decimal):
        return f'<c r="{place}"><v>{value}</v></c>'
    return text_cell(place, value)


def money_cell(place: str, value: Any) -> str:
    return (
        _number(place, value, "money")
        if isinstance(value, int | Decimal)
        else text_cell(place, value)
    )


def date_cell(place: str, value: Any) -> str:
    if not isinstance(value, date) or value < _FIRST_DAY:
        return text_cell(place, value)
    return _number(place, (value - _DAY_ZERO.date()).days, "date")


def _number(place: str, value: Any, style: str) -> str:
    return f'<c r="{place}" s="{_STYLES[style]}"><v>{value}</v></c>'


def escaped(text: str) -> str:
    """``text`` as it stands in the XML of a cell: lines end in LF, and what XML forbids is left out."""
    text = _FORBIDDEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    # An underscore that would begin the code of a character is itself written as one.
    text = re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str) -> str:
    """As much of ``text`` as a cell holds."""
    written = text.encode("utf-16-le", "surrogatepass")
    if len(written) // 2 <= LENGTH_AT_MOST:
        return text
    return written[: LENGTH_AT_MOST * 2].decode("utf-16-le", "ignore")


def too_many_rows(number: int) -> str:
    return _(
        "An XLSX sheet holds at most %(most)d rows below its header; these are %(number)d. Take CSV, or a smaller list."
    ) % {"most": ROWS_AT_MOST, "number": number}
