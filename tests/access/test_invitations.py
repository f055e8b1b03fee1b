"""Letting somebody in: by mail, or by a link that is shown once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.accounts import invitations, lost
from crm.accounts.models import Invitation, User
from crm.accounts.people import LEVELS, deactivate
from crm.audit.models import Action, Entry
from tests.access.signing import PASSWORD as SIGN_IN
from tests.access.signing import app_of, confirm, is_in, root, signed_in, with_password
from tests.access.worlds import administrator, member, reloaded, team
from tests.proof.racing import at_once

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough sentence"
SENT = dict.fromkeys(LEVELS, "1") | {
    "first_name": "Nora",
    "last_name": "Newton",
    "email": "nora.newton@example.com",
    "role": "member",
}


@pytest.fixture
def web() -> Client:
    client = Client()
    client.force_login(administrator())
    return client


@pytest.fixture
def without_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "mail_is_set_up", lambda: False)
    monkeypatch.setattr(lost, "mail_is_set_up", lambda: False)


@pytest.fixture
def nora() -> tuple[User, str]:
    return invitations.invite(
        first_name="Nora", last_name="Newton", email="nora.newton@example.com"
    )


def chosen(**changed: Any) -> dict[str, Any]:
    names = {"first_name": "Nora", "last_name": "Newton"}
    return names | {"password": PASSWORD, "again": PASSWORD} | changed


def link_of(token: str) -> str:
    return f"/invitation/?token={token}"


def follow(token: str, **changed: Any) -> tuple[Client, Any]:
    """Opens a link as a stranger and answers what it asks; returns the browser and the answer."""
    stranger = Client()
    assert stranger.get(link_of(token)).status_code == 302
    return stranger, stranger.post("/invitation/", chosen(**changed))


# -- inviting


def test_an_invitation_is_mailed_and_lets_in(web: Client) -> None:
    north = team("North")
    answer = web.post("/settings/users/invite/", SENT | {"teams": [north.pk], "may_mail": "on"})
    nora = User.objects.get(email="nora.newton@example.com")
    assert answer["Location"] == f"/settings/users/{nora.pk}/"
    assert (nora.username, nora.view_deals, nora.may_mail, nora.may_export) == (
        "nora.newton",
        1,
        True,
        False,
    )
    assert list(nora.teams.all()) == [north]
    [letter] = mail.outbox
    assert letter.to == ["nora.newton@example.com"]
    assert "within 7 days" in letter.body
    token = letter.body.split("?token=")[1].split()[0]
    browser, answer = follow(token)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_in(browser)
    assert reloaded(nora).check_password(PASSWORD)
    invited = Entry.objects.get(action=Action.USER_INVITED)
    assert (invited.actor_name, invited.record_id) == ("Root", nora.pk)
    entered = Entry.objects.get(action=Action.SIGNED_IN)
    assert entered.actor_id == nora.pk


def test_without_mail_the_link_is_shown_once(web: Client, without_mail: None) -> None:
    page = web.post("/settings/users/invite/", SENT)
    said = page.content.decode()
    token = said.split("?token=")[1].split("<")[0]
    assert page["Cache-Control"] == "no-store"
    assert mail.outbox == []
    invitation = Invitation.objects.get()
    assert token not in web.get(f"/settings/users/{invitation.user_id}/").content.decode()
    assert follow(token)[1].status_code == 302


def test_a_mail_server_that_refuses_leaves_the_link(web: Client, monkeypatch: Any) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("the mail server is out")

    monkeypatch.setattr(invitations, "send", refuse)
    said = web.post("/settings/users/invite/", SENT).content.decode()
    assert "could not be sent" in said
    assert "?token=" in said


def test_of_a_link_only_a_hash_is_kept(nora: tuple[User, str]) -> None:
    user, token = nora
    kept = Invitation.objects.get(user=user)
    assert token not in str(vars(kept))
    assert kept.digest == invitations.digest_of(token)
    Client().get(link_of(token))
    assert token not in str([one.get_decoded() for one in Session.objects.all()])
    assert token not in str(list(Entry.objects.values()))


def test_a_set_without_scripts_fills_the_table_and_invites_nobody(web: Client) -> None:
    page = web.post("/settings/users/invite/", SENT | {"set": "everything"}).content.decode()
    assert page.count('<option value="3" selected>') == 6
    assert 'value="Nora"' in page
    assert not User.objects.filter(last_name="Newton").exists()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"email": "ANN@example.com"}, "Ann has this e-mail address already."),
        ({"email": "no address"}, "Enter a valid email address."),
        ({"edit_deals": "2"}, "Deals: nobody can edit more than they see."),
        ({"role": "king"}, "king is not one of the available choices."),
    ],
)
def test_what_is_refused_invites_nobody(web: Client, wrong: dict[str, str], why: str) -> None:
    with_address = member("ann")
    with_address.email = "ann@example.com"
    with_address.save()
    page = web.post("/settings/users/invite/", SENT | wrong).content.decode()
    assert why in page
    assert User.objects.count() == 2
    assert mail.outbox == []


# -- a link


def test_a_link_works_once(nora: tuple[User, str]) -> None:
    user, token = nora
    first, second = Client(), Client()
    for browser in (first, second):
        browser.get(link_of(token))
    assert first.post("/invitation/", chosen()).status_code == 302
    late = second.post(
        "/invitation/", chosen(password="another one of mine", again="another one of mine")
    )
    assert late.status_code == 404
    assert "This invitation does not hold" in late.content.decode()
    assert reloaded(user).check_password(PASSWORD)
    assert Client().get(link_of(token)).status_code == 404


def test_a_link_is_over_after_a_week(nora: tuple[User, str]) -> None:
    user, token = nora
    invitation = Invitation.objects.get()
    assert invitation.expires_at - invitation.sent_at == timedelta(days=7)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(link_of(token)).status_code == 404
    assert not reloaded(user).has_usable_password()


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "\x00", "ä%20", "../../"])
def test_a_link_that_never_was_leads_nowhere(token: str) -> None:
    administrator()
    answer = Client().get("/invitation/", {"token": token})
    assert answer.status_code == 404
    assert "This invitation does not hold" in answer.content.decode()


def test_a_new_link_ends_the_old_one(web: Client, nora: tuple[User, str]) -> None:
    user, token = nora
    web.post(f"/settings/users/{user.pk}/link/")
    assert Client().get(link_of(token)).status_code == 404
    new = mail.outbox[0].body.split("?token=")[1].split()[0]
    assert follow(new)[1].status_code == 302
    assert Entry.objects.filter(action=Action.USER_INVITED).count() == 2


def test_a_withdrawn_link_leads_nowhere_also_for_who_opened_it(
    web: Client, nora: tuple[User, str]
) -> None:
    user, token = nora
    stranger = Client()
    stranger.get(link_of(token))
    web.post(f"/settings/users/{user.pk}/withdraw/")
    assert stranger.post("/invitation/", chosen()).status_code == 404
    assert Client().get(link_of(token)).status_code == 404
    assert not reloaded(user).is_active
    assert not reloaded(user).has_usable_password()
    web.post(f"/settings/users/{user.pk}/link/")
    assert reloaded(user).is_active


def test_who_signs_in_already_is_not_invited_again(web: Client) -> None:
    ann = with_password(member("ann"))
    web.post(f"/settings/users/{ann.pk}/link/")
    assert not Invitation.objects.exists()
    assert mail.outbox == []


def test_whom_it_invites_is_as_hard_to_guess_a_password_of(nora: tuple[User, str]) -> None:
    for password in ("short", "password1234", "123456789012", "nora.newton"):
        _browser, answer = follow(nora[1], password=password, again=password)
        assert answer.status_code == 200
        assert "This password" in answer.content.decode()
    assert not reloaded(nora[0]).has_usable_password()


def test_an_invitation_changes_nothing_but_name_and_password(nora: tuple[User, str]) -> None:
    follow(nora[1], is_superuser="on", role="administrator", email="x@example.com", view_deals="3")
    user = reloaded(nora[0])
    assert (user.is_superuser, user.email) == (False, "nora.newton@example.com")


def test_an_invitation_signs_out_who_was_signed_in_there(nora: tuple[User, str]) -> None:
    browser = signed_in(with_password(member("ann")))
    browser.get(link_of(nora[1]))
    browser.post("/invitation/", chosen())
    assert browser.get("/accounts/security/").context["user"] == nora[0]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_two_who_accept_at_once_one_is_let_in() -> None:
    for number in range(5):
        user, token = invitations.invite(last_name="N", email=f"nora{number}@example.com")
        digest = invitations.digest_of(token)
        let_in: list[str] = []

        def accept(password: str, digest: str = digest, let_in: list[str] = let_in) -> None:
            if invitations.accept(digest, password=password):
                let_in.append(password)

        words = ("the first of sentences", "the second of sentences")
        errors = at_once(*(partial(accept, password) for password in words))
        assert errors == [None, None]
        assert len(let_in) == 1
        assert reloaded(user).check_password(let_in[0])


# -- what was lost


def has_factors(user: User) -> bool:
    return Authenticator.objects.filter(user=user).exists()


def query_of(answer: Any) -> str:
    """The address that an answer leads back to."""
    return parse_qs(urlsplit(answer["Location"]).query)["next"][0]


def test_without_mail_an_administrator_hands_out_a_link_for_a_new_password(
    without_mail: None,
) -> None:
    ann = with_password(member("ann"))
    anns, web = signed_in(ann), signed_in(root())
    confirm(web)
    page = web.post(f"/settings/users/{ann.pk}/password-link/")
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    link = page.context["link"].removeprefix("http://testserver")
    browser = Client()
    form = browser.get(link, follow=True).redirect_chain[-1][0]
    browser.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    assert reloaded(ann).check_password(PASSWORD)
    # Whoever was signed in with the old one is out, and the link is used up.
    assert not is_in(anns)
    browser.get(link, follow=True)
    browser.post(form, {"password1": "yet another sentence", "password2": "yet another sentence"})
    assert reloaded(ann).check_password(PASSWORD)
    made = Entry.objects.filter(action=Action.SIGN_IN_CHANGED, record_id=ann.pk)
    assert [one.details["what"] for one in made.order_by("pk")] == [
        "link for a new password",
        "password reset",
    ]
    assert link.split("-")[-1].strip("/") not in str(list(Entry.objects.values()))


def test_a_link_for_a_new_password_is_for_others_who_can_get_none_themselves(
    web: Client, without_mail: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = User.objects.get(username="root")
    gone, never, ann = with_password(member("gone")), member("never"), with_password(member("ann"))
    deactivate(gone)
    for user in (me, gone, never):
        answer = web.post(f"/settings/users/{user.pk}/password-link/")
        assert answer["Location"] == f"/settings/users/{user.pk}/"
    monkeypatch.setattr(lost, "mail_is_set_up", lambda: True)
    assert web.post(f"/settings/users/{ann.pk}/password-link/").status_code == 302
    assert "Link for a new password" not in web.get(f"/settings/users/{ann.pk}/").content.decode()
    assert not Entry.objects.filter(action=Action.SIGN_IN_CHANGED).exists()


def test_a_lost_second_factor_is_removed_and_the_log_says_so() -> None:
    ann = with_password(member("ann"))
    app_of(ann)
    anns, web = signed_in(ann), signed_in(root())
    confirm(web)
    assert (
        "Signs in with a second factor." in web.get(f"/settings/users/{ann.pk}/").content.decode()
    )
    assert web.get(f"/settings/users/{ann.pk}/second-factor/remove/").status_code == 200
    assert has_factors(ann)
    web.post(f"/settings/users/{ann.pk}/second-factor/remove/")
    assert not has_factors(ann)
    assert not is_in(anns)
    assert is_in(signed_in(ann))
    removed = Entry.objects.filter(details__what="totp removed").get()
    assert (removed.actor_name, removed.record_id) == ("Root", ann.pk)


def test_whoever_takes_over_a_session_helps_nobody_with_it(without_mail: None) -> None:
    """A stolen session of an administrator, who was not asked for the password lately, is sent to be asked."""
    ann, me = with_password(member("ann")), root()
    app_of(ann)
    stolen = Client()
    stolen.force_login(me)
    for step in ("password-link", "second-factor/remove"):
        answer = stolen.post(f"/settings/users/{ann.pk}/{step}/")
        assert answer["Location"].startswith("/accounts/confirm/")
    assert has_factors(ann)
    # Whoever has the password goes on where they were.
    answer = stolen.post(f"/settings/users/{ann.pk}/password-link/")
    page = stolen.post(answer["Location"], {"password": SIGN_IN, "next": query_of(answer)})
    assert "/accounts/password/reset/" in page.context["link"]
    app_of(me)
    for step in ("password-link", "second-factor/remove"):
        stolen.post(f"/settings/users/{me.pk}/{step}/")
    assert has_factors(me)
