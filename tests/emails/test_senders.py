"""Settings › Senders: who mails come from, over which mail server, tried by a test mail and by the DNS."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.mail.backends.smtp import EmailBackend
from django.test import Client
from django.urls import reverse

from crm.accounts.models import User
from crm.audit.models import Action, Entry
from emails import domain_check, identities
from emails.checking import problems
from emails.domain_lookup import Lookup
from emails.identities import check_domain, mail_servers, problem_with, save_sender, send_test
from emails.models import Mailing, Sender
from emails.transport import SMTP, Messages, transport
from tests.access.signing import PASSWORD, root, signed_in
from tests.access.worlds import member
from tests.emails.smtp import Fault, Server, Step
from tests.emails.test_domain_check import World

pytestmark = pytest.mark.django_db
LIST, NEW = "/settings/mail/senders/", "/settings/mail/senders/new/"
CONSOLE = {"BACKEND": "django.core.mail.backends.console.EmailBackend"}


def filled(**changed: Any) -> dict[str, Any]:
    sent = {"name": "Example", "address": "crm@example.org", "mailer": "default", "connections": 1}
    return sent | changed


def sender(**changed: Any) -> Sender:
    values = {"name": "Example", "address": "crm@example.org", **changed}
    return Sender.objects.create(**values)


def path(one: Sender, step: str = "") -> str:
    return f"{LIST}{one.pk}/{step}"


@pytest.fixture
def admin() -> User:
    return root()


@pytest.fixture
def web(admin: User) -> Client:
    client = signed_in(admin)
    client.post("/accounts/confirm/", {"password": PASSWORD})
    return client


def text_of(answer: Any) -> str:
    return answer.content.decode()


# -- who may


def test_members_find_nothing_of_it() -> None:
    one = sender()
    client = Client()
    client.force_login(member("ann"))
    for step in ("", "edit/", "delete/"):
        assert client.get(path(one, step)).status_code == 403
        assert client.post(path(one, step), filled()).status_code in (403, 405)
    for step in ("switch/", "check/", "test/"):
        assert client.post(path(one, step)).status_code == 403
    for page in (LIST, NEW, "/settings/mail/look/", "/settings/mail/addresses/"):
        assert client.get(page).status_code == 403
    one.refresh_from_db()
    assert (one.is_active, one.checked_at) == (True, None)


def test_a_change_asks_for_the_password_again() -> None:
    one = sender()
    client = signed_in(root())
    for page in (NEW, path(one, "edit/"), path(one, "switch/"), path(one, "delete/")):
        answer = client.post(page, filled(name="Forged"))
        assert answer["Location"].startswith("/accounts/confirm/"), page
    assert client.get(LIST).status_code == client.get(path(one)).status_code == 200
    one.refresh_from_db()
    assert (one.name, one.is_active) == ("Example", True)


def test_settings_lead_to_it(web: Client) -> None:
    page = text_of(web.get("/settings/"))
    for name in ("senders", "mail_settings", "addresses", "reports"):
        assert f'href="{reverse(f"emails:{name}")}"' in page


def test_what_was_typed_is_not_lost_over_the_password() -> None:
    one = sender()
    client = signed_in(root())
    asked = client.post(path(one, "edit/"), filled(name="Renamed"))
    client.post(asked["Location"], {"password": PASSWORD, "next": path(one, "edit/")})
    one.refresh_from_db()
    assert one.name == "Renamed"


# -- keeping them


def test_a_sender_is_made_and_told_of(web: Client) -> None:
    ben = member("ben")
    sent = filled(reply_to="team@example.org", user=ben.pk, per_day=2000, dkim_selector="s1")
    answer = web.post(NEW, sent, follow=True)
    one = Sender.objects.get()
    assert (one.reply_to, one.user, one.per_day, one.per_hour) == (
        "team@example.org",
        ben,
        2000,
        None,
    )
    for shown in ("Example", "team@example.org", "Ben", "2,000 a day", "Saved."):
        assert shown in text_of(answer)
    entry = Entry.objects.get(action=Action.SETTING_CHANGED)
    assert (entry.record, entry.after["address"]) == ("emails.sender", "crm@example.org")


def test_a_changed_address_is_told_before_and_after_and_to_be_checked_anew(web: Client) -> None:
    one = sender(dkim_selector="s1")
    check_domain(one, Lookup(World()))
    web.post(path(one, "edit/"), filled(address="news@example.org", dkim_selector="s1"))
    one.refresh_from_db()
    assert (one.address, one.checked_at, one.check_results) == ("news@example.org", None, {})
    entry = Entry.objects.filter(action=Action.SETTING_CHANGED).latest("pk")
    assert (entry.before, entry.after) == (
        {"address": "crm@example.org"},
        {"address": "news@example.org"},
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Ex\x00ample"}, "name"),
        ({"address": "nobody"}, "address"),
        ({"address": "a@example.org\nBcc: b@example.org"}, "address"),
        ({"address": '"a b"@example.org'}, "address"),
        ({"bounces_to": "x@127.0.0.1"}, "bounces_to"),
        ({"mailer": "smtp://10.0.0.1"}, "mailer"),
        ({"connections": "0"}, "connections"),
        ({"per_minute": "0"}, "per_minute"),
        ({"per_day": "-5"}, "per_day"),
        ({"dkim_selector": "s1._domainkey.example org"}, "dkim_selector"),
        ({"user": "999"}, "user"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(web: Client, changed: Any, field: str) -> None:
    answer = web.post(NEW, filled(**changed))
    assert answer.status_code == 200
    assert f"id_{field}_error" in text_of(answer)
    assert not Sender.objects.exists()


def test_two_senders_never_share_an_address_however_it_is_written(web: Client) -> None:
    sender()
    assert "already" in text_of(web.post(NEW, filled(address="CRM@Example.ORG")))
    assert Sender.objects.count() == 1


def test_a_line_break_in_a_name_does_not_get_into_a_header() -> None:
    one = save_sender(Sender(), name="Example\r\nBcc: b@example.org", address="crm@example.org")
    assert one.name == "Example Bcc: b@example.org"


def test_one_is_switched_off_and_on_again(web: Client) -> None:
    one = sender()
    web.post(path(one, "switch/"), {"do": "off"})
    assert not Sender.objects.usable_by(member("ann")).exists()
    assert "Switched off" in text_of(web.get(LIST))
    web.post(path(one, "switch/"), {"do": "on"})
    one.refresh_from_db()
    assert one.is_active


def test_one_that_was_never_used_is_deleted_and_one_that_was_stays(web: Client) -> None:
    used, unused = sender(), sender(address="other@example.org")
    Mailing.objects.create(sender=used)
    assert 'type="submit"' not in text_of(web.get(path(used, "delete/"))).split("settings-page")[1]
    assert "Switch it off" in text_of(web.post(path(used, "delete/"), follow=True))
    web.post(path(unused, "delete/"))
    assert [*Sender.objects.all()] == [used]


# -- mail servers


def test_mail_servers_are_shown_without_what_lets_us_in(web: Client, settings: Any) -> None:
    settings.MAILERS = {
        "default": {"OPTIONS": {"host": "mail.example.org", "port": 587, "username": "anna", "password": "pw-9"}},
        "bulk": {"BACKEND": "anymail.backends.mailgun.EmailBackend", "OPTIONS": {"api_key": "key-9"}},
    }  # fmt: skip
    one = sender(mailer="bulk")
    for page in (LIST, NEW, path(one), path(one, "edit/")):
        shown = text_of(web.get(page))
        assert "bulk (mailgun)" in shown
        assert not [secret for secret in ("pw-9", "anna", "key-9") if secret in shown]
    assert "default (mail.example.org:587)" in text_of(web.get(NEW))


def test_a_console_is_no_mail_server_for_mailings(web: Client, settings: Any) -> None:
    settings.MAILERS = {
        "default": CONSOLE,
        "files": {"BACKEND": "django.core.mail.backends.filebased.EmailBackend", "OPTIONS": {"file_path": "/x"}},
    }  # fmt: skip
    assert [one.is_fit for one in mail_servers()] == [False, True]
    assert "id_mailer_error" in text_of(web.post(NEW, filled(mailer="default")))
    assert "EMAIL_URL" in problem_with(sender(mailer="default"))
    written = sender(address="files@example.org", mailer="files")
    assert problem_with(written) == ""
    assert "Nobody gets these mails" in text_of(web.get(path(written)))


def test_a_mail_server_that_is_gone_is_said(web: Client) -> None:
    one = sender(mailer="gone")
    assert "not there any more" in text_of(web.get(LIST))
    assert "gone (not there any more)" in text_of(web.get(path(one, "edit/")))
    assert "not there any more" in text_of(web.post(path(one, "test/"), follow=True))


# -- test mails


def test_a_test_mail_goes_to_oneself_and_the_answer_is_shown(web: Client, settings: Any) -> None:
    one = sender(name="Müller, Ada", reply_to="team@example.org", bounces_to="back@example.org")
    with Server() as server:
        settings.MAILERS = server.mailers()
        answer = web.post(path(one, "test/"), {"to": "stranger@example.org"}, follow=True)
        letter = server.letters[0]
    assert (letter.sender, letter.to) == ("back@example.org", "root@example.org")
    assert "The test mail to root@example.org was taken. The server said: 250" in text_of(answer)
    message = message_from_bytes(letter.raw, policy=policy.default)
    assert message["From"].addresses[0].display_name == "Müller, Ada"
    assert message["From"].addresses[0].addr_spec == "crm@example.org"
    assert message["Reply-To"] == "team@example.org"
    assert "dkim=pass" in message.get_content()


def test_a_refusal_is_shown_as_the_server_said_it(web: Client, settings: Any) -> None:
    with Server() as server:
        settings.MAILERS = server.mailers()
        server.expect("root@example.org", Fault(Step.RCPT, "550 5.7.1 Not from <b>there</b>"))
        shown = text_of(web.post(path(sender(), "test/"), follow=True))
    assert "550 5.7.1 Not from &lt;b&gt;there&lt;/b&gt;" in shown


def test_a_server_that_repeats_the_password_does_not_get_it_shown(settings: Any) -> None:
    options = {"host": "h", "username": "anna", "password": "pw-9"}
    settings.MAILERS = {"default": {"OPTIONS": options}}
    for said in ("535 pw-9 is wrong", "500 AUTH PLAIN AGFubmEAcHctOQ== what?", "334 cHctOQ=="):
        told = identities.without_secrets("default", said)
        assert not [one for one in ("pw-9", "AGFubmEAcHctOQ", "cHctOQ") if one in told]


def test_a_server_that_is_not_there_is_said(web: Client, settings: Any) -> None:
    settings.MAILERS = {"default": {"OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 2}}}
    assert "was not taken" in text_of(web.post(path(sender(), "test/"), follow=True))


def test_a_test_mail_to_nowhere_is_written_to_a_file(settings: Any, tmp_path: Path) -> None:
    settings.MAILERS = {
        "files": {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": str(tmp_path)},
        }
    }
    send_test(sender(mailer="files"), "root@example.org")
    (file,) = tmp_path.iterdir()
    assert "To: root@example.org" in file.read_text()


def test_whoever_has_no_address_is_told_so(web: Client, admin: User) -> None:
    User.objects.filter(pk=admin.pk).update(email="")
    one = sender()
    assert "You have no e-mail address" in text_of(web.get(path(one)))
    with pytest.raises(ValidationError):
        send_test(one, "")


# -- the domain


def test_what_the_dns_says_is_kept_with_its_time_and_shown(
    web: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = (
        World().put("_dmarc.example.org", "TXT").put("example.org", "TXT", "v=spf1 +all <script>")
    )
    monkeypatch.setattr(domain_check, "Lookup", lambda: Lookup(world))
    one = sender(dkim_selector="s1")
    assert "domain not checked" in text_of(web.get(LIST))
    shown = text_of(web.post(path(one, "check/"), follow=True))
    one.refresh_from_db()
    assert one.checked_at is not None
    for words in ("must be mended", "_dmarc.example.org", "v=DMARC1; p=none", "Checked on"):
        assert words in shown
    assert "<script>" not in shown
    assert "must be mended" in text_of(web.get(LIST))
    # Looking changes nothing of what is set.
    assert not Entry.objects.filter(
        action=Action.SETTING_CHANGED, record="emails.sender", before__has_key="checked_at"
    ).exists()


def test_what_was_found_of_an_address_that_changed_meanwhile_is_dropped() -> None:
    one = sender()
    stale = Sender.objects.get(pk=one.pk)
    save_sender(one, address="news@example.org")
    check_domain(stale, Lookup(World()))
    one.refresh_from_db()
    assert one.check_results == {}


def test_looking_never_changes_anything(web: Client) -> None:
    one = sender()
    for step in ("check/", "test/", "switch/"):
        assert web.get(path(one, step)).status_code == 405


# -- how each kind of mail server is spoken to


class Relay(EmailBackend):
    """A mailer of somebody's own, made of Django's."""


@pytest.mark.parametrize(
    ("backend", "options", "spoken"),
    [
        ("django.core.mail.backends.smtp.EmailBackend", {"host": "h"}, SMTP),
        (f"{__name__}.Relay", {"host": "h"}, SMTP),
        ("django.core.mail.backends.console.EmailBackend", {}, Messages),
        ("django.core.mail.backends.locmem.EmailBackend", {}, Messages),
        ("anymail.backends.mailgun.EmailBackend", {"api_key": "k"}, Messages),
    ],
)
def test_smtp_is_spoken_by_phases_and_all_else_takes_messages(
    settings: Any, backend: str, options: dict[str, str], spoken: type
) -> None:
    settings.MAILERS = {"bulk": {"BACKEND": backend, "OPTIONS": options}}
    assert isinstance(transport("bulk"), spoken)


def test_a_mailing_is_not_sent_to_a_console(settings: Any, admin: User) -> None:
    settings.MAILERS = {"default": CONSOLE}
    mailing = Mailing.objects.create(author=admin, sender=sender(), subject="News")
    (found,) = [one for one in problems(mailing, admin) if one.code == "no_mail_server"]
    assert found.blocks
    assert "EMAIL_URL" in found.what
