"""The pages of Settings for tags and fields, seen by people and by what reads to them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from crm.accounts.models import User
from crm.actor import acting_as
from crm.lists.models import SmartList
from deals.services import select_status
from settings.models import Removal, Tag
from settings.services import change_tags, delete_label, set_values
from settings.services.usage import tag_counts
from tests.deals.factories import person
from tests.e2e.conftest import faults
from tests.labels.worlds import made_field, made_tag

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


@pytest.fixture
def anna():
    return User.objects.create_superuser("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def shelf(anna):
    """Tags and fields in both categories, alike and not, carried by four customers and two others."""
    people = [person(f"Person {number}") for number in range(6)]
    for one in people[:4]:
        select_status(one, customer="current")
    vip, key, long = made_tag("VIP", color="purple"), made_tag("Key", color="teal"), made_tag(LONG)
    there = made_tag("VIP", "customers", color="indigo")
    size = made_field("Size", "whole")
    made_field("Size", "text", "customers")
    made_field(f"{LONG[:60]} of people", "choices", applies_to="person", options=["A", "B"])
    change_tags("contact", [one.pk for one in people], on=[vip.pk, long.pk])
    change_tags("contact", [one.pk for one in people[:2]], on=[there.pk, key.pk])
    set_values("contact", {one.pk: {size.pk: 4} for one in people})
    asking = [[{"field": "tags", "values": [str(vip.pk)]}]]
    SmartList.objects.create(
        record="contact", name="Important", slug="important", owner=anna, conditions=asking
    )
    with acting_as(anna):
        gone = made_tag("Old fair", color="pink")
        change_tags("contact", [people[0].pk, people[5].pk], on=[gone.pk])
        delete_label(gone)
    return {"vip": vip, "key": key, "size": size}


def addresses(shelf):
    vip, key, size = (shelf[name].pk for name in ("vip", "key", "size"))
    return [
        "/settings/",
        "/settings/contacts/",
        "/settings/prospects-customers/",
        "/settings/deals/",
        "/settings/compare/",
        "/settings/removed/",
        f"/settings/tags/{vip}/",
        f"/settings/tags/{vip}/delete/",
        f"/settings/tags/{vip}/merge/",
        f"/settings/tags/{vip}/merge/?other={key}",
        f"/settings/tags/{vip}/move/",
        f"/settings/fields/{size}/delete/",
        f"/settings/fields/{size}/move/",
    ]


def focused(page):
    """What has the focus: its id, else what it is called."""
    return page.evaluate(
        """() => { const one = document.activeElement;
        return one.id || one.getAttribute("aria-label") || one.innerText.trim(); }"""
    )


def tab_to(page, name, at_most=80):
    """Presses Tab until that has the focus; nothing else is reached with the keyboard alone."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    raise AssertionError(f"{name} is not reached; the focus is on {focused(page)}")


def test_the_pages_have_no_faults(visitor, look, anna, shelf):
    language, width = look
    anna.language = language
    anna.save()
    page = visitor(anna, language=language, width=width)
    found = {}
    for address in addresses(shelf):
        page.goto(address)
        if wrong := faults(page):
            found[address] = wrong
    assert found == {}


@pytest.mark.parametrize("width", [360, 1440])
def test_menus_refusals_and_offers_have_no_faults(visitor, anna, shelf, width):
    page = visitor(anna, width=width)
    for address in ("/settings/contacts/", "/settings/compare/"):
        page.goto(address)
        page.locator("main .row-menu summary").last.click()
        assert faults(page) == []
    page.goto("/settings/contacts/")
    page.fill("#id_name", "vip")
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator("#id_name_error")).to_have_text("There is one of this name already.")
    expect(page.locator("#id_name")).to_have_value("vip")
    assert faults(page) == []
    # The refusal itself is what the console complains of.
    visitor.complaints.clear()
    page.goto(f"/settings/tags/{shelf['vip'].pk}/delete/")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".notice form.undo button")).to_be_visible()
    assert faults(page) == []


