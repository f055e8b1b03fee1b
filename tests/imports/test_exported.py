"""Reading exports: whose header is in some language, with the columns of some list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext as _

from imports.exported import ExportedFile, fitting
from imports.parsing import parse_mapping

# What an export may have depends on which custom fields there are.
pytestmark = pytest.mark.django_db

PEOPLE: dict[str, Any] = {
    "file": "contacts.csv",
    "exported": True,
    "key": "id",
    "fields": {
        "full_name": "name",
        "email": "email",
        "company": [{"column": "company_id", "by": "id"}, {"column": "company", "by": "name"}],
        "customer_status": {"column": "customer_status", "date_column": "customer_since"},
    },
}


def exported(folder: Path, *lines: str, encoding: str = "utf-8-sig") -> ExportedFile:
    path = folder / "contacts.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return ExportedFile(path, "contact")


def cells(file: ExportedFile) -> list[list[str]]:
    return [row.cells for row in file.rows()]


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_words_of_any_language_are_codes_again(language: str, tmp_path: Path) -> None:
    with translation.override(language):
        header = ["ID", _("Kind"), _("Name"), _("Customer Status")]
        row = ["1", _("Person"), "Ada", _("Past Customer")]
    file = exported(tmp_path, ",".join(header), ",".join(row))
    assert file.header == ["id", "kind", "name", "customer_status"]
    assert cells(file) == [["1", "person", "Ada", "past"]]


def test_guard_comes_off_and_other_apostrophes_stay(tmp_path: Path) -> None:
    file = exported(tmp_path, "ID,Name,Phone", "1,''=x,'+49 30", "2,'t Hart,O'B")
    assert cells(file) == [["1", "'=x", "+49 30"], ["2", "'t Hart", "O'B"]]


def test_file_for_programs_is_taken_as_it_is(tmp_path: Path) -> None:
    file = exported(tmp_path, '"id","name","kind"', '"1","\'=x","person"', encoding="utf-8")
    assert cells(file) == [["1", "'=x", "person"]]


def test_moments_are_in_the_time_zone_of_their_header(tmp_path: Path) -> None:
    file = exported(
        tmp_path,
        "ID,Name,Created (Asia/Tokyo)",
        "1,Ada,2026-01-31 09:00:00",
        "2,Eva,",
        "3,Ivo,soon",
    )
    assert file.header == ["id", "name", "created"]
    found = [row[2] for row in cells(file)]
    assert found == ["2026-01-31T09:00:00+09:00", "", "soon"]


def test_columns_that_are_no_export_s_keep_their_names(tmp_path: Path) -> None:
    file = exported(tmp_path, "ID,Name,Remark (mine),Created (Nowhere/Land)", "1,Ada,x,y")
    assert file.header == ["id", "name", "Remark (mine)", "Created (Nowhere/Land)"]


def test_fields_without_a_column_are_left_out(tmp_path: Path) -> None:
    section = parse_mapping({"source": "x", "people": PEOPLE}).sections[0]
    fitted = fitting(section, exported(tmp_path, "ID,Name,Company,Customer Status", "1,Ada,Acme,x"))
    assert list(fitted.fields) == ["full_name", "company", "customer_status"]
    assert (fitted.fields["company"].columns, fitted.fields["company"].by) == (("company",), "name")
    assert fitted.fields["customer_status"].date_column == ""


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Name,E-mail", "no column “id”,"),
        ("ID,E-mail", "no column “name”,"),
    ],
)
def test_export_without_what_a_load_needs_is_refused(
    header: str, said: str, tmp_path: Path
) -> None:
    section = parse_mapping({"source": "x", "people": PEOPLE}).sections[0]
    with pytest.raises(ValidationError, match=said):
        fitting(section, exported(tmp_path, header, "a,b"))
