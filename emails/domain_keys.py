"""Keys as DKIM publishes them (RFC 6376, 3.6.1; RFC 8463): only how long they are."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import NamedTuple

_INTEGER, _BITS, _SEQUENCE = 0x02, 0x03, 0x30


class Key(NamedTuple):
    bits: int
    is_rsa: bool = True

    @classmethod
    def unreadable(cls) -> Key:
        return cls(0)


def key_of(kind: str, text: str) -> Key:
    """Of the tags k and p. What is no key is one of 0 bits."""
    try:
        raw = b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return Key.unreadable()
    if kind == "ed25519":
        return Key(256, is_rsa=False) if len(raw) == 32 else Key.unreadable()
    try:
        return Key(_modulus(raw).bit_length()) if kind == "rsa" else Key.unreadable()
    except ValueError:
        return Key.unreadable()


def _modulus(raw: bytes) -> int:
    """Of an RSA key in DER: bare (RFC 8017) or, as nearly all are, within a SubjectPublicKeyInfo (RFC 5280)."""
    inside = _part(raw, _SEQUENCE)[0]
    if inside[:1] == bytes([_SEQUENCE]):
        after = _part(inside, _SEQUENCE)[1]
        bits = _part(after, _BITS)[0]
        inside = _part(bits[1:], _SEQUENCE)[0]
    return int.from_bytes(_part(inside, _INTEGER)[0])


def _part(raw: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the part that it begins with, and what follows. Raises ``ValueError``."""
    if len(raw) < 2 or raw[0] != tag:
        raise ValueError
    length, at = raw[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(raw[2:at])
    if len(raw) < at + length:
        raise ValueError
    return raw[at : at + length], raw[at + length :]
