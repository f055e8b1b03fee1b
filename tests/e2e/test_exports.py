"""Taking a list along: the pages for it, and what lands on the disk."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from crm.accounts.models import User
from tests.deals.factories import company, person
from tests.e2e.conftest import faults
from tests.exports.people import csv_rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", "anna@example.com", "x", first_name="Anna")


@pytest.fixture
def book() -> None:
    acme = company("=Acme", email="info@acme.example")
    person("Lovelace", first_name="Ada", company=acme, email="ada@acme.example", phone="+49 30")
    person("Nobody")


def post(page: Any, url: str, **fields: str) -> None:
    """Post a selection of all contacts from their list, as its buttons do."""
    page.goto("/contacts/")
    page.evaluate(
        """([url, fields]) => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = url;
            const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
            for (const [name, value] of Object.entries({...fields, csrfmiddlewaretoken: token})) {
                const input = document.createElement("input");
                Object.assign(input, {type: "hidden", name, value});
                form.append(input);
            }
            document.body.append(form);
            form.submit();
        }""",
        [url, {"scope": "all", "count": "3", "state": "", "list": "", **fields}],
    )
    page.wait_for_url(f"**{url}")


def test_file_lands_on_the_disk_under_its_name(visitor, anna, book) -> None:
    page = visitor(anna)
    post(page, "/contacts/export/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Export 3 contacts")
    expect(page.get_by_label("Excel workbook (XLSX)")).to_be_checked()
    page.get_by_label("CSV for spreadsheets").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    assert download.value.suggested_filename.startswith("contacts-")
    assert download.value.suggested_filename.endswith(".csv")
    rows = csv_rows(download.value.path().read_bytes())
    assert [row[2] for row in rows] == ["Name", "'=Acme", "Ada Lovelace", "Nobody"]


def test_addresses_are_copied(visitor, anna, book) -> None:
    page = visitor(anna, permissions=["clipboard-read", "clipboard-write"])
    post(page, "/contacts/addresses/")
    expect(page.get_by_text("1 contact has none.")).to_be_visible()
    page.get_by_role("button", name="Copy with names").click()
    expect(page.locator("#live")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == ["=Acme <info@acme.example>", "Ada Lovelace <ada@acme.example>"]


def test_addresses_are_there_to_be_selected_without_scripts(visitor, anna, book) -> None:
    page = visitor(anna, java_script_enabled=False)
    page.goto("/contacts/")
    page.locator("tbody input[type=checkbox]").first.check()
    page.locator("#act summary").click()
    page.get_by_role("button", name="Copy e-mail addresses").click()
    expect(page.locator("textarea")).to_have_count(2)
    expect(page.get_by_role("button", name="Copy with names")).to_have_count(0)


def test_pages_are_for_everybody(visitor, anna, book, look) -> None:
    language, width = look
    page = visitor(anna, language=language, width=width)
    for url in ("/contacts/export/", "/contacts/addresses/"):
        post(page, url)
        assert faults(page) == []
