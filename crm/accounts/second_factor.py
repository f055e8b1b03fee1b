"""Who needs a second factor, who has one, and taking it away from somebody who lost it."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Exists, OuterRef

from crm.accounts.models import User

# Recovery codes alone are none: they come with one of these.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_factor() -> Exists:
    """Whether a user has a second factor, as an expression over users."""
    return Exists(Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS))


def is_missing(user: Any) -> bool:
    """Whether the role of a signed-in user needs a second factor that they lack.

    ``user`` is one that a request found: what is needed came along, see ``crm.accounts.along``.
    """
    wanted = "factor_of_administrators" if user.is_superuser else "factor_of_members"
    return bool(getattr(user, wanted, False) and not user.has_factor)


def remove_factors(user: User) -> int:
    """Take all second factors from somebody who lost them, and end their sessions; returns how many there were.

    Whoever calls this has made sure that it is them.
    """
    with transaction.atomic():
        found = list(Authenticator.objects.select_for_update().filter(user=user))
        for one in found:
            one.delete()
    return len(found)
