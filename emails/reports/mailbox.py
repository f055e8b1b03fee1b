"""The mailbox that reports come back to, read by IMAP (RFC 3501).

Every message is read once and marked as seen, whatever is in it; none is moved or deleted. A connection that is cut is
opened again, and what was left is read then.
"""

from __future__ import annotations

import imaplib
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from emails.reports.anatomy import LARGEST
from emails.reports.taking import TooSoon, take_in

logger = logging.getLogger(__name__)

# Seconds that a server may think about an answer.
TIMEOUT = 30
# Messages in one reading; the next one goes on.
MOST = 500
# How often a connection is opened in one reading.
CONNECTIONS = 3

Connect = Callable[[], imaplib.IMAP4]


class MailboxError(Exception):
    """The mailbox cannot be read; says why, without its password."""


def read_new(*, connect: Connect | None = None, most: int = MOST) -> Counter[str]:
    """Read what is new in the mailbox. Returns how many messages there were of each ``Report.Kind``, “none” for those
    that are no reports or were known, “broken” for those that nobody could act on.

    Raises ``MailboxError``, and the database's errors: what was not read stays unseen.
    """
    if not settings.BOUNCES_IMAP:
        raise MailboxError("No mailbox is set: BOUNCES_IMAP_URL says where reports come back to.")
    found: Counter[str] = Counter()
    done: set[bytes] = set()
    for left in reversed(range(CONNECTIONS)):
        try:
            with _opened(connect or connection) as box:
                for uid in _unseen(box)[: most - len(done)]:
                    if uid not in done:
                        found[_read(box, uid)] += 1
                        done.add(uid)
            return found
        except (imaplib.IMAP4.abort, OSError) as error:
            if not left or isinstance(error, ssl.SSLCertVerificationError):
                raise MailboxError(f"The mailbox cannot be read: {error}") from error
            logger.info("The connection to the mailbox was cut; it is opened again", exc_info=True)
        except imaplib.IMAP4.error as error:
            raise MailboxError(f"The mail server refuses: {error}") from error
    return found


def connection() -> imaplib.IMAP4:
    """To the server of the settings, its certificate checked."""
    given = settings.BOUNCES_IMAP
    if given["tls"]:
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(given["host"], given["port"], ssl_context=context, timeout=TIMEOUT)
    return imaplib.IMAP4(given["host"], given["port"], timeout=TIMEOUT)


@contextmanager
def _opened(connect: Connect) -> Iterator[imaplib.IMAP4]:
    box = connect()
    try:
        box.login(settings.BOUNCES_IMAP["user"], settings.BOUNCES_IMAP["password"])
        _asked(box.select(_quoted(settings.BOUNCES_IMAP["folder"])), "There is no such folder")
        yield box
    finally:
        try:
            box.logout()
        except (imaplib.IMAP4.error, OSError):
            logger.debug("The mail server did not say good-bye", exc_info=True)


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", r"\\").replace('"', r"\"") + '"'


def _asked(answer: tuple[str, list[Any]], otherwise: str) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(otherwise)
    return data


def _unseen(box: imaplib.IMAP4) -> list[bytes]:
    data = _asked(box.uid("SEARCH", "UNSEEN"), "It cannot say which messages are new")
    return [uid for one in data if isinstance(one, bytes) for uid in one.split()]


def _read(box: imaplib.IMAP4, uid: bytes) -> str:
    """Act on one message; what came of it, for the count."""
    number = uid.decode("ascii", "replace")
    # PEEK: it is marked when it was acted on, not when it was looked at.
    data = _asked(box.uid("FETCH", number, f"(BODY.PEEK[]<0.{LARGEST}>)"), "It gives no message")
    raw = next((one[1] for one in data if isinstance(one, tuple) and len(one) > 1), None)
    if raw is None:
        # Somebody else deleted it meanwhile.
        return "none"
    try:
        report = take_in(raw, source="mailbox")
        came_of_it = str(report.kind) if report else "none"
    except TooSoon:
        return "none"
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("Message %s of the mailbox could not be acted on", number)
        came_of_it = "broken"
    _asked(box.uid("STORE", number, "+FLAGS.SILENT", r"(\Seen)"), "It marks no message as seen")
    return came_of_it
