"""``manage.py load``: what it says, and what it leaves behind."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from contacts.models import Contact
from crm.accounts.models import User
from imports.models import ImportRun
from tests.imports.files import write

pytestmark = pytest.mark.django_db

MAPPING = """
source = "test"
[pipeline.stages]
New = "incoming"
Won = "won"
[companies]
file = "companies.csv"
key = "id"
fields = { name = "name" }
[deals]
file = "deals.csv"
key = "id"
[deals.fields]
name = "name"
primary_contact = "contact"
stage = "stage"
closed_at = "closed"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(
        tmp_path,
        companies=["C1,Acme", "C2,Blum"],
        deals=["D1,Audit,C1,Won,,2017-03-01,", "D2,Review,C9,New,,,", "D3,Talk,,New,,,"],
    )
    (tmp_path / "map.toml").write_text(MAPPING)
    return tmp_path


def run(folder: Path, *more: str) -> str:
    out = StringIO()
    call_command(
        "load",
        str(folder),
        "--map",
        str(folder / "map.toml"),
        "--rejects",
        str(folder / "rejects.csv"),
        *more,
        stdout=out,
    )
    return out.getvalue()


def test_says_how_many_of_each_and_which_statuses_before_and_after(folder: Path) -> None:
    said = run(folder)
    assert [line.split() for line in said.splitlines() if line.startswith("Deals")] == [
        ["Deals", "3", "1", "0", "0", "0", "0", "2"]
    ]
    current = next(line for line in said.splitlines() if "none/current" in line)
    assert "Current Customer" in current
    assert current.split()[-2:] == ["0", "1"]
    assert "Loaded." in said


def test_rejects_name_row_column_and_reason_beside_the_row(folder: Path) -> None:
    said = run(folder)
    assert "1 × deals.csv, contact: there is no contact “C9”" in said
    with (folder / "rejects.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [
        (row["rejected_file"], row["rejected_row"], row["rejected_column"], row["name"])
        for row in rows
    ] == [("deals.csv", "3", "contact", "Review"), ("deals.csv", "4", "contact", "Talk")]


def test_mended_rejects_are_loaded_with_the_same_mapping(folder: Path) -> None:
    run(folder)
    path = folder / "rejects.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("C9", "C2"), encoding="utf-8")
    said = run(folder, "--mended", str(path))
    assert [line.split() for line in said.splitlines() if line.startswith("Deals")] == [
        ["Deals", "2", "1", "0", "0", "0", "0", "1"]
    ]
    assert Contact.objects.get(name="Blum").prospect_status == "current"
    assert Contact.objects.count() == 2
    with path.open(newline="", encoding="utf-8") as file:
        left = list(csv.reader(file))
    assert left[0].count("rejected_row") == 1
    assert [(row[0], row[1], row[left[0].index("name")]) for row in left[1:]] == [
        ("deals.csv", "4", "Talk")
    ]


def test_file_that_holds_no_rejects_is_not_taken_for_one(folder: Path) -> None:
    with pytest.raises(CommandError, match="no column “rejected_file”"):
        run(folder, "--mended", str(folder / "deals.csv"))


def test_row_rejected_in_two_places_is_written_once(folder: Path) -> None:
    text = (folder / "map.toml").read_text()
    status = 'name = "name", customer_status = { column = "was", words = { no = "none" } }'
    more = 'prospect_status = { column = "sold", words = { no = "none", yes = "current" } }'
    (folder / "map.toml").write_text(text.replace('name = "name" }', f"{status}, {more} }}", 1))
    (folder / "companies.csv").write_text("id,name,was,sold\nC1,Acme,no,yes\n")
    run(folder)
    with (folder / "rejects.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["rejected_file"] == "companies.csv"]
    assert [row["rejected_column"] for row in rows] == ["was; sold"]


def test_dry_run_says_it_all_and_writes_nothing(folder: Path) -> None:
    said = run(folder, "--dry-run")
    assert "none/current" in said
    assert "dry run" in said
    assert not Contact.objects.exists()
    assert (folder / "rejects.csv").exists()


def test_user_is_named(folder: Path) -> None:
    user = User.objects.create_user("ann")
    run(folder, "--user", "ann")
    assert ImportRun.objects.get().started_by == user


def test_unknown_user_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="no user “zoe”"):
        run(folder, "--user", "zoe")


def test_refusal_of_the_whole_is_an_error_and_loads_nothing(folder: Path) -> None:
    (folder / "deals.csv").write_bytes(b"id,name,contact,stage,closed\nD1,M\xfcller,C1,New,\n")
    with pytest.raises(CommandError, match=r"deals.csv, line 2, .*--encoding"):
        run(folder)
    assert not Contact.objects.exists()
    run(folder, "--encoding", "cp1252")
    assert Contact.objects.get(name="Acme").primary_deals.get().name == "Müller"


def test_rejects_that_cannot_be_written_stop_the_load(folder: Path) -> None:
    with pytest.raises(CommandError, match="Nothing was loaded"):
        run(folder, "--rejects", str(folder / "no" / "rejects.csv"))
    assert not Contact.objects.exists()


def test_shipped_mapping_is_found_by_its_name(folder: Path) -> None:
    with pytest.raises(CommandError, match=r"accounts.csv is not there"):
        call_command("load", str(folder), "--map", "maven-crm-opportunities")


def test_folder_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="is no folder"):
        call_command("load", str(folder / "no"), "--map", str(folder / "map.toml"))
