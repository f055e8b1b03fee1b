"""Signing in, in a real browser: passkeys with a virtual authenticator, and every page as people see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Page, expect

from crm.accounts.resets import reset_link
from tests.access.signing import (
    LOGIN,
    PASSWORD,
    SECOND,
    SECURITY,
    ann,
    app_of,
    code,
    post,
    recovery_codes,
    require_factor,
)
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = re.compile(r"/contacts/$")


@pytest.fixture(autouse=True)
def uncounted(transactional_db: None) -> Iterator[None]:
    # The table of the cache is no model's: what empties the tables leaves it as it is.
    cache.clear()
    yield
    cache.clear()


def sign_in(page: Page, path: str = LOGIN) -> None:
    page.goto(path)
    page.get_by_label("Username or e-mail").fill("ann")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def with_authenticator(page: Page, **options: Any) -> Any:
    """Puts a virtual security key into the browser of this page, which always says yes."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    sent = {"options": key | options}
    made = devtools.send("WebAuthn.addVirtualAuthenticator", sent)
    return devtools, made["authenticatorId"]


def add_passkey(page: Page, name: str = "Laptop", alone: bool = True) -> None:
    page.goto(SECURITY)
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Sign in with it alone").set_checked(alone)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def sign_out(page: Page) -> None:
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"**{LOGIN}")


def test_passkey_is_added_and_signs_in_alone(visitor: Callable[..., Page]) -> None:
    user = ann()
    page = visitor()
    with_authenticator(page)
    sign_in(page)
    add_passkey(page)
    expect(page.get_by_text("The passkey was added.")).to_be_visible()
    page.goto(SECURITY)
    expect(page.get_by_text("Laptop", exact=True)).to_be_visible()
    sign_out(page)
    page.goto(f"{LOGIN}?next=/deals/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(re.compile(r":\d+/deals/$"))
    assert Authenticator.objects.get(user=user, type="webauthn").last_used_at


def test_passkey_is_the_second_factor(visitor: Callable[..., Page]) -> None:
    ann()
    page = visitor()
    with_authenticator(page)
    sign_in(page)
    add_passkey(page, alone=False)
    sign_out(page)
    sign_in(page)
    page.wait_for_url(f"**{SECOND}*")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(CONTACTS)


def test_recovery_code_stands_in_for_a_passkey(visitor: Callable[..., Page]) -> None:
    user = ann()
    page = visitor()
    with_authenticator(page)
    sign_in(page)
    add_passkey(page)
    codes = recovery_codes(user)
    sign_out(page)
    sign_in(page)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(CONTACTS)


def test_passkey_confirms_renames_and_is_removed(visitor: Callable[..., Page]) -> None:
    ann()
    page = visitor()
    with_authenticator(page)
    sign_in(page)
    add_passkey(page, "Old <b>laptop</b>")
    page.context.clear_cookies()
    page.goto(LOGIN)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(CONTACTS)
    page.goto(SECURITY)
    page.get_by_role("link", name="Rename").click()
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_label("Name", exact=True).fill("New laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("New laptop", exact=True)).to_be_visible()
    page.get_by_role("link", name="Remove New laptop").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The passkey was removed.")).to_be_visible()
    assert not Authenticator.objects.exists()


def test_passkey_of_somebody_removed_signs_nobody_in(visitor: Callable[..., Page]) -> None:
    user = ann()
    page = visitor()
    with_authenticator(page)
    sign_in(page)
    add_passkey(page)
    sign_out(page)
    user.is_active = False
    user.save()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("That did not sign you in.")).to_be_visible()
    user.is_active = True
    user.save()
    Authenticator.objects.all().delete()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("That did not fit.")).to_be_visible()
    page.goto("/contacts/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_refused_passkey_is_said_and_the_password_still_works(visitor: Callable[..., Page]) -> None:
    ann()
    page = visitor()
    with_authenticator(page)
    page.goto(LOGIN)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("No passkey was used.")).to_be_visible()
    sign_in(page)
    expect(page).to_have_url(CONTACTS)


