"""Handing a letter over: what a mail server answers, and what that means for the letter.

With SMTP it is known at each moment whether the server can have taken the letter: not before it was sent the dot that
ends it, and surely once it has said so. In between, a cut connection leaves it open, and such a letter is never sent
again by itself.
"""

from __future__ import annotations

import logging
import re
import smtplib
import ssl
from email import message_from_bytes, policy
from enum import Enum
from types import TracebackType
from typing import Any, NamedTuple, Self

from django.core.mail import EmailMessage, EmailMultiAlternatives, mailers
from django.core.mail.backends.smtp import EmailBackend

logger = logging.getLogger(__name__)

# Seconds that a server may take for an answer, where the mailer says nothing; and how much longer for the last one of
# a letter: it looks through the letter then, and giving up would leave open what became of it (RFC 5321, 4.5.3.2.6).
TIMEOUT = 30.0
PATIENCE = 4


class Result(Enum):
    SENT = "sent"
    # The address is refused for good: it exists no more, or never did.
    NO_SUCH_ADDRESS = "no such address"
    # This letter is refused for good; the address may be well.
    REFUSED = "refused"
    # Not taken; it may be tried again.
    LATER = "later"
    # The connection ended when the letter was on its way.
    UNKNOWN = "unknown"
    # The server takes no letter now, whoever it is for; it may do so later.
    BUSY = "busy"
    # The server takes no mail of this sender, or none at all, until somebody changes something.
    NO_SERVICE = "no service"


class Answer(NamedTuple):
    result: Result
    text: str = ""


class _Cut(Exception):
    """The connection is over, and the letter was surely not taken."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


_BROKEN = (OSError, smtplib.SMTPException)


class SMTP:
    """Letters over one connection of the mailer's, opened when needed and again after it was cut."""

    def __init__(self, mailer: str) -> None:
        backend: Any = mailers[mailer]
        self._backend = backend
        if self._backend.timeout is None:
            self._backend.timeout = TIMEOUT
        self._open = False
        # Letters that went over the connection that is open.
        self._handed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, sender: str, address: str, letter: bytes) -> Answer:
        """Hand one letter over; never raises for what a server or the net does.

        A connection that rested too long, or that took as many letters as its server allows, is closed, which is said
        only to the next command: on another connection the letter is tried again at once.
        """
        while True:
            worn = self._handed > 0
            try:
                answer = self._send(sender, address, letter)
            except _Cut as cut:
                self.close()
                if not worn:
                    return cut.answer
            else:
                self._handed += self._open
                return answer

    def _send(self, sender: str, address: str, letter: bytes) -> Answer:
        """What came of it; raises ``_Cut`` where the connection is over before the letter was sent."""
        try:
            smtp = self._connection()
        except Exception as error:
            raise _Cut(_not_let_in(error)) from error
        if refusal := self._asked(smtp, sender, address):
            return refusal
        try:
            line: Any = smtp.sock
            line.sendall(quote_dots(letter) + b".\r\n")
            line.settimeout(self._backend.timeout * PATIENCE)
            code, text = smtp.getreply()
            line.settimeout(self._backend.timeout)
        except _BROKEN as error:
            self.close()
            return Answer(Result.UNKNOWN, told(error))
        if code in (421, -1):
            self.close()
        if code == 250:
            return Answer(Result.SENT, _said(code, text))
        # No code at all is no answer: the letter may be there.
        return refused(code, text) if code > 0 else Answer(Result.UNKNOWN, _said(code, text))

    def _asked(self, smtp: smtplib.SMTP, sender: str, address: str) -> Answer | None:
        """Ask the server to take a letter: why it does not; None if it waits for the letter."""
        result = Result.BUSY
        try:
            code, text = _ask(smtp, f"MAIL FROM:<{sender}>")
            if code != 250:
                return self._declined(smtp, code, text, _of_sender(code, text))
            result = Result.LATER
            code, text = _ask(smtp, f"RCPT TO:<{address}>")
            if code not in (250, 251, 252):
                return self._declined(smtp, code, text, refused(code, text, address_named=True))
            code, text = _ask(smtp, "DATA")
            if code != 354:
                return self._declined(smtp, code, text, refused(code, text))
        except _BROKEN as error:
            raise _Cut(Answer(result, told(error))) from error
        except ValueError as error:
            # No address that a server could be told; the others are well.
            self.close()
            return Answer(Result.REFUSED, told(error))
        return None

    def _declined(self, smtp: smtplib.SMTP, code: int, text: bytes, answer: Answer) -> Answer:
        if code in (421, -1):
            raise _Cut(answer)
        try:
            smtp.rset()
        except _BROKEN:
            # It has said no, and goes.
            self.close()
        return answer

    def _connection(self) -> smtplib.SMTP:
        if not self._open:
            self._backend.open()
            # Without encryption and name nobody has said hello yet.
            self._backend.connection.ehlo_or_helo_if_needed()
            self._open = True
            self._handed = 0
        connection: smtplib.SMTP = self._backend.connection
        return connection

    def close(self) -> None:
        self._open = False
        self._handed = 0
        try:
            self._backend.close()
        except _BROKEN:
            logger.info("A mail server did not say good-bye", exc_info=True)
        finally:
            self._backend.connection = None


