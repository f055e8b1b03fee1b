"""Changing tags and custom fields of many records: the pages that ask, with and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from contacts.models.labels import HOLDER
from crm.accounts.models import User
from settings.categories import Category, FieldType
from settings.models import CustomField, Tag
from settings.services import change_tags, tags_of, values_of
from tests.deals.factories import company, deal, person
from tests.e2e.conftest import faults
from tests.labels.worlds import made_field, made_tag

pytestmark = pytest.mark.django_db(transaction=True)
HOSTILE = "<script>alert(1)</script> ‮=1+1; a"


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", "anna@example.com", "x", first_name="Anna")


@pytest.fixture
def book() -> None:
    """Records, tags of every category, and a field of every type."""
    acme = company("Acme")
    ada = person("Lovelace", first_name="Ada", company=acme)
    deal(ada, "won", name="Engine")
    tags = [made_tag(f"Tag {number}", color="teal") for number in range(30)]
    made_tag("Hot", "customers", color="red"), made_tag("Large", "deals")
    Tag.objects.filter(pk=tags[0].pk).update(name=HOSTILE)
    change_tags("contact", [ada.pk], on=[tags[1].pk])
    for record in ("contacts", "customers", "deals"):
        for type in FieldType:
            options = ["Gold", HOSTILE[:60], "x" * 80] if "choice" in type.value else ()
            made_field(f"{type.label}", type.value, record, options=options, help_text=HOSTILE)
    CustomField.objects.filter(type="text").update(name=HOSTILE)


def ask(page: Any, record: str, action: str) -> None:
    """Choose everything in a list and ask for an action, as its buttons do."""
    page.goto(f"/{record}s/")
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
        [
            f"/{record}s/act/",
            {"scope": "all", "count": "2", "state": "", "list": "", "action": f"{record}.{action}"},
        ],
    )
    page.wait_for_url(f"**/{record}s/act/")


def names_of(last_name: str) -> list[str]:
    contact = HOLDER.model.objects.get(last_name=last_name)  # type: ignore[attr-defined]
    found = tags_of(HOLDER, [contact.pk], [Category.CONTACTS, Category.CUSTOMERS])
    return sorted(tag.name for tag in found.get(contact.pk, ()))


def test_tags_are_changed_from_the_list_and_put_back(visitor, anna, book) -> None:
    page = visitor(anna)
    page.goto("/contacts/")
    page.get_by_role("checkbox", name="Ada Lovelace").check()
    page.get_by_role("button", name="Tags…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change the tags of 1 contact")
    contacts = page.get_by_role("region", name="Contacts", exact=True)
    contacts.get_by_role("group", name="Add").get_by_label("Tag 2", exact=True).check()
    contacts.get_by_role("group", name="Add").get_by_label("New tags").fill("Brand new")
    contacts.get_by_role("group", name="Take off").get_by_label("Tag 1", exact=True).check()
    customers = page.get_by_role("region", name="Prospects & Customers")
    customers.get_by_role("group", name="Add").get_by_label("Hot").check()
    page.get_by_role("button", name="Change tags: 1 contact").click()
    expect(page.get_by_text("Tags of 1 contact changed")).to_be_visible()
    assert names_of("Lovelace") == ["Brand new", "Hot", "Tag 2"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 contact put back as before")).to_be_visible()
    assert names_of("Lovelace") == ["Tag 1"]


def test_fields_are_set_without_scripts(visitor, anna) -> None:
    budget, note = made_field("Budget", "money"), made_field("Note", "long_text")
    ada = person("Lovelace", first_name="Ada")
    page = visitor(anna, java_script_enabled=False)
    page.goto("/contacts/")
    page.locator("tbody input[type=checkbox]").first.check()
    page.locator("#act summary").click()
    page.get_by_role("button", name="Set custom fields").click()
    page.get_by_label("Budget", exact=True).fill("12.50")
    page.get_by_label("Note", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Set custom fields: 1 contact").click()
    expect(page.get_by_text("Budget, Note of 1 contact set")).to_be_visible()
    values = values_of(HOLDER, [ada.pk], [budget, note])[ada.pk]
    assert (str(values[budget.pk]), values[note.pk]) == ("12.50", HOSTILE)


def test_mistake_is_shown_at_its_field_and_named_at_the_top(visitor, anna, book) -> None:
    page = visitor(anna)
    ask(page, "contact", "values")
    web = CustomField.objects.get(category="contacts", type="url")
    field = page.locator(f"#id_field{web.pk}")
    field.fill("javascript:alert(1)")
    page.get_by_role("button", name="Set custom fields: 2 contacts").click()
    expect(
        page.locator("[role=alert]").get_by_role("link", name="Web address").first
    ).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert faults(page) == []
    # The browser tells of the answer's status.
    assert ["422" in one for one in visitor.complaints] == [True]
    visitor.complaints.clear()


def test_pages_are_for_everybody(visitor, anna, book, look) -> None:
    language, width = look
    page = visitor(anna, language=language, width=width)
    for record in ("contact", "deal"):
        for action in ("tags", "values"):
            ask(page, record, action)
            assert faults(page) == [], f"{record}.{action}"
