"""Remembering, and asking, whom nobody may write to."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterable

from django.db.models import QuerySet

from crm.suppression.models import Salt, Suppression


def normalised(address: str) -> str:
    """An address as all ways of writing it come to: no blanks around it, small letters, the domain in ASCII."""
    text = address.strip().lower()
    if text.isascii() and not text.endswith("."):
        # Almost all, and all the rest would leave them so.
        return text
    return _normalised(address)


def _normalised(address: str) -> str:
    text = unicodedata.normalize("NFKC", address).strip().casefold()
    local, at, domain = text.rpartition("@")
    # What is no domain that anybody could write to is told apart as it is written.
    with contextlib.suppress(UnicodeError):
        domain = domain.rstrip(".").encode("idna").decode("ascii")
    return f"{local}{at}{domain}"


def _hasher(salt: str) -> Callable[[str], str]:
    """HMAC-SHA256 (RFC 2104) of normalised addresses under one key, which is worked in once for all of them."""
    key = salt.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def digest(address: str) -> str:
        first, second = inner.copy(), outer.copy()
        first.update(normalised(address).encode())
        second.update(first.digest())
        return second.hexdigest()

    return digest


def _digest(salt: str, address: str) -> str:
    return hmac.new(salt.encode(), normalised(address).encode(), hashlib.sha256).hexdigest()


def suppress(addresses: Iterable[str], reason: str) -> int:
    """Let nobody write to these addresses any more; returns how many are new. An older reason stays."""
    salt = Salt.current()
    digests = {_digest(salt, one) for one in addresses if "@" in one}
    known = set(Suppression.objects.filter(digest__in=digests).values_list("digest", flat=True))
    Suppression.objects.bulk_create(
        [Suppression(digest=one, reason=reason) for one in sorted(digests - known)],
        ignore_conflicts=True,
    )
    return len(digests - known)


def suppressed(addresses: Iterable[str]) -> dict[str, str]:
    """The reason of those of ``addresses`` that are not to be written to. Two statements, one where nobody is."""
    asked = [one for one in addresses if one]
    salt = Salt.objects.filter(pk=1).values_list("value", flat=True).first() if asked else None
    if salt is None:
        return {}
    digests = {one: _digest(salt, one) for one in asked}
    found = dict(
        Suppression.objects.filter(digest__in=set(digests.values())).values_list("digest", "reason")
    )
    return {one: found[digest] for one, digest in digests.items() if digest in found}


def of_addresses(addresses: Iterable[str]) -> QuerySet[Suppression]:
    """What is remembered of these addresses."""
    salt = Salt.objects.filter(pk=1).values_list("value", flat=True).first()
    digests = [_digest(salt, one) for one in addresses if one] if salt else []
    return Suppression.objects.filter(digest__in=digests).order_by("pk")


def asker() -> Callable[[str], bool]:
    """Whether an address is not to be written to, for asking of many: two statements for all of them."""
    salt = Salt.objects.filter(pk=1).values_list("value", flat=True).first()
    digests = set(Suppression.objects.values_list("digest", flat=True)) if salt else set()
    if not digests:
        return lambda address: False
    digest = _hasher(salt or "")
    return lambda address: digest(address) in digests