def test_a_tag_is_made_deleted_and_brought_back_with_the_keyboard_alone(visitor, anna, shelf):
    page = visitor(anna)
    page.goto("/settings/contacts/")
    tab_to(page, "id_name")
    page.keyboard.type("Trade fair")
    tab_to(page, "id_color_0")
    page.keyboard.press("ArrowRight")
    tab_to(page, "Add tag")
    page.keyboard.press("Enter")
    expect(page.locator(".notice-success")).to_contain_text("The tag “Trade fair” is made.")
    tag = Tag.objects.live().get(name="Trade fair")
    assert tag.color == "blue"
    tab_to(page, "More for Trade fair")
    page.keyboard.press("Enter")
    tab_to(page, "Delete…", 5)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Delete the tag “Trade fair”?")
    tab_to(page, "where-here")
    page.keyboard.press("ArrowDown")
    tab_to(page, "Delete")
    page.keyboard.press("Enter")
    expect(page.locator(".notice-success")).to_contain_text("“Trade fair” was deleted in Contacts.")
    expect(page.locator(".label-rows")).not_to_contain_text(["Trade fair"])
    assert not Tag.objects.live().filter(name="Trade fair").exists()
    tab_to(page, f"undo-removal-{Removal.objects.first().pk}")
    page.keyboard.press("Enter")
    expect(page.locator(".notice-success")).to_contain_text("“Trade fair” is back as it was.")
    assert Tag.objects.live().get(name="Trade fair") == tag
    assert page.url.endswith("/settings/contacts/")


def test_ordering_keeps_the_focus_on_the_button(visitor, anna, shelf):
    page = visitor(anna)
    page.goto("/settings/contacts/")
    names = page.locator("#tags .label-rows .tag")
    expect(names).to_have_text([LONG, "Key", "VIP"])
    button = f"earlier-tag-{shelf['vip'].pk}"
    page.focus(f"#{button}")
    page.keyboard.press("Enter")
    expect(names).to_have_text([LONG, "VIP", "Key"])
    expect(page.locator(f"#{button}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(names).to_have_text(["VIP", LONG, "Key"])
    expect(page.locator(f"#{button}")).to_have_attribute("aria-disabled", "true")
    # It can go no further up, and stays where it was.
    expect(page.locator(f"#{button}")).to_be_focused()
    page.reload()
    expect(names).to_have_text(["VIP", LONG, "Key"])


def test_a_count_opens_the_list_of_those(visitor, anna, shelf):
    page = visitor(anna)
    page.goto("/settings/prospects-customers/")
    page.get_by_role("link", name="2 records have VIP").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert "customer_tags=" in page.url


def test_everything_works_without_scripts(visitor, anna, shelf):
    page = visitor(anna, width=360, java_script_enabled=False)
    page.goto("/settings/")
    page.locator(".settings-overview").get_by_role("link", name="Contacts Tags").click()
    page.click(f"#earlier-tag-{shelf['vip'].pk}")
    expect(page.locator("#tags .label-rows .tag")).to_have_text([LONG, "VIP", "Key"])
    page.locator(".settings-back a").click()
    page.locator(".settings-overview").get_by_role("link", name="Compare categories").click()
    page.get_by_label("Actions for VIP").click()
    page.get_by_role("link", name="Merge both…").click()
    page.get_by_role("button", name="Merge").click()
    expect(page.locator(".notice-success")).to_contain_text("“VIP” was merged into “VIP” of")
    assert tag_counts("contacts") == {Tag.objects.get(name="Key").pk: 2, **tag_counts_of(LONG)}
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice-success")).to_contain_text("is back as it was")
    assert tag_counts("contacts")[shelf["vip"].pk] == 6


def tag_counts_of(name):
    tag = Tag.objects.get(name=name)
    return {tag.pk: tag_counts("contacts")[tag.pk]}


def test_settings_fit_the_smallest_phone(visitor, anna, shelf):
    page = visitor(anna, width=320)
    wide = {}
    for address in addresses(shelf):
        page.goto(address)
        beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if beyond > 0:
            wide[address] = beyond
    assert wide == {}
