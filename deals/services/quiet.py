"""Quiet customers: Current Customers with whom nothing has happened for so long that somebody should look.

Quiet is a Current Customer without an active deal, for whom nothing of the following lies within
the last N months:
- its last win;
- its last lost deal: it was being sold to until then, so that an active deal that closes as lost
  begins the months anew;
- the day it became a Current Customer, and the day a person selected a status of it: whoever says
  “Current Customer” today is not asked tomorrow whether that is so.

N is the account's, none by default. Left out are those who carry one of the account's exceptions
among the tags, and those kept until a later day (``KeptQuiet``). Nothing here selects a status:
they are proposed, and a person confirms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from contacts.models import Contact, ContactTag
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.actor import current_actor
from crm.audit.models import Action
from crm.audit.services import record
from crm.bulk.among import among
from crm.lists.periods import midnight, shifted
from deals.models import Deal, DealParty, KeptQuiet
from deals.services.names import sees_all_deals
from deals.stages import Group
from settings.catalogue import catalogue
from settings.models import Account

WRITTEN_AT_ONCE = 1_000
# What counts as something happening with a customer.
HAPPENED = ("last_won_at", "last_lost_at", "customer_since", "customer_marked_at")


def quiet_since(account: Account, today: date) -> datetime | None:
    """The moment before which everything must lie; None where the account proposes nobody."""
    if not account.quiet_months:
        return None
    day = shifted(today, f"{account.quiet_months}-months", -1)
    return midnight(day, timezone.get_current_timezone())


def quiet_customers(rows: Any) -> Any:
    """Those of ``rows``, a queryset of contacts, that are quiet now, in the order of their names.

    An index by customer status, name and prospect status gives them in this order; that none has
    an active deal is read from its prospect status, by the law.
    """
    account, today = catalogue().account, timezone.localdate()
    since = quiet_since(account, today)
    if since is None:
        return rows.none()
    quiet = Q(customer_status=CustomerStatus.CURRENT) & ~Q(prospect_status=ProspectStatus.CURRENT)
    for name in HAPPENED:
        quiet &= Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__lt": since})
    kept = KeptQuiet.objects.filter(until__gt=today)
    found = rows.filter(quiet).exclude(pk__in=kept.values("contact"))
    excepted = _exceptions(account)
    if excepted:
        tagged = ContactTag.objects.filter(tag__in=excepted)
        found = found.exclude(pk__in=tagged.values("contact"))
    return found.order_by("sort_key", "pk")


def _exceptions(account: Account) -> list[int]:
    """Tags that leave a contact out; a removed one leaves out nobody."""
    if account._state.adding:
        return []
    return list(account.quiet_except.live().order_by().values_list("pk", flat=True))


def kept_customers(rows: Any) -> QuerySet[Any]:
    """Those of ``rows`` that are Current Customers and kept until a day to come."""
    kept = KeptQuiet.objects.filter(until__gt=timezone.localdate())
    found = rows.filter(customer_status=CustomerStatus.CURRENT, pk__in=kept.values("contact"))
    ordered: QuerySet[Any] = found.select_related("kept_quiet__set_by").order_by("sort_key", "pk")
    return ordered


@dataclass(frozen=True)
class Evidence:
    """Why somebody is proposed: its last win, if a deal made it a customer, and since when nothing.

    Days that are those of deals alone which the reader may not see are left out; ``hidden_win`` says that the last win
    is one of them.
    """

    contact: Contact
    deal: Deal | None
    lost_at: datetime | None
    nothing_since: datetime | None
    hidden_win: bool = False


def evidence_of(contacts: Sequence[Contact], user: Any) -> list[Evidence]:
    """The evidence for each of a page of contacts, with deals that ``user`` may see; one statement."""
    last = Q(deal__group=Group.WON, deal__closed_at=F("contact__last_won_at"))
    last |= Q(deal__group=Group.LOST, deal__closed_at=F("contact__last_lost_at"))
    ours = [one.pk for one in contacts]
    rows = DealParty.objects.filter(last, contact__in=ours, deal__in=Deal.objects.visible_to(user))
    deals: dict[tuple[int, str], Deal] = {}
    for row in rows.select_related("deal").order_by("-deal"):
        deals[row.contact_id, row.deal.group] = row.deal
    all_seen = sees_all_deals(user)
    return [
        _evidence(one, deals.get((one.pk, Group.WON)), deals.get((one.pk, Group.LOST)), all_seen)
        for one in contacts
    ]


def _evidence(contact: Contact, won: Deal | None, lost: Deal | None, all_seen: bool) -> Evidence:
    """With the deals of its last win and of its last loss, as far as the reader may see them."""
    hidden_win = contact.last_won_at is not None and won is None and not all_seen
    hidden_loss = contact.last_lost_at is not None and lost is None and not all_seen
    hidden = {contact.last_won_at} if hidden_win else set()
    hidden |= {contact.last_lost_at} if hidden_loss else set()
    last = max((at for name in HAPPENED if (at := getattr(contact, name))), default=None)
    lost_at = None if hidden_loss else contact.last_lost_at
    if lost_at and contact.last_won_at and lost_at <= contact.last_won_at:
        lost_at = None
    return Evidence(contact, won, lost_at, None if last in hidden else last, hidden_win)


# -- keeping them


def keep_quiet(contacts: QuerySet[Any], until: date) -> int:
    """Propose these contacts to nobody before ``until``; returns how many they are."""
    actor, now = current_actor(), timezone.now()
    with transaction.atomic():
        ids = list(contacts.order_by("pk").values_list("pk", flat=True))
        for some in batched(ids, WRITTEN_AT_ONCE):
            KeptQuiet.objects.bulk_create(
                (KeptQuiet(contact_id=pk, until=until, set_at=now, set_by=actor) for pk in some),
                update_conflicts=True,
                unique_fields=["contact"],
                update_fields=["until", "set_at", "set_by"],
            )
        if ids:
            record(Action.BULK, how="quiet_kept", number=len(ids), until=until.isoformat())
    return len(ids)


def propose_again(contact_ids: Collection[int]) -> int:
    """Keep these no longer; returns how many were kept."""
    with transaction.atomic():
        number, _by_model = KeptQuiet.objects.filter(contact__in=contact_ids).delete()
        if number:
            record(Action.BULK, how="quiet_proposed_again", number=number)
    return number


def still_quiet(ids: Iterable[int]) -> set[int]:
    """Those of ``ids`` that are quiet now, locked: no deal of theirs is won until the change ends."""
    rows = Contact.objects.filter(among(ids)).order_by("pk")
    locked = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    found = quiet_customers(Contact.objects.filter(among(locked))).order_by()
    return set(found.values_list("pk", flat=True))
