"""Codes of authenticator apps, recovery codes, and roles that need one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.accounts import factor_forms
from crm.accounts.models import User
from crm.accounts.sealing import seal, unseal
from crm.accounts.second_factor import remove_factors
from crm.audit.models import Action, Entry
from settings.models import Account
from tests.access.signing import (
    PASSWORD,
    SECOND,
    SECRET,
    SECURITY,
    ann,
    app_of,
    code,
    confirm,
    copy_of,
    is_in,
    post,
    recovery_codes,
    require_factor,
    root,
    signed_in,
)
from tests.access.worlds import reloaded
from tests.proof.racing import at_once

pytestmark = pytest.mark.django_db

APP = "/accounts/security/app/"
CODES = "/accounts/security/codes/"
DID_NOT_FIT = "That did not fit."


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that stands, so that no code grows old while a test runs; ``clock.now`` sets it."""

    class Clock:
        now = 1_800_000_015.0

        def time(self) -> float:
            return self.now

    stands = Clock()
    monkeypatch.setattr(factor_forms, "time", stands)
    monkeypatch.setattr("tests.access.signing.time", stands)
    return stands


def half_way(user: User) -> Client:
    """A browser in which the password was given, and the second factor was not."""
    client = Client()
    assert post(client, user.username, PASSWORD)["Location"].startswith(SECOND)
    return client


# -- signing in with it


def test_password_alone_lets_nobody_in_who_has_an_app() -> None:
    user = ann()
    app_of(user)
    client = half_way(user)
    assert not is_in(client)
    assert client.get("/").status_code == 302
    assert client.get(SECOND).status_code == 200


def test_code_of_the_app_lets_in() -> None:
    user = ann()
    app_of(user)
    client = half_way(user)
    assert client.post(SECOND, {"code": code()})["Location"] == "/"
    assert is_in(client)
    assert Entry.objects.get(action=Action.SIGNED_IN).details["steps"] == ["password", "totp"]


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_clock_may_be_half_a_minute_off(offset: int) -> None:
    user = ann()
    app_of(user)
    assert half_way(user).post(SECOND, {"code": code(offset)}).status_code == 302


@pytest.mark.parametrize("offset", [-2, 2])
def test_clock_may_not_be_a_minute_off(offset: int) -> None:
    user = ann()
    app_of(user)
    answer = half_way(user).post(SECOND, {"code": code(offset)})
    assert answer.status_code == 200
    assert DID_NOT_FIT in answer.content.decode()


def test_code_works_once() -> None:
    user = ann()
    app_of(user)
    used = code()
    assert half_way(user).post(SECOND, {"code": used}).status_code == 302
    other = half_way(user)
    answer = other.post(SECOND, {"code": used})
    assert DID_NOT_FIT in answer.content.decode()
    assert not is_in(other)


def test_code_of_before_one_that_was_used_is_used_up_too(clock: Any) -> None:
    user = ann()
    app_of(user)
    earlier, now = code(-1), code()
    assert half_way(user).post(SECOND, {"code": now}).status_code == 302
    assert DID_NOT_FIT in half_way(user).post(SECOND, {"code": earlier}).content.decode()
    clock.now += 30
    assert half_way(user).post(SECOND, {"code": code()}).status_code == 302


def test_code_that_set_up_the_app_signs_nobody_in() -> None:
    user = ann()
    client = signed_in(user)
    confirm(client)
    used = set_up(client)
    assert DID_NOT_FIT in half_way(user).post(SECOND, {"code": used}).content.decode()


def test_code_typed_with_blanks_is_the_same_code() -> None:
    user = ann()
    app_of(user)
    typed = code()
    answer = half_way(user).post(SECOND, {"code": f" {typed[:3]} {typed[3:]} "})
    assert answer.status_code == 302


def test_recovery_code_lets_in_once() -> None:
    user = ann()
    app_of(user)
    first, second, *_ = recovery_codes(user)
    assert half_way(user).post(SECOND, {"code": first}).status_code == 302
    assert DID_NOT_FIT in half_way(user).post(SECOND, {"code": first}).content.decode()
    assert half_way(user).post(SECOND, {"code": second}).status_code == 302


