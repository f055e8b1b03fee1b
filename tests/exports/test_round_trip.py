"""What was exported comes back as it was, in whatever language it was taken along."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models.functions import Trunc
from django.test import Client

from contacts.models import Contact
from crm.exports.fields import exports_of
from crm.lists.registry import Context
from crm.trash.models import TrashedRecord
from deals.models import Deal, Pipeline
from deals.services import select_status
from imports.models import ImportedRecord
from imports.parsing import parse_mapping, read_mapping
from imports.report import Report
from imports.services import load
from tests.exports.people import (
    HARD,
    WON,
    body,
    csv_rows,
    hard_contacts,
    posted,
    signed_in,
    user,
    xlsx_rows,
)
from tests.imports.files import MAPPINGS, mapping_of
from tests.imports.files import write as write_files

pytestmark = pytest.mark.django_db

LANGUAGES = pytest.mark.parametrize("language", ["en", "de", "fr"])


def take(client: Client, record: str, form: str, **more: Any) -> bytes:
    count = Contact.objects.count() if record == "contact" else Deal.objects.count()
    more = {"columns": "complete", "state": "sort=created", **more}
    return body(client.post(f"/{record}s/export/", posted(format=form, count=str(count), **more)))


def write(folder: Path, client: Client, *records: str, form: str = "csv", **more: Any) -> None:
    for record in records:
        (folder / f"{record}s.csv").write_bytes(take(client, record, form, **more))


def empty() -> None:
    Deal.objects.all().delete()
    Contact.objects.filter(is_organization=False).delete()
    Contact.objects.all().delete()
    TrashedRecord.objects.all().delete()
    ImportedRecord.objects.all().delete()


def loaded(folder: Path, name: str) -> Report:
    report = load(folder, read_mapping(MAPPINGS / f"{name}.toml"))
    assert not report.rejects, [(one.column, one.reason, one.cells) for one in report.rejects]
    return report


def without_numbers(content: bytes, record: str) -> list[list[str]]:
    """The rows without the columns of numbers: a new installation gives its own."""
    rows = csv_rows(content)
    exports = exports_of(record)
    columns = exports.columns(exports.complete, Context.of(None))
    places = [n for n, column in enumerate(columns) if not column.name.endswith("id")]
    return sorted([row[n] for n in places] for row in rows)


@LANGUAGES
def test_contacts_come_back_as_they_were(language: str, tmp_path: Path) -> None:
    hard_contacts()
    client = signed_in(language=language)
    write(tmp_path, client, "contact")
    stored = values()
    empty()
    report = loaded(tmp_path, "standing-contacts")
    assert report.total("created") == 2 * len(HARD)
    assert values() == stored


def values() -> list[Any]:
    """What is stored of contacts, in the order in which they were created."""
    rows = Contact.objects.order_by("created_at").values_list(
        "is_organization", "name", "first_name", "last_name", "title", "phone", "email", "language", "street",
        "postal_code", "city", "description", "company__name", "prospect_status",
        "customer_status",
    )  # fmt: skip
    return list(rows)


@LANGUAGES
@pytest.mark.parametrize("form", ["csv", "raw"])
def test_export_of_what_was_loaded_into_an_empty_database_is_the_same(
    form: str, language: str, tmp_path: Path
) -> None:
    first = hard_contacts()[0].pk
    # What is written for people is written to the second.
    Contact.objects.update(created_at=Trunc("created_at", "second"))
    client = signed_in(language=language)
    write(tmp_path, client, "contact", form=form)
    workbook = xlsx_rows(take(client, "contact", "xlsx"))
    empty()
    number_from(first)
    loaded(tmp_path, "standing-contacts")
    assert take(client, "contact", form) == (tmp_path / "contacts.csv").read_bytes()
    assert xlsx_rows(take(client, "contact", "xlsx")) == workbook


def number_from(first: int) -> None:
    """Let the next contact have this number, as in a database that never had another."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "UPDATE sqlite_sequence SET seq = %s WHERE name = 'contacts_contact'", [first - 1]
            )
        else:
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('contacts_contact', 'id'), %s, false)",
                [first],
            )


