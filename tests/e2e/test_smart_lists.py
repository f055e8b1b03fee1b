"""Whole journeys through lists: by mouse, by keyboard alone, and without scripts."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from playwright.sync_api import expect

from contacts.models import Contact
from crm.accounts.models import User
from crm.lists.models import SmartList
from deals.services import select_status
from tests.deals.factories import company, person
from tests.e2e.conftest import faults
from tests.e2e.test_lists import focused, names, ready

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMERS = 56


@pytest.fixture
def anna():
    return User.objects.create_superuser("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def bert():
    return User.objects.create_user("bert", first_name="Bert", last_name="Ohm")


@pytest.fixture
def book(anna, bert):
    """More customers than a page holds, and others whom no action may touch."""
    acme = company("Äcme")
    for number in range(CUSTOMERS):
        one = person(
            f"Customer {number:02}", company=acme, email=f"c{number}@example.com", owner=anna
        )
        select_status(one, customer="current")
    for number in range(3):
        person(f"Other {number}", email=f"o{number}@example.com", owner=anna)


def owners():
    """Who owns how many customers, and how many others."""
    found: dict[tuple[str, str], int] = {}
    for one in Contact.objects.people().select_related("owner"):
        key = (one.customer_status, str(one.owner))
        found[key] = found.get(key, 0) + 1
    return found


BEFORE = {("current", "Anna Berg"): CUSTOMERS, ("none", "Anna Berg"): 3}
AFTER = {("current", "Bert Ohm"): CUSTOMERS, ("none", "Anna Berg"): 3}


def addresses_in(download):
    """The e-mail addresses of a CSV file, and its heads."""
    with open(download.path(), encoding="utf-8-sig") as file:
        rows = list(csv.reader(io.StringIO(file.read())))
    place = next(n for n, head in enumerate(rows[0]) if "mail" in head.lower())
    return rows[0], sorted(row[place] for row in rows[1:])


EXPORTED = sorted(f"c{number}@example.com" for number in range(CUSTOMERS))


def test_a_list_is_filtered_saved_shared_acted_on_and_exported(visitor, anna, bert, book):
    page = visitor(anna)
    page.goto("/contacts/")

    # Filter Current Customers.
    page.click("#add-filter")
    page.click("#editor a:text-is('Customer Status')")
    page.check("#editor label:has-text('Current Customer') input")
    page.click("#editor .editor-foot button")
    page.wait_for_url("**customer_status=current")
    ready(page)
    expect(page.locator(".chip-edit")).to_have_text("Customer Status is Current Customer")
    assert faults(page) == []

    # Add the e-mail column.
    page.click("#display")
    page.check("dialog label:has-text('E-mail') input")
    page.locator("dialog .display-foot .btn-primary").click()
    page.wait_for_url("**columns=*email")
    assert page.locator("thead .col-email").is_visible()

    # Save and share.
    page.click("#list-save-as")
    page.fill("dialog input[name=name]", "Our customers")
    page.check("dialog label:has-text('verybody') input")
    assert faults(page) == []
    page.click("dialog button:has-text('Save')")
    page.wait_for_url("**/contacts/lists/our-customers/")
    expect(page.locator(".tabs [aria-current]")).to_contain_text("Our customers")
    other = visitor(bert)
    other.goto("/contacts/lists/our-customers/")
    assert other.locator("thead .col-email").is_visible()
    expect(other.locator("#count")).to_contain_text(f"of {CUSTOMERS} contacts")

    # Select all that match, and give them another owner.
    page.check("#pick-page")
    page.click(f"text=Select all {CUSTOMERS} contacts that match")
    page.click("#act button[value='contact.owner']:visible")
    expect(page.locator("h1")).to_contain_text(f"{CUSTOMERS} contacts")
    expect(page.locator(".page-subtitle")).to_contain_text("Customer Status is Current Customer")
    assert faults(page) == []
    page.select_option("select[name=owner]", label="Bert Ohm")
    page.click("button[name=confirmed]")
    page.wait_for_url("**/contacts/lists/our-customers/")
    assert owners() == AFTER
    expect(page.locator("input[name=row]:checked")).to_have_count(0)
    expect(page.locator(".notice").first).to_contain_text(f"{CUSTOMERS} contacts")

    # Undo.
    page.click(".notice button:has-text('Undo')")
    page.wait_for_load_state()
    expect(page.locator(".notice").first).to_contain_text("put back")
    assert owners() == BEFORE

    # Export.
    page.goto("/contacts/lists/our-customers/")
    page.check("#pick-page")
    page.click(f"text=Select all {CUSTOMERS} contacts that match")
    page.click("#act button:visible:has-text('Export')")
    assert faults(page) == []
    page.check("#format-csv")
    with page.expect_download() as download:
        page.click("button:has-text('Export')")
    heads, addresses = addresses_in(download.value)
    assert {"Name", "Customer Status", "E-mail"} <= set(heads)
    assert addresses == EXPORTED


def test_the_same_by_keyboard_alone(visitor, anna, bert, book):
    page = visitor(anna)
    press = page.keyboard.press

    def tab_to(selector, key="Tab"):
        """Goes there with Tab as people do; fails where the focus is lost or caught."""
        for _step in range(150):
            press(key)
            assert focused(page) is not None
            if page.evaluate("(one) => document.activeElement.matches(one)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached")

    page.goto("/contacts/")

    # Filter.
    press("f")
    page.wait_for_selector("#editor input[type=search]:focus")
    page.keyboard.type("customer status")
    tab_to("#editor a:not([href*='_since']):not([href*='_days'])[href*='customer_status']")
    press("Enter")
    page.wait_for_selector("#editor [name=value]")
    if not page.evaluate("document.activeElement.matches('#editor [value=current]')"):
        tab_to("#editor [value=current]")
    press("Space")
    press("Enter")
    page.wait_for_url("**customer_status=current")
    ready(page)
    assert page.evaluate("document.activeElement !== document.body")

    # Columns.
    page.focus("#list-q")
    tab_to("#display")
    press("Enter")
    page.wait_for_selector("dialog[open] .column-list")
    tab_to("dialog input[value=email]")
    press("Space")
    press("Enter")
    page.wait_for_url("**columns=*email")

    # Save and share.
    page.focus("#list-q")
    tab_to("#list-save-as")
    press("Enter")
    page.wait_for_selector("dialog[open] input[name=name]:focus")
    page.keyboard.type("Our customers")
    tab_to("dialog input[name=shared]")
    press("ArrowDown")
    tab_to("dialog button[type=submit]:not([tabindex='-1'])")
    press("Enter")
    page.wait_for_url("**/contacts/lists/our-customers/")
    assert SmartList.objects.get().shared

    # Select all that match, and act.
    page.focus("#list-q")
    tab_to("#pick-page")
    press("Space")
    tab_to("#pick-all")
    press("Enter")
    expect(page.locator("#live")).to_contain_text(f"All {CUSTOMERS} contacts that match are")
    page.keyboard.press("Shift+Tab")
    tab_to("#act button[value='contact.owner']")
    press("Enter")
    page.wait_for_url("**/contacts/act/")
    tab_to("select[name=owner]")
    page.keyboard.type("Bert")
    tab_to("button[name=confirmed]")
    press("Enter")
    page.wait_for_url("**/contacts/lists/our-customers/")
    assert owners() == AFTER

    # Undo.
    tab_to(".notice form.undo button")
    press("Enter")
    page.wait_for_load_state()
    expect(page.locator(".notice").first).to_contain_text("put back")
    assert owners() == BEFORE

    # Export two rows, chosen with letters.
    page.goto("/contacts/lists/our-customers/")
    for key in "jxjx":
        press(key)
    expect(page.locator("#act")).to_contain_text("2 selected")
    tab_to("#act button[formaction$='/export/']")
    press("Enter")
    page.wait_for_url("**/contacts/export/")
    tab_to("[name=format]")
    while not page.is_checked("#format-csv"):
        press("ArrowDown")
    tab_to("form .btn-primary")
    with page.expect_download() as download:
        press("Enter")
    assert addresses_in(download.value)[1] == ["c0@example.com", "c1@example.com"]


def test_the_same_without_scripts(visitor, anna, bert, book):
    page = visitor(anna, java_script_enabled=False)
    page.goto("/contacts/")

    page.click("#add-filter")
    page.click("#editor a:text-is('Customer Status')")
    page.check("#editor label:has-text('Current Customer') input")
    page.click("#editor .editor-foot button")
    assert page.locator("tbody tr").count() == 50

    page.click("#display")
    page.check("label:has-text('E-mail') input")
    page.click("button[value='updated.up']")
    page.click(".display-foot .btn-primary")
    assert page.locator("thead .col-email").is_visible()
    assert (
        "columns=company%2Cprospect_status%2Ccustomer_status%2Cupdated%2Cowner%2Cemail" in page.url
    )
    page.click("#sort-email")
    assert "sort=email" in page.url

    page.click("#list-save-as")
    page.fill("input[name=name]", "Our customers")
    page.check("label:has-text('verybody') input")
    page.click(".ask-foot button")
    page.wait_for_url("**/contacts/lists/our-customers/")
    page.goto("/contacts/lists/our-customers/")

    # Nothing ticked: the list says what is missing.
    page.click("#act button[value='contact.owner']:visible")
    expect(page.locator(".notice")).to_contain_text("Nothing is chosen")

    # All on the page: fifty, and none of those on the next one.
    page.goto("/contacts/lists/our-customers/")
    page.select_option("select[name=scope]", "page")
    page.click("#act button[value='contact.owner']:visible")
    expect(page.locator("h1")).to_contain_text("50 contacts")

    page.goto("/contacts/lists/our-customers/")
    page.select_option("select[name=scope]", "all")
    page.click("#act button[value='contact.owner']:visible")
    expect(page.locator("h1")).to_contain_text(f"{CUSTOMERS} contacts")
    page.select_option("select[name=owner]", label="Bert Ohm")
    page.click("button[name=confirmed]")
    assert owners() == AFTER
    page.click(".notice form.undo button")
    assert owners() == BEFORE

    page.goto("/contacts/lists/our-customers/")
    page.check("[aria-label='Select Customer 10']")
    page.click("#act button[formaction$='/export/']:visible")
    page.check("#format-csv")
    with page.expect_download() as download:
        page.click("form .btn-primary")
    assert addresses_in(download.value)[1] == ["c10@example.com"]


def test_a_row_is_edited_without_scripts_on_its_own_page(visitor, anna, book):
    page = visitor(anna, java_script_enabled=False)
    page.goto("/contacts/?q=Customer+07")
    page.click("tbody .name")
    page.click("a[href$='/edit/']")
    page.fill("[name=email]", "new@example.com")
    page.click("form .form-foot .btn-primary")
    assert Contact.objects.get(last_name="Customer 07").email == "new@example.com"


def test_two_are_merged_from_the_list(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.check("[aria-label='Select Customer 00']")
    page.click(".selection summary")
    assert not page.is_visible("text=Merge two"), "one is not two"
    page.keyboard.press("Escape")
    page.check("[aria-label='Select Customer 01']")
    page.click(".selection summary")
    page.click("text=Merge two")
    page.wait_for_url(re.compile(r"/contacts/\d+/merge/\d+/"))
    assert "Customer 00" in page.inner_text("main")
    assert "Customer 01" in page.inner_text("main")


def test_what_somebody_typed_into_a_filter_acts_on_exactly_the_listed_rows(visitor, anna, book):
    Contact.objects.filter(last_name="Customer 05").update(city='100%_"& 🦊')
    page = visitor(anna)
    page.goto("/contacts/?city=100%25_%22%26+%F0%9F%A6%8A")
    assert names(page) == ["Customer 05"]
    page.check("#pick-page")
    page.click("#act button[value='contact.owner']:visible")
    expect(page.locator("h1")).to_contain_text("1 contact")
    page.select_option("select[name=owner]", label="Bert Ohm")
    page.click("button[name=confirmed]")
    page.wait_for_url("**/contacts/?city=*")
    assert names(page) == ["Customer 05"]
    changed = Contact.objects.filter(owner__username="bert")
    assert [one.name for one in changed] == ["Customer 05"]


def test_the_first_view_of_the_list_stays_within_its_budget(visitor, anna, book):
    page = visitor(anna)
    requests = []
    page.on("request", lambda one: requests.append(one.url))
    page.goto("/contacts/")
    ready(page)
    first = [one for one in requests if "/lists/contact/counts/" not in one]
    assert len(set(first)) <= 12, json.dumps(first, indent=1)
    assert page.evaluate("document.querySelectorAll('*').length") <= 1_500
    assert len(page.request.get("/contacts/").body()) <= 40 * 1024
