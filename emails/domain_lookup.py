"""Asking the DNS, with an end to it: what it answers is written by strangers."""

from __future__ import annotations

import time
from collections.abc import Callable

import dns.exception
import dns.resolver
from dns.rdatatype import RdataType

# Seconds for one question and for all of them: whoever pressed the button waits.
ONE_LASTS = 3.0
ALL_LAST = 10.0
QUESTIONS_AT_MOST = 40
RECORDS_AT_MOST = 50
# The longest record of use, a DKIM key of 4096 bits, has about 800 characters.
LETTERS_AT_MOST = 4_000

# A question (name, type, seconds) and the records that answer it: texts joined, others as zone files write them.
Ask = Callable[[str, str, float], list[bytes]]


class Unreachable(Exception):
    """No answer in time, or one that the domain's servers could not give. Says nothing about the domain."""


def ask_dns(name: str, kind: str, seconds: float) -> list[bytes]:
    """Of the machine's own name servers. No records and no such name are one: nothing is there."""
    try:
        answer = dns.resolver.resolve(
            name,
            RdataType.from_text(kind),
            lifetime=seconds,
            search=False,
            raise_on_no_answer=False,
        )
    except dns.resolver.NXDOMAIN:
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise Unreachable(type(error).__name__) from error
    if kind == "TXT":
        return [b"".join(one.strings) for one in answer]
    return [one.to_text().encode() for one in answer]


class Lookup:
    """Questions of one check, each asked once. All raise ``Unreachable``."""

    def __init__(self, ask: Ask = ask_dns, *, seconds: float = ALL_LAST) -> None:
        self._ask = ask
        self._until = time.monotonic() + seconds
        self._known: dict[tuple[str, str], list[str] | None] = {}

    def texts(self, name: str) -> list[str]:
        return self._answer(name, "TXT")

    def exchangers(self, name: str) -> list[str]:
        """Hosts that take mail for a name, best first; RFC 7505: a lone dot where it wants none."""
        found = []
        for record in self._answer(name, "MX"):
            preference, _blank, host = record.partition(" ")
            rank = int(preference) if preference.isascii() and preference.isdigit() else 65_536
            found.append((rank, host.strip().lower()))
        return [host if host == "." else host.rstrip(".") for _rank, host in sorted(found)]

    def has_address(self, name: str) -> bool:
        return bool(self._answer(name, "A") or self._answer(name, "AAAA"))

    def _answer(self, name: str, kind: str) -> list[str]:
        name = name.rstrip(".").lower()
        if not is_name(name):
            return []
        if (name, kind) not in self._known:
            self._known[name, kind] = self._asked(name, kind)
        answer = self._known[name, kind]
        if answer is None:
            raise Unreachable(name)
        return answer

    def _asked(self, name: str, kind: str) -> list[str] | None:
        left = self._until - time.monotonic()
        if left <= 0 or len(self._known) >= QUESTIONS_AT_MOST:
            return None
        try:
            records = self._ask(name, kind, min(ONE_LASTS, left))
        except Unreachable:
            return None
        return [readable(one) for one in records[:RECORDS_AT_MOST]]


def readable(record: bytes) -> str:
    """What can be shown and stored of a record, whatever its bytes are."""
    text = record[:LETTERS_AT_MOST].decode("ascii", "replace")
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def is_name(name: str) -> bool:
    """Whether it can be asked for; names in records may hold anything."""
    labels = name.split(".")
    return len(name) <= 253 and all(
        0 < len(one) <= 63 and one.isascii() and one.replace("-", "").replace("_", "").isalnum()
        for one in labels
    )