def test_code_of_somebody_else_does_not_fit() -> None:
    user, other = ann(), root()
    app_of(user)
    mine, *_ = recovery_codes(user)
    Authenticator.objects.create(
        user=other, type="totp", data={"secret": seal("KRUGKIDROVUWG2ZAMJZG653OEBTG66BA")}
    )
    for foreign in (mine, code()):
        assert DID_NOT_FIT in half_way(other).post(SECOND, {"code": foreign}).content.decode()


def test_second_step_leads_on_to_where_one_wanted() -> None:
    user = ann()
    app_of(user)
    client = Client()
    post(client, "ann", PASSWORD, query_params={"next": "/deals/"})
    assert client.post(SECOND, {"code": code()})["Location"] == "/deals/"


def test_sign_in_half_way_can_be_left() -> None:
    user = ann()
    app_of(user)
    client = half_way(user)
    assert client.post("/accounts/login/cancel/")["Location"] == "/accounts/login/"
    assert client.post(SECOND, {"code": code()})["Location"].startswith("/accounts/login/")
    assert not is_in(client)


def test_nobody_comes_to_the_second_step_without_the_first() -> None:
    user = ann()
    app_of(user)
    client = Client()
    assert client.get(SECOND)["Location"] == "/accounts/login/"
    assert client.post(SECOND, {"code": code()})["Location"] == "/accounts/login/"
    assert not is_in(client)


def test_user_deactivated_half_way_is_not_let_in() -> None:
    user = ann()
    app_of(user)
    client = half_way(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    client.post(SECOND, {"code": code()})
    assert not is_in(client)


def test_twenty_codes_an_hour_are_looked_at() -> None:
    user = ann()
    app_of(user)
    with patch.object(factor_forms, "use_code", return_value=None) as looked_at:
        for number in range(30):
            # A stranger who knows the password, from many addresses.
            client = Client(REMOTE_ADDR=f"10.3.{number}.1")
            post(client, "ann", PASSWORD)
            last = client.post(SECOND, {"code": f"{number:06}"})
    assert looked_at.call_count == 20
    assert last.status_code == 429
    assert "Try again in an hour." in last.content.decode()
    assert half_way(user).post(SECOND, {"code": code()}).status_code == 429


def test_wrong_code_is_written_down_without_it() -> None:
    user = ann()
    app_of(user)
    half_way(user).post(SECOND, {"code": "123456"})
    entry = Entry.objects.get(action=Action.SIGN_IN_FAILED)
    assert entry.record_name == "Ann"
    assert entry.details == {"step": "second factor"}


# -- how it is kept


def test_secrets_are_of_no_use_without_the_key(settings: Any) -> None:
    user = ann()
    app = app_of(user)
    codes = recovery_codes(user)
    kept = " ".join(str(one.data) for one in Authenticator.objects.all())
    assert SECRET not in kept
    assert not any(one in kept for one in codes)
    assert unseal(app.data["secret"]) == SECRET
    settings.SECRET_KEY = "x" * 60
    with pytest.raises(InvalidToken):
        unseal(app.data["secret"])


def test_sealed_with_a_former_key_is_still_read(settings: Any) -> None:
    sealed = seal("hidden")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "y" * 60
    assert unseal(sealed) == "hidden"


# -- setting it up and removing it


def set_up(client: Client) -> str:
    """Sets up the app of SECRET in a browser that has confirmed; the code that was typed."""
    with patch("allauth.mfa.totp.internal.auth.generate_totp_secret", return_value=SECRET):
        page = client.get(APP)
    assert SECRET in page.content.decode()
    typed = code()
    answer = client.post(APP, {"code": typed})
    assert answer["Location"] == CODES
    return typed


def test_app_is_set_up_with_a_code_and_recovery_codes_come_along() -> None:
    user = ann()
    client = signed_in(user)
    confirm(client)
    set_up(client)
    page = client.get(CODES).content.decode()
    assert len(re.findall(r"<li><code>\d{8}</code>", page)) == 10
    assert "set up on" in client.get(SECURITY).content.decode()
    told = Entry.objects.filter(action=Action.SIGN_IN_CHANGED).order_by("pk")
    assert [one.details["what"] for one in told] == ["totp added", "recovery_codes added"]
    assert SECRET not in str([vars(one) for one in Entry.objects.all()])


def test_wrong_code_sets_up_nothing() -> None:
    user = ann()
    client = signed_in(user)
    confirm(client)
    client.get(APP)
    assert DID_NOT_FIT in client.post(APP, {"code": "000000"}).content.decode()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        APP,
        "/accounts/security/app/remove/",
        CODES,
        f"{CODES}new/",
        f"{CODES}file/",
        "/accounts/security/passkeys/add/",
    ],
)
def test_changing_how_one_signs_in_asks_for_the_password_again(path: str) -> None:
    user = ann()
    if path != APP:
        app_of(user)
        recovery_codes(user)
    client = signed_in(user)
    before = list(Authenticator.objects.values_list("pk", "data"))
    for send in (client.get, client.post):
        answer = send(path)
        if answer.status_code == 405:
            continue
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/confirm/?next=")
    assert list(Authenticator.objects.values_list("pk", "data")) == before


