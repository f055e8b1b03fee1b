"""Signing in by a company's own identity provider, against one that runs here in a thread."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from crm import settings as product
from crm.accounts.models import User
from crm.audit.models import Action, Entry
from tests.access.signing import (
    LOGIN,
    PASSWORD,
    SECOND,
    SECURITY,
    ann,
    app_of,
    code,
    is_in,
    post,
    require_factor,
    signed_in,
    with_password,
)
from tests.access.worlds import member, reloaded

pytestmark = pytest.mark.django_db

START = "/accounts/company/"
BACK = "/accounts/company/back/"
REFUSED = "Nobody here signs in with that account."


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


class Provider:
    """Who the provider says that somebody is; tests set it wrong."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {
            "sub": "7",
            "email": "ann@example.org",
            "email_verified": True,
        }
        self.token: dict[str, Any] = {}
        self.challenges: dict[str, str] = {}
        self.asked: list[str] = []
        self.broken = False
        self.url = ""

    def answer(self, path: str, sent: dict[str, list[str]]) -> dict[str, Any] | None:
        self.asked.append(path)
        if self.broken:
            return None
        if path == "/.well-known/openid-configuration":
            names = ["authorization", "token", "userinfo"]
            config = {f"{name}_endpoint": f"{self.url}/{name}" for name in names}
            return config | {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/token":
            verifier = sent.get("code_verifier", [""])[0].encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=")
            if self.challenges.get(sent["code"][0]) != digest.decode():
                return None
            now = int(time.time())
            about = {"iss": self.url, "aud": "standing", "iat": now, "exp": now + 60}
            token = jwt.encode(about | self.claims | self.token, "k" * 32, algorithm="HS256")
            return {"access_token": "secret-token", "token_type": "Bearer", "id_token": token}
        return self.claims if path == "/userinfo" else None


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    told = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(parse_qs(body.decode()))

        def answer(self, sent: dict[str, list[str]]) -> None:
            found = told.answer(self.path, sent)
            body = json.dumps(found or {"error": "invalid_grant"}).encode()
            self.send_response(200 if found else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    app = {
        "provider_id": "company",
        "name": "Acme ID",
        "client_id": "standing",
        "secret": "shared secret",
        "settings": {"server_url": told.url},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
    }
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def started(client: Client, provider: Provider, **query: str) -> dict[str, str]:
    """What the browser is sent to the provider with; the provider remembers the challenge."""
    answer = client.get(START, query)
    assert answer.status_code == 302
    to = urlsplit(answer["Location"])
    assert f"{to.scheme}://{to.netloc}{to.path}" == f"{provider.url}/authorization"
    sent = {name: values[0] for name, values in parse_qs(to.query).items()}
    provider.challenges["one-time"] = sent["code_challenge"]
    return sent


def come_back(client: Client, provider: Provider, **query: str) -> Any:
    sent = started(client, provider, **query)
    return client.get(BACK, {"code": "one-time", "state": sent["state"]})


def refused(client: Client, answer: Any) -> str:
    """Nobody was let in; what is said on the page that one is led to."""
    assert answer["Location"] == LOGIN
    page = client.get(LOGIN).content.decode()
    assert not is_in(client)
    return page


def test_user_with_the_verified_address_is_let_in(client: Client, provider: Provider) -> None:
    user = ann()
    assert come_back(client, provider)["Location"] == "/"
    assert is_in(client)
    entry = Entry.objects.get(action=Action.SIGNED_IN)
    assert (entry.actor_id, entry.details) == (user.pk, {"steps": ["socialaccount"]})
    # Neither their password nor anything of the provider's is touched or kept.
    assert reloaded(user).check_password(PASSWORD)
    assert not SocialAccount.objects.exists()
    assert not SocialToken.objects.exists()


def test_request_to_the_provider_asks_for_no_more_than_needed(
    client: Client, provider: Provider
) -> None:
    ann()
    sent = started(client, provider)
    assert sent["client_id"] == "standing"
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert sent["redirect_uri"] == f"http://testserver{BACK}"
    assert set(sent["scope"].split()) == {"openid", "profile", "email"}
    assert "secret" not in str(sent)


def test_one_is_led_on_within_this_site_only(provider: Provider) -> None:
    ann()
    assert come_back(Client(), provider, next="/deals/")["Location"] == "/deals/"
    assert come_back(Client(), provider, next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "false"},
        {"email_verified": None},
        {"email": "unknown@example.org"},
        {"email": ""},
        {"email": "ann@example.org.evil.example"},
    ],
    ids=str,
)
def test_address_that_is_unverified_or_unknown_lets_nobody_in(
    client: Client, provider: Provider, claims: dict[str, Any]
) -> None:
    ann()
    provider.claims |= claims
    assert REFUSED in refused(client, come_back(client, provider))
    assert User.objects.count() == 1
    entry = Entry.objects.get(action=Action.SIGN_IN_FAILED)
    assert entry.details["by"] == "company"


def test_claim_that_is_missing_verifies_nothing(client: Client, provider: Provider) -> None:
    ann()
    del provider.claims["email_verified"]
    assert REFUSED in refused(client, come_back(client, provider))


def test_deactivated_user_is_not_let_in(client: Client, provider: Provider) -> None:
    user = ann()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert REFUSED in refused(client, come_back(client, provider))


def test_address_that_two_have_lets_in_neither(client: Client, provider: Provider) -> None:
    ann()
    other = with_password(member("bob"))
    User.objects.filter(pk=other.pk).update(email="Ann@example.org")
    assert REFUSED in refused(client, come_back(client, provider))


