"""Handing a letter over: what a mail server answers, and what that means for the letter.

With SMTP it is known at each moment whether the server can have taken the letter: not before it was sent the dot that
ends it, and surely once it has said so. In between, a cut connection leaves it open, and such a letter is never sent
again by itself.
"""

from __future__ import annotations

import logging
import re
import smtplib
from collections.abc import Callable
from email import message_from_bytes, policy
from enum import Enum
from types import TracebackType
from typing import Any, NamedTuple, Self

from django.core.mail import EmailMessage, EmailMultiAlternatives, mailers

logger = logging.getLogger(__name__)


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
    # The server takes no mail of this sender, or none at all.
    NO_SERVICE = "no service"


class Answer(NamedTuple):
    result: Result
    text: str = ""


class SMTP:
    """Letters over one connection of the mailer's, opened when needed and again after it was cut."""

    def __init__(self, mailer: str) -> None:
        self._backend: Any = mailers[mailer]
        self._open = False

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
        """Hand one letter over; never raises for what a server or the net does."""
        fresh = not self._open
        answer = self._send(sender, address, letter)
        if answer is None and not fresh:
            # A connection that rested too long is closed by the server, which says so only to the next command.
            answer = self._send(sender, address, letter)
        return answer or Answer(Result.LATER, "The connection was closed.")

    def _send(self, sender: str, address: str, letter: bytes) -> Answer | None:
        """What came of it; None if the connection was cut before anything was asked."""
        try:
            smtp = self._connection()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Answer(Result.NO_SERVICE, told(error))
        said = False
        try:
            code, text = smtp.mail(sender)
            said = True
            if code != 250:
                return self._not_served(code, text)
            code, text = smtp.rcpt(address)
            if code not in (250, 251):
                smtp.rset()
                return _refused(code, text, address_named=True)
            code, text = smtp.docmd("data")
            if code != 354:
                smtp.rset()
                return _refused(code, text)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Answer(Result.LATER, told(error)) if said else None
        try:
            smtp.send(b"".join((quote_dots(letter), b".\r\n")))
            code, text = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Answer(Result.UNKNOWN, told(error))
        if code == 250:
            return Answer(Result.SENT, decoded(text))
        if code == 421:
            self.close()
        return _refused(code, text)

    def _connection(self) -> smtplib.SMTP:
        if not self._open:
            self._backend.open()
            self._open = True
        connection: smtplib.SMTP = self._backend.connection
        return connection

    def _not_served(self, code: int, text: bytes) -> Answer:
        if code == 421:
            self.close()
        result = Result.LATER if code < 500 else Result.NO_SERVICE
        return Answer(result, f"{code} {decoded(text)}")

    def close(self) -> None:
        if self._open:
            self._open = False
            try:
                self._backend.close()
            except (OSError, smtplib.SMTPException):
                logger.info("A mail server did not say good-bye", exc_info=True)
            finally:
                self._backend.connection = None


class Messages:
    """Letters as Django's messages, for mailers that are no SMTP: providers' own interfaces, files, the console."""

    def __init__(self, mailer: str) -> None:
        self._backend: Any = mailers[mailer]

    def __enter__(self) -> Self:
        self._backend.open()
        return self

    def __exit__(self, *of: object) -> None:
        self._backend.close()

    def send(self, sender: str, address: str, letter: bytes) -> Answer:
        try:
            taken = self._backend.send_messages([as_message(sender, address, letter)])
        except Exception as error:
            # What each of them raises is its own; whether the letter went out before is not known.
            logger.warning("A mailer failed", exc_info=True)
            return Answer(Result.UNKNOWN, told(error))
        return Answer(Result.SENT) if taken else Answer(Result.REFUSED)


def transport(mailer: str) -> SMTP | Messages:
    backend = type(mailers[mailer])
    return (
        SMTP(mailer) if backend.__module__ == "django.core.mail.backends.smtp" else Messages(mailer)
    )


_DOTS = re.compile(rb"(?m)^\.")


def quote_dots(letter: bytes) -> bytes:
    """RFC 5321, 4.5.2: a line that begins with a dot gets one more, so that none of them ends the letter."""
    return _DOTS.sub(b"..", letter) if b"\n." in letter or letter.startswith(b".") else letter


_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


def _refused(code: int, text: bytes, *, address_named: bool = False) -> Answer:
    said = f"{code} {decoded(text)}"
    if code < 500:
        return Answer(Result.LATER, said)
    status = _STATUS.search(said)
    if status:
        # RFC 3463: 5.1.x is about the address; of 5.2.x only a mailbox that is closed.
        lost = status.group(1, 2) == ("5", "1") or status.group(0) == "5.2.1"
    else:
        lost = address_named and code in (550, 551, 553)
    return Answer(Result.NO_SUCH_ADDRESS if lost else Result.REFUSED, said)


def decoded(text: bytes | str) -> str:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return " ".join(text.split())[:400]


def told(error: BaseException) -> str:
    return decoded(f"{type(error).__name__}: {error}")


def as_message(sender: str, address: str, letter: bytes) -> EmailMessage:
    """The letter as Django's own message, with all its headers."""
    parsed = message_from_bytes(letter, policy=policy.default)
    plain, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    headers = {
        name: str(value)
        for name, value in parsed.items()
        if name.lower() not in ("subject", "from", "to", "content-type", "mime-version")
    }
    message = EmailMultiAlternatives(
        str(parsed["subject"]),
        plain.get_content() if plain else "",
        str(parsed["from"]),
        [str(parsed["to"])],
        headers=headers,
    )
    if html:
        message.attach_alternative(html.get_content(), "text/html")
    return message


Send = Callable[[str, str, bytes], Answer]
