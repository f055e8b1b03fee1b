"""Kept wins and late joinings that a change took away, given back once it is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from crm.changes import one_change
from deals.models import DealParty
from deals.services import sql
from deals.stages import Group


def put_back_wins(wins: Iterable[tuple[int, int, datetime | None]]) -> None:
    """Let contacts keep wins again, given as deal, contact and when it joined.

    Only of deals that are won, and for contacts that it does not count for anyway. Not for use in
    the change that makes the deal a won one again: until that is settled its kept wins are none.
    """
    wins = list(wins)
    if not wins:
        return
    with one_change() as change:
        deals = sql.lock_deals(sorted({deal for deal, _contact, _joined in wins}))
        won = {deal.id for deal in deals if deal.group == Group.WON}
        present = {
            state.id for state in sql.lock_contacts_by_id({contact for _deal, contact, _at in wins})
        }
        parties = [
            DealParty(deal_id=deal, contact_id=contact, kept=True, joined_at=joined)
            for deal, contact, joined in wins
            if deal in won and contact in present
        ]
        DealParty.objects.bulk_create(parties, ignore_conflicts=True)
        change.deals |= {party.deal_id for party in parties}


def kept_wins(
    *, deals: Iterable[int] = (), contacts: Iterable[int] = ()
) -> list[tuple[int, int, datetime | None]]:
    """The kept wins of these deals, or of these contacts, as ``put_back_wins`` takes them."""
    kept = DealParty.objects.filter(kept=True)
    deals, contacts = list(deals), list(contacts)
    if deals:
        kept = kept.filter(deal__in=deals)
    if contacts:
        kept = kept.filter(contact__in=contacts)
    return list(kept.order_by("pk").values_list("deal_id", "contact_id", "joined_at"))
