"""Signing in by name and password: who gets in, what is said, what is counted and what is written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from crm.accounts.forms import SignInForm
from crm.accounts.models import User
from crm.accounts.throttle import Verdict, count_guess
from crm.audit.models import Action, Entry
from tests.access.signing import (
    LOGIN,
    MISMATCH,
    PASSWORD,
    SECURITY,
    WRONG,
    ann,
    copy_of,
    is_in,
    post,
    root,
    signed_in,
    with_password,
)
from tests.access.worlds import member
from tests.proof.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


class Counted(MD5PasswordHasher):
    """Counts how often a password was hashed."""

    times = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).times += 1
        return super().encode(password, salt)


@pytest.fixture
def hashings(settings: Any) -> Any:
    settings.PASSWORD_HASHERS = [f"{__name__}.Counted"]
    Counted.times = 0
    return Counted


# -- who gets in


def test_name_and_password_let_in(client: Client) -> None:
    ann()
    answer = post(client, "ann", PASSWORD)
    assert answer["Location"] == "/"
    assert is_in(client)


def test_email_address_lets_in_as_well(client: Client) -> None:
    ann()
    post(client, "ANN@example.org", PASSWORD)
    assert is_in(client)


def test_address_that_two_have_lets_in_neither(client: Client) -> None:
    ann()
    User.objects.filter(pk=with_password(member("bob")).pk).update(email="ann@example.org")
    post(client, "ann@example.org", PASSWORD)
    assert not is_in(client)


def test_wrong_password_lets_nobody_in(client: Client) -> None:
    ann()
    answer = post(client, "ann", WRONG)
    assert answer.status_code == 200
    assert MISMATCH in answer.content.decode()
    assert not is_in(client)


def test_one_is_led_on_within_this_site_only(client: Client) -> None:
    ann()
    assert post(client, "ann", PASSWORD, query_params={"next": "/deals/"})["Location"] == "/deals/"
    for elsewhere in ["https://evil.example/", "//evil.example", "javascript:alert(1)", r"\\evil"]:
        other = Client()
        answer = post(other, "ann", PASSWORD, query_params={"next": elsewhere})
        assert answer["Location"] == "/", elsewhere


def test_page_of_sign_in_is_the_products_own_and_works_without_scripts(client: Client) -> None:
    ann()
    page = client.get(LOGIN).content.decode()
    assert "<h1>Sign in</h1>" in page
    assert 'autocomplete="current-password"' in page
    assert "<script>" not in page
    # What needs scripts is shown by scripts.
    assert 'data-passkey="login"' in page
    assert page.split('data-passkey="login"')[1].split(">")[0].endswith("hidden")


def test_session_gets_a_new_key_at_sign_in(client: Client) -> None:
    ann()
    session = client.session
    session["before"] = 1
    session.save()
    key = str(session.session_key)
    client.cookies["sessionid"] = key
    post(client, "ann", PASSWORD)
    assert client.cookies["sessionid"].value != key
    stolen = Client()
    stolen.cookies["sessionid"] = key
    assert not is_in(stolen)


# -- nothing is told of who there is


def answers(client: Client, name: str, password: str) -> tuple[int, str]:
    answer = post(client, name, password)
    page = answer.content.decode().replace(f'"{name}"', '"NAME"')
    return answer.status_code, re.sub(r'value="\w{64}"', "", page)


def test_unknown_name_wrong_password_and_deactivated_user_are_answered_alike() -> None:
    ann()
    gone = with_password(member("bob"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    with_password(member("cid")).set_unusable_password()
    User.objects.filter(username="cid").update(password="!")
    unknown = answers(Client(), "nobody", WRONG)
    assert unknown[0] == 200
    for name, password in [("ann", WRONG), ("bob", PASSWORD), ("bob", WRONG), ("cid", WRONG)]:
        assert answers(Client(), name, password) == unknown, name
    assert answers(Client(), "ann@example.org", WRONG) == unknown


def test_unknown_name_costs_as_many_hashings_as_a_wrong_password(hashings: Any) -> None:
    ann()
    off = with_password(member("bob"))
    User.objects.filter(pk=off.pk).update(is_active=False)
    User.objects.filter(pk=with_password(member("cid")).pk).update(password="!")
    names = ["ann", "ann@example.org", "bob", "cid", "nobody", "nobody@example.org"]
    costs = {}
    for name in names:
        hashings.times = 0
        post(Client(), name, WRONG)
        costs[name] = hashings.times
    assert set(costs.values()) == {1}, costs


# -- guessing


@pytest.mark.slow
def test_of_a_thousand_guesses_at_one_account_twenty_are_looked_at() -> None:
    ann()
    with patch.object(User, "check_password", autospec=True, return_value=False) as looked_at:
        for number in range(1000):
            # From many addresses, under both names.
            sent = {"username": "ann" if number % 2 else "ann@example.org", "password": f"{number}"}
            request = RequestFactory(REMOTE_ADDR=f"10.0.{number // 20}.1").post(LOGIN, sent)
            assert not SignInForm(sent, request=request).is_valid()
    assert looked_at.call_count == 20
    # Nor does the right one get a stranger in by then.
    assert post(Client(REMOTE_ADDR="10.9.9.9"), "ann", PASSWORD).status_code == 429
    assert post(Client(REMOTE_ADDR="10.9.9.9"), "ann@example.org", PASSWORD).status_code == 429


def exhaust(name: str, times: int = 20) -> Any:
    answer = None
    for number in range(times):
        answer = post(Client(REMOTE_ADDR=f"10.1.{number}.1"), name, WRONG)
    return answer


def test_owner_at_a_known_browser_is_not_locked_out() -> None:
    mine = signed_in(ann())
    mine.post("/accounts/logout/")
    assert not is_in(mine)
    assert exhaust("ann", 21).status_code == 429
    assert post(mine, "ann", PASSWORD).status_code == 302
    assert is_in(mine)


def test_known_browser_has_twenty_guesses_of_its_own() -> None:
    mine = signed_in(ann())
    mine.post("/accounts/logout/")
    for _ in range(20):
        assert post(mine, "ann", WRONG).status_code == 200
    assert post(mine, "ann", PASSWORD).status_code == 429
    # And a stranger is counted for himself.
    assert post(Client(), "ann", PASSWORD).status_code == 302


@pytest.mark.parametrize("forged", ["", "x", "1:x:y", "WzEsImEiXQ:1abc:def"])
def test_forged_cookie_makes_no_known_browser(forged: str) -> None:
    ann()
    exhaust("ann")
    client = Client()
    client.cookies["device"] = forged
    assert post(client, "ann", PASSWORD).status_code == 429


def test_known_browser_of_another_is_none_of_ones_own() -> None:
    ann()
    theirs = signed_in(with_password(member("bob")))
    exhaust("ann")
    fresh = Client()
    fresh.cookies["device"] = theirs.cookies["device"].value
    assert post(fresh, "ann", PASSWORD).status_code == 429


def test_shut_account_and_shut_unknown_name_are_answered_alike(hashings: Any) -> None:
    ann()
    answered = {}
    for name in ("ann", "nobody"):
        exhaust(name)
        hashings.times = 0
        answered[name] = (*answers(Client(), name, WRONG), hashings.times)
    assert answered["ann"] == answered["nobody"]
    assert answered["ann"][0] == 429


def test_second_name_of_a_shut_account_is_answered_as_an_unknown_one(hashings: Any) -> None:
    ann()
    exhaust("ann")
    hashings.times = 0
    status, page = answers(Client(), "ann@example.org", PASSWORD)
    assert (status, hashings.times) == (200, 1)
    assert (status, page) == answers(Client(), "nobody@example.org", PASSWORD)


def test_too_many_guesses_are_told_when_to_try_again() -> None:
    ann()
    answer = exhaust("nobody", 21)
    assert answer.status_code == 429
    assert "Try again in an hour" in answer.content.decode()
    assert answer["Retry-After"] == "3600"


def test_address_is_counted_whatever_names_it_tries() -> None:
    ann()
    stranger = Client(REMOTE_ADDR="10.2.2.2")
    found = [post(stranger, f"name{number}", WRONG).status_code for number in range(31)]
    assert found == [200] * 30 + [429]
    assert post(Client(REMOTE_ADDR="10.2.2.3"), "name1", WRONG).status_code == 200


def test_who_signs_in_is_not_counted() -> None:
    user = ann()
    for _ in range(35):
        assert post(Client(), "ann", PASSWORD).status_code == 302
    assert user.check_password(PASSWORD)


def test_signing_in_does_not_forgive_the_guesses_of_others() -> None:
    ann()
    exhaust("ann", 19)
    assert post(Client(), "ann", PASSWORD).status_code == 302
    assert post(Client(), "ann", WRONG).status_code == 200
    assert post(Client(), "ann", WRONG).status_code == 429


def test_counters_are_shared_by_processes(settings: Any) -> None:
    backend = settings.CACHES["default"]["BACKEND"]
    assert backend == "django.core.cache.backends.db.DatabaseCache"
    cache.set("kept", 1)
    assert cache.get("kept") == 1


# -- nobody signs up


def addresses() -> list[tuple[str, URLPattern]]:
    found: list[tuple[str, URLPattern]] = []

    def walk(resolver: Any, before: str) -> None:
        for one in resolver.url_patterns:
            here = before + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one, here)
            else:
                found.append((here, one))

    walk(get_resolver(), "")
    return found


ALLAUTH = {
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_deactivate_totp",
    "mfa_download_recovery_codes",
    "mfa_edit_webauthn",
    "mfa_generate_recovery_codes",
    "mfa_login_webauthn",
    "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn",
    "mfa_view_recovery_codes",
}


def test_no_address_of_the_library_but_those_named_is_reached() -> None:
    theirs = {
        one.name
        for _, one in addresses()
        if getattr(one.callback, "__module__", "").startswith("allauth")
    }
    assert theirs == ALLAUTH
    for closed in [
        "account_signup",
        "account_email",
        "account_set_password",
        "socialaccount_signup",
    ]:
        with pytest.raises(NoReverseMatch):
            reverse(closed)


@pytest.mark.parametrize(
    "path", ["signup/", "signup/passkey/", "email/", "social/signup/", "login/code/", "inactive/"]
)
def test_nobody_signs_up(client: Client, path: str) -> None:
    ann()
    sent = {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}
    answer = client.post(f"/accounts/{path}", sent | {"password2": PASSWORD})
    assert answer.status_code == 404
    assert User.objects.count() == 1


# -- the back office


def test_back_office_signs_in_through_the_product(client: Client) -> None:
    root()
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith(LOGIN)
    assert "<h1>Sign in</h1>" in answer.content.decode()
    sent = {"username": "root", "password": PASSWORD}
    client.post("/admin/login/", sent)
    assert not is_in(client)
    answer = post(client, "root", PASSWORD, query_params={"next": "/admin/"})
    assert answer["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_back_office_shows_no_secrets_of_signing_in() -> None:
    client = signed_in(root())
    for app in ("mfa", "account", "socialaccount", "usersessions"):
        assert client.get(f"/admin/{app}/").status_code == 404


def test_password_page_of_the_back_office_is_the_products() -> None:
    client = signed_in(root())
    answer = client.get("/admin/password_change/")
    assert answer["Location"] == reverse("account_change_password")


# -- what is written down


def actions() -> list[tuple[str, str]]:
    rows = Entry.objects.order_by("pk").values_list("action", "record_name")
    return list(rows)


def test_signing_in_and_out_is_written_down(client: Client) -> None:
    user = ann()
    post(client, "ann", PASSWORD)
    client.post("/accounts/logout/")
    assert actions() == [(Action.SIGNED_IN, "Ann"), (Action.SIGNED_OUT, "Ann")]
    entry = Entry.objects.earliest("pk")
    assert (entry.actor_id, entry.address, entry.source) == (user.pk, "127.0.0.1", "web")
    assert entry.details == {"steps": ["password"]}


def test_failed_sign_in_is_written_down_without_what_was_typed(client: Client) -> None:
    ann()
    post(client, "ann", WRONG)
    post(client, "nobody", WRONG)
    assert actions() == [(Action.SIGN_IN_FAILED, "Ann"), (Action.SIGN_IN_FAILED, "")]
    for entry in Entry.objects.all():
        assert entry.actor_id is None
        assert WRONG not in str(vars(entry))


def test_sign_out_needs_a_form(client: Client) -> None:
    mine = signed_in(ann())
    assert mine.get("/accounts/logout/").status_code == 405
    assert is_in(mine)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = copy_of(mine).cookies
    assert strict.post("/accounts/logout/").status_code == 403
    assert is_in(mine)


def test_pages_of_signing_in_are_kept_by_no_cache() -> None:
    mine = signed_in(ann())
    assert "no-store" in mine.get(SECURITY)["Cache-Control"]
    assert "no-store" in Client().get(LOGIN)["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_counters_outlive_what_empties_the_tables() -> None:
    cache.set("kept", 1)
    call_command("flush", interactive=False)
    assert cache.get("kept") == 1
    cache.delete("kept")
    assert cache.get("kept") is None


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_are_counted_one_by_one() -> None:
    user = ann()
    opened: list[bool] = []

    def guess(start: int) -> None:
        for number in range(start, start + 10):
            request = RequestFactory(REMOTE_ADDR=f"10.8.{number}.1").post(LOGIN)
            opened.append(count_guess(request, "ann", user).verdict is Verdict.OPEN)

    works = [partial(guess, start) for start in (0, 10, 20, 30)]
    assert at_once(*works) == [None] * 4
    assert len(opened) == 40
    assert sum(opened) <= 20
