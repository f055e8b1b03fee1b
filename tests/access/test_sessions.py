"""Where somebody is signed in: how sessions end, and the list of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.accounts.models import User
from crm.accounts.people import deactivate
from crm.accounts.sessions import BEGAN, SEEN, device_words, forget_over
from crm.audit.models import Action, Entry
from tests.access.signing import (
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

pytestmark = pytest.mark.django_db

NEW = "a brand new long password"
EDGE = "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1"


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def aged(client: Client, *, began: int = 0, seen: int = 0) -> None:
    """As if the session had begun, and been used last, so many seconds earlier."""
    session = client.session
    session[BEGAN] -= began
    session[SEEN] -= seen
    session.save()


def ended() -> list[tuple[str, int]]:
    rows = Entry.objects.filter(action=Action.SESSION_ENDED).order_by("pk")
    return [(one.details["reason"], one.details["number"]) for one in rows]


# -- a stolen cookie


def test_stolen_session_is_dead_after_signing_out() -> None:
    mine = signed_in(ann())
    stolen = copy_of(mine)
    assert is_in(stolen)
    mine.post("/accounts/logout/")
    assert not is_in(stolen)
    assert not Session.objects.exists()
    assert not UserSession.objects.exists()


def test_stolen_session_is_dead_after_it_was_ended_elsewhere() -> None:
    user = ann()
    mine, lost = signed_in(user), signed_in(user)
    stolen = copy_of(lost)
    row = UserSession.objects.get(session_key=lost.session.session_key)
    mine.post(f"/accounts/security/sessions/{row.pk}/end/")
    assert not is_in(stolen)
    assert not is_in(lost)
    assert is_in(mine)


def test_stolen_session_is_dead_after_the_password_changed() -> None:
    user = ann()
    mine = signed_in(user)
    stolen = copy_of(mine)
    changed(mine)
    assert not is_in(stolen)
    assert is_in(mine)


def test_stolen_session_is_dead_with_the_request_after_deactivation() -> None:
    user = ann()
    mine = signed_in(user)
    stolen = copy_of(mine)
    assert stolen.get("/contacts/").status_code == 200
    deactivate(user)
    for client in (stolen, mine):
        answer = client.get("/contacts/")
        assert answer["Location"].startswith("/accounts/login/")
        assert client.post("/preferences/", {"language": "de"})["Location"].startswith(
            "/accounts/login/"
        )
    assert User.objects.get(pk=user.pk).language == "en"


def test_session_of_a_user_deactivated_by_any_means_is_over() -> None:
    user = ann()
    mine = signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert mine.get("/contacts/")["Location"].startswith("/accounts/login/")


# -- time


def test_session_that_nobody_used_for_eight_hours_is_over() -> None:
    mine = signed_in(ann())
    aged(mine, seen=8 * 3600 - 60)
    assert is_in(mine)
    aged(mine, seen=8 * 3600)
    assert not is_in(mine)
    assert ended() == [("not used", 1)]


def test_use_keeps_a_session_going() -> None:
    mine = signed_in(ann())
    for _ in range(3):
        aged(mine, seen=5 * 3600)
        assert is_in(mine)


def test_session_is_over_after_seven_days_however_it_was_used() -> None:
    mine = signed_in(ann())
    aged(mine, began=7 * 24 * 3600 - 60)
    assert is_in(mine)
    aged(mine, began=60)
    assert not is_in(mine)
    assert ended() == [("too old", 1)]
    assert not UserSession.objects.exists()


def test_cookie_lasts_no_longer_than_the_session() -> None:
    client = signed_in(ann())
    morsel = client.cookies["sessionid"]
    assert morsel["max-age"] <= django_settings.SESSION_COOKIE_AGE == 7 * 24 * 3600
    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"


def test_session_of_unknown_age_is_over() -> None:
    mine = signed_in(ann())
    session = mine.session
    del session[BEGAN]
    session.save()
    assert not is_in(mine)


def test_preview_does_not_outlive_the_session() -> None:
    user, administrator = ann(), root()
    mine = signed_in(administrator)
    mine.post(f"/settings/users/{user.pk}/preview/")
    assert mine.get("/contacts/").status_code == 200
    aged(mine, seen=8 * 3600)
    assert mine.get("/contacts/")["Location"].startswith("/accounts/login/")


def test_use_is_written_down_now_and_then_only() -> None:
    mine = signed_in(ann())
    mine.get("/preferences/")
    with CaptureQueriesContext(connection) as queries:
        mine.get("/preferences/")
    written = [one["sql"] for one in queries if one["sql"].startswith(("UPDATE", "INSERT"))]
    assert written == []


# -- passwords


def changed(client: Client, old: str = PASSWORD, new: str = NEW) -> Any:
    sent = {"oldpassword": old, "password1": new, "password2": new}
    return client.post("/accounts/password/", sent)


def test_change_of_the_password_ends_other_sessions_and_is_written_down() -> None:
    user = ann()
    mine, other = signed_in(user), signed_in(user)
    key = mine.session.session_key
    assert changed(mine)["Location"] == SECURITY
    assert is_in(mine)
    assert mine.session.session_key != key
    assert not is_in(other)
    assert post(Client(), "ann", PASSWORD).status_code == 200
    assert post(Client(), "ann", NEW).status_code == 302
    told = Entry.objects.get(action=Action.SIGN_IN_CHANGED)
    assert (told.details, told.actor_id) == ({"what": "password changed"}, user.pk)
    assert ended() == [("password changed", 1)]


def test_change_of_the_password_needs_the_old_one() -> None:
    mine = signed_in(ann())
    answer = changed(mine, old=WRONG)
    assert answer.status_code == 200
    assert "That is not your current password." in answer.content.decode()
    assert post(Client(), "ann", PASSWORD).status_code == 302


@pytest.mark.parametrize("weak", ["short", "qwerty123456", "123456789012345", "ann@example.org"])
def test_weak_password_is_refused(weak: str) -> None:
    mine = signed_in(ann())
    assert changed(mine, new=weak).status_code == 200
    assert post(Client(), "ann", PASSWORD).status_code == 302


def test_long_password_with_blanks_is_taken_as_it_is() -> None:
    mine = signed_in(ann())
    new = "  läng und länger " * 8
    assert changed(mine, new=new).status_code == 302
    assert post(Client(), "ann", new).status_code == 302
    assert post(Client(), "ann", new.strip()).status_code == 200


def test_guesses_at_the_old_password_are_counted() -> None:
    mine = signed_in(ann())
    found = [changed(mine, old=WRONG).status_code for _ in range(21)]
    assert found == [200] * 20 + [429]


# -- the list


def test_list_shows_where_one_is_signed_in() -> None:
    user = ann()
    signed_in(user, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="10.4.4.4")
    signed_in(with_password(member("bob")), HTTP_USER_AGENT=IPHONE, REMOTE_ADDR="10.5.5.5")
    mine = signed_in(user, HTTP_USER_AGENT=EDGE)
    page = mine.get(SECURITY).content.decode()
    assert "Firefox on Linux" in page
    assert "10.4.4.4" in page
    assert "Edge on Windows" in page
    assert "this one" in page
    assert "10.5.5.5" not in page


def test_all_others_are_ended_at_once() -> None:
    user = ann()
    others = [signed_in(user) for _ in range(2)]
    mine = signed_in(user)
    page = mine.post("/accounts/security/sessions/end/", follow=True).content.decode()
    assert "2 sessions were ended." in page
    assert is_in(mine)
    assert not any(is_in(one) for one in others)
    assert ended() == [("ended by the user", 2)]


def test_session_of_somebody_else_cannot_be_ended() -> None:
    theirs = signed_in(with_password(member("bob")))
    row = UserSession.objects.get()
    mine = signed_in(ann())
    assert mine.post(f"/accounts/security/sessions/{row.pk}/end/").status_code == 404
    assert mine.post("/accounts/security/sessions/999999/end/").status_code == 404
    mine.post("/accounts/security/sessions/end/")
    assert is_in(theirs)
    assert ended() == []


def test_ones_own_session_is_ended_by_signing_out() -> None:
    mine = signed_in(ann())
    row = UserSession.objects.get()
    page = mine.post(f"/accounts/security/sessions/{row.pk}/end/", follow=True).content.decode()
    assert "To end it, sign out." in page
    assert is_in(mine)


@pytest.mark.parametrize(
    "path", ["/accounts/security/sessions/end/", "/accounts/security/sessions/1/end/"]
)
def test_reading_ends_nothing(path: str) -> None:
    assert signed_in(ann()).get(path).status_code == 405


def test_hostile_browser_is_shown_as_text() -> None:
    user = ann()
    mine = signed_in(user, HTTP_USER_AGENT="<script>alert(1)</script>Firefox" + "x" * 2000)
    page = mine.get(SECURITY).content.decode()
    assert "<script>alert" not in page
    assert "Firefox" in page


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (EDGE, ("Edge", "Windows")),
        (FIREFOX, ("Firefox", "Linux")),
        (IPHONE, ("Safari", "iPhone")),
        ("curl/8.0", ("", "")),
    ],
)
def test_browsers_are_told_apart(agent: str, words: tuple[str, str]) -> None:
    assert device_words(UserSession(user_agent=agent)) == words


def test_sessions_that_are_over_are_forgotten_at_night() -> None:
    user = ann()
    mine, over = signed_in(user), signed_in(user)
    Session.objects.filter(session_key=over.session.session_key).update(
        expire_date=timezone.now() - timedelta(days=1)
    )
    assert forget_over() == 1
    assert Session.objects.count() == UserSession.objects.count() == 1
    assert is_in(mine)
