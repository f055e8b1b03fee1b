"""Making custom fields, their options and another type, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import expect

from deals.models import Pipeline, Stage
from settings.models import Account, CustomField, Option
from settings.services import set_values
from tests.deals import factories as make
from tests.e2e.conftest import faults
from tests.labels.worlds import made_field

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann(db: None) -> Any:
    return get_user_model().objects.create_superuser("ann", language="en")


@pytest.fixture
def level() -> CustomField:
    """A field with options of every length, some of them in use."""
    names = ["Low", "Mittlere Zufriedenheitsstufe mit Vorbehalt der Geschäftsführung", "High"]
    field = made_field("Zufriedenheitsstufe", "choice", options=names, help_text="As they say")
    low, _middle, high = field.options.all()
    Option.objects.filter(pk=high.pk).update(retired=True, color="red")
    contacts = [make.company(f"Birkental Verpackungen {number}") for number in range(3)]
    set_values("contact", {one.pk: {field.pk: low.pk} for one in contacts})
    return field


def edit(field: CustomField) -> str:
    return reverse("settings:field_edit", args=[field.pk])


def test_pages_are_accessible_and_fit(
    visitor: Any, ann: Any, level: CustomField, look: tuple[str, int]
) -> None:
    language, width = look
    ann.language = language
    ann.save()
    Account(currency="EUR").save()
    make.default_stages()
    renewals = Pipeline.objects.create(name="Renewals", position=2)
    Stage.objects.create(pipeline=renewals, name="Renewed", category="won")
    long = made_field("Notes")
    text = "a-very-long-word-without-any-blank-" * 6
    contact = make.company("Birkental Verpackungen")
    other = make.company("Birkental Kartonagen")
    set_values("contact", {contact.pk: {long.pk: text}, other.pk: {long.pk: "12"}})
    new = reverse("settings:field_new", args=["contacts"])
    deals = reverse("settings:field_new", args=["deals"])
    type_page = reverse("settings:field_type", args=[long.pk])
    addresses = {
        "types": new,
        "address": f"{new}?type=address",
        "choice": f"{new}?type=choice",
        "money": f"{deals}?type=money",
        "edit": edit(level),
        "option": reverse("settings:option_edit", args=[level.options.first().pk]),
        "type": type_page,
        "preview": f"{type_page}?type=whole",
        "options": f"{type_page}?type=choice",
    }
    page = visitor(ann, language=language, width=width)
    found = {}
    for name, address in addresses.items():
        page.goto(address)
        found[name] = faults(page)
    page.goto(f"{new}?type=date")
    page.locator("#id_name").fill("x" * 10)
    page.locator("form.form-page").evaluate("(form) => form.elements.name.value = ''")
    page.locator("form.form-page button[type=submit]").click()
    expect(page.locator("#id_name_error")).to_be_visible()
    found["refused"] = faults(page)
    # The browser notes the refusal, as 422.
    assert all("422" in complaint for complaint in visitor.complaints)
    visitor.complaints.clear()
    assert found == {name: [] for name in found}


def test_a_field_is_made_by_keyboard(visitor: Any, ann: Any) -> None:
    page = visitor(ann)
    page.goto(reverse("settings:category", args=["contacts"]))
    page.get_by_role("link", name="New custom field").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Single choice").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("Level")
    page.get_by_label("Options").focus()
    page.keyboard.type("Low")
    page.keyboard.press("Enter")
    page.keyboard.type("High")
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit the custom field “Level”")
    expect(page.locator("#options li")).to_have_count(2)
    assert faults(page) == []


def test_options_change_without_losing_what_is_typed_above(
    visitor: Any, ann: Any, level: CustomField
) -> None:
    page = visitor(ann)
    page.goto(edit(level))
    page.get_by_label("Help text", exact=False).first.fill("Not saved yet")
    rows = page.locator("#options li")
    page.get_by_role("button", name="Move Low down").focus()
    page.keyboard.press("Enter")
    expect(rows.nth(1)).to_contain_text("Low")
    expect(page.get_by_role("button", name="Move Low down")).to_be_focused()
    page.get_by_role("button", name="Retire Low").click()
    expect(rows.nth(1)).to_contain_text("Retired")
    page.get_by_role("button", name="Delete Low").click()
    expect(page.locator("#messages")).to_contain_text("3 records have it.")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Delete High").click()
    expect(rows).to_have_count(2)
    expect(page.locator("#options")).to_be_focused()
    page.locator("#options").get_by_label("Name").fill("Highest")
    page.locator("#options").get_by_role("radio", name="Teal").check(force=True)
    page.get_by_role("button", name="Add option").click()
    expect(rows).to_have_count(3)
    expect(rows.nth(2).locator(".tag-teal")).to_have_text("Highest")
    expect(page.get_by_label("Help text", exact=False).first).to_have_value("Not saved yet")
    assert faults(page) == []
    page.get_by_role("button", name="Save").click()
    level.refresh_from_db()
    assert level.help_text == "Not saved yet"


def test_a_type_is_changed_and_undone_without_javascript(visitor: Any, ann: Any) -> None:
    field = made_field("Seats")
    good, bad = make.company("Acme"), make.company("Bolt")
    set_values("contact", {good.pk: {field.pk: "12"}, bad.pk: {field.pk: "a dozen"}})
    page = visitor(ann, java_script_enabled=False)
    page.goto(edit(field))
    page.get_by_role("link", name="Change the type").click()
    page.get_by_label("New type").select_option("whole")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("main")).to_contain_text("“a dozen” is no number.")
    expect(page.get_by_role("link", name="Bolt")).to_be_visible()
    page.get_by_role("button", name="Change the type to Whole number").click()
    expect(page.locator("#messages")).to_contain_text("“Seats” is of the type Whole number now.")
    page.get_by_role("button", name="Undo").first.click()
    page.goto(edit(field))
    expect(page.locator("main")).to_contain_text("Type: Text")
