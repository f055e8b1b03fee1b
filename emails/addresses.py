"""E-mail addresses: which of them can be written to, and which are one."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

# RFC 5321: 64 bytes before the @, 254 in all. Quoted local parts, addresses in brackets and letters beyond ASCII
# before the @ are allowed somewhere; no provider that people use gives them away, and most servers refuse them.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def sendable(address: str) -> str:
    """The address as a mail server takes it, in ASCII; empty if it is none.

    >>> sendable(" Ada@Bücher.example ")
    'Ada@xn--bcher-kva.example'
    """
    local, at, domain = address.strip().rpartition("@")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        return ""
    domain = _domain(domain) if len(domain) < 255 else ""
    return f"{local}@{domain}" if domain and len(local) + len(domain) <= 253 else ""


@lru_cache(maxsize=4_096)
def _domain(text: str) -> str:
    """A domain in ASCII; empty if it is none. Many addresses share one."""
    try:
        domain = idna.encode(text, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return ""
    labels = domain.split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return ""
    return domain if all(_LABEL.fullmatch(one) for one in labels) else ""


def normal(address: str) -> str:
    """What two ways of writing one address have in common; empty if it is none.

    Servers may tell upper case from lower before the @; those that people use do not, and mailing somebody twice or
    after a refusal is the worse mistake.
    """
    return sendable(address).lower()
