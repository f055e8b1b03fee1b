"""Setting a forgotten password anew: it tells nobody who there is, and is no way round the second factor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.app_settings import PASSWORD_RESET_TOKEN_GENERATOR
from django.core import mail
from django.core.cache import cache
from django.test import Client

from crm.accounts.models import User
from crm.accounts.resets import reset_link
from crm.audit.models import Action, Entry
from tests.access.signing import (
    PASSWORD,
    SECOND,
    ann,
    app_of,
    code,
    is_in,
    post,
    root,
    signed_in,
    with_password,
)
from tests.access.worlds import member, reloaded

pytestmark = pytest.mark.django_db

RESET = "/accounts/password/reset/"
SENT = f"{RESET}sent/"
NEW = "a brand new long password"


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def asked(address: str, **more: Any) -> Any:
    return Client(**more).post(RESET, {"email": address})


def link() -> str:
    """The link of the mail that was sent last."""
    found = re.search(r"http://testserver(/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def opened(client: Client, address: str) -> str:
    """Follows a link; where the form is, whose address no longer holds the token."""
    answer = client.get(address)
    assert answer.status_code == 302
    return str(answer["Location"])


def chosen(client: Client, form: str, new: str = NEW) -> Any:
    return client.post(form, {"password1": new, "password2": new})


# -- asking for it


def test_link_comes_by_mail_and_sets_a_new_password() -> None:
    ann()
    assert asked("ann@example.org")["Location"] == SENT
    (message,) = mail.outbox
    assert message.to == ["ann@example.org"]
    assert message.subject == "A new password for Standing"
    assert "Your name to sign in is ann." in str(message.body)
    client = Client()
    form = opened(client, link())
    assert "<h1>Choose a new password</h1>" in client.get(form).content.decode()
    assert chosen(client, form)["Location"] == f"{RESET}done/"
    assert post(Client(), "ann", PASSWORD).status_code == 200
    assert post(Client(), "ann", NEW).status_code == 302


def test_mail_is_in_the_language_of_its_reader() -> None:
    user = ann()
    User.objects.filter(pk=user.pk).update(language="de")
    asked("ann@example.org")
    assert link().startswith(RESET)
    assert mail.outbox[0].to == ["ann@example.org"]


def test_unknown_address_is_answered_as_a_known_one() -> None:
    ann()
    gone = with_password(member("bob"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    invited = with_password(member("cid"))
    User.objects.filter(pk=invited.pk).update(password="!")
    seen = set()
    for name in ("ann", "bob", "cid", "nobody"):
        answer = asked(f"{name}@example.org")
        page = Client().get(answer["Location"]).content.decode()
        seen.add((answer.status_code, answer["Location"], re.sub(r'value="\w{64}"', "", page)))
    assert len(seen) == 1
    assert [one.to for one in mail.outbox] == [["ann@example.org"]]


def test_answer_does_not_wait_for_the_mail(settings: Any) -> None:
    # A worker sends it, so that sending tells nothing by the time it takes.
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}
    ann()
    assert asked("ann@example.org")["Location"] == SENT
    assert mail.outbox == []


def test_mail_goes_to_the_stored_address() -> None:
    ann()
    asked("ANN@EXAMPLE.ORG")
    assert mail.outbox[0].to == ["ann@example.org"]


def test_requests_for_one_address_are_counted_known_or_not() -> None:
    ann()
    for address in ("ann@example.org", "nobody@example.org"):
        found = [asked(address, REMOTE_ADDR=f"10.6.{number}.1") for number in range(6)]
        assert [one.status_code for one in found] == [302] * 5 + [429]
        assert "Too many attempts" in found[-1].content.decode()
    assert len(mail.outbox) == 5


def test_requests_of_one_stranger_are_counted() -> None:
    ann()
    found = [asked(f"name{number}@example.org").status_code for number in range(21)]
    assert found == [302] * 20 + [429]


def test_header_of_the_host_forges_no_link(settings: Any) -> None:
    ann()
    settings.ALLOWED_HOSTS = ["testserver"]
    answer = asked("ann@example.org", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert mail.outbox == []


def test_page_says_when_no_mail_goes_out(settings: Any) -> None:
    ann()
    without = "This installation sends no mail"
    assert without not in Client().get(RESET).content.decode()
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
    assert without in Client().get(RESET).content.decode()


# -- the link


def test_link_works_once() -> None:
    ann()
    asked("ann@example.org")
    first, second = Client(), Client()
    form = opened(first, link())
    other = opened(second, link())
    chosen(first, form)
    assert "This link does not work any more" in Client().get(link()).content.decode()
    # Nor where it had been opened before.
    assert (
        "This link does not work any more"
        in chosen(second, other, "yet another long one").content.decode()
    )
    assert post(Client(), "ann", NEW).status_code == 302


def test_link_works_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    user = ann()
    address = reset_link(user, "")
    for minutes, works in ((59, True), (61, False)):
        then = datetime.now() + timedelta(minutes=minutes)
        with monkeypatch.context() as patched:
            patched.setattr(PASSWORD_RESET_TOKEN_GENERATOR, "_now", lambda self, at=then: at)
            assert (Client().get(address).status_code == 302) is works, minutes


def test_link_is_dead_after_a_sign_in_and_after_another_address() -> None:
    user = ann()
    address = reset_link(user, "")
    signed_in(user)
    assert Client().get(address).status_code == 200
    address = reset_link(reloaded(user), "")
    User.objects.filter(pk=user.pk).update(email="new@example.org")
    assert Client().get(address).status_code == 200


def test_link_of_a_deactivated_user_is_dead() -> None:
    user = ann()
    address = reset_link(user, "")
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert "This link does not work any more" in Client().get(address).content.decode()


@pytest.mark.parametrize("token", ["x-y", "1-abc-0123456789abcdef", "zzzzzz-set-password"])
def test_made_up_link_is_dead(token: str) -> None:
    ann()
    page = Client().get(f"{RESET}{token}/").content.decode()
    assert "This link does not work any more" in page


def test_link_of_one_user_sets_nobody_elses_password() -> None:
    user, other = ann(), root()
    token = reset_link(user, "").rstrip("/").partition("reset/")[2].partition("-")[2]
    foreign = reset_link(other, "").rstrip("/").partition("reset/")[2].partition("-")[0]
    page = Client().get(f"{RESET}{foreign}-{token}/").content.decode()
    assert "This link does not work any more" in page


def test_token_stays_in_no_address() -> None:
    user = ann()
    address = reset_link(user, "")
    form = opened(Client(), address)
    assert form.endswith("-set-password/")


def test_administrators_hand_a_link_over_where_no_mail_goes_out() -> None:
    user = ann()
    address = reset_link(user, "https://crm.example.org")
    assert address.startswith(f"https://crm.example.org{RESET}")
    client = Client()
    chosen(client, opened(client, address.removeprefix("https://crm.example.org")))
    assert post(Client(), "ann", NEW).status_code == 302


@pytest.mark.parametrize("weak", ["short", "123456789012345", "qwerty123456"])
def test_weak_password_is_refused(weak: str) -> None:
    client = Client()
    form = opened(client, reset_link(ann(), ""))
    assert chosen(client, form, weak).status_code == 200
    assert post(Client(), "ann", PASSWORD).status_code == 302


# -- what it does besides


def reset(user: User) -> None:
    client = Client()
    assert chosen(client, opened(client, reset_link(reloaded(user), ""))).status_code == 302
    assert not is_in(client)


def test_reset_is_no_way_round_the_second_factor() -> None:
    user = ann()
    app_of(user)
    reset(user)
    client = Client()
    assert post(client, "ann", NEW)["Location"].startswith(SECOND)
    assert not is_in(client)
    assert client.post(SECOND, {"code": code()}).status_code == 302
    assert is_in(client)


def test_reset_ends_all_sessions() -> None:
    user = ann()
    clients = [signed_in(user), signed_in(user)]
    reset(user)
    assert not any(is_in(one) for one in clients)
    entry = Entry.objects.get(action=Action.SESSION_ENDED)
    assert entry.details == {"reason": "password reset", "number": 2}


def test_reset_lets_in_at_once_whom_a_stranger_had_kept_out() -> None:
    user = ann()
    for number in range(21):
        post(Client(REMOTE_ADDR=f"10.7.{number}.1"), "ann", "wrong")
    assert post(Client(), "ann", PASSWORD).status_code == 429
    reset(user)
    assert post(Client(), "ann", NEW).status_code == 302


def test_reset_is_written_down_without_link_or_password() -> None:
    user = ann()
    asked("ann@example.org")
    client = Client()
    token = link().rstrip("/").rpartition("-")[2]
    chosen(client, opened(client, link()))
    entry = Entry.objects.get(action=Action.SIGN_IN_CHANGED)
    assert (entry.record_id, entry.details["what"]) == (user.pk, "password reset")
    written = str([vars(one) for one in Entry.objects.all()])
    assert token not in written
    assert NEW not in written