def test_wrong_state_lets_nobody_in(client: Client, provider: Provider) -> None:
    ann()
    started(client, provider)
    provider.asked.clear()
    for state in ["", "x" * 16]:
        assert "did not work" in refused(
            client, client.get(BACK, {"code": "one-time", "state": state})
        )
    assert "/token" not in provider.asked


def test_state_of_another_browser_lets_nobody_in(provider: Provider) -> None:
    ann()
    theirs = started(Client(), provider)
    victim = Client()
    answer = victim.get(BACK, {"code": "one-time", "state": theirs["state"]})
    assert "did not work" in refused(victim, answer)


def test_state_works_once(client: Client, provider: Provider) -> None:
    ann()
    sent = started(client, provider)
    back = {"code": "one-time", "state": sent["state"]}
    assert client.get(BACK, back)["Location"] == "/"
    client.post("/accounts/logout/")
    assert "did not work" in refused(client, client.get(BACK, back))


def test_code_that_was_issued_to_another_browser_lets_nobody_in(
    client: Client, provider: Provider
) -> None:
    # What a nonce would be for: the code is bound to the browser that began (PKCE).
    ann()
    sent = started(client, provider)
    provider.challenges["stolen"] = "of-another-browser"
    answer = client.get(BACK, {"code": "stolen", "state": sent["state"]})
    assert "did not work" in refused(client, answer)


@pytest.mark.parametrize(
    "token",
    [{"aud": "another-client"}, {"iss": "https://evil.example"}, {"exp": 1_000_000_000}],
    ids=str,
)
def test_token_for_others_or_of_others_lets_nobody_in(
    client: Client, provider: Provider, token: dict[str, Any]
) -> None:
    ann()
    provider.token = token
    assert "did not work" in refused(client, come_back(client, provider))


def test_token_and_person_that_differ_let_nobody_in(client: Client, provider: Provider) -> None:
    ann()
    provider.token = {"sub": "8"}
    assert REFUSED in refused(client, come_back(client, provider))


def test_cancelling_there_leads_back(client: Client, provider: Provider) -> None:
    ann()
    sent = started(client, provider)
    answer = client.get(BACK, {"error": "access_denied", "state": sent["state"]})
    assert "You did not sign in with your company." in refused(client, answer)


def test_provider_that_is_down_is_said_to_be(client: Client, provider: Provider) -> None:
    ann()
    provider.broken = True
    assert "did not work" in refused(client, client.get(START))


def test_whoever_comes_back_as_another_is_that_other(provider: Provider) -> None:
    ann()
    client = signed_in(with_password(member("bob")))
    assert come_back(client, provider)["Location"] == "/"
    assert "ann" in client.get(SECURITY).content.decode().lower()
    assert "Account of Ann" in client.get(SECURITY).content.decode()


def test_connecting_an_account_is_not_offered(provider: Provider) -> None:
    user = ann()
    provider.claims["email"] = "eve@example.org"
    client = signed_in(user)
    come_back(client, provider, process="connect")
    assert not SocialAccount.objects.exists()


# -- the second factor


def test_own_second_factor_is_asked_for_after_the_company(
    client: Client, provider: Provider
) -> None:
    user = ann()
    app_of(user)
    assert come_back(client, provider)["Location"].startswith(SECOND)
    assert not is_in(client)
    assert client.post(SECOND, {"code": code()}).status_code == 302
    assert is_in(client)


def test_role_that_needs_a_second_factor_needs_one_here(client: Client, provider: Provider) -> None:
    user = ann()
    User.objects.filter(pk=user.pk).update(password="!")
    require_factor(members=True)
    come_back(client, provider)
    assert client.get("/contacts/")["Location"] == SECURITY
    # There is no password to type once more.
    assert client.get("/accounts/security/app/").status_code == 200


# -- setting it up


def test_without_a_provider_there_is_no_such_sign_in(client: Client) -> None:
    ann()
    assert client.get(START).status_code == 404
    assert client.get(BACK).status_code == 404
    assert START not in client.get(LOGIN).content.decode()


def test_page_of_sign_in_offers_the_company_by_its_name(client: Client, provider: Provider) -> None:
    ann()
    page = client.get(LOGIN, {"next": "/deals/"}).content.decode()
    assert "Sign in with Acme ID" in page
    assert f'href="{START}?next=%2Fdeals%2F"' in page
    # Asking the provider is for whoever chooses it.
    assert provider.asked == []


def test_passwords_go_on_beside_the_provider(client: Client, provider: Provider) -> None:
    ann()
    assert post(client, "ann", PASSWORD)["Location"] == "/"


ENV = {
    "OIDC_SERVER_URL": "https://login.example.org/realms/company",
    "OIDC_CLIENT_ID": "standing",
    "OIDC_CLIENT_SECRET": "shared",
}


@pytest.mark.parametrize("missing", ENV)
def test_half_a_provider_ends_the_start(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    with pytest.raises(ImproperlyConfigured, match=f"{missing} is not set"):
        product.identity_provider()


def test_provider_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert product.identity_provider() == {}
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    (app,) = product.identity_provider()["openid_connect"]["APPS"]
    assert app["settings"] == {"server_url": ENV["OIDC_SERVER_URL"]}
    assert (app["client_id"], app["secret"], app["name"]) == (
        "standing",
        "shared",
        "OpenID Connect",
    )


@pytest.mark.parametrize("bad", ["login.example.org", "ftp://login.example.org", "https://"])
def test_provider_without_an_address_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    for name, value in (ENV | {"OIDC_SERVER_URL": bad}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match="OIDC_SERVER_URL is"):
        product.identity_provider()


def test_provider_without_encryption_ends_the_start_in_production(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(product, "PRODUCTION", True)
    for name, value in (ENV | {"OIDC_SERVER_URL": "http://login.example.org"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match="OIDC_SERVER_URL is"):
        product.identity_provider()
