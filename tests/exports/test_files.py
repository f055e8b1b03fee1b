"""What stands in the files, whoever asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from crm.exports.columns import ExportColumn, Sheet
from crm.exports.csv_files import CsvEncoder, MailchimpEncoder, local_moments
from crm.exports.xlsx_files import LENGTH_AT_MOST, XlsxEncoder
from tests.exports.people import csv_rows, xlsx_rows

MOMENT = datetime(2026, 1, 31, 23, 5, 7, 654321, tzinfo=UTC)
COLUMNS = [
    ExportColumn("name", "name", "name"),
    ExportColumn("number", "number", "number", kind="number"),
    ExportColumn("value", "value", "value", kind="money"),
    ExportColumn("day", "day", "day", kind="date"),
    ExportColumn("moment", "moment", "moment", kind="datetime"),
    ExportColumn("hot", "hot", "hot", lambda hot: int(hot), words=lambda: {1: "yes", 0: "no"}),
]
ROW = ("=1", -5, Decimal("-1234.50"), date(2026, 1, 31), MOMENT, True)
BERLIN = ZoneInfo("Europe/Berlin")


def written(encoder: Any, *pieces: Sequence[Sequence[Any]]) -> bytes:
    part = BytesIO()
    part.write(encoder.header())
    for piece in pieces:
        part.write(encoder.encode(piece))
    file = encoder.complete(part)
    file.seek(0)
    return bytes(file.read())


def test_csv_for_people_is_guarded_worded_and_in_their_time_zone() -> None:
    content = written(CsvEncoder(Sheet(COLUMNS, zone=BERLIN)), [ROW])
    assert content == (
        b"\xef\xbb\xbfName,Number,Value,Day,Moment (Europe/Berlin),Hot\r\n"
        b"'=1,-5,-1234.50,2026-01-31,2026-02-01 00:05:07,yes\r\n"
    )


def test_csv_for_machines_is_quoted_and_unchanged() -> None:
    content = written(CsvEncoder(Sheet(COLUMNS, for_people=False, zone=BERLIN)), [ROW])
    assert content == (
        b'"name","number","value","day","moment","hot"\r\n'
        b'"=1","-5","-1234.50","2026-01-31","2026-01-31T23:05:07.654321+00:00","1"\r\n'
    )


def test_empty_values_are_empty_cells() -> None:
    empty = ("", None, None, None, None, False)
    assert written(CsvEncoder(Sheet(COLUMNS)), [empty]).splitlines()[1] == b",,,,,no"
    assert xlsx(empty)[1][:5] == [None] * 5


def xlsx(*rows: Sequence[Any], zone: Any = UTC) -> list[list[Any]]:
    content = written(XlsxEncoder(Sheet(COLUMNS, zone=zone, title="A [list]: all/of*it?")), rows)
    page = openpyxl.load_workbook(BytesIO(content)).active
    return [[cell.value for cell in row] for row in page.iter_rows()]


def test_xlsx_has_numbers_dates_and_texts() -> None:
    header, row = xlsx(ROW, zone=BERLIN)
    assert header == ["Name", "Number", "Value", "Day", "Moment (Europe/Berlin)", "Hot"]
    assert row == [
        "=1", -5, -1234.5, datetime(2026, 1, 31), datetime(2026, 2, 1, 0, 5, 7), "yes",
    ]  # fmt: skip


def test_xlsx_has_no_formula_and_no_link() -> None:
    row = ("=HYPERLINK(1)", *ROW[1:])
    content = written(XlsxEncoder(Sheet(COLUMNS)), [row, ("https://example.org", *ROW[1:])])
    with ZipFile(BytesIO(content)) as book:
        written_xml = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in written_xml
    assert b"hyperlink" not in written_xml.lower().replace(b"=hyperlink(1)", b"")
    page = openpyxl.load_workbook(BytesIO(content)).active
    assert page is not None
    cell = page["A2"]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)


def test_xlsx_header_is_frozen_and_filters_all_rows() -> None:
    content = written(XlsxEncoder(Sheet(COLUMNS)), [ROW, ROW], [ROW])
    page = openpyxl.load_workbook(BytesIO(content)).active
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == "A1:F4"
    assert page.calculate_dimension() == "A1:F4"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x07b\x00c\ufffe\uffff", "abc"),
        ("a\r\nb\rc", "a\nb\nc"),
        (" a ", " a "),
        ("<r><t>x</t></r>", "<r><t>x</t></r>"),
        ("a&b<c>", "a&b<c>"),
        ("مرحبا 👩‍🚀", "مرحبا 👩‍🚀"),
    ],
)
def test_xlsx_keeps_all_that_xml_can_hold(text: str, kept: str) -> None:
    assert xlsx((text, *ROW[1:]))[1][0] == kept


def test_text_like_the_code_of_a_character_is_not_taken_for_one() -> None:
    # As Excel writes it; openpyxl does not undo it.
    assert xlsx(("_x0041_", *ROW[1:]))[1][0] == "_x005F_x0041_"


def test_xlsx_cuts_what_no_cell_can_hold() -> None:
    text = xlsx(("😀" * 20_000, *ROW[1:]))[1][0]
    assert len(text.encode("utf-16-le")) // 2 == LENGTH_AT_MOST - 1
    assert set(text) == {"😀"}


def test_dates_before_excel_are_texts() -> None:
    early = ("x", 1, None, date(1850, 5, 1), datetime(1850, 5, 1, 8, tzinfo=UTC), False)
    assert xlsx(early)[1][3:5] == ["1850-05-01", "1850-05-01 08:00:00"]


def test_rows_written_in_pieces_make_the_same_file() -> None:
    rows = [(f"n{number}", *ROW[1:]) for number in range(5)]
    sheet = Sheet(COLUMNS)
    assert written(CsvEncoder(sheet), rows[:2], rows[2:]) == written(CsvEncoder(sheet), rows)
    assert xlsx_rows(written(XlsxEncoder(sheet), rows[:2], rows[2:])) == xlsx(*rows)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
def test_moments_are_those_of_the_time_zone_when_clocks_change_too(name: str) -> None:
    zone = ZoneInfo(name)
    hours = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 13)]
    hours += [datetime(2026, 3, 29, hour, 59, 59, 999999, tzinfo=UTC) for hour in range(24)]
    hours += [datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in range(24)]
    found = local_moments(zone)([*hours, None])
    assert found == [*(f"{each.astimezone(zone):%Y-%m-%d %H:%M:%S}" for each in hours), None]


def test_look_up_is_asked_once_for_all_rows_of_a_piece() -> None:
    asked = []

    def look_up(keys: Sequence[Any]) -> dict[Any, Any]:
        asked.append(list(keys))
        return {1: "one"}

    column = ExportColumn("x", "x", "pk", look_up=look_up)
    content = written(CsvEncoder(Sheet([column], for_people=False)), [(1,), (2,)])
    assert asked == [[1, 2]]
    assert csv_rows(content) == [["x"], ["one"], [""]]


# -- Mailchimp


MAILCHIMP = [
    ExportColumn(name, name, name) for name in ("Email Address", "Last Name", "Phone Number")
]


def test_mailchimp_gets_each_address_once_and_no_row_without() -> None:
    rows = [("a@x.de", "A", ""), ("", "B", ""), ("A@X.DE", "C", ""), ("b@x.de", "D", "")]
    content = written(MailchimpEncoder(Sheet(MAILCHIMP)), rows)
    assert csv_rows(content) == [
        ["Email Address", "Last Name", "Phone Number"],
        ["a@x.de", "A", ""],
        ["b@x.de", "D", ""],
    ]
    assert not content.startswith(b"\xef\xbb\xbf")


def test_mailchimp_gets_numbers_and_addresses_as_they_are_and_no_formula() -> None:
    rows = [
        ("+tag@x.de", "=1+1", "+49 (30) 12-34"),
        ("x@y.de", "B", "=cmd"),
        ("z@y.de", "B", "+A1"),
    ]
    content = written(MailchimpEncoder(Sheet(MAILCHIMP)), rows)
    assert csv_rows(content)[1:] == [
        ["+tag@x.de", "'=1+1", "+49 (30) 12-34"],
        ["x@y.de", "B", "'=cmd"],
        ["z@y.de", "B", "'+A1"],
    ]


def test_mailchimp_remembers_the_addresses_of_a_part_it_goes_on_with() -> None:
    first = MailchimpEncoder(Sheet(MAILCHIMP))
    part = BytesIO(first.header() + first.encode([("a@x.de", "a\r\nb", "")]))
    second = MailchimpEncoder(Sheet(MAILCHIMP))
    second.go_on(part)
    assert second.encode([("A@x.de", "B", ""), ("c@x.de", "C", "")]) == b"c@x.de,C,\r\n"