def test_confirmation_holds_some_minutes_only() -> None:
    client = signed_in(ann())
    confirm(client)
    assert client.get(APP).status_code == 200
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 301
    session.save()
    assert client.get(APP)["Location"].startswith("/accounts/confirm/")


def test_wrong_password_confirms_nothing_and_is_counted() -> None:
    client = signed_in(ann())
    for _ in range(20):
        answer = client.post("/accounts/confirm/", {"password": "wrong"})
        assert answer.status_code == 200
        assert "That is not your password." in answer.content.decode()
    assert client.post("/accounts/confirm/", {"password": PASSWORD}).status_code == 429
    assert client.get(APP)["Location"].startswith("/accounts/confirm/")


def test_code_confirms_in_place_of_the_password() -> None:
    user = ann()
    app_of(user)
    *_codes, last = recovery_codes(user)
    client = signed_in(user)
    answer = client.post("/accounts/confirm/code/?next=/accounts/security/codes/", {"code": last})
    assert answer["Location"] == CODES
    assert client.get(CODES).status_code == 200


def test_removing_the_app_takes_the_recovery_codes_along() -> None:
    user = ann()
    app_of(user)
    recovery_codes(user)
    client = signed_in(user)
    confirm(client)
    assert client.post("/accounts/security/app/remove/")["Location"] == SECURITY
    assert not Authenticator.objects.exists()
    assert is_in(client)
    told = Entry.objects.filter(action=Action.SIGN_IN_CHANGED, details__what__endswith="removed")
    assert told.count() == 2


def test_change_of_the_second_factor_ends_other_sessions() -> None:
    user = ann()
    other, client = signed_in(user), signed_in(user)
    stolen = copy_of(other)
    confirm(client)
    set_up(client)
    assert is_in(client)
    assert not is_in(other)
    assert not is_in(stolen)


def test_new_recovery_codes_end_the_old_ones() -> None:
    user = ann()
    app_of(user)
    old = recovery_codes(user)
    client = signed_in(user)
    confirm(client)
    assert client.post(f"{CODES}new/")["Location"] == CODES
    new = recovery_codes(user)
    assert not set(old) & set(new)
    assert DID_NOT_FIT in half_way(user).post(SECOND, {"code": old[0]}).content.decode()


def test_recovery_codes_are_taken_along_as_a_file() -> None:
    user = ann()
    app_of(user)
    codes = recovery_codes(user)
    client = signed_in(user)
    confirm(client)
    answer = client.get(f"{CODES}file/")
    assert answer["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert all(one in answer.content.decode() for one in codes)
    assert "no-store" in answer["Cache-Control"]


def test_lost_factors_are_removed_with_their_sessions() -> None:
    user = ann()
    app_of(user)
    recovery_codes(user)
    client = signed_in(user)
    assert remove_factors(user) == 2
    assert not is_in(client)
    assert post(Client(), "ann", PASSWORD)["Location"] == "/"


# -- roles that need one


def test_who_lacks_a_needed_factor_sees_only_the_pages_to_set_it_up() -> None:
    client = signed_in(ann())
    assert client.get("/contacts/").status_code == 200
    require_factor(members=True)
    for path in [
        "/",
        "/contacts/",
        "/deals/",
        "/settings/",
        "/preferences/",
        "/accounts/password/",
    ]:
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, SECURITY), path
    page = client.get(SECURITY).content.decode()
    assert "Your role needs a second factor." in page
    confirm(client)
    set_up(client)
    assert client.get("/contacts/").status_code == 200


