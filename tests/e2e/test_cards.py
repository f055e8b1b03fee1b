"""The cards, their forms and what the law offers, in a real browser."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import Page, expect

from contacts.models import Contact
from deals.models import Deal, DealContact
from deals.services import select_status
from tests.deals import factories as make
from tests.e2e.conftest import KEY_LOOKS, faults

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def book(db: None) -> dict[str, Any]:
    """A company with every kind of deal, and people who stand differently."""
    acme, beta = make.company("Acme", industry="Freight"), make.company("Beta")
    make.company("Acme Cold", parent_company=acme)
    ada = make.person("Ada", company=acme, email="ada@example.org", title="Director")
    bob, cid = make.person("Bob", company=acme), make.person("Cid", company=acme)
    audit = make.deal(ada, name="Audit", value=1200, hot=True)
    make.deal(ada, "lost", name="Old", closed_at=date(2017, 5, 4))
    won = make.deal(bob, "won", name="Review")
    DealContact.objects.create(deal=won, contact=cid).delete()
    for contact in (bob, make.person("Far", company=beta)):
        DealContact.objects.create(deal=audit, contact=contact, role="Buyer")
    DealContact.objects.create(deal=make.deal(beta, name="Theirs"), contact=ada)
    select_status(acme, customer="past")
    make.deal(beta, name="Mistake").delete()
    return {"acme": acme, "ada": ada, "bob": bob, "audit": audit, "won": won}


@pytest.fixture
def sign_in(page: Page, live_server: Any, client: Any) -> Any:
    """Signs somebody in who reads in that language; the session comes from the test client."""

    def signed_in(language: str = "en") -> Any:
        user = get_user_model().objects.create_superuser("ann", language=language)
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        return user

    return signed_in


def addresses(book: dict[str, Any]) -> dict[str, str]:
    won = make.default_stages()["won"].pk
    deal, ada, acme, bob = (book[name].pk for name in ("audit", "ada", "acme", "bob"))
    return {
        "person": reverse("contacts:card", args=[ada]),
        "company": reverse("contacts:card", args=[acme]),
        "edit person": reverse("contacts:edit", args=[ada]),
        "edit company": reverse("contacts:edit", args=[acme]),
        "delete star": reverse("contacts:delete", args=[ada]),
        "delete company": reverse("contacts:delete", args=[acme]),
        "mark employees": reverse("contacts:mark_employees", args=[acme, "customer", "past"]),
        "deal": reverse("deals:card", args=[deal]),
        "won deal": reverse("deals:card", args=[book["won"].pk]),
        "edit deal": reverse("deals:edit", args=[deal]),
        "new deal": reverse("deals:new"),
        "win": reverse("deals:move", args=[deal]) + f"?stage={won}",
        "star": reverse("deals:star", args=[deal]) + f"?contact={bob}",
        "delete deal": reverse("deals:delete", args=[deal]),
        "trash": reverse("deals:trash"),
    }


@pytest.mark.parametrize("look", KEY_LOOKS)
def test_pages_are_accessible_and_fit(
    page: Page,
    live_server: Any,
    sign_in: Any,
    book: dict[str, Any],
    look: tuple[str, int],
) -> None:
    language, width = look
    sign_in(language)
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": width, "height": 900})
    problems = {}
    for name, address in addresses(book).items():
        page.goto(live_server.url + address)
        # What may be folded out is looked at too; menus lie over the page and have their own test.
        page.evaluate(
            "document.querySelectorAll('main details').forEach((one) => { "
            "one.open = !one.classList.contains('menu'); })"
        )
        if found := [*faults(page), *complaints]:
            problems[name] = found
        complaints.clear()
    assert problems == {}


def test_popover_explains_and_closes_with_escape(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any]
) -> None:
    sign_in()
    page.goto(live_server.url + book["ada"].get_absolute_url())
    badge = page.locator(".why-menu > summary").first
    badge.focus()
    page.keyboard.press("Enter")
    panel = page.locator(".why-menu .menu-panel").first
    expect(panel).to_contain_text("the deal “Audit” is active")
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(badge).to_be_focused()


@pytest.mark.parametrize("number", [0, 1])
def test_popover_stays_on_a_phones_screen(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any], number: int
) -> None:
    sign_in()
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(live_server.url + book["ada"].get_absolute_url())
    page.locator(".why-menu > summary").nth(number).click()
    box = page.locator(".why-menu .menu-panel").nth(number).bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


def test_deal_is_opened_and_previewed_with_the_search_box(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any]
) -> None:
    sign_in()
    lone = make.person("Lovelace")
    page.goto(live_server.url + reverse("deals:new"))
    page.get_by_label("Name", exact=False).first.fill("Engine")
    page.get_by_role("combobox", name="Contact").first.click()
    page.keyboard.type("lovel", delay=30)
    page.get_by_role("option", name="Lovelace").click()
    assert page.locator("main .ts-control .item").inner_text() == "Lovelace"
    page.get_by_role("button", name="Preview statuses").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Current Prospect")
    assert not Deal.objects.filter(name="Engine").exists()
    assert faults(page) == []
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Engine")
    assert Deal.objects.get(name="Engine").primary_contact == lone


def test_another_row_takes_another_contact(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any]
) -> None:
    sign_in()
    make.person("Lovelace")
    page.goto(live_server.url + reverse("deals:edit", args=[book["audit"].pk]))
    page.get_by_role("button", name="Another contact").click()
    page.keyboard.type("lovel", delay=30)
    page.get_by_role("option", name="Lovelace").click()
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#contacts")).to_contain_text("Lovelace")


def test_keep_or_remove_is_asked_when_another_star_is_chosen(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any]
) -> None:
    sign_in()
    page.goto(live_server.url + reverse("deals:edit", args=[book["audit"].pk]))
    keep = page.get_by_label("Keep on the deal")
    expect(keep).to_be_hidden()
    page.get_by_role("radio", name="Main contact").nth(1).check()
    expect(keep).to_be_visible()
    keep.check()
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#contacts li").first).to_contain_text("Bob")


def test_deal_is_won_by_keyboard_after_a_look(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any]
) -> None:
    sign_in()
    page.goto(live_server.url + book["audit"].get_absolute_url())
    page.locator(".stages a.closing-won").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("What follows for the statuses")
    page.get_by_role("button", name=re.compile("^Move to")).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".stages .here")).to_have_text("Won")
    assert Contact.objects.get(pk=book["ada"].pk).customer_status == "current"


def test_kept_win_is_told_and_forgotten_with_one_click(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any]
) -> None:
    sign_in()
    dee = make.person("Dee", company=book["acme"])
    DealContact.objects.create(deal=book["won"], contact=dee)
    page.goto(live_server.url + book["won"].get_absolute_url())
    page.get_by_label("What to do with Dee").click()
    page.get_by_role("button", name="Remove from the deal").click()
    offer = page.locator(".offer")
    expect(offer).to_contain_text("Dee keeps the win “Review”")
    assert faults(page) == []
    offer.get_by_role("button").click()
    expect(page.locator("#messages")).to_contain_text("Dee: Current Customer → Non Customer")
    assert Contact.objects.get(pk=dee.pk).customer_status == "none"


def test_forbidden_status_is_disabled_with_the_reason(
    page: Page, live_server: Any, sign_in: Any, book: dict[str, Any]
) -> None:
    sign_in()
    page.goto(live_server.url + book["ada"].get_absolute_url())
    page.get_by_text("Select another Prospect Status").click()
    lost = page.get_by_label("Lost Prospect")
    expect(lost).to_be_disabled()
    expect(page.locator("#prospect-lost-why")).to_have_text("Ada is being sold to: “Audit”.")
    page.get_by_text("Select another Customer Status").click()
    page.get_by_label("Past Customer").check()
    page.locator("#status-customer").get_by_role("button", name="Save").click()
    expect(page.locator("#status-customer")).to_contain_text("Past Customer")


def test_deal_is_edited_without_scripts(
    browser: Any, live_server: Any, client: Any, book: dict[str, Any]
) -> None:
    client.force_login(get_user_model().objects.create_superuser("ann", language="en"))
    make.person("Lovelace")
    name = settings.SESSION_COOKIE_NAME
    context = browser.new_context(java_script_enabled=False)
    cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(live_server.url + reverse("deals:edit", args=[book["audit"].pk]))
    page.get_by_label("Or type a name to look for").fill("lovelace")
    page.get_by_role("button", name="Preview statuses").click()
    expect(page.locator("#preview")).to_contain_text("Nobody's status changes.")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#contacts")).to_contain_text("Lovelace")
    context.close()