def test_everything_but_passkeys_works_without_scripts(visitor: Callable[..., Page]) -> None:
    ann()
    page = visitor(java_script_enabled=False)
    sign_in(page)
    expect(page).to_have_url(CONTACTS)
    page.goto(SECURITY)
    page.get_by_role("link", name="Set up").click()
    confirm(page)
    secret = page.locator("code.secret").inner_text().strip()
    page.get_by_label("Code").fill(code(secret=secret))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_text("The authenticator app is set up.")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(10)
    first = page.locator(".codes code").first.inner_text()
    page.get_by_role("link", name="Done").click()
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page)
    page.get_by_label("Code").fill(first)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(CONTACTS)


def looked_at(page: Page, live: str, user: Any) -> dict[str, list[str]]:
    """Every page of signing in, and what is wrong with it."""
    found: dict[str, list[str]] = {}

    def look(name: str, path: str | None = None) -> None:
        if path:
            page.goto(path)
        found[name] = faults(page)

    look("sign-in", LOGIN)
    page.locator("[name=username]").fill("ann")
    page.locator("[name=password]").fill("wrong")
    page.locator("form[action='/accounts/login/'] button").click()
    look("wrong password")
    look("reset", "/accounts/password/reset/")
    look("reset sent", "/accounts/password/reset/sent/")
    look("reset done", "/accounts/password/reset/done/")
    for _ in range(5):
        Client().post("/accounts/password/reset/", {"email": "ann@example.org"})
    page.goto("/accounts/password/reset/")
    page.locator("[name=email]").fill("ann@example.org")
    page.locator("[name=email]").press("Enter")
    page.locator(".error-code", has_text="429").wait_for()
    look("too many")
    look("dead link", "/accounts/password/reset/x-y/")
    look("new password", reset_link(user, live))
    page.goto(LOGIN)
    page.locator("[name=username]").fill("ann")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form[action='/accounts/login/'] button").click()
    page.wait_for_url(f"**{SECOND}*")
    look("second factor")
    page.locator("[name=code]").fill(code())
    page.locator("[name=code]").press("Enter")
    page.wait_for_url(CONTACTS)
    elsewhere = Client(HTTP_USER_AGENT="Mozilla/5.0 (iPhone) Safari/604.1")
    post(elsewhere, "ann", PASSWORD)
    elsewhere.post(SECOND, {"code": recovery_codes(user)[0]})
    look("security", SECURITY)
    look("confirm", "/accounts/confirm/?next=/accounts/security/")
    look("confirm by code", "/accounts/confirm/code/?next=/accounts/security/")
    page.goto("/accounts/confirm/?next=/accounts/security/")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(f"**{SECURITY}")
    look("password", "/accounts/password/")
    look("codes", "/accounts/security/codes/")
    look("new codes", "/accounts/security/codes/new/")
    look("passkey", "/accounts/security/passkeys/add/")
    look("remove app", "/accounts/security/app/remove/")
    Authenticator.objects.all().delete()
    page.goto(LOGIN)
    page.locator("[name=username]").fill("ann")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form[action='/accounts/login/'] button").click()
    page.wait_for_url(CONTACTS)
    # Away from a page that goes on asking for its numbers.
    page.goto(SECURITY)
    require_factor(members=True)
    page.goto("/contacts/")
    look("factor missing")
    page.goto("/accounts/security/app/")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.locator("[name=code]").wait_for()
    look("app")
    return found


def test_every_page_is_accessible_and_fits(
    visitor: Callable[..., Page], live_server: Any, look: tuple[str, int]
) -> None:
    language, width = look
    user = ann()
    type(user).objects.filter(pk=user.pk).update(language=language)
    app_of(user)
    recovery_codes(user)
    page = visitor(language=language, width=width)
    found = looked_at(page, live_server.url, user)
    # A browser takes the page that says so for a complaint.
    complaints: list[str] = visitor.complaints  # type: ignore[attr-defined]
    complaints[:] = [one for one in complaints if "429 (Too Many Requests)" not in one]
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
