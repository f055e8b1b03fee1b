"""A message taken apart, whatever it is made of: no input makes anything here fail."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from functools import cached_property
from quopri import decodestring

logger = logging.getLogger(__name__)

# Bytes: reports are short; of those that bring a whole mail along, its head is what counts.
LARGEST = 1_000_000
# Letters that are looked through for what a report says, and for proofs of ours.
SAID, SHOWN = 60_000, 400_000
LONGEST_HEADER = 2_000
# Parts in parts: who packs deeper has nothing to say.
DEEPEST, MOST_PARTS = 60, 400


@dataclass
class Part:
    """One part of a message: its headers, each name in small letters, and what it says as text."""

    kind: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    depth: int = 0

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Mail:
    """A message as a list of its parts, the whole of it first."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw[:LARGEST]
        try:
            message = BytesParser(policy=compat32).parsebytes(self.raw)
            self.parts = [self._part(one, depth) for one, depth in _walked(message)]
        except (Exception, RecursionError):
            # The parser of Python gives up on some; what they say may still be read as one text.
            logger.info("A message could not be taken apart", exc_info=True)
            self.parts = [Part("text/plain", _head(self.raw), self.raw.decode("latin-1")[:SHOWN])]

    def _part(self, message: Message, depth: int) -> Part:
        return Part(_kind(message), _headers(message), _text(message), depth)

    def get(self, name: str) -> str:
        return self.parts[0].get(name)

    def of_kind(self, *kinds: str) -> Part | None:
        return next((one for one in self.parts if one.kind in kinds), None)

    @cached_property
    def subject(self) -> str:
        return decoded(self.get("subject"))

    @cached_property
    def said(self) -> str:
        """What the message itself says as text; not what mails in it say."""
        inside = DEEPEST
        texts: list[str] = []
        for one in self.parts:
            if one.depth > inside:
                continue
            inside = one.depth if one.kind.startswith("message/") else DEEPEST
            if one.kind == "text/plain" or (one.kind.startswith("text/") and not texts):
                texts.append(one.text)
        return "\n".join(texts)[:SAID]

    @cached_property
    def shown(self) -> str:
        """Everything in it that may hold a proof of ours: the headers and texts of all parts, and itself as it is."""
        texts = [f"{name}: {value}" for one in self.parts for name, value in one.headers]
        texts += [one.text for one in self.parts]
        return "\n".join(texts)[:SHOWN] + "\n" + self.raw[:SHOWN].decode("latin-1")


def _walked(message: Message, depth: int = 0) -> Iterator[tuple[Message, int]]:
    """The parts from the outside in, without calling itself: a message may be packed deeper than Python can call."""
    waiting = [(message, depth)]
    seen = 0
    while waiting and seen < MOST_PARTS:
        one, depth = waiting.pop()
        seen += 1
        yield one, depth
        inner = one.get_payload()
        if isinstance(inner, list) and depth < DEEPEST and _kind(one) not in STATUS:
            waiting += [(part, depth + 1) for part in reversed(inner) if isinstance(part, Message)]


STATUS = ("message/delivery-status", "message/global-delivery-status")


def _kind(message: Message) -> str:
    try:
        kind = message.get_content_type()
    except Exception:
        return "text/plain"
    # Without the boundary that it should have, it is one text.
    is_torn = kind.startswith("multipart/") and not isinstance(message.get_payload(), list)
    return "text/plain" if is_torn else kind


def _headers(message: Message) -> list[tuple[str, str]]:
    found = []
    for name, value in message.items()[:300]:
        try:
            text = str(value)
        except Exception:
            text = ""
        found.append((name.lower(), " ".join(text.split())))
    return found


def _text(message: Message) -> str:
    """What a part says. Of delivery statuses their fields, which Python's parser takes for messages of their own."""
    kind = _kind(message)
    inner = message.get_payload()
    if isinstance(inner, list):
        if not (kind in STATUS or kind.startswith("message/feedback-report")):
            return ""
        text = "\n\n".join(_fields(one) for one in inner[:200] if isinstance(one, Message))
        return _unpacked(text, message)[:SHOWN]
    if not kind.startswith(("text/", "message/")):
        return ""
    try:
        raw = message.get_payload(decode=True)
    except Exception:
        raw = None
    raw = raw if isinstance(raw, bytes) else str(inner or "").encode("utf-8", "replace")
    return _read(raw, message)[:SHOWN]


def _fields(message: Message) -> str:
    inner = message.get_payload()
    rest = inner if isinstance(inner, str) else ""
    if isinstance(inner, list):
        rest = "\n\n".join(_fields(one) for one in inner[:200] if isinstance(one, Message))
    return "\n".join(f"{name}: {value}" for name, value in _headers(message)) + f"\n\n{rest}"


def _unpacked(text: str, message: Message) -> str:
    """RFC 6533 lets the fields be encoded; Python's parser does not look for that."""
    how = str(message.get("content-transfer-encoding", "")).strip().lower()
    raw = text.strip().encode("utf-8", "replace")
    try:
        if how == "base64":
            return b64decode(raw).decode("utf-8", "replace")
        if how == "quoted-printable":
            return decodestring(raw).decode("utf-8", "replace")
    except ValueError:
        pass
    return text


def _read(raw: bytes, message: Message) -> str:
    try:
        charset = message.get_content_charset("utf-8")
        return raw.decode(charset, "replace")
    except Exception:
        return raw.decode("latin-1")


def _head(raw: bytes) -> list[tuple[str, str]]:
    """The headers of a message that could not be parsed."""
    found: list[tuple[str, str]] = []
    for line in raw[:SAID].decode("latin-1").splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and " " not in name:
            found.append((name.lower(), value.strip()))
    return found


def decoded(value: str) -> str:
    """A header's text, its encoded words read."""
    try:
        return str(make_header(decode_header(value[:LONGEST_HEADER])))
    except Exception:
        return value


def cleaned(text: str, longest: int = 500) -> str:
    """Text as a database and a page take it: one line, without control characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: longest * 4])
    return " ".join(line.encode("utf-8", "replace").decode("utf-8").split())[:longest]
