"""The score that Mozilla's HTTP Observatory would give, by its table, under the settings of production."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.cookies import Morsel
from typing import Any

import pytest
from django.test import Client, override_settings

from crm.accounts.models import User
from tests.site.test_settings import GOOD, show

# Settings that headers and cookies are made of.
CHANGED = (
    *("SECURE_SSL_REDIRECT", "SECURE_REDIRECT_EXEMPT", "SECURE_HSTS_SECONDS"),
    *("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD", "SECURE_REFERRER_POLICY"),
    *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE", "ALLOWED_HOSTS"),
    *("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME", "DEVICE_COOKIE_NAME"),
    *("SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE"),
    *("CSRF_COOKIE_HTTPONLY", "LANGUAGE_COOKIE_HTTPONLY", "LANGUAGE_COOKIE_SAMESITE"),
    *("THEME_COOKIE_NAME", "X_FRAME_OPTIONS", "SECURE_CROSS_ORIGIN_OPENER_POLICY"),
)
HALF_A_YEAR = 15_768_000
PRIVATE = {
    "no-referrer",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
}
Headers = Mapping[str, str]


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    wanted = ", ".join(f"'{name}': settings.{name}" for name in CHANGED)
    return json.loads(show(f"__import__('json').dumps({{{wanted}}})", **GOOD))


@pytest.fixture
def visitor(production: dict[str, Any], db: None) -> Iterator[Client]:
    User.objects.create_superuser("anna", "anna@example.org", "a long password")
    with override_settings(**production):
        yield Client(SERVER_NAME="crm.example.org", enforce_csrf_checks=True)


# -- the table: what each header adds or takes; 100 to begin with


def policy(headers: Headers) -> dict[str, list[str]]:
    parts = [part.split() for part in headers.get("Content-Security-Policy", "").split(";")]
    return {part[0]: part[1:] for part in parts if part}


def of_policy(headers: Headers) -> int:
    found = policy(headers)
    if not found:
        return -25
    script = found.get("script-src", found.get("default-src", ["*"]))
    style = found.get("style-src", found.get("default-src", ["*"]))
    if {"'unsafe-inline'", "data:", "*", "https:", "http:"} & {*script}:
        return -20
    if "'unsafe-eval'" in script:
        return -10
    if "'unsafe-inline'" in style:
        return 0
    return 10 if found.get("default-src") == ["'none'"] else 5


def of_cookies(cookies: list[Morsel]) -> int:
    if not cookies:
        return 0
    if not all(one["secure"] for one in cookies):
        return -20
    sessions = [one for one in cookies if "session" in one.key or "csrf" in one.key]
    if not all(one["httponly"] for one in sessions):
        return -30
    return 5 if all(one["samesite"] in ("Lax", "Strict") for one in cookies) else 0


def of_hsts(headers: Headers) -> int:
    found = headers.get("Strict-Transport-Security", "")
    if not found:
        return -20
    seconds = int(found.split("max-age=")[1].partition(";")[0])
    return 0 if seconds >= HALF_A_YEAR else -10


def of_framing(headers: Headers) -> int:
    if policy(headers).get("frame-ancestors") == ["'none'"]:
        return 5
    return 0 if headers.get("X-Frame-Options") in ("DENY", "SAMEORIGIN") else -20


def score(headers: Headers, cookies: list[Morsel]) -> dict[str, int]:
    return {
        "cookies": of_cookies(cookies),
        "sharing": -50 if headers.get("Access-Control-Allow-Origin") == "*" else 0,
        "policy": of_policy(headers),
        "referrer": 5 if headers.get("Referrer-Policy") in PRIVATE else -5,
        "transport": of_hsts(headers),
        "sniffing": 0 if headers.get("X-Content-Type-Options") == "nosniff" else -5,
        "framing": of_framing(headers),
        "opener": 10 if headers.get("Cross-Origin-Opener-Policy") == "same-origin" else 0,
        "embedder": 10 if headers.get("Cross-Origin-Embedder-Policy") == "require-corp" else 0,
        "resource": 10 if headers.get("Cross-Origin-Resource-Policy") == "same-origin" else 0,
    }


def total(answer: Any, without: str = "") -> int:
    headers = {name: value for name, value in answer.headers.items() if name != without}
    found = score(headers, list(answer.cookies.values()))
    taken = 100 + sum(value for value in found.values() if value < 0)
    # What is more than enough counts only from 90 on.
    return taken + sum(value for value in found.values() if value > 0) if taken >= 90 else taken


def test_the_page_to_sign_in_is_worth_an_a_plus(visitor: Client) -> None:
    answer = visitor.get("/accounts/login/", secure=True)
    assert answer.status_code == 200
    assert answer.cookies
    assert total(answer) == 155
    for name in ("Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options"):
        assert total(answer, without=name) < 155


def test_pages_of_a_signed_in_user_are_as_safe_and_kept_nowhere(visitor: Client) -> None:
    visitor.force_login(User.objects.get())
    for path in ("/contacts/", "/settings/", "/admin/", "/contacts/987654321/", "/nowhere/"):
        answer = visitor.get(path, secure=True)
        assert total(answer) >= 150, path
        assert "no-store" in answer.headers["Cache-Control"], path
        assert {"Cookie", "HX-Request"} <= {*answer.headers["Vary"].split(", ")}, path
        assert "charset=utf-8" in answer.headers["Content-Type"].lower(), path


def test_every_cookie_is_for_this_host_over_https_alone(visitor: Client) -> None:
    token = visitor.get("/accounts/login/", secure=True).context["csrf_token"]
    referer = {"Referer": "https://crm.example.org/"}
    given = {"csrfmiddlewaretoken": token}
    signing_in = {**given, "username": "anna", "password": "a long password"}
    answers = [
        visitor.post(
            "/accounts/language/", {**given, "language": "de"}, secure=True, headers=referer
        ),
        visitor.post("/accounts/theme/", {**given, "theme": "dark"}, secure=True, headers=referer),
        visitor.post("/accounts/login/", signing_in, secure=True, headers=referer),
    ]
    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert {"__Host-language", "__Host-theme", "__Host-sessionid", "__Host-csrftoken"} <= {
        *visitor.cookies
    }
    for cookie in visitor.cookies.values():
        assert cookie.key.startswith("__Host-")
        assert cookie["secure"]
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


def test_messages_wait_in_a_cookie_of_this_host() -> None:
    name = "__import__('crm.message_cookie', fromlist=['OwnCookie']).OwnCookie.cookie_name"
    assert show(name, **GOOD) == "__Host-messages"


def test_http_is_led_to_https_for_a_year_at_least(visitor: Client) -> None:
    answer = visitor.get("/accounts/login/")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://crm.example.org/accounts/login/"
    held = visitor.get("/accounts/login/", secure=True).headers["Strict-Transport-Security"]
    assert held == "max-age=31536000; includeSubDomains; preload"
