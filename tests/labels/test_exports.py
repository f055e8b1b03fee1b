"""Tags and custom fields in files: how columns are called, what stands in them, and that it can be read back."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from contacts.models import Contact
from contacts.models.labels import HOLDER
from contacts.querysets import ContactQuerySet
from crm.bulk import work
from crm.bulk.models import BulkRun
from crm.exports import services
from crm.exports.fields import exports_of
from crm.exports.formats import format_of
from crm.exports.guard import unguarded
from crm.exports.services import Wanted
from crm.lists.registry import Context
from deals.services import select_status
from settings.categories import FieldType
from settings.joining import joined, parted
from settings.models import Account, CustomField, Option, Tag
from settings.services import change_tags, delete_label, set_values, values_of
from settings.types import type_of
from tests.bulk.runs import start_later
from tests.deals.factories import company, deal, person
from tests.exports.people import HARD, body, csv_rows, posted, signed_in, user
from tests.labels.worlds import made_field, made_tag

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 1, 31, 23, 5, 7, 654321, tzinfo=UTC)
HOSTILE = [*HARD, "a;b", "a\\", "\\;", "x\\;y;", "; ", "‮evil", "a\u200bb", '"; "', "=1;=2"]


@pytest.fixture
def ada() -> Client:
    return signed_in()


def customer(name: str) -> Contact:
    contact = person(name)
    select_status(contact, customer="current")
    return contact


def take(client: Client, form: str, record: str = "contact", **more: Any) -> bytes:
    more = {"columns": "complete", **more}
    return body(client.post(f"/{record}s/export/", posted(format=form, **more)))


def table(client: Client, form: str = "raw", record: str = "contact", **more: Any) -> list[dict]:
    header, *rows = csv_rows(take(client, form, record, **more))
    assert len(set(header)) == len(header)
    return [dict(zip(header, row, strict=True)) for row in rows]


def sheet(client: Client, record: str = "contact", **more: Any) -> list[dict]:
    page = openpyxl.load_workbook(BytesIO(take(client, "xlsx", record, **more))).active
    header, *rows = ([cell.value for cell in row] for row in page.iter_rows())
    return [dict(zip(header, row, strict=True)) for row in rows]


# -- headers


def test_machines_know_columns_by_category_and_name(ada) -> None:
    for category in ("contacts", "customers", "deals"):
        made_field("Budget; netto", "money", category)
    deal(person("One"))
    header = table(ada)[0].keys()
    assert list(header)[-4:] == [
        "contacts:tags", "contacts:Budget; netto", "customers:tags", "customers:Budget; netto",
    ]  # fmt: skip
    header = table(ada, record="deal", count="1")[0].keys()
    assert list(header)[-2:] == ["deals:tags", "deals:Budget; netto"]


def test_field_called_tags_is_not_the_tags(ada) -> None:
    field, tag = made_field("tags"), made_tag("VIP")
    one = person("One")
    set_values("contact", {one.pk: {field.pk: "mine"}})
    change_tags("contact", [one.pk], on=[tag.pk])
    row = table(ada)[0]
    assert (row["contacts:tags"], row["contacts:\\tags"]) == ("VIP", "mine")
    row = table(ada, "csv")[0]
    assert (row["Tags"], row["Tags (Contacts)"]) == ("VIP", "mine")


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_no_two_columns_have_one_header_whatever_fields_are_called(language: str) -> None:
    with translation.override(language):
        titles = exports_of("contact").titles()
    for number, name in enumerate([*titles, "Budget", "budget (Contacts)", "Budget (Contacts)"]):
        for category in ("contacts", "customers"):
            key = {"category": category, "type": "text", "position": number}
            if not CustomField.objects.filter(category=category, key=name.casefold()).exists():
                CustomField(name=name[:80], **key).save()
    exports = exports_of("contact")
    with translation.override(language):
        columns = exports.every_column(Context.of(None))
        headers = [column.title(UTC).casefold() for column in columns]
        assert len(set(headers)) == len(headers)
    assert len({column.name for column in columns}) == len(columns)


def test_people_read_the_category_where_two_share_a_name(ada) -> None:
    made_field("Budget", "money"), made_field("Budget", "money", "customers"), made_field("City")
    person("One")
    header = table(ada, "csv")[0].keys()
    assert list(header)[-5:] == [
        "Tags", "Budget", "City (Contacts)", "Tags of prospects and customers",
        "Budget (Prospects & Customers)",
    ]  # fmt: skip


def test_list_takes_along_what_it_shows(ada) -> None:
    note, other = made_field("Note"), made_field("Other")
    vip = made_tag("VIP")
    one = person("One")
    set_values("contact", {one.pk: {note.pk: "=1", other.pk: "no"}})
    change_tags("contact", [one.pk], on=[vip.pk])
    row = table(ada, "csv", columns="list", state=f"columns=tags,field{note.pk}")[0]
    assert list(row) == ["ID", "Kind", "Name", "Tags", "Note"]
    assert (row["Tags"], row["Note"]) == ("VIP", "'=1")


# -- values


def worth(field: CustomField, eva: Any, acme: Contact) -> Any:
    options = list(Option.objects.filter(field=field).order_by("position"))
    return {
        FieldType.TEXT: "=1+1",
        FieldType.LONG_TEXT: "a\n=b\x01",
        FieldType.WHOLE: 7,
        FieldType.NUMBER: Decimal("1.25"),
        FieldType.MONEY: Decimal("1234.50"),
        FieldType.YES_NO: True,
        FieldType.DATE: date(2026, 1, 31),
        FieldType.MOMENT: MOMENT,
        FieldType.EMAIL: "a@example.org",
        FieldType.PHONE: "+49 30",
        FieldType.URL: "https://example.org/",
        FieldType.ADDRESS: "\n12345\nUlm;x\n\n",
        FieldType.CHOICE: options[0].pk if options else None,
        FieldType.CHOICES: tuple(one.pk for one in options[:2]),
        FieldType.USER: eva.pk,
        FieldType.CONTACT: acme.pk,
    }[FieldType(field.type)]


@pytest.fixture
def filled() -> dict[str, CustomField]:
    """A contact with a value of each type."""
    eva = user("eva", first_name="Eva", last_name="Blum")
    acme, one = company("Acme"), person("One")
    fields = {
        type.value: made_field(
            type.value, type.value, options=["a;b", "c", "d"] if "choice" in type.value else ()
        )
        for type in FieldType
    }
    set_values(
        "contact", {one.pk: {field.pk: worth(field, eva, acme) for field in fields.values()}}
    )
    return fields


def of_one(rows: list[dict], name: str = "Name") -> dict:
    return next(row for row in rows if row[name] == "One")


def test_machines_get_codes_and_nothing_is_changed(ada, filled) -> None:
    row = of_one(table(ada), "name")
    acme = Contact.objects.get(name="Acme")
    assert {key.removeprefix("contacts:"): text for key, text in row.items() if ":" in key} == {
        "tags": "", "customers:tags": "", "text": "=1+1", "long_text": "a\n=b\x01", "whole": "7",
        "number": "1.25", "money": "1234.50", "yes_no": "yes", "date": "2026-01-31",
        "moment": MOMENT.isoformat(), "email": "a@example.org", "phone": "+49 30",
        "url": "https://example.org/", "address": r"; 12345; Ulm\;x", "choice": "a;b",
        "choices": r"a\;b; c", "user": "eva", "contact": str(acme.pk),
    }  # fmt: skip


def test_people_get_words_in_their_language_and_texts_guarded(filled) -> None:
    carl = signed_in(username="carl", language="de", time_zone="Europe/Berlin")
    header, *rows = csv_rows(take(carl, "csv"))
    row = next(row for row in rows if "One" in row)
    found = dict(zip(header, row, strict=True))
    shown = {key: found[key] for key in ("Text", "Whole", "Number", "Money", "Yes_no", "Date")}
    assert shown == {
        "Text": "'=1+1", "Whole": "7", "Number": "1.25", "Money": "1234.50", "Yes_no": "ja",
        "Date": "2026-01-31",
    }  # fmt: skip
    assert found["Moment (Europe/Berlin)"] == "2026-02-01 00:05:07"
    assert (found["User"], found["Contact"]) == ("Eva Blum", "Acme")
    assert found["Long_text"] == "a\n'=b\x01"
    assert (found["Choice"], found["Choices"]) == ("a;b", r"a\;b; c")


def test_workbook_has_numbers_and_dates_and_no_formula(ada, filled) -> None:
    row = of_one(sheet(ada))
    assert (row["Whole"], row["Number"], row["Money"]) == (7, 1.25, 1234.5)
    assert row["Date"] == datetime(2026, 1, 31)
    moment = next(value for key, value in row.items() if key.startswith("Moment ("))
    assert isinstance(moment, datetime)
    assert (row["Text"], row["Yes_no"], row["User"], row["Contact"]) == (
        "=1+1", "yes", "Eva Blum", "Acme",
    )  # fmt: skip
    page = openpyxl.load_workbook(BytesIO(take(ada, "xlsx"))).active
    assert "f" not in {cell.data_type for line in page.iter_rows() for cell in line}


@pytest.mark.parametrize("form", ["csv", "raw"])
def test_every_value_is_read_back_as_it_was(ada, filled, form: str) -> None:
    one = Contact.objects.get(last_name="One")
    stored = values_of(HOLDER, [one.pk], filled.values())[one.pk]
    columns = {column.name if form == "raw" else column.title(UTC): column for column in _columns()}
    row = of_one(table(ada, form), "name" if form == "raw" else "Name")
    read = {}
    for header, text in row.items():
        column = columns[header]
        name = column.name.removeprefix("contacts:")
        if name in filled and name not in ("user", "contact"):
            text = text if form == "raw" else unguarded(text)
            read[name] = type_of(filled[name]).from_text(filled[name], text)
    wanted = {name: stored[field.pk] for name, field in filled.items() if name in read}
    if form == "csv":
        wanted["moment"] = MOMENT.replace(microsecond=0)
    assert read == wanted
    assert len(read) == len(FieldType) - 2


def _columns() -> list[Any]:
    exports = exports_of("contact")
    return exports.columns(exports.everything(), Context.of(None))


@pytest.mark.parametrize("form", ["csv", "raw"])
def test_hostile_names_and_texts_come_back_from_both_kinds_of_csv(ada, form: str) -> None:
    contact = person("One")
    texts = [text.strip() for text in HOSTILE if text.strip()] + ["=" + "x" * 9_999]
    names = sorted({" ".join(text.split())[:80] for text in texts})
    tags = []
    for name in names:
        if not Tag.objects.filter(name__iexact=name).exists():
            tag = Tag(category="contacts", name=name)
            tag.save()
            tags.append(tag)
    fields = [made_field(f"F{number}", "long_text") for number in range(len(texts))]
    set_values(
        "contact",
        {contact.pk: {one.pk: text for one, text in zip(fields, texts, strict=True)}},
    )
    change_tags("contact", [contact.pk], on=[tag.pk for tag in tags])
    row = table(ada, form)[0]
    back = (lambda text: text) if form == "raw" else unguarded
    prefix = "contacts:" if form == "raw" else ""
    assert [back(row[f"{prefix}F{n}"]) for n in range(len(texts))] == texts
    cell = back(row["contacts:tags" if form == "raw" else "Tags"])
    assert sorted(parted(cell)) == sorted(tag.name for tag in tags)
    if form == "csv":
        assert not any(text.startswith(("=", "+", "-", "@")) for text in row.values())


@pytest.mark.parametrize(
    "names",
    [["a", "b"], ["a;b", "c"], ["a\\", "b"], ["\\;", "x\\;y;"], [";"], ["\\"], ["C:\\x; y", "z;"]],
)
def test_names_in_one_cell_do_not_break(names: list[str]) -> None:
    assert parted(joined(names)) == names


def test_cell_that_somebody_wrote_is_read_leniently() -> None:
    assert parted(r"C:\x;y ; z") == [r"C:\x", "y", "z"]
    assert parted("  ") == []


# -- what is not in it


def test_what_is_unseen_is_in_no_file(ada) -> None:
    hot, level = made_tag("Hot", "customers"), made_field("Level", "text", "customers")
    stays, leaves = customer("Stays"), customer("Leaves")
    change_tags("contact", [stays.pk, leaves.pk], on=[hot.pk])
    set_values("contact", {pk: {level.pk: "gold"} for pk in (stays.pk, leaves.pk)})
    select_status(leaves, customer="none")
    rows = {row["name"]: (row["customers:tags"], row["customers:Level"]) for row in table(ada)}
    assert rows == {"Stays": ("Hot", "gold"), "Leaves": ("", "")}
    for form in ("csv", "mailchimp"):
        Contact.objects.update(email="x@example.org")
        Contact.objects.filter(last_name="Stays").update(email="")
        content = take(ada, form, scope="rows", row=[str(leaves.pk)])
        assert b"gold" not in content
        assert b"Hot" not in content


def test_contact_that_the_reader_may_not_see_is_not_named(ada, monkeypatch) -> None:
    field = made_field("Partner", "contact")
    hidden, one = company("Hidden"), person("One")
    set_values("contact", {one.pk: {field.pk: hidden.pk}})
    monkeypatch.setattr(
        ContactQuerySet, "visible_to", lambda self, user: self.exclude(name="Hidden")
    )
    for form in ("raw", "csv"):
        row = table(ada, form, count="1")[0]
        assert row["contacts:Partner" if form == "raw" else "Partner"] == ""


def test_removed_tags_and_fields_are_in_no_file(ada) -> None:
    vip, note = made_tag("VIP"), made_field("Note")
    one = person("One")
    change_tags("contact", [one.pk], on=[vip.pk])
    set_values("contact", {one.pk: {note.pk: "secret"}})
    delete_label(vip), delete_label(note)
    content = take(ada, "raw")
    assert b"VIP" not in content
    assert b"secret" not in content
    assert b"contacts:Note" not in content


def test_column_removed_while_the_file_is_written_stops_it(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    note = made_field("Note")
    person("One")
    names = ["name", note.form_name]
    params = Wanted(format_of("raw"), names, "All").params()
    run = start_later("contact.export", user(), params)
    delete_label(note)
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at) == ("failed", 0)
    assert "Export again" in run.problem


def test_file_of_the_background_is_the_one_at_once(ada, settings, tmp_path, monkeypatch) -> None:
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("contacts.exports.ExportContacts.chunk", 2)
    vip, note = made_tag("VIP"), made_field("Note")
    ids = [person(f"P{number}").pk for number in range(5)]
    change_tags("contact", ids[1:4], on=[vip.pk])
    set_values("contact", {pk: {note.pk: f"note {pk}"} for pk in ids[2:]})
    expected = take(ada, "raw")
    monkeypatch.setattr(services, "AT_ONCE", 1)
    take(ada, "raw")
    run = BulkRun.objects.order_by("pk").last()
    assert run.state == "done"
    assert run.file.read() == expected


# -- Mailchimp


def test_mailchimp_gets_the_names_of_tags_with_commas_between(ada) -> None:
    tags = [
        made_tag("VIP"), made_tag("Bonn, Köln"), made_tag('12" disc'),
        made_tag("vip", "customers"), made_tag("Hot", "customers"),
    ]  # fmt: skip
    one = customer("One")
    Contact.objects.update(email="one@example.org")
    change_tags("contact", [one.pk], on=[tag.pk for tag in tags])
    header, row = csv_rows(take(ada, "mailchimp"))
    cell = row[header.index("Tags")]
    names = next(csv.reader(StringIO(cell)))
    assert names == ['12" disc', "Bonn, Köln", "VIP", "Hot"]
    assert "Current Customer" not in names


def test_contact_without_tags_has_none_at_mailchimp(ada) -> None:
    person("One", email="one@example.org")
    header, row = csv_rows(take(ada, "mailchimp"))
    assert row[header.index("Tags")] == ""


# -- statements


def statements(client: Client, rows: int, labels: int) -> int:
    Contact.objects.all().delete()
    Tag.objects.all().delete()
    CustomField.objects.all().delete()
    Account(currency="EUR").save()
    contacts = [customer(f"P{number}") for number in range(rows)]
    eva = user(f"eva{rows}x{labels}")
    kinds = ["user", "contact", "money", "text"]
    tags = [made_tag(f"T{n}", ("contacts", "customers")[n % 2]) for n in range(labels)]
    fields = [
        made_field(f"F{n}", kinds[n % 4], ("contacts", "customers")[n // 4 % 2])
        for n in range(labels)
    ]
    new: dict[str, Any] = {"user": eva.pk, "contact": contacts[0].pk, "money": "5", "text": "x"}
    change_tags("contact", [one.pk for one in contacts], on=[tag.pk for tag in tags])
    set_values("contact", {one.pk: {f.pk: new[f.type] for f in fields} for one in contacts})
    with CaptureQueriesContext(connection) as captured:
        assert len(table(client, "csv")) == rows
    return len(captured)


def test_statements_depend_neither_on_the_rows_nor_on_the_columns(ada) -> None:
    few = statements(ada, 2, 8)
    assert statements(ada, 40, 8) == few
    assert statements(ada, 2, 24) == few
