"""How many guesses at a password are looked at: by what was typed, by account and by address.

The counters are in the cache that all processes share; ``ACCOUNT_RATE_LIMITS`` says how many an hour. A browser that an
account has signed in with before is counted by itself: a stranger's guesses keep nobody out who has one.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from typing import Any

from allauth.core.internal import ratelimit
from django.http import HttpRequest

from crm.accounts.devices import device_of
from crm.accounts.models import User
from crm.folding import fold

APP = "allauth.account"


class Verdict(enum.Enum):
    OPEN = "open"
    # Answered as a wrong password would be. Saying that there were too many would tell that two names, such as a
    # username and an e-mail address, belong to one account.
    QUIET = "quiet"
    SHUT = "shut"


@dataclass
class Guess:
    """One guess, which was counted, and whether it may be looked at."""

    verdict: Verdict = Verdict.OPEN
    counted: list[Any] = field(default_factory=list)

    def take_back(self) -> None:
        """Count it no more: it was right. Those of others before it go on counting."""
        for usage in self.counted:
            usage.rollback()


def count_guess(request: HttpRequest, name: str, user: User | None) -> Guess:
    """Count one more guess at the password of ``name``, which is the user's if there is one."""
    guess = Guess()
    device = device_of(request, user)
    steps: list[tuple[str, str | None, Verdict]]
    if device:
        steps = [("sign_in_device", device, Verdict.SHUT)]
    else:
        steps = [
            ("sign_in_address", None, Verdict.SHUT),
            ("sign_in_name", _typed(name), Verdict.SHUT),
            # Counted for who does not exist too: as much is done, and takes as long.
            ("sign_in_account", _account(name, user), Verdict.QUIET),
        ]
    for action, key, otherwise in steps:
        usage = ratelimit.consume(request, app=APP, action=action, key=key)
        if usage is None:
            guess.verdict = otherwise
            break
        guess.counted.append(usage)
    return guess


def forgive(request: HttpRequest, user: User) -> None:
    """Count no more what was guessed for this account: they have shown otherwise that it is them."""
    device = device_of(request, user)
    if device:
        ratelimit.clear(request, app=APP, action="sign_in_device", key=device)
    for name in {_typed(one) for one in (user.username, user.email) if one}:
        ratelimit.clear(request, app=APP, action="sign_in_name", key=name)
    ratelimit.clear(request, app=APP, action="sign_in_account", key=_account("", user))


def too_many_forged(request: HttpRequest) -> bool:
    """Count one more address of a page without sign-in that was made up; whether this was one too many from there."""
    return ratelimit.consume(request, app=APP, action="forged", limit_get=True) is None


def _typed(name: str) -> str:
    return hashlib.sha256(fold(name).encode()).hexdigest()


def _account(name: str, user: User | None) -> str:
    return f"user {user.pk}" if user is not None else f"name {_typed(name)}"
