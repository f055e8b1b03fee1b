"""Tags and custom fields on cards, in forms and in cells of lists, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from contacts.models import Contact
from deals.models import Deal
from deals.models.labels import RequiredAt
from settings.models import Tag
from settings.services import change_tags, set_values
from tests.deals import factories as make
from tests.e2e.conftest import faults
from tests.labels.people import field, fields_of_every_type, tag

pytestmark = pytest.mark.django_db(transaction=True)
COLORS = ("gray", "blue", "cyan", "teal", "green", "lime", "yellow", "orange", "red", "pink",
          "purple", "indigo")  # fmt: skip


@pytest.fixture
def ann() -> Any:
    return get_user_model().objects.create_user("ann", first_name="Ann")


@pytest.fixture
def book(ann: Any) -> dict[str, Any]:
    """A contact of both categories and a deal that have everything, and a company that has nothing."""
    acme = make.company("Acme")
    ada = make.person("Ada", company=acme)
    sale = make.deal(ada, name="Audit")
    ada.refresh_from_db()
    for category, kind, one in (
        ("contacts", "contact", ada),
        ("customers", "contact", ada),
        ("deals", "deal", sale),
    ):
        made = fields_of_every_type(category)
        red, _green, blue = made["choices"].options.all()
        stored = {
            "text": "North " * 12, "long_text": "ß" * 2_000, "whole": 1200, "number": "1.5",
            "money": 99, "yes_no": False, "date": "2026-11-23", "moment": timezone.now(),
            "email": "a@example.org", "phone": "+49 30 1", "url": "https://example.org/" + "x" * 80,
            "address": "Main St 1\n1000\nUlm\n\nGermany", "choice": made["choice"].options.first().pk,
            "choices": [red.pk, blue.pk], "user": ann.pk, "contact": acme.pk,
        }  # fmt: skip
        set_values(kind, {one.pk: {made[name].pk: value for name, value in stored.items()}})
        tags = [tag(f"{color} {category}", category, color=color).pk for color in COLORS]
        tags.append(tag("\u202eelbisreverri" * 6 + category[:3], category).pk)
        change_tags(kind, [one.pk], on=tags)
        field("Nothing yet", category=category)
    asked = field("Competitor", category="deals", help_text="Who won it?")
    RequiredAt.objects.create(field=asked, stage=make.default_stages()["lost"])
    return {"acme": acme, "ada": ada, "sale": sale, "lone": make.company("Lone")}


def test_pages_with_every_type_are_accessible_and_fit(
    visitor: Any, ann: Any, book: dict[str, Any], look: tuple[str, int]
) -> None:
    language, width = look
    get_user_model().objects.filter(pk=ann.pk).update(language=language)
    page = visitor(ann, language=language, width=width)
    lost = make.default_stages()["lost"].pk
    ada, acme, sale = (book[name].pk for name in ("ada", "acme", "sale"))
    found = {}
    for address in (
        reverse("contacts:card", args=[ada]),
        reverse("contacts:card", args=[acme]),
        reverse("deals:card", args=[sale]),
        reverse("contacts:edit", args=[ada]),
        reverse("deals:edit", args=[sale]),
        reverse("contacts:new_company"),
        reverse("deals:move", args=[sale]) + f"?stage={lost}",
    ):
        page.goto(address)
        page.evaluate(
            "document.querySelectorAll('main details:not(.menu)').forEach((one) => { one.open = true; })"
        )
        if wrong := faults(page):
            found[address] = wrong
    assert found == {}


def test_a_tag_is_added_and_taken_off_without_leaving_the_card(
    visitor: Any, ann: Any, book: dict[str, Any]
) -> None:
    tag("Press")
    page = visitor(ann)
    page.goto(book["lone"].get_absolute_url())
    page.locator("#labels summary", has_text="Add a tag").click()
    page.get_by_label("Name of the tag").fill("press")
    page.keyboard.press("Enter")
    labels = page.locator("#labels")
    expect(labels.get_by_role("link", name="Press")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Lone carries “Press”.")
    expect(page.locator("#history")).to_contain_text("Tag added")
    expect(page.locator("#labels-title")).to_be_focused()
    page.get_by_role("button", name="Take off “Press”").click()
    expect(labels.get_by_role("link", name="Press")).to_have_count(0)
    expect(page.locator("#labels-title")).to_be_focused()
    page.locator("#labels summary", has_text="Add a tag").click()
    page.get_by_label("Name of the tag").fill("x" * 81)
    page.keyboard.press("Enter")
    expect(labels.get_by_role("alert")).to_contain_text("at most 80 characters")
    assert faults(page) == []
    # The browser tells of the refusal on its console.
    [refused] = visitor.complaints
    assert "422" in refused
    visitor.complaints.clear()


def test_a_card_works_without_a_script(visitor: Any, ann: Any, book: dict[str, Any]) -> None:
    page = visitor(ann, java_script_enabled=False)
    page.goto(book["lone"].get_absolute_url())
    page.locator("#labels summary", has_text="Add a tag").click()
    page.get_by_label("Name of the tag").fill("Fair")
    page.locator("#labels").get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#labels").get_by_role("link", name="Fair")).to_be_visible()
    page.get_by_role("button", name="Take off “Fair”").click()
    expect(page.locator("#labels").get_by_role("link", name="Fair")).to_have_count(0)


def test_a_form_with_every_type_is_filled_in_by_keyboard(
    visitor: Any, ann: Any, book: dict[str, Any]
) -> None:
    page = visitor(ann)
    page.goto(reverse("contacts:edit", args=[book["lone"].pk]))
    page.get_by_label("A text").fill("South")
    page.get_by_label("A whole").fill("7")
    page.get_by_label("A date").fill("2026-12-24")
    page.get_by_label("A moment").fill("2026-12-24T18:00")
    page.get_by_label("A yes_no").select_option("no")
    page.get_by_role("group", name="A choices").get_by_label("Green").check()
    page.get_by_role("group", name="A address").get_by_label("City").fill("Ulm")
    page.get_by_role("combobox", name="A contact").first.click()
    page.keyboard.type("Ada", delay=30)
    page.get_by_role("option", name="Ada").click()
    page.get_by_label("New tags").fill("Fair, Press")
    page.get_by_role("button", name="Save").first.click()
    labels = page.locator("#labels")
    for words in ("South", "Green", "Ulm", "Ada", "Fair", "Press"):
        expect(labels).to_contain_text(words)


def test_a_cell_of_several_inputs_is_walked_through_and_saved(
    visitor: Any, ann: Any, book: dict[str, Any]
) -> None:
    made = field("Where", "address")
    Tag.objects.filter(category="contacts").exclude(name="red contacts").delete()
    page = visitor(ann)
    page.goto(f"/contacts/?columns={made.form_name},tags&q=Lone")
    row = page.locator("tbody tr", has_text="Lone").first
    row.locator("td").nth(1).dblclick()
    page.get_by_label("Street").fill("Main St")
    for _part in range(4):
        page.keyboard.press("Tab")
    page.keyboard.type("France")
    assert faults(page) == []
    page.keyboard.press("Tab")
    expect(row).to_contain_text("Main St, France")
    row.locator("td").nth(2).dblclick()
    page.get_by_role("group", name="Tags of Lone").get_by_label("red contacts").check()
    assert faults(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#live")).to_have_text("Tags of Lone is saved.")
    expect(row.locator(".tag")).to_have_text("red contacts")
    assert Contact.objects.get(pk=book["lone"].pk).tag_links.count() == 1


def test_a_move_asks_for_what_the_stage_needs(visitor: Any, ann: Any, book: dict[str, Any]) -> None:
    page = visitor(ann)
    page.goto(book["sale"].get_absolute_url())
    page.get_by_role("link", name="Lost", exact=True).click()
    page.get_by_role("button", name="Move to Lost").click()
    expect(page.get_by_role("alert").first).to_contain_text("A deal in the stage “Lost” needs it.")
    assert faults(page) == []
    page.get_by_label("Competitor").fill("Beta")
    page.get_by_role("button", name="Move to Lost").click()
    expect(page.locator("#labels")).to_contain_text("Beta")
    assert Deal.objects.get(pk=book["sale"].pk).group == "lost"
