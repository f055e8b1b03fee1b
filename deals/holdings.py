"""What users have of deals, for handing it over."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.translation import ngettext

from crm.accounts.holdings import Holding, hand_collaborations, register
from crm.accounts.models import User
from deals.models import Deal, DealCollaborator


def _hand_deals(user: User, to: User) -> int:
    return Deal.objects.filter(owner=user).update(owner=to, updated_at=timezone.now())


def _deals(number: int) -> str:
    text = ngettext("%(number)s deal", "%(number)s deals", number)
    return text % {"number": intcomma(number)}


def _collaborations(number: int) -> str:
    text = ngettext(
        "%(number)s deal as a collaborator", "%(number)s deals as a collaborator", number
    )
    return text % {"number": intcomma(number)}


register(
    Holding(
        code="deals",
        rank=10,
        of=lambda user: Deal.objects.filter(owner=user),
        hand=_hand_deals,
        counted=_deals,
    )
)
register(
    Holding(
        code="deal_collaborations",
        rank=20,
        of=lambda user: DealCollaborator.objects.filter(user=user),
        hand=hand_collaborations(DealCollaborator, "deal"),
        counted=_collaborations,
    )
)
