"""The account: its name, currencies, and what holds for people who have chosen nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.accounts.models import User
from settings.models import Account, Currency
from settings.services.account import (
    add_currency,
    archive_currency,
    change_account,
    move_currency,
    offered_codes,
)
from tests.deals.factories import person
from tests.forms import send

pytestmark = pytest.mark.django_db

ACCOUNT, CURRENCIES = "/settings/account/", "/settings/currencies/"


@pytest.fixture
def ann():
    return User.objects.create_user("ann", is_superuser=True)


@pytest.fixture
def web(ann) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def shown(answer):
    return answer.content.decode()


def turn(web, currency, do):
    return web.post(reverse("settings:currency_turn", args=[currency.pk]), {"do": do}, follow=True)


@pytest.mark.parametrize("address", [ACCOUNT, CURRENCIES])
def test_only_administrators_come_here(client, web, address):
    client.force_login(User.objects.create_user("bob"))
    assert client.get(address).status_code == 403
    assert client.post(address, {"code": "CHF"}).status_code == 403
    assert web.get(address).status_code == 200


def test_the_account_is_named_on_every_page(web):
    send(web, ACCOUNT, having="time_zone", name="Lovelace <b>& Co</b>")
    assert "<span>Lovelace &lt;b&gt;&amp; Co&lt;/b&gt;</span>" in shown(web.get("/contacts/"))
    send(web, ACCOUNT, having="time_zone", name="")
    assert "<span>Standing</span>" in shown(web.get("/contacts/"))


@pytest.mark.parametrize(
    "wrong", [{"time_zone": "Mars/Olympus"}, {"language": "xx"}, {"currency": "CHF"}]
)
def test_what_there_is_not_is_refused(web, wrong):
    answer = send(web, ACCOUNT, having="time_zone", name="New", **wrong)
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in shown(answer)
    assert Account.current().name == ""


def test_saving_the_account_leaves_what_other_pages_set(web):
    change_account(quiet_months=9, asks_loss_reason=False)
    send(web, ACCOUNT, having="time_zone", name="New", language="fr")
    stored = Account.current()
    assert (stored.quiet_months, stored.asks_loss_reason) == (9, False)
    assert (stored.name, stored.language) == ("New", "fr")


# -- language and time zone


def language_of(client):
    return client.get("/contacts/").wsgi_request.LANGUAGE_CODE


def test_people_who_chose_no_language_get_the_accounts(web, ann):
    assert language_of(web) == "en"
    change_account(language="de")
    assert language_of(web) == "de"
    ann.language = "fr"
    ann.save()
    assert language_of(web) == "fr"


def test_a_language_chosen_before_signing_in_is_ones_own(web, settings):
    change_account(language="de")
    web.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
    assert language_of(web) == "fr"


def test_the_browser_asks_only_where_nobody_chose(web, client):
    asking = {"Accept-Language": "fr"}
    assert web.get("/contacts/", headers=asking).wsgi_request.LANGUAGE_CODE == "fr"
    change_account(language="de")
    assert web.get("/contacts/", headers=asking).wsgi_request.LANGUAGE_CODE == "de"
    # Nobody is signed in: the page comes without asking the database for an account.
    login = client.get("/accounts/login/", headers=asking)
    assert 'lang="fr"' in shown(login)


def test_people_who_chose_no_time_zone_get_the_accounts(ann):
    assert ann.zone is None
    change_account(time_zone="Asia/Tokyo")
    assert str(User.objects.get(pk=ann.pk).zone) == "Asia/Tokyo"
    ann.time_zone = "Europe/Berlin"
    assert str(ann.zone) == "Europe/Berlin"
    ann.time_zone = "Nowhere/Gone"
    assert str(User.objects.get(pk=ann.pk).zone) == "Asia/Tokyo"


def test_pages_tell_the_time_of_the_account(web):
    one = person()
    type(one).objects.filter(pk=one.pk).update(created_at=datetime(2026, 1, 1, 23, 30, tzinfo=UTC))
    address = "/contacts/?columns=name,created&created=2026-01-02"
    assert one.name not in shown(web.get(address))
    change_account(time_zone="Asia/Tokyo")
    assert one.name in shown(web.get(address))


def test_the_account_costs_no_page_a_statement(web):
    web.get("/contacts/")
    with CaptureQueriesContext(connection) as captured:
        web.get("/contacts/")
    asked = [one["sql"] for one in captured if "settings_account" in one["sql"]]
    assert len(asked) == 1
    assert "accounts_user" in asked[0]


# -- currencies


def test_the_accounts_own_currency_is_offered_from_the_beginning(web):
    assert offered_codes() == ["EUR"]
    assert "the account’s own" in shown(web.get(CURRENCIES))
    assert Currency.objects.get().code == "EUR"


def test_a_currency_is_added_ordered_and_archived(web):
    send(web, CURRENCIES, having="code", code="chf")
    send(web, CURRENCIES, having="code", code="USD")
    assert offered_codes() == ["EUR", "CHF", "USD"]
    usd = Currency.objects.get(code="USD")
    turn(web, usd, "up")
    assert offered_codes() == ["EUR", "USD", "CHF"]
    turn(web, usd, "archive")
    assert offered_codes() == ["EUR", "CHF"]
    turn(web, usd, "unarchive")
    assert offered_codes() == ["EUR", "USD", "CHF"]
    turn(web, usd, "archive")
    send(web, CURRENCIES, having="code", code="USD")
    assert "USD" in offered_codes()


@pytest.mark.parametrize("code", ["", "E", "EURO", "12A", "€€€", "eur"])
def test_what_is_no_code_or_offered_already_is_refused(web, code):
    answer = send(web, CURRENCIES, having="code", code=code)
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in shown(answer)
    assert offered_codes() == ["EUR"]


def test_the_accounts_own_currency_stays(web):
    chf = add_currency("CHF")
    change_account(currency="CHF")
    assert "cannot be archived" in shown(turn(web, chf, "archive"))
    assert "CHF" in offered_codes()
    eur = Currency.objects.get(code="EUR")
    archive_currency(eur)
    with pytest.raises(ValidationError, match="EUR is not offered"):
        change_account(currency="EUR")
    move_currency(chf, up=True)
    assert offered_codes() == ["CHF"]