@LANGUAGES
def test_deals_come_back_with_the_statuses_that_follow(language: str, tmp_path: Path) -> None:
    owner = user("eva", first_name="Eva", last_name="Blum")
    stages = {stage.category: stage for stage in Pipeline.objects.get(is_default=True).stages.all()}
    acme = Contact.objects.create(is_organization=True, name="Acme", owner=owner)
    ada = Contact.objects.create(first_name="=Ada", last_name="von Blum", company=acme)
    past = Contact.objects.create(last_name="Past")
    lost = Contact.objects.create(last_name="Lost")
    for contact, category in ((ada, "in_progress"), (past, "won"), (lost, "lost")):
        Deal.objects.create(
            name=f"+{category}; =1", primary_contact=contact, stage=stages[category], value="-1.50",
            hot=category == "won", opened_at=WON, closed_at=None if category == "in_progress" else WON,
            owner=owner,
        )  # fmt: skip
    select_status(past, customer="past")
    client = signed_in(language=language)
    write(tmp_path, client, "contact", "deal")
    statuses = status_table()
    assert len(set(statuses.values())) == 3
    before = {
        record: without_numbers(take(client, record, "csv"), record)
        for record in ("contact", "deal")
    }
    empty()
    loaded(tmp_path, "standing")
    assert status_table() == statuses
    for record, rows in before.items():
        assert without_numbers(take(client, record, "csv"), record) == rows


def status_table() -> dict[str, tuple[str, str]]:
    rows = Contact.objects.values_list("name", "prospect_status", "customer_status")
    return {name: (prospect, customer) for name, prospect, customer in rows}


@LANGUAGES
def test_columns_of_a_list_are_loaded_as_far_as_they_go(language: str, tmp_path: Path) -> None:
    Contact.objects.create(is_organization=True, name="Acme", city="Ulm")
    Contact.objects.create(last_name="Blum", first_name="Ada", city="Bonn")
    client = signed_in(language=language)
    write(tmp_path, client, "contact", columns="list", state="columns=city")
    empty()
    loaded(tmp_path, "standing-contacts")
    assert set(Contact.objects.values_list("name", "last_name", "city")) == {
        ("Acme", "", "Ulm"), ("Ada Blum", "Blum", "Bonn"),
    }  # fmt: skip


def test_file_saved_again_with_semicolons_is_read(tmp_path: Path) -> None:
    hard_contacts()
    write(tmp_path, signed_in(), "contact")
    path = tmp_path / "contacts.csv"
    rows = csv_rows(path.read_bytes())
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    stored = values()
    empty()
    loaded(tmp_path, "standing-contacts")
    assert values() == stored


def test_loading_it_again_changes_nothing(tmp_path: Path) -> None:
    hard_contacts()
    write(tmp_path, signed_in(), "contact")
    empty()
    loaded(tmp_path, "standing-contacts")
    report = loaded(tmp_path, "standing-contacts")
    assert (report.total("unchanged"), report.total("created")) == (2 * len(HARD), 0)


def test_moments_come_back_from_another_time_zone(tmp_path: Path) -> None:
    contact = Contact.objects.create(last_name="Blum", created_at=WON)
    client = signed_in(username="tokyo", time_zone="Asia/Tokyo")
    write(tmp_path, client, "contact")
    assert "2017-03-01 21:30:15" in (tmp_path / "contacts.csv").read_text("utf-8-sig")
    contact.delete()
    TrashedRecord.objects.all().delete()
    loaded(tmp_path, "standing-contacts")
    assert Contact.objects.get().created_at == WON.replace(microsecond=0)


def test_export_without_what_a_load_needs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text("Name,E-mail\nAcme,\n")
    with pytest.raises(ValidationError, match=r"no column “id”, “kind”.*Export again"):
        loaded(tmp_path, "standing-contacts")


def test_apostrophes_of_other_files_are_left_alone(tmp_path: Path) -> None:
    write_files(tmp_path, companies="C1,'=Acme")
    load(tmp_path, parse_mapping(mapping_of(tmp_path)))
    assert Contact.objects.get().name == "'=Acme"
