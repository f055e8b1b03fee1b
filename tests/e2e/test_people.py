"""Users, access, teams, invitations and previews, seen by people and by what reads to them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from crm.accounts import invitations, lost
from crm.accounts.levels import Role
from crm.accounts.models import User
from crm.accounts.people import deactivate
from tests.access.signing import app_of, with_password
from tests.access.worlds import member, team, with_set
from tests.deals.factories import company, deal
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"
PASSWORD = "a long enough sentence"


@pytest.fixture
def anna():
    return User.objects.create_superuser(
        "anna", "anna@example.com", first_name="Anna", last_name="Berg"
    )


@pytest.fixture
def people(anna):
    """One of each kind: with levels of their own, with a set, invited, deactivated."""
    seller = with_password(with_set("seller", "customers"))
    app_of(seller)
    boss = member("boss", contacts=2, customers=(3, 2), deals=2, rights=False)
    User.objects.filter(pk=boss.pk).update(last_name=LONG, email=f"boss@{LONG[:40]}.example.com")
    gone = member("gone")
    deactivate(gone)
    invited, token = invitations.invite(last_name="Newton", email="nora@example.com")
    north = team("North", seller, managers=(boss,))
    team(LONG, boss)
    deal(company("Seen Ltd", owner=seller), "won", owner=seller)
    company("Hidden Ltd")
    return {
        "seller": seller,
        "boss": boss,
        "gone": gone,
        "invited": invited,
        "token": token,
        "north": north,
    }


def addresses(people):
    users = "/settings/users/"
    seller = f"{users}{people['seller'].pk}/"
    return [
        users,
        f"{users}invite/",
        seller,
        *(f"{users}{people[name].pk}/" for name in ("boss", "gone", "invited")),
        f"{seller}deactivate/",
        f"{seller}hand-over/",
        f"{seller}second-factor/remove/",
        "/settings/teams/",
        "/settings/teams/new/",
        f"/settings/teams/{people['north'].pk}/",
        f"/settings/teams/{people['north'].pk}/delete/",
        "/preferences/",
    ]


def test_the_pages_have_no_faults(visitor, look, anna, people):
    language, width = look
    anna.language = language
    anna.save()
    page = visitor(anna, language=language, width=width)
    found = {}
    for address in addresses(people):
        page.goto(address)
        if wrong := faults(page):
            found[address] = wrong
    assert found == {}


@pytest.mark.parametrize("width", [360, 1440])
def test_a_link_and_a_preview_have_no_faults(visitor, anna, people, monkeypatch, width):
    monkeypatch.setattr(lost, "mail_is_set_up", lambda: False)
    page = visitor(anna, width=width)
    page.goto(f"/settings/users/{people['seller'].pk}/")
    page.get_by_role("button", name="Link for a new password").click()
    expect(page.locator("#invitation-link")).to_contain_text("/accounts/password/reset/")
    assert faults(page) == []
    page.goto(f"/settings/users/{people['seller'].pk}/")
    page.get_by_role("button", name="Preview as this user").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("as Seller does")
    assert faults(page) == []
    page.locator(".user-menu summary").click()
    assert faults(page) == []


def test_a_preview_shows_anothers_view_until_it_is_stopped(visitor, anna, people):
    page = visitor(anna)
    page.goto(f"/settings/users/{people['seller'].pk}/")
    page.get_by_role("button", name="Preview as this user").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Seen Ltd")
    page.goto("/contacts/new/company/")
    page.fill("#id_name", "Made in a preview")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Nothing can be changed in a preview")
    # The refusal itself is what the console complains of.
    visitor.complaints.clear()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("h1")).to_have_text("Seller")
    expect(page.get_by_role("region", name="Preview")).to_have_count(0)
    page.goto("/contacts/")
    expect(rows).to_have_count(2)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_set_fills_the_table_and_saving_keeps_it(visitor, anna, people, scripts):
    page = visitor(anna, width=360, java_script_enabled=scripts)
    page.goto(f"/settings/users/{people['boss'].pk}/")
    page.get_by_role("button", name="Read only").click()
    expect(page.locator("#access-table")).to_contain_text("Filled in, and not saved yet.")
    expect(page.get_by_label("Deals: view")).to_have_value("3")
    expect(page.get_by_label("Deals: edit")).to_have_value("0")
    if scripts:
        expect(page.get_by_role("button", name="Read only")).to_be_focused()
        expect(page.locator("#live")).to_have_text("Filled in, and not saved yet.")
    assert User.objects.get(username="boss").view_deals == 2
    page.locator(".access-form .btn-primary").click()
    expect(page.locator(".notice-success")).to_contain_text("Saved.")
    expect(page.locator(".access-words").first).to_contain_text("Deals: sees all, edits none.")
    page.get_by_label("Contacts: view").select_option("1")
    page.get_by_label("Contacts: edit").select_option("3")
    page.locator(".access-form .btn-primary").click()
    expect(page.get_by_role("alert").first).to_contain_text("nobody can edit more than they see")
    if scripts:
        assert faults(page) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_somebody_is_invited_and_begins(visitor, anna, monkeypatch, scripts):
    monkeypatch.setattr(invitations, "mail_is_set_up", lambda: False)
    page = visitor(anna, width=360, java_script_enabled=scripts)
    page.goto("/settings/users/")
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("Last name").fill("Newton")
    page.get_by_label("E-mail").fill("nora@example.com")
    page.get_by_role("button", name="Sees all customers").click()
    expect(page.get_by_label("Prospects & Customers: view")).to_have_value("3")
    expect(page.get_by_label("Last name")).to_have_value("Newton")
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.locator("#invitation-link").input_value()
    stranger = visitor(None, width=360, java_script_enabled=scripts)
    stranger.goto(link)
    assert "token" not in stranger.url
    if scripts:
        assert faults(stranger) == []
    stranger.get_by_label("Password", exact=True).fill(PASSWORD)
    stranger.get_by_label("The password again").fill(PASSWORD)
    stranger.get_by_role("button", name="Begin").click()
    stranger.wait_for_url("**/contacts/")
    nora = User.objects.get(email="nora@example.com")
    assert (nora.view_customers, nora.edit_customers, nora.role) == (3, 1, Role.MEMBER)
    visitor(None).goto(link)
    # A link that does not hold is answered 404, of which the console complains.
    visitor.complaints.clear()


@pytest.mark.parametrize("width", [360, 1440])
def test_the_first_start_asks_for_the_first_administrator(visitor, settings, width):
    page = visitor(None, width=width)
    page.goto("/")
    expect(page.locator("h1")).to_have_text("Welcome to Standing")
    assert faults(page) == []
    for label, text in (
        ("Account name", "anna"),
        ("Last name", "Berg"),
        ("E-mail", "anna@example.com"),
        ("Password", "short"),
        ("The password again", "short"),
    ):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert").first).to_contain_text("too short")
    assert faults(page) == []
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The password again").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/contacts/")
    assert User.objects.get().role == Role.ADMINISTRATOR


def test_preferences_are_felt_at_once(visitor, people):
    page = visitor(people["boss"])
    page.goto("/preferences/")
    page.get_by_label("Theme").select_option("dark")
    page.get_by_label("Dates and numbers").select_option("GB")
    page.get_by_label("Single letters act in lists").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice-success")).to_contain_text("Saved.")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator("body")).to_have_attribute("data-shortcuts", "off")
    assert faults(page) == []


def test_they_fit_the_smallest_phone(visitor, anna, people):
    page = visitor(anna, width=320)
    wide = {}
    for address in addresses(people):
        page.goto(address)
        beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if beyond > 0:
            wide[address] = beyond
    assert wide == {}
