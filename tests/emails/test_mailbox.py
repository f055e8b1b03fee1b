"""Reading the mailbox that reports come back to, over a real IMAP conversation on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from crm import returned_mail
from crm.mail_servers import BadAddress
from emails import ways_out
from emails.models import Address, Mailing, Recipient, Report, Sender
from emails.reports import mailbox, tasks
from tests.emails.imap import Box, Server

HERE = Path(__file__).parent / "reports"


@pytest.fixture
def mailing(db: Any) -> Mailing:
    sender = Sender.objects.create(
        name="Example Co", address="news@example.com", bounces_to="bounces@example.com"
    )
    mailing = Mailing.objects.create(
        sender=sender, subject="News", origin="https://crm.example.com", state="done",
        total=9, sent=9,
    )  # fmt: skip
    Recipient.objects.bulk_create(
        Recipient(
            mailing=mailing, position=position, contact_id=position, state="sent",
            address=f"reader{position}@example.org",
        )
        for position in range(1, 10)
    )  # fmt: skip
    return mailing


@pytest.fixture
def box() -> Box:
    return Box()


def where(server: Server, *, tls: bool = False, **more: Any) -> dict[str, Any]:
    given = {"user": "bounces", "password": "secret word", "folder": "INBOX"}
    return given | {"host": "127.0.0.1", "port": server.port, "tls": tls} | more


@pytest.fixture
def server(box: Box, settings: Any) -> Iterator[Server]:
    with Server(box) as server:
        settings.BOUNCES_IMAP = where(server)
        yield server


def bounce(mailing: Mailing, position: int) -> bytes:
    text = (HERE / "postfix-unknown-user.eml").read_bytes()
    text = text.replace(b"ada@example.org", b"reader%d@example.org" % position)
    return text.replace(b"@MESSAGE-ID@", ways_out.message_id(mailing, position).encode())


def bounced() -> list[str]:
    rows = Address.objects.filter(suppressed="bounced").order_by("address")
    return list(rows.values_list("address", flat=True))


PERSON = b"From: Ada <ada@example.org>\r\nSubject: Hello\r\n\r\nHello\r\n"
BROKEN = b"From: MAILER-DAEMON@x.example\r\nContent-Type: multipart/report\r\n\r\n\0\xff"


def test_what_is_new_is_read_acted_on_and_marked_as_seen(
    server: Server, box: Box, mailing: Mailing
) -> None:
    box.add(bounce(mailing, 1), PERSON, bounce(mailing, 2))
    assert mailbox.read_new() == {"bounced": 2, "none": 1}
    assert bounced() == ["reader1@example.org", "reader2@example.org"]
    assert box.unseen == []
    assert sorted(box.messages) == [1, 2, 3]


def test_each_message_is_read_once(server: Server, box: Box, mailing: Mailing) -> None:
    box.add(bounce(mailing, 1))
    mailbox.read_new()
    assert mailbox.read_new() == {}
    assert box.fetched == [1]
    # Somebody marks it as new again, or it was acted on when the connection was cut.
    box.seen.clear()
    assert mailbox.read_new() == {"none": 1}
    mailing.refresh_from_db()
    assert (mailing.bounced, Report.objects.count()) == (1, 1)


def test_a_broken_message_does_not_stop_the_rest(
    server: Server, box: Box, mailing: Mailing, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.add(BROKEN, b"", bounce(mailing, 1), bounce(mailing, 2))
    box.gone.add(2)

    def take_in(raw: bytes, **more: Any) -> Report | None:
        if b"reader1@" in raw:
            raise ValueError("nobody thought of this")
        return took_in(raw, **more)

    took_in = mailbox.take_in
    monkeypatch.setattr(mailbox, "take_in", take_in)
    found = mailbox.read_new()
    assert found == {"unreadable": 1, "none": 1, "broken": 1, "bounced": 1}
    assert bounced() == ["reader2@example.org"]
    assert box.unseen == [2]


def test_a_cut_connection_is_opened_again(server: Server, box: Box, mailing: Mailing) -> None:
    box.add(*(bounce(mailing, position) for position in (1, 2, 3)))
    box.cut_at = 2
    assert mailbox.read_new() == {"bounced": 3}
    assert box.logins == 2
    assert box.fetched == [1, 2, 2, 3]
    assert box.unseen == []


def test_a_server_that_always_hangs_up_is_left_for_the_next_time(
    server: Server, box: Box, mailing: Mailing
) -> None:
    box.add(bounce(mailing, 1))
    box.always_cut = True
    with pytest.raises(mailbox.MailboxError) as refusal:
        mailbox.read_new()
    assert box.logins == mailbox.CONNECTIONS
    assert box.unseen == [1]
    assert "secret word" not in str(refusal.value)


def test_a_database_that_is_away_leaves_the_message_unseen(
    server: Server, box: Box, mailing: Mailing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(raw: bytes, **more: Any) -> None:
        raise OperationalError("the database is away")

    box.add(bounce(mailing, 1))
    monkeypatch.setattr(mailbox, "take_in", away)
    with pytest.raises(OperationalError):
        mailbox.read_new()
    assert box.unseen == [1]


def test_a_report_about_a_mail_in_hand_is_left_for_the_next_time(
    server: Server, box: Box, mailing: Mailing
) -> None:
    box.add(bounce(mailing, 1), bounce(mailing, 2))
    Recipient.objects.filter(position=1).update(state="sending")
    assert mailbox.read_new() == {"none": 1, "bounced": 1}
    assert box.unseen == [1]


def test_of_a_huge_message_only_the_beginning_is_fetched(
    server: Server, box: Box, mailing: Mailing
) -> None:
    box.add(bounce(mailing, 1) + b"A" * 2_000_000)
    assert mailbox.read_new() == {"bounced": 1}


def test_no_more_than_so_many_are_read_at_a_time(
    server: Server, box: Box, mailing: Mailing
) -> None:
    box.add(*(bounce(mailing, position) for position in (1, 2, 3)))
    assert mailbox.read_new(most=2) == {"bounced": 2}
    assert box.unseen == [3]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"password": "wrong"}, "wrong name or password"),
        ({"folder": "Nowhere"}, "no such folder"),
        ({"port": 1}, "cannot be read"),
    ],
)
def test_a_mailbox_that_cannot_be_read_says_why(
    server: Server, settings: Any, more: dict[str, Any], says: str
) -> None:
    settings.BOUNCES_IMAP = where(server, **more)
    with pytest.raises(mailbox.MailboxError, match=f"(?i){says}"):
        mailbox.read_new()


# -- what the environment says


def test_a_mailbox_is_named_by_one_address() -> None:
    given = returned_mail.mailbox_of(
        "imaps://bounces%40example.org:p%2Fw%23@Mail.example.org/Mail%20Back", tls_only=True
    )
    assert given == {
        "host": "mail.example.org",
        "port": 993,
        "tls": True,
        "user": "bounces@example.org",
        "password": "p/w#",
        "folder": "Mail Back",
    }
    plain = returned_mail.mailbox_of("imap://b:p@localhost:1143", tls_only=False)
    assert (plain["port"], plain["tls"], plain["folder"]) == (1143, False, "INBOX")


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org", "imap://b:hushed@mail.example.org", "pop3://b:hushed@mail.example.org",
        "imaps://mail.example.org", "imaps://b:hushed@mail.example.org:x", "imaps://b:hushed@[",
        "imaps://b:hushed@mail.example.org/Zurück", "imaps://b:hushed@mail.example.org/%0d%0aLOGOUT",
    ],
)  # fmt: skip
def test_a_mailbox_that_is_none_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(BadAddress) as refusal:
        returned_mail.mailbox_of(url, tls_only=True)
    assert "hushed" not in f"{refusal.value.problem} {refusal.value.remedy}"


def test_a_webhook_is_a_provider_and_a_secret() -> None:
    secret = "0123456789abcdef" * 2
    given = returned_mail.webhook_of(f"Unisender-Go:{secret}")
    assert given == {"provider": "unisender_go", "secret": secret}
    for wrong in (secret, f"nobody:{secret}", f"base:{secret}", f"scaleway:{secret}", "mailgun",
                  f"mailgun:{secret[:-1]}", f"mailgun:{secret[:-1]}/"):  # fmt: skip
        with pytest.raises(BadAddress):
            returned_mail.webhook_of(wrong)


# -- TLS


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate that nobody knows, and the file to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = timezone.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path


def test_a_password_is_sent_to_no_server_that_nobody_vouches_for(
    db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = certificate(tmp_path)
    box = Box(messages={1: PERSON})
    with Server(box, tls=context) as server:
        settings.BOUNCES_IMAP = where(server, tls=True, host="localhost")
        with pytest.raises(mailbox.MailboxError, match="certificate"):
            mailbox.read_new()
        assert box.logins == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert mailbox.read_new() == {"none": 1}


# -- when, and by hand


def test_the_worker_has_it_read_every_few_minutes(db: None, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    settings.BOUNCES_IMAP = {}
    assert not tasks.schedule()
    settings.BOUNCES_IMAP = {"host": "mail.example.org"}
    assert tasks.schedule()
    assert not tasks.schedule()
    DBTaskResult.objects.update(enqueued_at=timezone.now() - tasks.EVERY)
    assert not tasks.schedule(), "one is waiting still"
    DBTaskResult.objects.update(status="SUCCESSFUL")
    assert tasks.schedule()
    assert DBTaskResult.objects.count() == 2


def test_the_task_survives_a_mailbox_that_cannot_be_read(
    server: Server, box: Box, mailing: Mailing
) -> None:
    box.add(bounce(mailing, 1))
    assert tasks.read_mailbox.call() == {"bounced": 1}
    box.password = "changed"
    assert tasks.read_mailbox.call() == {}


def test_the_command_reads_and_says_what_there_was(
    server: Server, box: Box, mailing: Mailing, settings: Any
) -> None:
    box.add(bounce(mailing, 1), PERSON)
    said = StringIO()
    call_command("read_reports", stdout=said)
    call_command("read_reports", stdout=said)
    assert said.getvalue() == "bounced: 1\nnone: 1\nNothing new.\n"
    settings.BOUNCES_IMAP = {}
    with pytest.raises(CommandError, match="BOUNCES_IMAP_URL"):
        call_command("read_reports")


# -- unsubscribing by mail


def test_mails_name_an_address_to_unsubscribe_by_only_where_somebody_reads_it(
    mailing: Mailing, settings: Any
) -> None:
    settings.BOUNCES_IMAP = {}
    assert ways_out.by_mail(mailing, 1) == ""
    settings.BOUNCES_IMAP = {"host": "mail.example.org"}
    token = ways_out.token(mailing, 1)
    assert ways_out.by_mail(mailing, 1) == (
        f"mailto:bounces@example.com?subject=unsubscribe%20{token}"
    )
    mailing.sender.bounces_to = ""
    assert ways_out.by_mail(mailing, 1) == ""


def test_who_writes_to_that_address_is_taken_off(
    server: Server, box: Box, mailing: Mailing
) -> None:
    token = ways_out.token(mailing, 1)
    box.add(b"From: x@example.net\r\nSubject: Unsubscribe %s\r\n\r\n" % token.encode())
    assert mailbox.read_new() == {"unsubscribed": 1}
    assert Address.objects.get(address="reader1@example.org").suppressed == "unsubscribed"
    mailing.refresh_from_db()
    assert mailing.unsubscribed == 1
