"""A mailing as bytes on the wire: built once, personalised by joining.

Python's own message objects parse each header on the way in and fold it on the way out, for every recipient anew; that
is nine tenths of the time that sending takes. Here everything that is the same for all is encoded once, and a letter
is what lies between its merge fields joined with its values.

What it keeps to: RFC 5322 (lines, dates, ids), 2045 (quoted-printable), 2047 (words in headers), 2369 and 8058 (lists).
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import uuid4

from emails.merging import WAYS, Place, Text, Values, fill, in_html, in_line, value_of

if TYPE_CHECKING:
    from datetime import datetime

Quoting = Callable[[str], str]
# The reserved place of a recipient's own way out; no contact has a field of that name.
WAY_OUT = "unsubscribe_link"
# RFC 2047: an encoded word has 75 characters at most, 12 of which are “=?utf-8?b?” and “?=”; base64 makes 4 of 3.
_WORD = 45
# RFC 2045: bytes of a line, without its end.
_LINE = 76
# RFC 5322: 78 bytes are good, more than 998 are not allowed. The header's name needs some of them.
_FOLDS_AT, _WORD_AT_MOST = 64, 900
_PLAIN = re.compile(r"[ -~]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a mailing says, read into pieces; ``html`` is a whole document with its styles inlined."""

    subject: Text
    text: Text
    html: Text


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What is different for each recipient, besides the values of the merge fields."""

    name: str
    address: str
    message_id: str
    # Takes the recipient off by one click, and shows the page that does.
    way_out: str
    # A mailto: that takes them off too, where one is read.
    by_mail: str = ""


class Letter:
    """The letters of one mailing in one language.

    ``headers`` are those that all have, ready for the wire but for letters beyond ASCII.
    """

    def __init__(
        self, content: Content, *, sender: tuple[str, str], headers: Mapping[str, str]
    ) -> None:
        self.content = content
        boundary = f"=_{uuid4().hex}"
        self._head = b"".join(
            line(name, value)
            for name, value in (
                ("From", mailbox(*sender)),
                *((name, encoded(value)) for name, value in headers.items()),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
                ("MIME-Version", "1.0"),
                ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
            )
        )
        self._body = _Body(content, boundary)

    def to(self, envelope: Envelope, values: Values, date: datetime) -> bytes:
        """The letter for one recipient. Raises ``KeyError`` for a merge field without value and fallback."""
        values = {**values, WAY_OUT: envelope.way_out}
        return b"".join(
            (
                line("To", mailbox(envelope.name, envelope.address)),
                line("Subject", encoded(self.subject_for(values))),
                line("Date", _day_and_time(date)),
                line("Message-ID", envelope.message_id),
                line("List-Unsubscribe", ways_out(envelope)),
                self._head,
                self._body.filled(values),
            )
        )

    def subject_for(self, values: Values) -> str:
        return in_line(fill(self.content.subject, values, in_line))


class _Body:
    """Both parts of a letter in quoted-printable, of which only the values are encoded for each recipient.

    A template of bytes: joining hundreds of pieces costs more than all else that is done for a letter.
    """

    def __init__(self, content: Content, boundary: str) -> None:
        self._places: dict[tuple[Place, Quoting], int] = {}
        self._order: list[int] = []
        self._template = b"".join(
            (
                self._part(content.text, "plain", str, boundary),
                self._part(content.html, "html", in_html, boundary),
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )

    def _part(self, text: Text, subtype: str, escaped: Quoting, boundary: str) -> bytes:
        wire = (
            f"\r\n--{boundary}\r\n"
            f"Content-Type: text/{subtype}; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        ).encode()
        last = len(text) - 1
        for number, piece in enumerate(text):
            if isinstance(piece, Place):
                place = (piece, WAYS.get(piece.way, escaped))
                self._order.append(self._places.setdefault(place, len(self._places)))
                # The text goes on where the value, which ends its line, has ended.
                wire += b"%b=\r\n" if number < last else b"%b"
            else:
                fixed = quoted_printable(piece)
                fixed = fixed if number == last else _torn_off(fixed)
                wire += fixed.replace(b"%", b"%%")
        return wire

    def filled(self, values: Values) -> bytes:
        """Raises ``KeyError`` for a merge field without value and fallback."""
        found = [_value_on_wire(value_of(place, values), quoted) for place, quoted in self._places]
        return self._template % tuple([found[number] for number in self._order])


@lru_cache(maxsize=10_000)
def _value_on_wire(value: str, quoted: Quoting) -> bytes:
    """A value as it stands in a part; the same first names and companies come again and again."""
    return _shortened(quoted_printable(quoted(value)))


def quoted_printable(text: str) -> bytes:
    """``text`` as RFC 2045 has it, each line with its CR and LF and 76 bytes at most."""
    crlf = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    wire = b2a_qp(crlf.encode(), istext=True)
    # Where the text has no line break of its own to learn from, it breaks lines with LF alone.
    return wire if b"\r\n" in wire else wire.replace(b"\n", b"\r\n")


def _torn_off(wire: bytes) -> bytes:
    """With a line break at its end that is no character of the text: what follows begins a line of its own."""
    return _shortened(wire) + b"=\r\n"


def _shortened(wire: bytes) -> bytes:
    """With room for one byte more on its last line."""
    if len(wire) - (wire.rfind(b"\n") + 1) < _LINE:
        return wire
    end = 3 if wire[-3:-2] == b"=" else 1
    return wire[:-end] + b"=\r\n" + wire[-end:]


def ways_out(envelope: Envelope) -> str:
    """One on a line, so that none of them is too long for it."""
    ways = [envelope.way_out, *([envelope.by_mail] if envelope.by_mail else [])]
    return ",\r\n ".join(f"<{one}>" for one in ways)


# Those of one batch share it.
_day_and_time = lru_cache(maxsize=16)(format_datetime)


def line(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("ascii")


def mailbox(name: str, address: str) -> str:
    """A name and an address as a header has them, whatever the name is."""
    name = in_line(name)
    if not name:
        return address
    # Some programs look for encoded words between quotes too.
    if not _PLAIN.fullmatch(name) or "=?" in name:
        return f"{encoded(name)} <{address}>"
    if not _ATOMS.fullmatch(name):
        name = '"' + name.replace("\\", r"\\").replace('"', r"\"") + '"'
    return f"{name} <{address}>"


def encoded(text: str) -> str:
    """A header's text in ASCII: as it is where it can be, else in words of RFC 2047, one on a line."""
    if _PLAIN.fullmatch(text) and "=?" not in text:
        if len(text) <= _FOLDS_AT:
            return text
        folded = _folded(text)
        if folded is not None:
            return folded
    whole = text.encode()
    if len(whole) <= _WORD:
        return _as_word(whole)
    words: list[str] = []
    word = b""
    for letter in text:
        raw = letter.encode()
        if len(word) + len(raw) > _WORD:
            words.append(_as_word(word))
            word = b""
        word += raw
    return "\r\n ".join([*words, _as_word(word)])


def _folded(text: str) -> str | None:
    """On lines that begin with a blank, broken where there is one; None where a word is too long for any line."""
    lines = [""]
    for word in text.split(" "):
        if len(word) > _WORD_AT_MOST:
            return None
        if lines[-1] and len(lines[-1]) + len(word) >= _FOLDS_AT:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def _as_word(raw: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(raw, newline=False).decode('ascii')}?="


def pieces_of(*parts: Text) -> Sequence[str | Place]:
    """Texts one after the other as one."""
    return [piece for part in parts for piece in part]
