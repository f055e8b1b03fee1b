"""Contacts with everything that files have trouble with, and posts from their list."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import openpyxl
from django.test import Client

from contacts.models import Contact
from crm.accounts.models import User

WON = datetime(2017, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
# Each is a name somebody could have, or give himself.
HARD = [
    "=1+1",
    "'=1+1",
    "''",
    "-5",
    "+49 30 1234",
    "@home",
    "007",
    "1e5",
    "2026-01-31",
    "true",
    'Ada, “Countess” of "Lovelace"',
    "x;=HYPERLINK(1)",
    "x; '=1",
    "＝1",
    "<r><t>&amp;</t></r>",
    "_x0041_",
    "مرحبا بالعالم",
    "👩‍🚀 Łódź",
    "a\tb",
    "O'Brien's",
    "'t Hart",
    "- a -",
]


def user(username: str = "ada", **more: Any) -> User:
    return User.objects.create_user(username, f"{username}@example.org", "x", **more)


def signed_in(**more: Any) -> Client:
    client = Client()
    client.force_login(user(**more))
    return client


def hard_contacts() -> list[Contact]:
    """A company and a person for each hard name, companies first; what is hard stands in other fields too."""
    companies = [
        Contact.objects.create(
            is_organization=True, name=text, phone=text[:60], street=text,
            description=f"{text}\n{text}\r\n- {text}", created_at=WON + timedelta(minutes=number),
        )
        for number, text in enumerate(HARD)
    ]  # fmt: skip
    people = [
        Contact.objects.create(
            first_name=text, last_name=text, company=companies[number], phone="+49 30", city=text,
            postal_code="01234", email=f"p{number}@example.org", title=text, language=("", "de", "fr")[number % 3],
            created_at=WON + timedelta(hours=1, minutes=number),
        )
        for number, text in enumerate(HARD)
    ]  # fmt: skip
    return companies + people


def posted(**more: Any) -> dict[str, Any]:
    """What the list of all contacts posts."""
    return {"scope": "all", "state": "", "list": "", "count": str(Contact.objects.count()), **more}


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def csv_rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline="")))


def xlsx_rows(content: bytes) -> list[list[Any]]:
    page = openpyxl.load_workbook(BytesIO(content)).active
    assert page is not None
    return [[cell.value for cell in row] for row in page.iter_rows()]
