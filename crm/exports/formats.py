"""The formats that rows are taken along in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.exports.columns import Sheet
from crm.exports.csv_files import CsvEncoder, MailchimpEncoder
from crm.exports.xlsx_files import ROWS_AT_MOST, XlsxEncoder, too_many_rows


class Encoder(Protocol):
    """Makes bytes of rows, some at a time, and in the end the file of them."""

    sheet: Sheet

    def header(self) -> bytes: ...
    def encode(self, rows: Sequence[Sequence[Any]]) -> bytes: ...
    def go_on(self, part: BinaryIO) -> None: ...
    def complete(self, part: BinaryIO) -> BinaryIO: ...


@dataclass(frozen=True)
class Format:
    """``streams``: what an encoder gives is the file, from its first byte on."""

    key: str
    label: str | Promise
    hint: str | Promise
    ending: str
    content_type: str
    encoder: Callable[[Sheet], Encoder]
    for_people: bool = True
    streams: bool = True


_CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS = {
    one.key: one
    for one in (
        Format(
            "xlsx", gettext_lazy("Excel workbook (XLSX)"),
            gettext_lazy("For Excel, LibreOffice and Numbers, with real dates and numbers."),
            "xlsx", XLSX_TYPE, XlsxEncoder, streams=False,
        ),
        Format(
            "csv", gettext_lazy("CSV for spreadsheets"),
            gettext_lazy("Texts that a spreadsheet would take for a formula get an apostrophe before them."),
            "csv", _CSV_TYPE, CsvEncoder,
        ),
        Format(
            "raw", gettext_lazy("CSV for programs"),
            gettext_lazy("Nothing is changed, codes instead of words. Do not open it in a spreadsheet."),
            "csv", _CSV_TYPE, CsvEncoder, for_people=False,
        ),
        Format(
            "mailchimp", gettext_lazy("CSV for Mailchimp"),
            gettext_lazy("For the import of an audience: one row for each e-mail address."),
            "csv", _CSV_TYPE, MailchimpEncoder,
        ),
    )
}  # fmt: skip


def format_of(key: str) -> Format:
    """Raises ``ValidationError`` for a key that there is no format of."""
    try:
        return FORMATS[key]
    except KeyError:
        raise ValidationError(
            _("“%(key)s” is no format. Formats are: %(known)s.")
            % {"key": key[:60], "known": ", ".join(FORMATS)}
        ) from None


def check_size(chosen: Format, rows: int) -> None:
    """Raises ``ValidationError`` for more rows than a file of this format holds."""
    if chosen.key == "xlsx" and rows > ROWS_AT_MOST:
        raise ValidationError(too_many_rows(rows))