def _ask(smtp: smtplib.SMTP, command: str) -> tuple[int, bytes]:
    """Say a line and hear the answer. Raises ``UnicodeError`` or ``ValueError`` for what is no line of ASCII."""
    if "\r" in command or "\n" in command:
        raise ValueError("A command has one line.")
    line: Any = smtp.sock
    if line is None:
        raise smtplib.SMTPServerDisconnected("The connection was closed.")
    line.sendall(command.encode("ascii") + b"\r\n")
    return smtp.getreply()


class Messages:
    """Letters as Django's messages, for mailers that are no SMTP: providers' own interfaces, files, the console."""

    def __init__(self, mailer: str) -> None:
        self._backend: Any = mailers[mailer]
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of: object) -> None:
        self.close()

    def send(self, sender: str, address: str, letter: bytes) -> Answer:
        message = as_message(sender, address, letter)
        try:
            if not self._open:
                self._backend.open()
                self._open = True
        except Exception as error:
            return Answer(Result.BUSY, told(error))
        try:
            taken = self._backend.send_messages([message])
        except Exception as error:
            logger.warning("A mailer failed", exc_info=True)
            return _of_provider(error)
        # Providers give each mail an id, by which their reports speak of it.
        status = getattr(message, "anymail_status", None)
        text = str(getattr(status, "message_id", None) or "")
        return Answer(Result.SENT if taken else Result.REFUSED, text)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._backend.close()


def transport(mailer: str) -> SMTP | Messages:
    """Raises ``MailerDoesNotExist`` or ``InvalidMailer`` where MAILERS has none, or a wrong one."""
    return SMTP(mailer) if isinstance(mailers[mailer], EmailBackend) else Messages(mailer)


def quote_dots(letter: bytes) -> bytes:
    """RFC 5321, 4.5.2: a line that begins with a dot gets one more, so that none of them ends the letter."""
    letter = letter.replace(b"\n.", b"\n..")
    return b"." + letter if letter.startswith(b".") else letter


_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Authentication required, failed, too weak: nobody is let in, whoever the letter is for.
_NOT_LET_IN = (530, 534, 535, 538)


def refused(code: int, text: bytes, *, address_named: bool = False) -> Answer:
    """What a refusal means; ``address_named`` when it answers the command that names the address."""
    said = _said(code, text)
    if code < 500:
        return Answer(Result.LATER, said)
    if code in _NOT_LET_IN:
        return Answer(Result.NO_SERVICE, said)
    status = _STATUS.search(said)
    if status:
        # RFC 3463: 5.1.x is about the address, 5.1.7 and 5.1.8 about the sender's; of 5.2.x only a mailbox that is
        # closed.
        lost = status.group(0) == "5.2.1" or (
            status.group(1, 2) == ("5", "1") and status.group(3) not in ("7", "8")
        )
    else:
        lost = address_named and code in (550, 551, 553)
    return Answer(Result.NO_SUCH_ADDRESS if lost else Result.REFUSED, said)


def _of_sender(code: int, text: bytes) -> Answer:
    said = _said(code, text)
    if code < 500:
        return Answer(Result.BUSY, said)
    # Too long for this server is the letter's own.
    return Answer(Result.REFUSED if code == 552 else Result.NO_SERVICE, said)


def _not_let_in(error: Exception) -> Answer:
    """Why a connection could not be made, and whether waiting helps."""
    if isinstance(error, smtplib.SMTPResponseException):
        result = Result.NO_SERVICE if error.smtp_code >= 500 else Result.BUSY
        return Answer(result, _said(error.smtp_code, error.smtp_error))
    lasts = isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError)
    passes = isinstance(error, _BROKEN) and not lasts
    return Answer(Result.BUSY if passes else Result.NO_SERVICE, told(error))


def _of_provider(error: Exception) -> Answer:
    """What an error of a provider's interface means. Each library has its own; they share the status of HTTP."""
    status = getattr(error, "status_code", None)
    if status is None:
        # The letter may have gone out before.
        return Answer(Result.UNKNOWN, told(error))
    if status in (401, 402, 403, 404):
        return Answer(Result.NO_SERVICE, told(error))
    if status == 429:
        return Answer(Result.BUSY, told(error))
    return Answer(Result.REFUSED if status < 500 else Result.UNKNOWN, told(error))


def _said(code: int, text: bytes | str) -> str:
    return f"{code} {decoded(text)}".strip()


def decoded(text: bytes | str) -> str:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    # PostgreSQL stores no NUL.
    return " ".join(text.replace("\0", "").split())[:400]


def told(error: BaseException) -> str:
    return decoded(f"{type(error).__name__}: {error}")


# What Django writes itself.
_OF_DJANGO = (
    "subject", "from", "to", "reply-to", "mime-version", "content-type", "content-transfer-encoding",
)  # fmt: skip


def as_message(sender: str, address: str, letter: bytes) -> EmailMessage:
    """The letter as Django's own message, with all its headers."""
    parsed = message_from_bytes(letter, policy=policy.default)
    plain, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    headers = {
        name: " ".join(str(value).split())
        for name, value in parsed.items()
        if name.lower() not in _OF_DJANGO
    }
    message = EmailMultiAlternatives(
        str(parsed["subject"]),
        plain.get_content() if plain else "",
        str(parsed["from"]),
        [str(parsed["to"])],
        reply_to=[str(parsed["reply-to"])] if parsed["reply-to"] else None,
        headers=headers,
    )
    # What stands in the envelope; understood by Anymail.
    message.envelope_sender = sender  # type: ignore[attr-defined]
    if html:
        message.attach_alternative(html.get_content(), "text/html")
    return message
