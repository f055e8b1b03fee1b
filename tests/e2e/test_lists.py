"""The lists and the page to sign in, seen by people and by what reads to them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

from contacts.models import Contact
from crm.accounts.models import User
from crm.lists import pages
from crm.lists.saved import preference_of
from deals.services import select_status
from tests.deals.factories import company, deal, person
from tests.e2e.conftest import KEY_LOOKS, faults

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a long password"
FOCUSED = "(document.activeElement.id || document.activeElement.innerText.trim())"
WIDE = "/contacts/?columns=email,phone,company,owner,city,country,created,updated,industry,title"


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


def names(page):
    return page.locator("tbody .name").all_text_contents()


def focused(page):
    """What has the focus: its id, else its text."""
    return page.evaluate(FOCUSED)


def expect_focus(page, what):
    """Waits for the focus: a dialog, for one, hands it back in a task after the key was pressed."""
    with suppress(PlaywrightTimeoutError):
        page.wait_for_function(f"what => {FOCUSED} === what", arg=what, timeout=5000)
    assert focused(page) == what


def cell(page, name, column):
    """A cell by the name of its row and the head of its column."""
    heads = [one.strip() for one in page.locator("thead :is(td, th)").all_text_contents()]
    row = page.locator("tbody tr", has=page.locator(".name", has_text=name))
    return row.locator("> *").nth(heads.index(column))


def inside(page, selector):
    """Whether an element is within the window and nothing lies over its middle."""
    return page.evaluate(
        """(selector) => {
            const one = document.querySelector(selector), box = one.getBoundingClientRect();
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return Boolean(top) && (one.contains(top) || top.contains(one));
        }""",
        selector,
    )


# -- as a page


def test_the_page_to_sign_in_has_no_faults(visitor, look, db):
    language, width = look
    page = visitor(language=language, width=width, scheme="dark")
    page.goto("/accounts/login/?next=/deals/")
    assert page.get_attribute("html", "lang") == language
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    assert faults(page) == []
    page.fill("#id_username", "anna")
    page.fill("#id_password", "wrong")
    page.press("#id_password", "Enter")
    page.wait_for_selector(".notice-error")
    assert faults(page) == []


@pytest.mark.parametrize("look", KEY_LOOKS)
@pytest.mark.parametrize("path", ["/contacts/", "/deals/lists/open/"])
def test_a_list_has_no_faults(visitor, look, anna, book, path):
    language, width = look
    page = visitor(anna, language=language, width=width)
    page.goto(path)
    assert page.locator("tbody tr").count() > 0
    assert faults(page) == []
    page.locator("tbody input[name=row]").first.check()
    page.wait_for_selector(".selection.is-open")
    assert faults(page) == []


def test_the_panel_of_columns_has_no_faults(visitor, look, anna, book):
    language, width = look
    page = visitor(anna, language=language, width=width)
    page.goto("/contacts/?sort=company,-updated")
    page.click("#display")
    page.wait_for_selector("dialog[open] .column-list")
    assert faults(page) == []


def test_a_cell_that_is_edited_has_no_faults(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=email,company,owner")
    cell(page, "Lovelace", "E-mail").dblclick()
    page.wait_for_selector(".cell-form")
    page.keyboard.type("no address")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cell-form .field-errors")
    assert faults(page) == []
    visitor.complaints.clear()


def test_a_list_with_many_columns_has_no_faults_and_scrolls_by_itself(visitor, anna, book):
    page = visitor(anna)
    page.goto(WIDE)
    page.wait_for_selector(".list-scroll.is-wide[tabindex='0'][role=region]")
    assert faults(page) == []
    page.eval_on_selector(".list-scroll", "one => one.scrollTo(400, 0)")
    head, name = page.locator("thead input").bounding_box(), page.locator("tbody .name").first
    assert head["x"] < name.bounding_box()["x"] < 500, "the first columns stay"


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_the_usual_columns_fit_a_window_of_1440(visitor, anna, book, language):
    page = visitor(anna, language=language)
    for path in ("/contacts/", "/deals/lists/all/"):
        page.goto(path)
        page.wait_for_selector("table[role=grid]")
        assert page.locator(".is-wide").count() == 0
        cut = """all => all.filter(one => one.getBoundingClientRect().right >
                 one.parentElement.getBoundingClientRect().right).length"""
        assert page.eval_on_selector_all("tbody :is(.standing, .stage)", cut) == 0


@pytest.mark.parametrize("width", [320, 360])
def test_nothing_scrolls_sideways_on_a_phone_whatever_the_columns(visitor, anna, book, width):
    page = visitor(anna, width=width, language="de")
    for path in (WIDE, "/deals/lists/all/", "/lists/contact/columns/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.goto("/contacts/?columns=updated,owner,prospect_status")
    box = page.locator("tbody input").first.bounding_box()
    name = page.locator("tbody .name").first.bounding_box()
    assert box["x"] + box["width"] <= name["x"]
    assert page.get_attribute("tbody td:nth-child(3)", "data-head") == "Aktualisiert"


@pytest.mark.parametrize("path", ["/contacts/?q=nowhere", "/contacts/?kind=robot", "/nowhere/"])
def test_what_is_not_there_is_said_without_faults(visitor, anna, path):
    page = visitor(anna, scheme="dark", width=360)
    page.goto(path)
    assert faults(page) == []
    if path == "/nowhere/":
        # The browser itself reports the 404, rightly.
        assert len(visitor.complaints) == 1
        visitor.complaints.clear()


# -- searching, sorting, turning pages


def test_typing_searches_and_keeps_the_cursor(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?sort=-name")
    page.click("#list-q")
    page.keyboard.type("lovel", delay=20)
    page.wait_for_url("**q=lovel**")
    ready(page)
    assert names(page) == ["Ada Lovelace"]
    expect_focus(page, "list-q")
    assert "sort=-name" in page.url
    assert "q%3Dlovel" in page.get_attribute("#display", "href"), "columns keep the search"


def test_sorting_and_tabs_by_keyboard_keep_the_focus(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.focus("#sort-customer_status")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=customer_status")
    ready(page)
    expect_focus(page, "sort-customer_status")
    assert page.get_attribute("th:has(#sort-customer_status)", "aria-sort") == "ascending"
    page.focus("#tab-customers")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/lists/customers/")
    ready(page)
    expect_focus(page, "tab-customers")
    assert page.title() == "Customers · Contacts · Standing"


def test_shift_sorts_by_one_more(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?sort=company")
    page.focus("#sort-updated")
    page.keyboard.press("Shift+Enter")
    page.wait_for_url("**sort=company%2C-updated")
    ready(page)
    expect_focus(page, "sort-updated")
    assert page.locator("[aria-sort]").count() == 1
    assert "place 2, descending" in page.text_content("th:has(#sort-updated)")
    page.click("#sort-name", modifiers=["Shift"])
    page.wait_for_url("**sort=company%2C-updated%2Cname")
    page.go_back()
    page.wait_for_url("**sort=company%2C-updated")


def test_pages_can_be_turned(visitor, anna):
    Contact.objects.bulk_create(Contact(last_name=f"Person {n:03}") for n in range(120))
    page = visitor(anna, width=360)
    page.goto("/contacts/")
    page.click("#page-next")
    page.wait_for_url("**page=2")
    ready(page)
    assert names(page)[0] == "Person 050"
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") == 0


def test_the_exact_number_comes_after_the_rows_and_is_said_once(visitor, anna, monkeypatch):
    monkeypatch.setattr(pages, "COUNTED_AT_ONCE", 60)
    Contact.objects.bulk_create(Contact(last_name=f"Person {n:03}") for n in range(120))
    page = visitor(anna)
    with page.expect_response(lambda answer: answer.request.headers.get("hx-target") == "count"):
        page.goto("/contacts/")
    expect(page.locator("#count")).to_have_text("1 to 50 of 120 contacts")
    assert page.text_content("#live") == "1 to 50 of 120 contacts"
    page.check("#pick-page")
    page.click("text=Select all 120 contacts that match")
    expect(page.locator("#all-chosen")).to_have_text("All 120 contacts are selected.")
    assert page.input_value("#act-count") == "120"


# -- columns


def test_columns_are_chosen_moved_and_kept(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?customer_status=none")
    page.click("#display")
    page.wait_for_selector("dialog[open] .column-list")
    page.check("dialog label:has-text('E-mail') input")
    page.uncheck("dialog label:has-text('Owner') input")
    page.click("dialog button[value='updated.up']")
    assert page.evaluate("document.activeElement.value") == "updated.up"
    page.click("dialog button:text-is('Apply') >> nth=-1")
    page.wait_for_url("**columns=company%2Cprospect_status%2Ccustomer_status%2Cupdated%2Cemail")
    assert "customer_status=none" in page.url
    assert "email" in preference_of(anna, "contact").columns
    page.goto("/contacts/")
    assert page.locator("thead .col-email").is_visible()


def test_columns_are_dragged(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.click("#display")
    page.wait_for_selector("dialog[open] .column-list")
    grip = page.locator("li:has-text('Updated') .column-grip")
    grip.drag_to(
        page.locator("li[data-column]:has-text('Company')"), target_position={"x": 40, "y": 3}
    )
    shown = page.locator(".column-list [data-column] input").evaluate_all(
        "all => all.map(one => one.value)"
    )
    assert shown[0] == "updated"


def test_the_panel_gives_the_focus_back(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.focus("#display")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .column-list")
    page.keyboard.press("Escape")
    expect_focus(page, "display")


def test_compact_rows_hold_more(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    high = page.locator("tbody tr").first.bounding_box()["height"]
    page.goto("/contacts/?density=compact")
    assert (round(high), round(page.locator("tbody tr").first.bounding_box()["height"])) == (44, 32)


# -- choosing rows


def test_rows_are_chosen_one_by_one_in_ranges_and_by_page(visitor, anna):
    Contact.objects.bulk_create(Contact(last_name=f"Person {n:03}") for n in range(60))
    page = visitor(anna)
    page.goto("/contacts/?first_name.empty=yes")
    bar = page.locator("#act")
    assert not bar.is_visible()
    page.check("[aria-label='Select Person 001']")
    expect(bar).to_contain_text("1 selected")
    page.click("[aria-label='Select Person 004']", modifiers=["Shift"])
    expect(bar).to_contain_text("4 selected")
    assert page.text_content("#live") == "4 selected"
    page.click("text=Select all on this page")
    expect(bar).to_contain_text("All 50 on this page are selected.")
    page.click("text=Select all 60 contacts that match")
    expect(bar).to_contain_text("All 60 contacts that match are selected: First name")
    assert page.input_value("select[name=scope]") == "all"
    page.uncheck("[aria-label='Select Person 001']")
    expect(bar).to_contain_text("49 selected")
    assert page.input_value("select[name=scope]") == "rows"
    page.click("[aria-label='Select nothing']")
    assert not bar.is_visible()
    assert page.evaluate("document.activeElement.name") == "row"


def test_a_selection_ends_with_every_change_of_the_list(visitor, anna, book):
    page = visitor(anna)
    changes = ["#sort-name", "#tab-prospects"]
    for change in changes:
        page.goto("/contacts/")
        page.check("#pick-page")
        page.click(change)
        ready(page)
        expect(page.locator("input[name=row]:checked")).to_have_count(0)
        expect(page.locator("#act")).not_to_be_visible()
    page.goto("/contacts/")
    page.check("#pick-page")
    page.fill("#list-q", "lovelace")
    page.wait_for_url("**q=lovelace")
    ready(page)
    expect(page.locator("input[name=row]:checked")).to_have_count(0)
    # Only what is in sight can be sent.
    assert page.locator("input[name=row]").count() == 1


def test_coming_back_after_an_action_nothing_is_chosen(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.check("#pick-page")
    page.click("button[value='contact.owner']:visible")
    page.wait_for_url("**/contacts/act/")
    page.go_back()
    page.wait_for_selector("tbody tr")
    expect(page.locator("input[name=row]:checked")).to_have_count(0)
    expect(page.locator("#act")).not_to_be_visible()


@pytest.mark.parametrize(
    ("width", "path"), [(360, "/contacts/"), (1440, "/contacts/"), (1440, WIDE)]
)
def test_the_bar_never_hides_the_row_that_has_the_focus(visitor, anna, width, path):
    Contact.objects.bulk_create(Contact(last_name=f"Person {n:03}") for n in range(50))
    page = visitor(anna, width=width)
    page.goto(path)
    page.keyboard.press("j")
    page.keyboard.press("x")
    for _row in range(49):
        page.keyboard.press("j")
        page.evaluate("document.activeElement.setAttribute('data-here', '')")
        assert inside(page, "[data-here]"), focused(page)
        page.evaluate("document.activeElement.removeAttribute('data-here')")
    expect_focus(page, "Person 049")


def test_addresses_are_copied_from_a_panel(visitor, anna, book):
    Contact.objects.filter(last_name="Lovelace").update(email="ada@example.com")
    page = visitor(anna)
    page.goto("/contacts/")
    page.check("[aria-label='Select Ada Lovelace']")
    page.click(".selection summary")
    page.click("text=Copy e-mail addresses")
    expect(page.locator("dialog textarea").first).to_have_value("Ada Lovelace <ada@example.com>")
    page.click("dialog button:has-text('Copy addresses')")
    expect(page.locator("#live")).to_have_text("Copied.")
    page.keyboard.press("Escape")
    expect_focus(page, "Actions")


# -- keys


def test_arrows_move_among_cells_and_letters_among_rows(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=company,city&sort=name")
    page.keyboard.press("j")
    expect_focus(page, "Äcme")
    for _row in range(3):
        page.keyboard.press("j")
    expect_focus(page, "Ada Lovelace")
    page.keyboard.press("x")
    assert page.is_checked("[aria-label='Select Ada Lovelace']")
    page.keyboard.press("ArrowRight")
    expect_focus(page, "Äcme")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.name") == "row"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("k")
    page.keyboard.press("ArrowDown")
    expect_focus(page, "Ada Lovelace")
    # One stop for the whole table, in the order of Tab.
    assert page.locator("tbody [tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/*/")


def test_single_letters_can_be_switched_off(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/")
    page.keyboard.press("?")
    page.click("dialog button:has-text('Switch single letters off')")
    page.wait_for_selector("body[data-shortcuts=off]")
    anna.refresh_from_db()
    assert not anna.shortcuts
    page.focus("tbody .name >> nth=0")
    before = focused(page)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("?")
    page.wait_for_timeout(200)
    assert focused(page) == before
    assert page.locator("input[name=row]:checked, dialog[open]").count() == 0
    page.keyboard.press("ArrowDown")
    assert focused(page) != before, "arrows are no letters"


# -- editing cells


def test_a_cell_is_edited_by_keyboard_and_the_next_one_follows(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=email,city")
    page.check("[aria-label='Select Ada Lovelace']")
    cell(page, "Lovelace", "E-mail").click(position={"x": 150, "y": 20})
    page.focus("[aria-label='Select Ada Lovelace']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("F2")
    page.wait_for_selector(".cell-form input[type=email]:focus")
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Tab")
    expect(cell(page, "Lovelace", "E-mail")).to_have_text("ada@example.com")
    expect(page.locator("#live")).to_have_text("E-mail of Ada Lovelace is saved.")
    # What was chosen stays so.
    expect(page.locator("[aria-label='Select Ada Lovelace']")).to_be_checked()
    page.keyboard.press("Enter")
    page.wait_for_selector(".cell-form input[name=city]:focus")
    page.keyboard.type("Ulm")
    page.keyboard.press("Enter")
    expect(cell(page, "Lovelace", "City")).to_have_text("Ulm")
    expect(cell(page, "Lovelace", "City")).to_be_focused()
    ada = Contact.objects.get(last_name="Lovelace")
    assert (ada.email, ada.city) == ("ada@example.com", "Ulm")


def test_a_cell_that_was_clicked_is_edited_with_enter_or_its_pencil(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=city,email")
    city = cell(page, "Lovelace", "City")
    city.click()
    page.keyboard.press("Enter")
    page.wait_for_selector(".cell-form input:focus")
    page.keyboard.press("Escape")
    city.hover()
    page.click(".cell-pencil")
    page.wait_for_selector(".cell-form input:focus")


def test_a_record_that_cannot_be_edited_says_so(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=company,title")
    cell(page, "Äcme", "Job title").dblclick()
    page.wait_for_selector(".cell-form [role=alert]:focus")
    assert "has no field" in page.inner_text(".cell-form")
    page.keyboard.press("Escape")
    assert page.locator(".cell-form").count() == 0
    # Deleted by somebody else meanwhile.
    Contact.objects.filter(last_name="Nobody").delete()
    cell(page, "Nobody", "Job title").dblclick()
    expect(page.locator("#alert")).to_have_text("This cannot be edited here.")
    assert page.locator(".is-editing").count() == 0
    visitor.complaints.clear()


def test_escape_leaves_a_cell_as_it_was(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=owner,city")
    cell(page, "Lovelace", "City").dblclick()
    page.wait_for_selector(".cell-form input:focus")
    page.keyboard.type("Ulm")
    page.keyboard.press("Escape")
    assert page.locator(".cell-form").count() == 0
    assert cell(page, "Lovelace", "City").evaluate("one => one === document.activeElement")
    assert Contact.objects.get(last_name="Lovelace").city == ""


def test_a_company_is_looked_up_in_its_cell(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=company,owner")
    cell(page, "Nobody", "Company").dblclick()
    page.wait_for_selector(".cell-form .ts-wrapper input:focus")
    page.keyboard.type("acme", delay=20)
    page.wait_for_selector(".ts-dropdown .option:has-text('Äcme')")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(cell(page, "Nobody", "Company")).to_have_text("Äcme")
    assert Contact.objects.get(last_name="Nobody").company.name == "Äcme"


def test_what_cannot_be_is_said_at_the_cell_and_can_be_mended(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?columns=email")
    cell(page, "Lovelace", "E-mail").dblclick()
    page.wait_for_selector(".cell-form input:focus")
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cell-form .field-errors")
    field = page.locator(".cell-form input[type=email]")
    assert field.evaluate("one => one === document.activeElement")
    described = field.get_attribute("aria-describedby")
    assert page.is_visible(f"#{described}")
    field.fill("ada@example.com")
    page.keyboard.press("Enter")
    expect(cell(page, "Lovelace", "E-mail")).to_have_text("ada@example.com")
    visitor.complaints.clear()


def test_two_people_in_one_cell_lose_nothing(visitor, anna, book):
    other = User.objects.create_user("bert", first_name="Bert")
    mine, theirs = visitor(anna), visitor(other)
    for page in (mine, theirs):
        page.goto("/contacts/?columns=email")
        cell(page, "Lovelace", "E-mail").dblclick()
        page.wait_for_selector(".cell-form input:focus")
    theirs.keyboard.type("theirs@example.com")
    theirs.keyboard.press("Enter")
    expect(cell(theirs, "Lovelace", "E-mail")).to_have_text("theirs@example.com")
    mine.keyboard.type("mine@example.com")
    mine.keyboard.press("Enter")
    conflict = mine.locator(".cell-conflict")
    expect(conflict).to_contain_text("theirs@example.com")
    expect(conflict).to_contain_text("mine@example.com")
    assert faults(mine) == []
    mine.click("text=Save mine")
    expect(cell(mine, "Lovelace", "E-mail")).to_have_text("mine@example.com")
    visitor.complaints.clear()


# -- what goes wrong


def test_a_session_that_ended_leads_to_the_page_to_sign_in(visitor, anna, book):
    page = visitor(anna)
    page.goto("/contacts/?kind=person")
    # The numbers on the tabs are asked for after the rows, and would find the session ended first.
    expect(page.locator("#count-customers")).not_to_be_empty()
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
    ready(page)
    page.context.set_offline(True)
    page.click("#tab-customers")
    page.wait_for_selector("#alert:has-text('cannot be reached')")
    page.context.set_offline(False)
    visitor.complaints.clear()


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
