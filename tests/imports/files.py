"""Small folders of CSV files with their mapping, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contacts.models import Contact
from imports.parsing import parse_mapping
from imports.report import Report
from imports.services import load

DATA = Path(__file__).parent / "data"
MAPPINGS = Path(__file__).parents[2] / "imports" / "mappings"

STAGES = {"New": "incoming", "Working": "in_progress", "Won": "won", "Lost": "lost"}
COMPANIES = {
    "file": "companies.csv",
    "key": "id",
    "fields": {"name": "name"},
}
PEOPLE = {
    "file": "people.csv",
    "key": "id",
    "fields": {
        "first_name": "first",
        "last_name": "last",
        "email": "email",
        "company": {"column": "company", "by": "id"},
    },
}
DEALS = {
    "file": "deals.csv",
    "key": "id",
    "fields": {
        "name": "name",
        "primary_contact": {"column": "contact", "by": "id"},
        "stage": "stage",
        "opened_at": "opened",
        "closed_at": "closed",
        "value": "value",
    },
}
LINKS = {
    "file": "links.csv",
    "fields": {
        "deal": {"column": "deal", "by": "id"},
        "contact": {"column": "contact", "by": "id"},
        "role": "role",
    },
}
HEADERS = {
    "companies.csv": "id,name",
    "people.csv": "id,first,last,email,company",
    "deals.csv": "id,name,contact,stage,opened,closed,value",
    "links.csv": "deal,contact,role",
}
SECTIONS = {
    "companies.csv": ("companies", COMPANIES),
    "people.csv": ("people", PEOPLE),
    "deals.csv": ("deals", DEALS),
    "links.csv": ("deal_contacts", LINKS),
}


def write(folder: Path, **files: str | list[str]) -> None:
    """Write ``companies``, ``people``, ``deals``, ``links``: rows below the usual header."""
    for name, rows in files.items():
        lines = [rows] if isinstance(rows, str) else rows
        text = "\n".join([HEADERS[f"{name}.csv"], *lines]) + "\n"
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")


def mapping_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """The usual mapping of the files that are in ``folder``, with keys changed."""
    data: dict[str, Any] = {"source": "test", "pipeline": {"name": "Test", "stages": STAGES}}
    for name, (entity, section) in SECTIONS.items():
        if (folder / name).exists():
            data[entity] = section
    return data | changes


def load_usual(folder: Path, *, dry_run: bool = False, user: Any = None, **changes: Any) -> Report:
    mapping = parse_mapping(mapping_of(folder, **changes))
    return load(folder, mapping, dry_run=dry_run, user=user)


def with_fields(section: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return section | {"fields": section["fields"] | fields}


def contact(name: str) -> Contact:
    return Contact.objects.get(name=name)


def statuses(name: str) -> str:
    found = contact(name)
    return f"{found.prospect_status}/{found.customer_status}"
