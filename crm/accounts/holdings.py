"""What belongs to users, and handing all of it to somebody else. The rooms above register what they keep of users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.audit.models import Action
from crm.audit.services import record


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One kind of records that users have.

    ``of`` gives those of a user as a queryset; ``hand`` gives them all to another one, in a constant number of
    statements, and returns how many they were; ``counted`` words a number of them. ``code`` names them in the audit
    log, ``rank`` orders them: as the database locks them, deals before contacts.
    """

    code: str
    rank: int
    of: Callable[[User], Any]
    hand: Callable[[User, User], int]
    counted: Callable[[int], str]


def hand_collaborations(model: Any, record: str) -> Callable[[User, User], int]:
    """A holding's ``hand`` for the rows of ``model``, whose ``user`` collaborates on its ``record``."""

    def hand(user: User, to: User) -> int:
        own = model.objects.filter(user=user)
        theirs = model.objects.filter(user=to).values(record)
        # Nobody collaborates twice on a record, nor on one that is theirs.
        needless = own.filter(Q(**{f"{record}__in": theirs}) | Q(**{f"{record}__owner": to}))
        return int(needless.delete()[0] + own.update(user=to))

    return hand


_holdings: dict[str, Holding] = {}


def register(holding: Holding) -> None:
    _holdings[holding.code] = holding


def holdings() -> list[Holding]:
    return sorted(_holdings.values(), key=lambda one: one.rank)


def held_by(user: User) -> list[str]:
    """What a user has, in words with numbers; kinds of which there is nothing are left out."""
    numbers = [(one, one.of(user).count()) for one in holdings()]
    return [one.counted(number) for one, number in numbers if number]


def hand_over(user: User, to: User) -> dict[str, int]:
    """Give everything that belongs to ``user`` to another active user; returns how many by kind.

    Saved lists that a user keeps for themselves stay. Statuses are untouched: they rest on no owner. Raises
    ``ValidationError``.
    """
    with transaction.atomic():
        rows = User.objects.filter(pk__in=[user.pk, to.pk]).order_by("pk")
        found = {one.pk: one for one in rows.select_for_update(no_key=True)}
        if user.pk == to.pk or to.pk not in found or not found[to.pk].is_active:
            raise ValidationError({"to": _("Choose somebody else who is active.")})
        numbers: dict[str, Any] = {one.code: one.hand(user, to) for one in holdings()}
        record(Action.HANDED_OVER, user, to=str(to), to_id=to.pk, **numbers)
    return numbers