def test_who_lacks_a_needed_factor_changes_nothing() -> None:
    user = ann()
    client = signed_in(user)
    require_factor(members=True)
    answer = client.post("/preferences/", {"language": "de"})
    assert answer.status_code == 403
    assert "A second factor is missing" in answer.content.decode()
    assert reloaded(user).language == "en"


def test_part_of_a_page_leads_the_browser_to_the_second_factor() -> None:
    client = signed_in(ann())
    require_factor(members=True)
    for send in (client.get, client.post):
        answer = send("/contacts/", headers={"HX-Request": "true"})
        assert (answer.status_code, answer["HX-Redirect"]) == (403, SECURITY)
        assert answer.content == b""


def test_back_office_waits_for_the_second_factor_too() -> None:
    client = signed_in(root())
    require_factor(administrators=True)
    assert client.get("/admin/")["Location"] == SECURITY
    assert client.get("/admin/accounts/user/")["Location"] == SECURITY
    assert client.post("/admin/accounts/user/add/", {}).status_code == 403


def test_each_role_is_asked_by_itself() -> None:
    member, administrator = signed_in(ann()), signed_in(root())
    require_factor(administrators=True)
    assert member.get("/contacts/").status_code == 200
    assert administrator.get("/contacts/").status_code == 302
    require_factor(administrators=False, members=True)
    assert member.get("/contacts/").status_code == 302
    assert administrator.get("/contacts/").status_code == 200


def test_recovery_codes_alone_are_no_second_factor() -> None:
    user = ann()
    recovery_codes(user)
    require_factor(members=True)
    client = signed_in(user)
    assert client.get("/contacts/")["Location"] == SECURITY


def test_needed_factor_costs_no_statement() -> None:
    user = ann()
    app_of(user)
    client = signed_in(user)
    Account.objects.get_or_create(pk=1)
    client.get("/preferences/")
    counts = []
    for needed in (False, True):
        require_factor(members=needed)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/preferences/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_previewing_administrator_needs_the_factor_of_an_administrator() -> None:
    user, administrator = ann(), root()
    require_factor(members=True)
    client = signed_in(administrator)
    assert client.post(f"/settings/users/{user.pk}/preview/").status_code == 302
    assert client.get("/contacts/").status_code == 200
    require_factor(administrators=True, members=False)
    assert client.get("/contacts/").status_code == 302


def test_command_lets_in_the_only_administrator_who_lost_the_factor(capsys: Any) -> None:
    user = root()
    app_of(user)
    call_command("remove_second_factor", "root")
    assert "signs in with the password alone" in capsys.readouterr().out
    assert post(Client(), "root", PASSWORD)["Location"] == "/"
    call_command("remove_second_factor", "root")
    assert "had no second factor" in capsys.readouterr().out
    with pytest.raises(CommandError, match="There is no user “nobody”"):
        call_command("remove_second_factor", "nobody")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_of_two_who_send_the_same_code_at_once_one_gets_in(kind: str) -> None:
    user = ann()
    app = app_of(user)
    codes = recovery_codes(user)
    for round_ in range(8):
        Authenticator.objects.filter(pk=app.pk).update(data={"secret": seal(SECRET)})
        sent = code() if kind == "app" else codes[round_]
        accepted: list[bool] = []

        def send(sent: str = sent, accepted: list[bool] = accepted) -> None:
            accepted.append(factor_forms.use_code(user, sent) is not None)

        assert at_once(send, send) == [None, None]
        assert sorted(accepted) == [False, True]
