"""What in a mail leads back to one row of its ledger, and cannot be made up: the way out, and the Message-ID.

Both say which mailing and which recipient in a few bytes and prove it with 96 bits of HMAC-SHA256 under the mailing's
own key. A token of the one kind is none of the other: who is shown a Message-ID, in an answer that is passed on, cannot
unsubscribe anybody with it.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import idna
from django.conf import settings

from emails.models import Mailing

# 96 bits: RFC 2104 asks for at least 80, and each guess costs a request.
_PROOF = 12
_LETTERS = re.compile(r"[A-Za-z0-9_-]{18,48}")
_MESSAGE_ID = re.compile(r"\bstanding\.([A-Za-z0-9_-]{18,48})@")
_WAY_OUT = re.compile(r"/u/([A-Za-z0-9_-]{18,48})(?![A-Za-z0-9_-])")
_BY_MAIL = re.compile(r"\bunsubscribe[ _+]([A-Za-z0-9_-]{18,48})(?![A-Za-z0-9_-])", re.I)

LEAVE, MESSAGE, CLICK = b"leave", b"message", b"click"


def token(mailing: Mailing, position: int) -> str:
    """What the way out of a recipient is called: 19 to 24 letters of ASCII in all usual mailings.

    Position 0 stands for a test mail, which is in no ledger.
    """
    return signed(mailing, LEAVE, position)


def address(mailing: Mailing, position: int) -> str:
    """Where the way out leads, in ASCII.

    Short, because Django encodes a header's word of more than 74 characters, and mail programs then find no address
    in it: with a host of up to 20 characters the whole line ``List-Unsubscribe: <…>`` has no more.
    """
    return f"{origin_of(mailing)}/u/{token(mailing, position)}"


def message_id(mailing: Mailing, position: int) -> str:
    """The Message-ID of a recipient's mail, always the same one: ``<standing.…@host>``."""
    host = urlsplit(origin_of(mailing)).hostname or "localhost"
    return f"<standing.{signed(mailing, MESSAGE, position)}@{host}>"


def by_mail(mailing: Mailing, position: int) -> str:
    """Where to write to be taken off, a ``mailto:``; empty unless a mailbox is read and the sender has its address."""
    sender = mailing.sender
    if not settings.BOUNCES_IMAP or sender is None or not sender.bounces_to:
        return ""
    to = quote(sender.bounces_to, safe="@")
    return f"mailto:{to}?subject=unsubscribe%20{token(mailing, position)}"


def read(text: str) -> tuple[Mailing, int] | None:
    """The mailing and the position that a token of ``token`` stands for; None for one that we did not make."""
    found = opened(text, LEAVE)
    return (found[0], found[1]) if found and len(found) == 2 else None


def read_any(text: str) -> tuple[Mailing, int] | None:
    """Whose mail ``text`` holds a proof of, a Message-ID or a way out of ours; the first that holds."""
    for kind, found in _candidates(text):
        opens = opened(found, kind)
        if opens and len(opens) == 2:
            return opens[0], opens[1]
    return None


def read_request(text: str) -> tuple[Mailing, int] | None:
    """Who asks to be taken off by a mail with this subject or text."""
    for found in _BY_MAIL.finditer(text):
        if mail := read(found.group(1)):
            return mail
    return None


# Of a text that claims to hold a thousand of ours, none is.
_MOST = 20


def _candidates(text: str) -> Iterator[tuple[bytes, str]]:
    found: dict[tuple[bytes, str], None] = {}
    for kind, pattern in ((MESSAGE, _MESSAGE_ID), (LEAVE, _WAY_OUT)):
        for one in pattern.finditer(text):
            found[kind, one.group(1)] = None
            if len(found) >= _MOST:
                break
    return iter(found)


def origin_of(mailing: Mailing) -> str:
    """Scheme and host of the links in its mails, in ASCII."""
    parts = urlsplit(mailing.origin or "http://localhost")
    host, colon, port = parts.netloc.partition(":")
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode("ascii")
    return f"{parts.scheme}://{host}{colon}{port}"


def signed(mailing: Mailing, kind: bytes, *numbers: int) -> str:
    """Numbers about a mailing with the proof that it was we who wrote them."""
    payload = b"".join(_packed(one) for one in (mailing.pk, *numbers))
    return _text(payload + _proof(mailing.key, kind, payload))


def opened(text: str, kind: bytes) -> tuple[Mailing, *tuple[int, ...]] | None:
    """The mailing and the numbers of a text that ``signed`` made for this kind; None for any other."""
    if not _LETTERS.fullmatch(text):
        return None
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else b""
    # The last letter of such a text has bits that say nothing: of all ways of writing it only ours is one.
    if _text(raw) != text:
        return None
    payload, proof = raw[:-_PROOF], raw[-_PROOF:]
    numbers = _unpacked(payload)
    if len(numbers) < 2:
        return None
    mailing = Mailing.objects.select_related("sender").filter(pk=numbers[0]).first()
    # Compared even where there is no such mailing, so that both take as long.
    expected = _proof(mailing.key if mailing else "", kind, payload)
    if not hmac.compare_digest(expected, proof) or mailing is None:
        return None
    return (mailing, *numbers[1:])


def _proof(key: str, kind: bytes, payload: bytes) -> bytes:
    return hmac.digest(key.encode(), kind + b"\0" + payload, "sha256")[:_PROOF]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _packed(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have the eighth bit set."""
    packed = bytearray()
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def _unpacked(payload: bytes) -> list[int]:
    """The numbers packed one after the other; none if it is not exactly what ``_packed`` writes."""
    numbers: list[int] = []
    number = shift = 0
    for byte in payload:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    whole = b"".join(_packed(one) for one in numbers) == payload
    # As many as a database can count to.
    return numbers if whole and all(one < 2**63 for one in numbers) else []
