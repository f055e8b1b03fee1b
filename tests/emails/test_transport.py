"""Every step of the conversation with a mail server, and what each answer means for the letter."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.test import override_settings

from emails.transport import SMTP, Answer, Messages, Result, as_message, transport
from tests.emails.smtp import Fault, Server, Step

ANN = "ann@example.org"
LETTER = (
    b"To: Ann <ann@example.org>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nFrom: News <news@example.org>\r\n"
    b"Reply-To: answers@example.org\r\nMessage-ID: <1@example.org>\r\nList-Id: <a.example.org>\r\n"
    b"List-Unsubscribe: <https://crm.example.org/u/1>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
    b"Hello\r\n.\r\n..x\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n--b--\r\n"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    running.behave()
    running.letters.clear()
    running.begun.clear()
    running.per_connection = None
    with override_settings(MAILERS=running.mailers(timeout=0.1)):
        yield running


def send(*, to: str = ANN, letter: bytes = LETTER) -> Answer:
    with transport("default") as post:
        return post.send("news@example.org", to, letter)


def cut(step: Step, says: str = "", **more: Any) -> Fault:
    return Fault(step, says, cuts=True, **more)


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (cut(Step.CONNECT), Result.BUSY),
        (cut(Step.CONNECT, "421 4.3.2 Come back later"), Result.BUSY),
        (cut(Step.CONNECT, "Hello, who is there?"), Result.BUSY),
        (cut(Step.CONNECT, "554 5.3.2 No mail is taken here"), Result.NO_SERVICE),
        (Fault(Step.CONNECT, after=0.2), Result.BUSY),
        (cut(Step.EHLO), Result.BUSY),
        (cut(Step.MAIL), Result.BUSY),
        (cut(Step.MAIL, "421 4.7.0 Too many mails"), Result.BUSY),
        (Fault(Step.MAIL, "452 4.3.1 No room"), Result.BUSY),
        (Fault(Step.MAIL, "450 4.1.8 Domain of sender not found"), Result.BUSY),
        (Fault(Step.MAIL, "530 5.7.0 Authentication required"), Result.NO_SERVICE),
        (Fault(Step.MAIL, "550 5.7.1 You may not send as this"), Result.NO_SERVICE),
        (Fault(Step.MAIL, "552 5.3.4 Too big"), Result.REFUSED),
        (Fault(Step.MAIL, after=0.2), Result.BUSY),
        (cut(Step.RCPT), Result.LATER),
        (cut(Step.RCPT, "421 4.7.0 Too many mails"), Result.LATER),
        (Fault(Step.RCPT, "450 4.2.0 Greylisted"), Result.LATER),
        (Fault(Step.RCPT, "451 4.4.1 No answer from host"), Result.LATER),
        (Fault(Step.RCPT, "452 4.2.2 Mailbox full"), Result.LATER),
        (Fault(Step.RCPT, after=0.2), Result.LATER),
        (Fault(Step.RCPT, "550 5.1.1 No such user"), Result.NO_SUCH_ADDRESS),
        (Fault(Step.RCPT, "550 No such user here"), Result.NO_SUCH_ADDRESS),
        (Fault(Step.RCPT, "551 User not local"), Result.NO_SUCH_ADDRESS),
        (Fault(Step.RCPT, "553 5.1.2 No such domain"), Result.NO_SUCH_ADDRESS),
        (
            Fault(Step.RCPT, "550-5.1.1 No such user\r\n550 5.1.1 Ask for help"),
            Result.NO_SUCH_ADDRESS,
        ),
        (Fault(Step.RCPT, "550 5.2.1 Mailbox closed"), Result.NO_SUCH_ADDRESS),
        (Fault(Step.RCPT, "552 5.2.2 Mailbox full"), Result.REFUSED),
        (Fault(Step.RCPT, "550 5.1.8 Bad address of the sender"), Result.REFUSED),
        (Fault(Step.RCPT, "550 5.7.1 Blocked by policy"), Result.REFUSED),
        (Fault(Step.RCPT, "550 5.7.515 The domain does not pass DMARC"), Result.REFUSED),
        (Fault(Step.RCPT, "554 5.7.1 Relay access denied"), Result.REFUSED),
        (Fault(Step.RCPT, "535 5.7.8 Not signed in"), Result.NO_SERVICE),
        (cut(Step.DATA), Result.LATER),
        (cut(Step.DATA, "421 4.3.2 Shutting down"), Result.LATER),
        (Fault(Step.DATA, "451 4.3.0 Not now"), Result.LATER),
        (Fault(Step.DATA, "554 5.5.1 No valid recipients"), Result.REFUSED),
        (Fault(Step.DATA, after=0.2), Result.LATER),
        (cut(Step.LETTER), Result.UNKNOWN),
        (cut(Step.DOT), Result.UNKNOWN),
        (cut(Step.DOT, takes=True), Result.UNKNOWN),
        (cut(Step.DOT, "Who knows"), Result.UNKNOWN),
        (cut(Step.DOT, "421 4.3.2 Shutting down"), Result.LATER),
        (Fault(Step.DOT, "451 4.7.1 Try again later"), Result.LATER),
        (Fault(Step.DOT, "552 5.3.4 Too big"), Result.REFUSED),
        (Fault(Step.DOT, "554 5.7.1 Looks like spam"), Result.REFUSED),
        (Fault(Step.DOT, "550 Looks like spam"), Result.REFUSED),
        (Fault(Step.DOT, "550 5.1.1 No such user"), Result.NO_SUCH_ADDRESS),
        (Fault(Step.DOT, after=0.5), Result.UNKNOWN),
        # Slow, but not longer than a server may look through a letter.
        (Fault(Step.DOT, after=0.15), Result.SENT),
    ],
    ids=lambda one: (
        f"{one.step} {one.says or one.after or 'cut'}" if isinstance(one, Fault) else ""
    ),
)
def test_what_a_fault_means(server: Server, fault: Fault, result: Result) -> None:
    server.expect_always(fault)
    answer = send()
    assert answer.result is result
    if fault.says:
        assert fault.says.split()[-1] in answer.text
    # What was certainly not sent was not taken, and the other way round.
    took = len(server.letters)
    assert took == (result is Result.SENT or fault.takes) or result is Result.UNKNOWN


def test_the_letter_arrives_byte_by_byte(server: Server) -> None:
    answer = send()
    assert answer == Answer(Result.SENT, "250 OK")
    [taken] = server.letters
    assert (taken.sender, taken.to, taken.raw) == ("news@example.org", ANN, LETTER)


def test_many_letters_go_over_one_connection(server: Server) -> None:
    with transport("default") as post:
        answers = [post.send("news@example.org", ANN, LETTER) for _ in range(5)]
    assert {one.result for one in answers} == {Result.SENT}
    assert len({one.connection for one in server.letters}) == 1


def test_a_server_that_takes_two_letters_on_a_connection_gets_the_third_on_another(
    server: Server,
) -> None:
    server.per_connection = 2
    with transport("default") as post:
        answers = [post.send("news@example.org", ANN, LETTER) for _ in range(5)]
    assert [one.result for one in answers] == [Result.SENT] * 5
    connections = [one.connection for one in server.letters]
    assert [connections.count(one) for one in dict.fromkeys(connections)] == [2, 2, 1]


def test_a_connection_that_was_closed_meanwhile_is_opened_again(server: Server) -> None:
    with transport("default") as post:
        assert post.send("news@example.org", ANN, LETTER).result is Result.SENT
        server.expect_nth(server.met[Step.MAIL] + 1, cut(Step.MAIL))
        assert post.send("news@example.org", ANN, LETTER).result is Result.SENT
    assert len(server.letters) == 2


def test_a_refused_letter_leaves_the_connection_to_the_next(server: Server) -> None:
    server.expect("bob@example.org", Fault(Step.RCPT, "550 5.1.1 No such user"))
    server.expect("eve@example.org", Fault(Step.DATA, "451 4.3.0 Not now"))
    with transport("default") as post:
        for to in ("bob@example.org", "eve@example.org", ANN):
            post.send("news@example.org", to, LETTER)
        opened = server.met[Step.CONNECT]
        post.send("news@example.org", ANN, LETTER)
    assert [one.to for one in server.letters] == [ANN, ANN]
    assert server.met[Step.CONNECT] == opened


@pytest.mark.parametrize("to", ["a@b.example>\r\nRCPT TO:<eve@example.com", "ännchen@example.org"])
def test_what_is_no_address_fails_alone(server: Server, to: str) -> None:
    with transport("default") as post:
        assert post.send("news@example.org", to, LETTER).result is Result.REFUSED
        assert post.send("news@example.org", ANN, LETTER).result is Result.SENT
    assert list(server.to()) == [ANN]


def test_a_cut_after_the_dot_is_never_tried_again(server: Server) -> None:
    with transport("default") as post:
        assert post.send("news@example.org", ANN, LETTER).result is Result.SENT
        server.expect("bob@example.org", cut(Step.DOT, takes=True))
        answer = post.send("news@example.org", "bob@example.org", LETTER)
    assert answer.result is Result.UNKNOWN
    assert server.to()["bob@example.org"] == 1


def test_nobody_who_listens_may_come_back() -> None:
    with Server() as server:
        mailers = server.mailers(timeout=0.1)
    with override_settings(MAILERS=mailers):
        assert send().result is Result.BUSY


def test_a_server_that_knows_no_passwords_is_not_sent_one(server: Server) -> None:
    with override_settings(MAILERS=server.mailers(username="news", password="secret")):
        assert send().result is Result.NO_SERVICE
    assert not server.letters


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 Bad password"), Result.NO_SERVICE),
        (smtplib.SMTPAuthenticationError(454, b"4.7.0 Not now"), Result.BUSY),
        (smtplib.SMTPNotSupportedError("STARTTLS"), Result.NO_SERVICE),
        (ssl.SSLCertVerificationError("self-signed"), Result.NO_SERVICE),
        (ssl.SSLError("wrong version"), Result.BUSY),
        (TimeoutError("timed out"), Result.BUSY),
        (UnicodeError("label too long"), Result.NO_SERVICE),
    ],
)
def test_why_nobody_is_let_in(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: Exception, result: Result
) -> None:
    def refuse(_self: Any) -> None:
        raise error

    monkeypatch.setattr("django.core.mail.backends.smtp.EmailBackend.open", refuse)
    assert send().result is result


# -- mailers that are no SMTP


class HTTPError(Exception):
    def __init__(self, status_code: int | None) -> None:
        super().__init__(f"status {status_code}")
        self.status_code = status_code


class Provider(BaseEmailBackend):
    """As those of django-anymail are to their callers."""

    status: int | None = 200
    taken: list[Any] = []

    def send_messages(self, messages: Any) -> int:
        if self.status != 200:
            raise HTTPError(self.status)
        self.taken.extend(messages)
        for one in messages:
            one.anymail_status = type("Status", (), {"message_id": "prov-1"})
        return len(messages)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Provider]]:
    monkeypatch.setattr(Provider, "taken", [])
    path = f"{Provider.__module__}.{Provider.__qualname__}"
    with override_settings(MAILERS={"default": {"BACKEND": path}}):
        yield Provider


def test_a_provider_gets_the_letter_with_all_its_headers(provider: type[Provider]) -> None:
    assert send() == Answer(Result.SENT, "prov-1")
    [message] = provider.taken
    assert (message.subject, message.to) == ("Grüße", ["Ann <ann@example.org>"])
    assert message.reply_to == ["answers@example.org"]
    assert message.envelope_sender == "news@example.org"
    assert message.extra_headers["List-Unsubscribe"] == "<https://crm.example.org/u/1>"
    assert message.body.splitlines() == ["Hello", ".", "..x"]
    assert message.alternatives[0].content.strip() == "<p>Hello</p>"


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (None, Result.UNKNOWN),
        (400, Result.REFUSED),
        (401, Result.NO_SERVICE),
        (403, Result.NO_SERVICE),
        (422, Result.REFUSED),
        (429, Result.BUSY),
        (500, Result.UNKNOWN),
        (503, Result.UNKNOWN),
    ],
)
def test_what_a_providers_error_means(
    provider: type[Provider], monkeypatch: pytest.MonkeyPatch, status: int, result: Result
) -> None:
    monkeypatch.setattr(provider, "status", status)
    assert send().result is result


def test_a_message_of_a_letter_is_the_letter() -> None:
    raw = as_message("news@example.org", ANN, LETTER).message().as_bytes()
    assert b"Subject: =?utf-8?" in raw
    assert raw.count(b"\nTo: ") == 1
    assert raw.count(b"List-Unsubscribe: <https://crm.example.org/u/1>") == 1


def test_each_mailer_has_its_way(server: Server, provider: type[Provider]) -> None:
    assert isinstance(transport("default"), Messages)
    with override_settings(MAILERS=server.mailers()):
        assert isinstance(transport("default"), SMTP)
