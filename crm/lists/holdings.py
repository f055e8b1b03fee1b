"""The lists that a user keeps for others, for handing them over."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Q, QuerySet
from django.utils.translation import ngettext

from crm.accounts.holdings import Holding, register
from crm.accounts.models import User
from crm.lists.models import SmartList


def _shared(user: User) -> QuerySet[SmartList]:
    return SmartList.objects.filter(Q(shared=True) | Q(team__isnull=False), owner=user)


def _hand(user: User, to: User) -> int:
    return _shared(user).update(owner=to)


def _counted(number: int) -> str:
    text = ngettext("%(number)s shared list", "%(number)s shared lists", number)
    return text % {"number": intcomma(number)}


register(Holding(code="lists", rank=50, of=_shared, hand=_hand, counted=_counted))
