"""The lists and the page to sign in, seen by people and by what reads to them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from contacts.models import Contact
from crm.accounts.models import User
from deals.services import select_status
from tests.deals.factories import company, deal, person
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a long password"


@pytest.fixture
def anna():
    return User.objects.create_superuser(
        "anna", "anna@example.com", PASSWORD, first_name="Anna", last_name="Berg"
    )


@pytest.fixture
def book(anna):
    """Every status, every group of deals, and a name too long for any column."""
    long = company(
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    )
    ada = person("Lovelace", first_name="Ada", company=company("Äcme"), title="CTO", owner=anna)
    deal(ada, name="Audit", value=12500, owner=anna, hot=True)
    deal(long, "won", name="Turbine")
    deal(person("Lost"), "lost", name="Chairs")
    select_status(person("Past", company=long), customer="past")
    person("Nobody")


def ready(page):
    """Waits until htmx has nothing under way."""
    expect(page.locator(".htmx-request, [aria-busy]")).to_have_count(0)


# -- as a page


def test_the_page_to_sign_in_has_no_faults(visitor, look, db):
    language, scheme, width = look
    page = visitor(language=language, scheme=scheme, width=width)
    page.goto("/accounts/login/?next=/deals/")
    assert page.get_attribute("html", "lang") == language
    assert page.get_attribute("html", "data-bs-theme") == scheme
    assert faults(page) == []
    page.fill("#id_username", "anna")
    page.fill("#id_password", "wrong")
    page.press("#id_password", "Enter")
    page.wait_for_selector(".notice-error")
    assert faults(page) == []


@pytest.mark.parametrize("path", ["/contacts/", "/deals/?group=active"])
def test_a_list_has_no_faults(visitor, look, anna, book, path):
    language, scheme, width = look
    page = visitor(anna, language=language, scheme=scheme, width=width)
    page.goto(path)
    assert page.locator("tbody tr").count() > 0
    assert faults(page) == []


@pytest.mark.parametrize("width", [320, 1440])
def test_a_filtered_list_with_its_menus_open_has_no_faults(visitor, anna, book, width):
    page = visitor(anna, width=width)
    page.goto("/contacts/?customer_status=current&customer_status=past&q=e&kind=company")
    if width < 768:
        page.click(".filters > summary")
    page.click("text=Prospect Status >> nth=0")
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.click(".user-menu > summary")
    assert faults(page) == []


@pytest.mark.parametrize("path", ["/contacts/?q=nowhere", "/contacts/?kind=robot", "/nowhere/"])
def test_what_is_not_there_is_said_without_faults(visitor, anna, path):
    page = visitor(anna, scheme="dark", width=360)
    page.goto(path)
    assert faults(page) == []
    if path == "/nowhere/":
        # The browser itself reports the 404, rightly.
        assert len(visitor.complaints) == 1
        visitor.complaints.clear()


@pytest.mark.parametrize("path", ["/contacts/", "/deals/"])
@pytest.mark.parametrize("width", [768, 820, 1024])
def test_no_menu_sticks_out_of_the_page(visitor, anna, book, path, width):
    page = visitor(anna, language="de", width=width)
    page.goto(path)
    # As long as the longest translation and the longest name.
    page.eval_on_selector_all(
        ".filter > summary", "all => all.forEach(one => one.prepend('Langes Wort '))"
    )
    for menu in page.locator(".filter > summary").all():
        menu.click()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


# -- as something to work with


def test_a_filter_acts_at_once_and_says_how_many(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.click("summary:has-text('Customer Status')")
    page.check("label:has-text('Past Customer') input")
    ready(page)
    assert page.url.endswith("/contacts/?customer_status=past")
    assert page.locator("tbody tr").count() == 1
    assert page.text_content("#live") == "1 contact; Customer Status is Past Customer"
    assert page.is_visible("label:has-text('Current Customer') input"), "the menu stays open"
    page.check("label:has-text('Current Customer') input")
    ready(page)
    assert page.locator("tbody tr").count() == 2
    assert page.text_content("#number-customer_status").startswith("2")
    page.go_back()
    page.wait_for_url("**/contacts/?customer_status=past")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_typing_searches_and_keeps_the_cursor(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?sort=-name")
    page.click("#list-q")
    page.keyboard.type("lovel", delay=20)
    page.wait_for_url("**q=lovel**")
    ready(page)
    assert page.locator("tbody th a").all_text_contents() == ["Ada Lovelace"]
    assert page.evaluate("document.activeElement.id") == "list-q"
    assert "sort=-name" in page.url


def test_sorting_and_tabs_by_keyboard_keep_the_focus(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.focus("#sort-customer")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=customer")
    ready(page)
    assert page.evaluate("document.activeElement.id") == "sort-customer"
    assert page.get_attribute("th:has(#sort-customer)", "aria-sort") == "ascending"
    page.focus("#tab-customers")
    page.keyboard.press("Enter")
    page.wait_for_url("**customer_status=current**")
    ready(page)
    assert page.evaluate("document.activeElement.id") == "tab-customers"
    assert page.title() == "Customers · Contacts · Standing"


def test_taking_a_filter_away_moves_the_focus_to_the_results(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?customer_status=past")
    page.focus("#chip-customer_status")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/")
    ready(page)
    assert page.evaluate("document.activeElement.id") == "results"
    assert not page.is_checked("label:has-text('Past Customer') input")


def test_pages_can_be_turned(visitor, anna):
    Contact.objects.bulk_create(Contact(last_name=f"Person {n:03}") for n in range(120))
    page = visitor(anna, width=360)
    page.goto("/contacts/")
    page.click("#page-next")
    page.wait_for_url("**page=2")
    ready(page)
    assert page.text_content("tbody th a") == "Person 050"
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") == 0


def test_a_session_that_ended_leads_to_the_page_to_sign_in(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?kind=person")
    page.context.clear_cookies()
    page.click("#tab-customers")
    page.wait_for_url("**/accounts/login/**")
    page.fill("#id_username", "anna")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url("**/contacts/?kind=person**")


def test_a_server_out_of_reach_is_reported(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.context.set_offline(True)
    page.click("#tab-customers")
    page.wait_for_selector("#alert:has-text('cannot be reached')")
    page.context.set_offline(False)
    visitor.complaints.clear()


def test_everything_works_without_scripts(visitor, anna, book):
    page = visitor(anna, java_script_enabled=False)
    page.goto("/contacts/")
    page.click("summary:has-text('Customer Status')")
    page.check("label:has-text('Past Customer') input")
    page.click("fieldset:has-text('Customer Status') button")
    assert page.locator("tbody tr").count() == 1
    page.click("#chip-customer_status")
    assert page.locator("tbody tr").count() == 6
    page.click("#sort-name")
    assert "sort=-name" in page.url
    page.click(".user-menu > summary")
    page.click("button[value=de]")
    assert page.get_attribute("html", "lang") == "de"
    assert "sort=-name" in page.url


# -- signing in, language and theme


def test_language_and_theme_can_be_chosen_before_signing_in(visitor, db):
    page = visitor(language="fr", scheme="light")
    page.goto("/accounts/login/")
    page.click("button[value=de]")
    assert page.get_attribute("html", "lang") == "de"
    page.click("button[value=dark]")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    assert page.get_attribute("button[value=dark]", "aria-pressed") == "true"


def test_the_chosen_theme_belongs_to_the_account(visitor, anna):
    page = visitor(anna, scheme="light")
    page.goto("/contacts/")
    page.click(".user-menu > summary")
    page.click("button[value=dark]")
    page.wait_for_selector("html[data-bs-theme=dark]")
    anna.refresh_from_db()
    assert anna.theme == "dark"
    other = visitor(anna, scheme="light")
    other.goto("/contacts/")
    assert other.get_attribute("html", "data-bs-theme") == "dark"


def test_signing_in_and_out(visitor, anna):
    page = visitor()
    page.goto("/")
    page.fill("#id_username", "anna")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url("**/contacts/")
    page.click(".user-menu > summary")
    page.click(".menu-foot button")
    page.wait_for_url("**/accounts/login/**")
