"""CSV files as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from imports.reading import MAX_CELL, CsvFile
from tests.imports.files import DATA


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content)
    return path


def cells(path: Path, **more: Any) -> list[list[str]]:
    file = CsvFile(path, **more)
    return [file.header, *(row.cells for row in file.rows() if not row.problem)]


@pytest.mark.parametrize("name", ["test_utf16_big.csv", "test_utf16_little.csv"])
def test_utf16_is_recognised_by_its_mark(name: str) -> None:
    assert cells(DATA / "csvkit" / name) == [["a", "b", "c"], ["1", "2", "3"], ["4", "5", "ʤ"]]


def test_mark_of_utf8_is_no_part_of_the_first_column() -> None:
    assert cells(DATA / "csvkit" / "test_utf8_bom.csv")[0] == ["foo", "bar", "baz"]


def test_other_encoding_is_refused_with_file_line_and_option() -> None:
    with pytest.raises(ValidationError, match=r"test_latin1.csv, line 3, .*--encoding"):
        cells(DATA / "csvkit" / "test_latin1.csv")


def test_other_encoding_is_read_when_somebody_says_so() -> None:
    read = cells(DATA / "csvkit" / "test_latin1.csv", encoding="latin-1")
    assert read[-1] == ["4", "5", "©"]


def test_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValidationError, match="no encoding"):
        cells(DATA / "csvkit" / "test_latin1.csv", encoding="klingon")


def test_utf16_without_a_mark_is_asked_for(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a,b\n1,2\n".encode("utf-16-le"))
    with pytest.raises(ValidationError, match="utf-16-le"):
        cells(path)
    assert cells(path, encoding="utf-16-le") == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_recognised(tmp_path: Path, delimiter: str) -> None:
    path = file_of(tmp_path, f"a{delimiter}b\n1{delimiter}2\n".encode())
    assert cells(path) == [["a", "b"], ["1", "2"]]


def test_delimiter_is_that_which_gives_the_wanted_columns(tmp_path: Path) -> None:
    path = file_of(tmp_path, b"name;value, EUR;stage\nx;1;Won\n")
    assert CsvFile(path, columns=["value, EUR"]).delimiter == ";"


def test_uncertain_delimiter_is_asked_for(tmp_path: Path) -> None:
    path = file_of(tmp_path, b"a,b;c,d\n1,2;3,4\n")
    with pytest.raises(ValidationError, match="--delimiter"):
        CsvFile(path)
    assert CsvFile(path, delimiter=";").header == ["a,b", "c,d"]


def test_delimiter_inside_quotation_marks_separates_nothing(tmp_path: Path) -> None:
    assert cells(file_of(tmp_path, b'"a;b",c\n1,2\n')) == [["a;b", "c"], ["1", "2"]]


def test_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    path = file_of(tmp_path, b"id,nam\n1,x\n")
    with pytest.raises(ValidationError, match=r"no column “name”.*“id”, “nam”"):
        CsvFile(path, columns=["id", "name"])


def test_doubled_column_is_refused_only_when_it_is_wanted() -> None:
    path = DATA / "frictionless" / "duplicate-headers.csv"
    assert CsvFile(path, columns=["name"]).header.count("id") == 3
    with pytest.raises(ValidationError, match="more than one column “id”"):
        CsvFile(path, columns=["id"])


def test_ragged_rows_come_with_the_reason_and_are_never_shifted(tmp_path: Path) -> None:
    rows = list(CsvFile(file_of(tmp_path, b"a,b,c\n1,2,3,4\n1,2\n")).rows())
    assert [row.problem for row in rows] == [
        "has 4 cells, the header has 3",
        "has 2 cells, the header has 3",
    ]
    assert [row.number for row in rows] == [2, 3]


def test_unclosed_quotation_mark_is_refused_with_its_row(tmp_path: Path) -> None:
    path = file_of(tmp_path, b'a,b\n1,2\n3,"4\n5,6\n')
    with pytest.raises(ValidationError, match="from row 3 on"):
        cells(path)


def test_text_after_a_closing_quotation_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="from row 2 on"):
        cells(file_of(tmp_path, b'a,b\n1,"2"x\n'))


def test_cell_that_never_ends_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, b'a,b\n1,"' + b"x" * (MAX_CELL + 10) + b'"\n')
    with pytest.raises(ValidationError, match="from row 2 on"):
        cells(path)


def test_long_cells_with_line_breaks_are_read() -> None:
    read = cells(DATA / "frictionless" / "issue-1066-largecellsize.csv")
    assert max(len(row[0]) for row in read) > 5_000


def test_nul_makes_a_bad_row_not_a_bad_file(tmp_path: Path) -> None:
    rows = list(CsvFile(DATA / "csvkit" / "null_byte.csv").rows())
    assert [row.problem for row in rows] == ["holds the control character U+0000 in the column “a”"]


def test_line_ends_of_old_macintoshes_are_read() -> None:
    read = cells(DATA / "csvkit" / "mac_newlines.csv")
    assert read[:2] == [["a", "b", "c"], ["1", "2", "3"]]
    assert read[2][0].startswith("Once upon")


def test_line_break_in_a_header_becomes_a_blank() -> None:
    assert CsvFile(DATA / "csvkit" / "test_header_newline.csv").header[0] == "start end"


def test_blank_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = list(CsvFile(file_of(tmp_path, b"a,b\n1,2\n\n,\n3,4\n")).rows())
    assert [(row.number, row.cells) for row in rows] == [(2, ["1", "2"]), (5, ["3", "4"])]


def test_lines_before_the_header_are_skipped() -> None:
    file = CsvFile(DATA / "frictionless" / "skip-rows-before-headers.csv", skip=1)
    assert file.header == ["id", "name"]
    assert [row.number for row in file.rows()] == [3, 4]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf"])
def test_file_without_a_header_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValidationError, match=r"empty|no header"):
        CsvFile(file_of(tmp_path, content))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="is not there"):
        CsvFile(tmp_path / "none.csv")
