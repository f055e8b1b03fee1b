"""The way out of a mail: for people without JavaScript, for mail programs, and not for programs that look at links."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import translation

from contacts.models import Contact
from crm.accounts.models import User
from crm.audit.models import Entry
from emails import leaving, standing, ways_out
from emails.models import Address, AddressEvent, Mailing, MailSettings, Recipient, Sender
from emails.reasons import Suppressed
from settings.models import Account

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def mailing(db: Any) -> Mailing:
    User.objects.create_user("anna", "anna@example.com", "a long password")
    sender = Sender.objects.create(name="Example Co", address="news@example.com")
    mailing = Mailing.objects.create(
        sender=sender, subject="News", state="done", origin="https://crm.example.org"
    )
    Recipient.objects.bulk_create(
        Recipient(
            mailing=mailing, position=position, contact_id=position, state="sent",
            address=f"ada{position}@example.org",
        )
        for position in (1, 2)
    )  # fmt: skip
    Mailing.objects.filter(pk=mailing.pk).update(total=2, sent=2)
    cache.clear()
    return mailing


@pytest.fixture
def path(mailing: Mailing) -> str:
    return f"/u/{ways_out.token(mailing, 1)}"


def suppressed(position: int = 1) -> str:
    row = Address.objects.filter(address=f"ada{position}@example.org")
    return row.values_list("suppressed", flat=True).first() or ""


def events() -> list[str]:
    return list(AddressEvent.objects.order_by("pk").values_list("kind", flat=True))


def counted(mailing: Mailing) -> int:
    mailing.refresh_from_db()
    return mailing.unsubscribed


# -- tokens


def test_a_token_says_whose_it_is_and_nobody_elses(mailing: Mailing) -> None:
    assert ways_out.read(ways_out.token(mailing, 2)) == (mailing, 2)
    assert ways_out.read_any(ways_out.message_id(mailing, 2)) == (mailing, 2)
    assert ways_out.read_any(f"<{ways_out.address(mailing, 1)}>") == (mailing, 1)


@pytest.mark.parametrize("host", ["crm.example.org", "standing.example.com"])
def test_the_header_of_a_way_out_is_ascii_and_short(mailing: Mailing, host: str) -> None:
    mailing.pk, mailing.origin = 16_000, f"https://{host}"
    for position in (1, 100_000, 2_000_000):
        line = f"List-Unsubscribe: <{ways_out.address(mailing, position)}>"
        assert line.isascii()
        assert len(line) <= 74


def test_the_way_out_of_a_host_beyond_ascii_is_ascii(mailing: Mailing) -> None:
    mailing.origin = "https://bücher.example:8443"
    assert ways_out.address(mailing, 1).startswith("https://xn--bcher-kva.example:8443/u/")


def test_a_message_id_is_the_same_each_time_and_opens_no_way_out(
    client: Client, mailing: Mailing
) -> None:
    made = ways_out.message_id(mailing, 1)
    assert made == ways_out.message_id(Mailing.objects.get(pk=mailing.pk), 1)
    assert re.fullmatch(r"<standing\.[\w-]{19,24}@crm\.example\.org>", made)
    inside = made.removeprefix("<standing.").partition("@")[0]
    assert client.post(f"/u/{inside}", ONE_CLICK).status_code == 404


def forgeries(mailing: Mailing) -> list[str]:
    true = ways_out.token(mailing, 1)
    other = Mailing(pk=mailing.pk, origin=mailing.origin, key="x" * 43)
    gone = Mailing(pk=mailing.pk + 1, origin=mailing.origin, key=mailing.key)
    flipped = [
        true[:at] + ("A" if true[at] != "A" else "B") + true[at + 1 :] for at in range(len(true))
    ]
    return [
        *flipped, true[:-1], true[1:], true + "A", true * 2, true.swapcase(), true + "=", true + "\n", f" {true}",
        ways_out.token(other, 1), ways_out.token(gone, 1), ways_out.signed(mailing, b"click", 1),
        ways_out.signed(mailing, b"leave"), ways_out.signed(mailing, b"leave", 1, 2), "", "A", "A" * 22, "é" * 22,
        "A" * 4000, "\0" * 22, "%00", "٣" * 22,
    ]  # fmt: skip


def test_no_forged_torn_or_foreign_token_is_read(mailing: Mailing) -> None:
    assert [one for one in forgeries(mailing) if ways_out.read(one) is not None] == []


def test_a_forged_way_out_is_answered_like_what_is_not_there(
    client: Client, mailing: Mailing
) -> None:
    nowhere = client.get("/nowhere/at/all")
    forged = f"/u/{ways_out.token(Mailing(pk=mailing.pk, key='x'), 1)}"
    for answer in (client.get(forged), client.post(forged, ONE_CLICK), client.head(forged)):
        assert answer.status_code == 404
    assert client.get(forged).content == nowhere.content
    assert suppressed() == ""
    paths = Entry.objects.filter(action="denied").values_list("details__path", flat=True)
    assert [path for path in paths if path.startswith("/u/")]
    assert not [path for path in paths if forged in path]


@pytest.mark.parametrize("before", ["/u/", "/c/", "/mail/events/"])
def test_no_address_that_is_made_up_is_more_than_nothing(
    client: Client, mailing: Mailing, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.setitem(settings.ACCOUNT_RATE_LIMITS, "forged", "")
    odd = ["../u/x", "%2e%2e%2f", "a b", "<script>", "x?y=z#w", "\udcff", "-" * 22, "_" * 48]
    made_up = [quote(one, errors="replace") for one in [*forgeries(mailing)[::4], *odd]]
    paths = [f"{before}{one}/" for one in made_up]
    if before != "/mail/events/":
        paths += [f"{before}{one}" for one in made_up]
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 404)
    answers = {client.post(path, ONE_CLICK).status_code for path in paths[::5]}
    # A link takes no POST, whatever it is called.
    assert answers <= ({404, 405} if before == "/c/" else {404})
    assert events() == []


def test_who_guesses_too_often_is_told_to_wait_and_keeps_no_true_way_out_shut(
    client: Client, path: str, mailing: Mailing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.ACCOUNT_RATE_LIMITS, "forged", "3/m/ip")
    answers = [client.get(f"/u/{'A' * 22}").status_code for _time in range(5)]
    assert answers == [404, 404, 404, 429, 429]
    assert client.get(path).status_code == 200
    assert client.post(path, ONE_CLICK).status_code == 200
    assert suppressed() == "unsubscribed"


# -- looking at it


def test_looking_at_a_way_out_changes_nothing(client: Client, mailing: Mailing, path: str) -> None:
    for look in (client.get, client.head, client.options):
        for query in ("", "?List-Unsubscribe=One-Click", "?step=leave", "?language=de"):
            assert look(path + query).status_code in (200, 405)
    for method in ("put", "patch", "delete", "trace"):
        assert getattr(client, method)(path).status_code == 405
    assert (suppressed(), events(), counted(mailing)) == ("", [], 0)
    assert b"Unsubscribe" in client.get(path).content


def test_the_page_is_shown_without_cookies_and_leaves_none(client: Client, path: str) -> None:
    for answer in (client.get(path + "?language=de"), client.post(path, ONE_CLICK)):
        assert answer.status_code == 200
        assert not answer.cookies
        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["Referrer-Policy"] == "no-referrer"
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "script-src" not in policy
        assert b"<script" not in answer.content


def test_the_address_is_shown_masked_and_nothing_else_of_the_recipient(
    client: Client, mailing: Mailing, path: str
) -> None:
    MailSettings(postal_address="1 Example Road\nExampleton").save()
    page = client.get(path).content.decode()
    assert "a•••@e•••.org" in page
    assert "ada1" not in page
    assert "Example Co" in page
    assert "1 Example Road<br>Exampleton" in page


def test_the_page_speaks_the_language_of_the_recipient_and_the_two_others(
    client: Client, mailing: Mailing, path: str
) -> None:
    ada = Contact.objects.create(last_name="Lovelace", language="fr")
    Recipient.objects.filter(mailing=mailing, position=1).update(contact_id=ada.pk)
    german = {"Accept-Language": "de"}
    answer = client.get(path, headers=german)
    assert answer["Content-Language"] == "fr"
    assert b'<html lang="fr">' in answer.content
    for code in ("en", "de", "fr"):
        assert f'<html lang="{code}">'.encode() in client.get(f"{path}?language={code}").content
        assert f"?language={code}".encode() in answer.content
    assert b'<html lang="fr">' in client.get(f"{path}?language=xx").content
    Account.objects.update_or_create(pk=1, defaults={"language": "de"})
    other = f"/u/{ways_out.token(mailing, 2)}"
    assert b'<html lang="de">' in client.get(other).content
    assert translation.get_language() == "en"


def test_who_is_signed_in_and_lacks_a_second_factor_gets_out_all_the_same(
    client: Client, mailing: Mailing, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.accounts.middleware.is_missing", lambda user: True)
    client.force_login(User.objects.get())
    assert client.get(path).status_code == 200
    assert client.post(path, ONE_CLICK).status_code == 200
    assert suppressed() == "unsubscribed"


# -- leaving


def test_one_click_needs_no_cookie_no_sign_in_no_token_and_no_second_request(
    mailing: Mailing, path: str
) -> None:
    program = Client(enforce_csrf_checks=True)
    answer = program.post(
        path,
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
        headers={"Origin": "https://mail.example.net", "Referer": "https://mail.example.net/"},
    )
    assert answer.status_code == 200
    assert not answer.cookies
    assert suppressed() == "unsubscribed"
    assert suppressed(2) == ""


def test_one_click_is_understood_in_both_forms_of_rfc_8058(mailing: Mailing, path: str) -> None:
    assert Client(enforce_csrf_checks=True).post(path, ONE_CLICK).status_code == 200
    assert suppressed() == "unsubscribed"


def test_leaving_again_changes_nothing(client: Client, mailing: Mailing, path: str) -> None:
    for _time in range(3):
        assert client.post(path, ONE_CLICK).status_code == 200
    assert events() == ["unsubscribed"]
    assert counted(mailing) == 1
    event = AddressEvent.objects.get()
    assert (event.mailing_id, event.position, event.actor) == (mailing.pk, 1, None)
    assert event.details == {"by": "one click"}


@pytest.mark.django_db(transaction=True)
def test_two_who_leave_at_the_same_moment_are_counted_once(mailing: Mailing, path: str) -> None:
    def click(_number: int) -> int:
        try:
            return Client().post(path, ONE_CLICK).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        assert list(both.map(click, range(2))) == [200, 200]
    assert (events(), counted(mailing)) == (["unsubscribed"], 1)


@pytest.mark.parametrize(
    "body", ["", "List-Unsubscribe=No", "step=", "step=delete", "list-unsubscribe=One-Click"]
)
def test_another_body_shows_the_page_and_changes_nothing(
    client: Client, mailing: Mailing, path: str, body: str
) -> None:
    answer = client.post(path, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert (suppressed(), events()) == ("", [])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe\x00=%zz&" * 50, "application/x-www-form-urlencoded"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"x", "multipart/form-data"),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (b"a=1&" * 2500, "application/x-www-form-urlencoded"),
        (b"step=leave", "text/plain; charset=nonsense"),
    ],
)
def test_a_body_that_cannot_be_read_changes_nothing_and_breaks_nothing(
    mailing: Mailing, path: str, body: bytes, kind: str
) -> None:
    program = Client(raise_request_exception=False)
    answer = program.generic("POST", path, body, content_type=kind)
    assert answer.status_code in (200, 400)
    assert (suppressed(), events()) == ("", [])


# -- taking it back


def press(client: Client, path: str, step: str) -> str:
    return client.post(path, {"step": step}).content.decode()


def test_the_page_unsubscribes_and_offers_to_undo(
    client: Client, mailing: Mailing, path: str
) -> None:
    page = press(client, path, "leave")
    assert "You are unsubscribed" in page
    assert 'value="return"' in page
    assert (suppressed(), counted(mailing)) == ("unsubscribed", 1)
    assert "You are unsubscribed" in client.get(path).content.decode()
    page = press(client, path, "return")
    assert "You get our mails again" in page
    assert (suppressed(), counted(mailing)) == ("", 0)
    press(client, path, "return")
    press(client, path, "leave")
    assert (suppressed(), counted(mailing)) == ("unsubscribed", 1)
    assert events() == ["unsubscribed", "returned", "unsubscribed"]


@pytest.mark.parametrize("why", [Suppressed.COMPLAINED, Suppressed.BLOCKED, Suppressed.BOUNCED])
def test_undo_takes_back_nothing_that_the_way_out_did_not_do(
    client: Client, mailing: Mailing, path: str, why: Suppressed
) -> None:
    standing.suppress(["ada1@example.org"], why)
    press(client, path, "return")
    assert suppressed() == why
    press(client, path, "leave")
    press(client, path, "return")
    assert suppressed() == why
    assert counted(mailing) == 0


def test_undo_is_for_the_way_out_that_was_taken(
    client: Client, mailing: Mailing, path: str
) -> None:
    earlier = Mailing.objects.create(sender=mailing.sender, subject="Older", total=1, sent=1)
    Recipient.objects.create(
        mailing=earlier, position=1, contact_id=1, state="sent", address="ada1@example.org"
    )
    press(client, path, "leave")
    other = f"/u/{ways_out.token(earlier, 1)}"
    assert 'value="return"' not in client.get(other).content.decode()
    press(client, other, "return")
    press(client, other, "leave")
    assert suppressed() == "unsubscribed"
    assert (counted(mailing), counted(earlier)) == (1, 0)


def test_the_way_out_of_a_test_mail_says_so_and_does_nothing(
    client: Client, mailing: Mailing
) -> None:
    path = f"/u/{ways_out.token(mailing, 0)}"
    for page in (client.get(path).content, client.post(path, ONE_CLICK).content):
        assert b"This was a test mail" in page
    assert (events(), counted(mailing)) == ([], 0)


def test_the_way_out_of_somebody_erased_says_that_nothing_is_left_to_do(
    client: Client, mailing: Mailing, path: str
) -> None:
    Recipient.objects.filter(mailing=mailing, position=1).update(address="", name="")
    for page in (client.get(path).content, client.post(path, ONE_CLICK).content):
        assert b"You get no mails from us" in page
    assert (events(), counted(mailing)) == ([], 0)


def test_a_way_out_costs_the_same_however_many_got_the_mail(
    client: Client, mailing: Mailing, path: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(8):
        client.get(path)
    assert leaving.state_of(mailing, 1) is leaving.State.OPEN
