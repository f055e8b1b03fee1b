"""How many guesses at a password are looked at: by what was typed, by account and by address.

The counters are in the cache that all processes share; ``ACCOUNT_RATE_LIMITS`` says how many an hour. A browser that an
account has signed in with before is counted by itself: a stranger's guesses keep nobody out who has one.
"""

from __future__ import annotations

import enum
import hashlib

from allauth.core import ratelimit
from django.http import HttpRequest

from crm.accounts.devices import device_of
from crm.accounts.models import User
from crm.folding import fold


class Verdict(enum.Enum):
    OPEN = "open"
    # Answered as a wrong password would be. Saying that there were too many would tell that two names, such as a
    # username and an e-mail address, belong to one account.
    QUIET = "quiet"
    SHUT = "shut"


def count_guess(request: HttpRequest, name: str, user: User | None) -> Verdict:
    """Count one more guess at the password of ``name``, which is the user's if there is one; may it be looked at?"""
    device = device_of(request, user)
    if device:
        free = ratelimit.consume(request, action="sign_in_device", key=device)
        return Verdict.OPEN if free else Verdict.SHUT
    if not ratelimit.consume(request, action="sign_in_address"):
        return Verdict.SHUT
    if not ratelimit.consume(request, action="sign_in_name", key=_typed(name)):
        return Verdict.SHUT
    # Counted for who does not exist too: as much is done, and takes as long.
    if not ratelimit.consume(request, action="sign_in_account", key=_account(name, user)):
        return Verdict.QUIET
    return Verdict.OPEN


def forgive(request: HttpRequest, user: User, *names: str) -> None:
    """Count no more what was guessed for this account: they are who they say."""
    device = device_of(request, user)
    if device:
        ratelimit.clear(request, action="sign_in_device", key=device)
    for name in {_typed(one) for one in (*names, user.username, user.email) if one}:
        ratelimit.clear(request, action="sign_in_name", key=name)
    ratelimit.clear(request, action="sign_in_account", key=_account("", user))


def _typed(name: str) -> str:
    return hashlib.sha256(fold(name).encode()).hexdigest()


def _account(name: str, user: User | None) -> str:
    return f"user {user.pk}" if user is not None else f"name {_typed(name)}"
