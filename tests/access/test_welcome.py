"""The first start: whoever comes first becomes the administrator; then there is no such page."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from crm.accounts import welcome
from crm.accounts.models import User
from crm.audit.models import Action, Entry
from tests.access.signing import is_in
from tests.access.worlds import member
from tests.proof.racing import at_once

pytestmark = pytest.mark.django_db
PASSWORD = "the very first sentence"
SENT = {
    "username": "anna",
    "first_name": "Anna",
    "last_name": "Berg",
    "email": "anna@example.com",
    "password": PASSWORD,
    "again": PASSWORD,
}
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


@pytest.fixture
def production(settings: Any) -> None:
    settings.PRODUCTION = True


def test_every_page_leads_to_it_as_long_as_there_is_nobody(client: Client) -> None:
    for address in ("/", "/contacts/", "/accounts/login/", "/settings/users/", "/nowhere/"):
        assert client.get(address)["Location"] == "/welcome/"
    page = client.get("/welcome/").content.decode()
    assert "becomes the first administrator" in page
    assert "Setup key" not in page
    assert client.get("/healthz").status_code == 200


def test_the_first_becomes_administrator_and_is_signed_in(client: Client) -> None:
    assert client.post("/welcome/", SENT)["Location"] == "/"
    anna = User.objects.get()
    assert (anna.is_superuser, anna.is_staff, anna.email) == (True, True, "anna@example.com")
    assert anna.check_password(PASSWORD)
    assert is_in(client)
    assert client.get("/settings/users/").status_code == 200
    entry = Entry.objects.get(action=Action.USER_INVITED)
    assert (entry.actor_id, entry.details) == (anna.pk, {"first": True})


@pytest.mark.parametrize("who", ["stranger", "member", "deactivated only"])
def test_then_the_page_is_dead_whatever_the_method_and_header(who: str) -> None:
    ann = member("ann")
    client = Client(enforce_csrf_checks=True)
    if who == "member":
        client.force_login(ann)
    if who == "deactivated only":
        User.objects.update(is_active=False)
    never = client.get("/there-is-no-such-page/")
    headers: list[dict[str, str]] = [
        {},
        {"X-Requested-With": "XMLHttpRequest"},
        {"HX-Request": "true"},
        {"Accept": "application/json"},
        *(
            {name: method}
            for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
            for method in ("GET", "POST", "PUT")
        ),
        {"X-Original-URL": "/welcome/", "X-Rewrite-URL": "/welcome/"},
    ]
    for method in METHODS:
        for header in headers:
            for address in ("/welcome/", "/welcome/?_method=POST"):
                answer = getattr(client, method)(address, headers=header)
                assert answer.status_code == 404, (method, header)
    # Which is refused everywhere.
    traced = [
        client.trace(address).status_code for address in ("/welcome/", "/there-is-no-such-page/")
    ]
    assert traced == [405, 405]
    assert client.post("/welcome/", SENT).status_code == 404
    gone = client.get("/welcome/")
    assert gone["Content-Type"] == never["Content-Type"]
    assert User.objects.get() == ann
    assert not Entry.objects.filter(action=Action.USER_INVITED).exists()


def test_a_form_that_was_open_before_makes_nobody(client: Client) -> None:
    client.get("/welcome/")
    member("ann")
    assert client.post("/welcome/", SENT).status_code == 404
    with pytest.raises(welcome.AlreadyBegun):
        welcome.create_first_administrator(username="b", password=PASSWORD, email="b@example.com")
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"password": "short", "again": "short"}, "This password is too short."),
        ({"again": "something else"}, "The two passwords are not the same."),
        ({"email": "nowhere"}, "Enter a valid email address."),
        ({"username": "a b"}, "Enter a valid username."),
        ({"last_name": ""}, "This field is required."),
    ],
)
def test_what_is_refused_makes_nobody(client: Client, wrong: dict[str, str], why: str) -> None:
    page = client.post("/welcome/", SENT | wrong)
    assert page.status_code == 200
    assert why in page.content.decode()
    assert not User.objects.exists()


def test_a_form_from_elsewhere_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/welcome/", SENT).status_code == 403
    assert not User.objects.exists()


# -- where strangers reach it


def test_in_production_it_asks_for_the_setup_key(client: Client, production: None) -> None:
    page = client.get("/welcome/").content.decode()
    assert "Setup key" in page
    key = welcome.setup_key()
    assert key not in page
    for wrong in ("", "x", key[:-1], key[::-1], "ключ"):
        answer = client.post("/welcome/", SENT | {"key": wrong})
        assert answer.status_code == 200
        assert not User.objects.exists()
    typed = key.upper().replace("-", " ")
    assert client.post("/welcome/", SENT | {"key": typed}).status_code == 302
    assert User.objects.get().is_superuser


def test_the_key_is_told_by_a_command_only_as_long_as_it_opens_something() -> None:
    def told() -> str:
        out = StringIO()
        call_command("setup_key", stdout=out)
        return out.getvalue().strip()

    assert told() == welcome.setup_key()
    assert len(told().replace("-", "")) * 4 == 100, "bits"
    member("ann")
    assert told() == "Somebody is here already: the page of the first start is gone."


def test_the_key_follows_the_secret_key(settings: Any) -> None:
    before = welcome.setup_key()
    settings.SECRET_KEY = "another secret of this installation"
    assert welcome.setup_key() != before


def test_nobody_else_signs_up(client: Client) -> None:
    member("ann")
    for address in ("/accounts/signup/", "/signup/", "/register/", "/accounts/company/signup/"):
        assert client.get(address).status_code in (302, 404), address
        assert client.post(address, SENT).status_code in (302, 403, 404), address
    assert User.objects.count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_two_who_come_first_at_once_one_does() -> None:
    answers: list[int] = []

    def post(name: str) -> None:
        sent = SENT | {"username": name, "email": f"{name}@example.com"}
        answers.append(Client().post(reverse("welcome"), sent).status_code)

    for _round in range(3):
        answers.clear()
        assert at_once(lambda: post("anna"), lambda: post("ben"), lambda: post("cem")) == [None] * 3
        assert sorted(answers) == [302, 404, 404]
        assert User.objects.count() == 1
        User.objects.all().delete()
