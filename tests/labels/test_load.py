"""Loading tags and custom fields from files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from contacts.models.labels import HOLDER as OF_CONTACTS
from contacts.models.labels import ContactChange, ContactTag, ContactValue
from crm.accounts.models import User
from deals.models import Deal
from deals.models.labels import HOLDER as OF_DEALS
from deals.services import merge_contacts, select_status
from imports.report import Report
from settings.categories import Category
from settings.models import CustomField, Tag
from settings.services import change_tags, delete_label, set_values, tags_of, values_of
from settings.types import type_of
from tests.imports.files import DEALS, PEOPLE, contact, load_usual, with_fields, write
from tests.labels.test_merge import give
from tests.labels.worlds import made_field, made_tag, shown

pytestmark = pytest.mark.django_db
CATEGORIES = (Category.CONTACTS, Category.CUSTOMERS)


def people(folder: Path, header: str, *rows: str) -> None:
    """A file of people: ``id,first,last,email,company`` and ``header`` behind it."""
    lines = [f"id,first,last,email,company,{header}", *rows]
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def load_people(folder: Path, fields: Mapping[str, Any] | None = None, **more: Any) -> Report:
    return load_usual(folder, people={**with_fields(PEOPLE, **(fields or {})), **more})


def carried(name: str) -> tuple[list[str], dict[str, str]]:
    pk = contact(name).pk
    tags = tags_of(OF_CONTACTS, [pk], CATEGORIES, unseen=True)[pk]
    fields = {field.pk: field for field in CustomField.objects.live()}
    values = values_of(OF_CONTACTS, [pk], fields.values(), unseen=True)[pk]
    texts = {
        fields[one].name: type_of(fields[one]).to_text(fields[one], value)
        for one, value in values.items()
    }
    return sorted(tag.name for tag in tags), texts


def test_columns_become_tags_and_unknown_ones_are_made(tmp_path: Path) -> None:
    made_tag("VIP")
    people(tmp_path, "marks,kind", r"P1,Ann,Ash,,,vip; a\;b;;VIP,Key", "P2,Bob,Birch,,,,")
    report = load_people(tmp_path, {"tags": "marks", "customer_tags": "kind"})
    assert report.rejects == []
    assert carried("Ann Ash")[0] == ["Key", "VIP", "a;b"]
    assert carried("Bob Birch")[0] == []
    assert Tag.objects.get(name="Key").category == "customers"
    assert "customers/Key" not in shown(contact("Ann Ash")), "unseen, as she is neither"
    select_status(contact("Ann Ash"), customer="past")
    assert "customers/Key" in shown(contact("Ann Ash"))
    assert not ContactChange.objects.exists(), "the import is the history"


CELLS = {
    "text": ("x, y", "x, y"),
    "long_text": ("a\nb", "a\nb"),
    "whole": ("-12", "-12"),
    "number": ("0.125", "0.125"),
    "money": ("1234.5", "1234.50"),
    "yes_no": ("Ja", "yes"),
    "date": ("2026-02-28", "2026-02-28"),
    "moment": ("2026-02-28T10:00:00+00:00", "2026-02-28T10:00:00+00:00"),
    "email": ("a@b.example", "a@b.example"),
    "phone": ("+49 30 1", "+49 30 1"),
    "url": ("b.example", "https://b.example"),
    "address": ("Way 1; 12345; Town", "Way 1; 12345; Town"),
    "choice": (r"one;two", r"one;two"),
    "choices": (r"ONE\;TWO; three", r"one\;two; three"),
}


@pytest.mark.parametrize("category", ["contacts", "customers"])
def test_every_type_is_read_as_it_is_written(category: str, tmp_path: Path) -> None:
    for type in CELLS:
        made_field(type, type, category, options=["one;two", "three"] if "choice" in type else ())
    user = User.objects.create_user("eve", email="eve@b.example")
    made_field("user", "user", category)
    made_field("contact", "contact", category)
    names = [*CELLS, "user", "contact"]
    texts = [*(text for text, _read in CELLS.values()), "EVE@b.example", "P2"]
    quoted = ",".join('"' + text.replace('"', '""') + '"' for text in texts)
    header = ",".join(f"{category}:{name}" for name in names)
    people(tmp_path, header, f"P1,Ann,Ash,,,{quoted}", f"P2,Bob,Birch,,,{',' * (len(names) - 1)}")
    assert load_people(tmp_path, custom_fields=True).rejects == []
    found = carried("Ann Ash")[1]
    assert found == {name: read for name, (_text, read) in CELLS.items()} | {
        "user": str(user.pk),
        "contact": str(contact("Bob Birch").pk),
    }
    assert carried("Bob Birch")[1] == {}


def test_rows_are_stored_as_the_services_store_them(tmp_path: Path) -> None:
    fields = {
        name: made_field(name, name, options=["A", "B"] if "choice" in name else ())
        for name in ("text", "number", "date", "moment", "yes_no", "choices", "phone")
    }
    cells = "Ä  b,1.5,2026-01-31,2026-01-31T10:00:00+00:00,no,A;B,+49 30"
    people(tmp_path, ",".join(f"contacts:{name}" for name in fields), f"P1,Ann,Ash,,,{cells}")
    load_people(tmp_path, custom_fields=True)
    ann, bob = contact("Ann Ash"), Contact.objects.create(last_name="Bob")
    values = values_of(OF_CONTACTS, [ann.pk], fields.values())[ann.pk]
    set_values("contact", {bob.pk: values})

    def rows(of: Contact) -> list[Any]:
        stored = ContactValue.objects.filter(contact=of).order_by("field", "slot").values()
        return [{**row, "id": 0, "contact_id": 0} for row in stored]

    assert rows(ann) == rows(bob)


def test_marks_and_forms_of_the_file_hold_for_custom_fields(tmp_path: Path) -> None:
    made_field("Budget", "money")
    made_field("Born", "date")
    people(tmp_path, "b,d", 'P1,Ann,Ash,,,"1.234,50",28.02.1980', "P2,Bob,Birch,,,12.5,1980-02-28")
    fields = {"contacts:Budget": "b", "contacts:Born": {"column": "d"}}
    marks = {"decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y"}
    report = load_people(tmp_path, fields, **marks)
    assert carried("Ann Ash")[1] == {"Budget": "1234.50", "Born": "1980-02-28"}
    assert [(one.row, one.column) for one in report.rejects] == [(3, "b; d")]
    assert not Contact.objects.filter(last_name="Birch").exists()


@pytest.mark.parametrize(
    ("type", "cell", "said"),
    [
        ("whole", "1.5", "“1.5” is no whole number"),
        ("email", "nobody", "“nobody” is no e-mail address"),
        ("date", "31.01.2026", "“31.01.2026” is no date"),
        ("yes_no", "perhaps", "“perhaps” is neither yes nor no"),
        ("choice", "C", "“C” is none of the options of “Field”"),
        ("choices", "A; C", "“C” is none of the options of “Field”"),
        ("text", "x" * 501, "It has at most 500 characters"),
    ],
)
def test_bad_cell_rejects_its_row_and_says_why(
    type: str, cell: str, said: str, tmp_path: Path
) -> None:
    made_field("Field", type, options=["A", "B"] if "choice" in type else ())
    people(tmp_path, "contacts:Field", f"P1,Ann,Ash,,,{cell}", "P2,Bob,Birch,,,")
    report = load_people(tmp_path, custom_fields=True)
    (reject,) = report.rejects
    assert (reject.row, reject.column) == (2, "contacts:Field")
    assert said in reject.reason
    assert [one.name for one in Contact.objects.all()] == ["Bob Birch"]


@pytest.mark.parametrize("more", [{"custom_fields": True}, {"fields": {"contacts:Budget": "b"}}])
def test_unknown_field_is_refused_with_how_to_mend_it(more: Any, tmp_path: Path) -> None:
    made_field("Budget", category="customers")
    header = "contacts:Budget" if "custom_fields" in more else "b"
    people(tmp_path, header, "P1,Ann,Ash,,,5")
    with pytest.raises(ValidationError) as refusal:
        load_people(tmp_path, more.get("fields"), custom_fields=more.get("custom_fields", False))
    said = " ".join(refusal.value.messages)
    assert f"people.csv has a column “{header}”" in said
    assert "Contacts have no custom field “Budget”" in said
    assert '"contacts:Budget" = { type = "text" }' in said
    assert not Contact.objects.exists()


def test_field_with_a_type_in_the_mapping_is_made(tmp_path: Path) -> None:
    people(tmp_path, "contacts:Budget,contacts:Kind", "P1,Ann,Ash,,,5,Big", "P2,Bob,Birch,,,6,big")
    fields = {"contacts:Budget": {"type": "money"}, "contacts:Kind": {"type": "choice"}}
    load_people(tmp_path, fields)
    assert carried("Bob Birch")[1] == {"Budget": "6.00", "Kind": "Big"}
    assert load_people(tmp_path, fields).total("unchanged") == 2
    assert CustomField.objects.count() == 2
    with pytest.raises(ValidationError, match="is of the type money, the mapping says text"):
        load_people(tmp_path, {"contacts:Budget": {"type": "text"}})


def test_options_are_made_where_the_mapping_says_so(tmp_path: Path) -> None:
    kind = made_field("Kind", "choices", options=["A"])
    people(tmp_path, "k", "P1,Ann,Ash,,,a;B", "P2,Bob,Birch,,,b")
    fields = {"contacts:Kind": {"column": "k", "make_options": True}}
    assert load_people(tmp_path, fields).rejects == []
    assert list(kind.options.values_list("name", flat=True)) == ["A", "B"]
    assert carried("Ann Ash")[1] == {"Kind": "A; B"}


def test_field_for_companies_is_refused_for_people(tmp_path: Path) -> None:
    made_field("Seats", "whole", applies_to="company")
    people(tmp_path, "contacts:Seats", "P1,Ann,Ash,,,5", "P2,Bob,Birch,,,")
    report = load_people(tmp_path, custom_fields=True)
    assert [one.reason for one in report.rejects] == ["“Seats” is for companies"]
    assert report.total("created") == 1


def test_contacts_in_values_are_found_wherever_they_stand(tmp_path: Path) -> None:
    Contact.objects.create(last_name="Old", first_name="Olga")
    made_field("Adviser", "contact")
    rows = ["P1,Ann,Ash,,,P3", "P2,Bob,Birch,,,olga old", "P3,Cid,Cole,,,Nobody"]
    people(tmp_path, "contacts:Adviser", *rows)
    report = load_people(tmp_path, custom_fields=True)
    assert carried("Ann Ash")[1] == {"Adviser": str(contact("Cid Cole").pk)}
    assert carried("Bob Birch")[1] == {"Adviser": str(contact("Olga Old").pk)}
    (reject,) = report.rejects
    assert reject.reason == "loaded without “Adviser”: there is no contact “Nobody”"
    assert (report.total("created"), report.total("incomplete")) == (3, 1)
    Contact.objects.create(last_name="Nobody")
    assert load_people(tmp_path, custom_fields=True).rejects == []
    assert carried("Cid Cole")[1] == {"Adviser": str(contact("Nobody").pk)}


def test_unknown_person_of_the_team_is_left_empty_and_counted(tmp_path: Path) -> None:
    made_field("By", "user")
    people(tmp_path, "contacts:By", "P1,Ann,Ash,,,zoe")
    report = load_people(tmp_path, custom_fields=True)
    assert report.rejects == []
    assert report.unmatched_owners == {"zoe": 1}
    assert carried("Ann Ash")[1] == {}


def test_unchanged_file_changes_nothing_whatever_people_did_since(tmp_path: Path) -> None:
    note, tag = made_field("Note"), made_tag("VIP")
    kind = made_field("Kind", "choice", options=["A"])
    header = "contacts:Note,contacts:tags,contacts:Kind"
    people(tmp_path, header, "P1,Ann,Ash,,,from the file,VIP,A")
    load_people(tmp_path, custom_fields=True)
    ann = contact("Ann Ash")
    give(ann, [made_tag("Mine")], **{note.form_name: "mine", kind.form_name: None})
    delete_label(tag)
    before = [list(model.objects.order_by("pk").values()) for model in (ContactTag, ContactValue)]
    report = load_people(tmp_path, custom_fields=True)
    assert (report.total("unchanged"), report.total("updated")) == (1, 0)
    after = [list(model.objects.order_by("pk").values()) for model in (ContactTag, ContactValue)]
    assert after == before
    assert not Tag.objects.live().filter(name="VIP", category="contacts").exists()


def test_changed_row_updates_what_is_mapped_and_nothing_else(tmp_path: Path) -> None:
    note, other = made_field("Note"), made_field("Other")
    kinds = made_field("Kinds", "choices", options=["A", "B", "C"])
    header = "contacts:Note,contacts:tags,contacts:Kinds"
    people(tmp_path, header, "P1,Ann,Ash,,,one,VIP;Fair,A;B", "P2,Bob,Birch,,,one,VIP,A")
    load_people(tmp_path, custom_fields=True)
    give(contact("Ann Ash"), **{other.form_name: "mine"})
    change_tags(
        "contact", [contact("Ann Ash").pk], on=[made_tag("Seg", "customers").pk], unseen=True
    )
    people(tmp_path, header, "P1,Ann,Ash,,,two,Fair;New,B;C", "P2,Bob,Birch,,,,,")
    assert load_people(tmp_path, custom_fields=True).total("updated") == 2
    assert carried("Ann Ash") == (
        ["Fair", "New", "Seg"],
        {"Note": "two", "Kinds": "B; C", "Other": "mine"},
    )
    assert carried("Bob Birch") == ([], {}), "a blank cell clears, as it does of other fields"
    assert ContactValue.objects.filter(field=kinds).count() == 2
    assert ContactValue.objects.filter(field=note).count() == 1


def test_keys_of_a_merged_contact_lead_its_values_to_the_survivor(tmp_path: Path) -> None:
    made_field("Note")
    people(tmp_path, "contacts:Note", "P1,Ann,Ash,,,one", "P2,Bob,Birch,,,two")
    load_people(tmp_path, custom_fields=True)
    merge_contacts(contact("Ann Ash"), contact("Bob Birch"))
    assert load_people(tmp_path, custom_fields=True).total("unchanged") == 2
    assert carried("Ann Ash")[1] == {"Note": "one"}


def test_deals_have_tags_and_fields_of_their_own(tmp_path: Path) -> None:
    made_field("Rival", category="deals")
    made_field("Rival")
    write(tmp_path, people=["P1,Ann,Ash,,"])
    header = "id,name,contact,stage,opened,closed,value,deals:Rival,deals:tags,contacts:Rival"
    rows = ["D1,Audit,P1,Won,2016-10-20,2017-03-01,10,Acme,Hot;Big,no"]
    (tmp_path / "deals.csv").write_text("\n".join([header, *rows]) + "\n")
    load_usual(tmp_path, deals={**DEALS, "custom_fields": True})
    deal = Deal.objects.get()
    assert [tag.name for tag in tags_of(OF_DEALS, [deal.pk], [Category.DEALS])[deal.pk]] == [
        "Big",
        "Hot",
    ]
    field = CustomField.objects.get(category="deals")
    assert values_of(OF_DEALS, [deal.pk], [field]) == {deal.pk: {field.pk: "Acme"}}
    assert not ContactValue.objects.exists(), "the value of a contact is none of a deal"
    rows = ["D1,Audit,P1,Won,2016-10-20,2017-03-01,10,,Big,no"]
    (tmp_path / "deals.csv").write_text("\n".join([header, *rows]) + "\n")
    load_usual(tmp_path, deals={**DEALS, "custom_fields": True})
    assert values_of(OF_DEALS, [deal.pk], [field]) == {}
    assert len(tags_of(OF_DEALS, [deal.pk], [Category.DEALS])[deal.pk]) == 1


def test_dry_run_makes_nothing(tmp_path: Path) -> None:
    people(tmp_path, "contacts:Note,contacts:tags", "P1,Ann,Ash,,,x,VIP")
    fields = {"contacts:Note": {"type": "text"}, "tags": "contacts:tags"}
    report = load_usual(tmp_path, dry_run=True, people=with_fields(PEOPLE, **fields))
    assert report.total("created") == 1
    for model in (Tag, CustomField, ContactTag, ContactValue):
        assert not model.objects.exists()


def test_statements_do_not_grow_with_rows_or_columns(tmp_path: Path) -> None:
    def cost(rows: int, columns: int) -> int:
        names = [f"{rows}-{columns}-{number}" for number in range(columns)]
        for name in names:
            made_field(name)
        header = ",".join(f"contacts:{name}" for name in names)
        lines = [f"{rows}-{columns}-{n},A,N{n},,,{','.join(['v'] * columns)}" for n in range(rows)]
        people(tmp_path, header, *lines)
        with CaptureQueriesContext(connection) as captured:
            assert load_people(tmp_path, custom_fields=True).total("created") == rows
        return len(captured)

    cost(2, 2)
    assert cost(2, 3) == cost(40, 3) == cost(40, 20)


def test_numbers_are_exact(tmp_path: Path) -> None:
    field = made_field("Number", "number")
    people(tmp_path, "contacts:Number", "P1,Ann,Ash,,,12345678901.2345")
    load_people(tmp_path, custom_fields=True)
    pk = contact("Ann Ash").pk
    assert values_of(OF_CONTACTS, [pk], [field])[pk] == {field.pk: Decimal("12345678901.2345")}


def test_birthday_of_long_ago_is_a_date(tmp_path: Path) -> None:
    field = made_field("Born", "date")
    people(tmp_path, "contacts:Born", "P1,Ann,Ash,,,1879-03-14")
    load_people(tmp_path, custom_fields=True)
    pk = contact("Ann Ash").pk
    assert values_of(OF_CONTACTS, [pk], [field])[pk] == {field.pk: date(1879, 3, 14)}
