"""The rows a merge may change, before and after it, and what differs between the two.

A picture is plain data for JSON: table by table the rows by their ids, with the columns that may
change. What differs is kept as ``[before, after]``, per column for rows that stay, as whole rows
for those that came or went. Undoing is then the same for every table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models

from contacts.keys import KEYS
from contacts.models import Contact, ContactDetail
from contacts.statuses import FACTS, StatusKind
from crm.trash.services import plain, row_of
from deals.models import Deal, DealContact, DealParty
from deals.services import sql

Row = dict[str, Any]
Picture = dict[str, dict[str, Row]]
# By table and id: a dict by column of [before, after], or a list of a whole row before and after.
Differences = dict[str, dict[str, Any]]

TABLES: dict[str, type[models.Model]] = {
    "contacts": Contact,
    "deals": Deal,
    "links": DealContact,
    "parties": DealParty,
    "details": ContactDetail,
}
STATUSES = ("prospect_status", "customer_status", "prospect_since", "customer_since")
_OF_CONTACTS = ("company_id", "parent_company_id", *STATUSES)
# When a deal last changed its group is told by these; undoing asks whether it did since.
MOVED = ("group", "stage_changed_at")
_OF_DEALS = ("primary_contact_id", "company_id", *MOVED)
# Counted, or computed from other columns.
_DERIVED = frozenset((*FACTS, *KEYS, "id"))


@dataclass(frozen=True)
class Scope:
    """Whose rows a merge may change; all of them locked, deals first."""

    survivor_id: int
    merged_id: int
    deals: frozenset[int]
    contacts: frozenset[int]


def lock_scope(
    survivor_id: int, merged_id: int, contacts: Iterable[int], deals: Iterable[int] = ()
) -> Scope:
    """Lock, deals first, all that merging these two concerns, ``contacts`` and ``deals`` with it.

    Moving employees would lock their deals later, behind contacts.
    """
    ids = {survivor_id, merged_id, *contacts}
    concerned = sorted({*sql.deals_concerning(ids), *deals})
    locked = [deal.id for deal in sql.lock_deals(concerned)]
    present = {contact.id for contact in sql.lock_contacts(locked)}
    present |= {contact.id for contact in sql.lock_contacts_by_id(sorted(ids - present))}
    return Scope(survivor_id, merged_id, frozenset(locked), frozenset(present))


def picture(scope: Scope) -> Picture:
    """The rows of ``scope`` as they are stored now, the merged contact's own left out."""
    others = Contact.objects.filter(pk__in=scope.contacts - {scope.merged_id})
    found = {
        "contacts": _rows(others, _OF_CONTACTS),
        "deals": _rows(Deal.objects.filter(pk__in=scope.deals), _OF_DEALS),
        "links": _whole(DealContact.objects.filter(deal__in=scope.deals)),
        "parties": _whole(DealParty.objects.filter(deal__in=scope.deals)),
        "details": _whole(
            ContactDetail.objects.filter(contact__in=[scope.survivor_id, scope.merged_id])
        ),
    }
    for survivor in Contact.objects.filter(pk=scope.survivor_id):
        row = row_of(survivor)
        own = {name: value for name, value in row.items() if name not in _DERIVED}
        found["contacts"][str(survivor.pk)] |= own
    return found


def _rows(rows: models.QuerySet, columns: Iterable[str]) -> dict[str, Row]:
    names = list(columns)
    return {
        str(pk): dict(zip(names, map(plain, values), strict=True))
        for pk, *values in rows.order_by().values_list("pk", *names)
    }


def _whole(rows: models.QuerySet) -> dict[str, Row]:
    return _rows(rows, [field.attname for field in rows.model._meta.concrete_fields])


def told_of(scope: Scope, before: Picture, after: Picture) -> dict[str, Any]:
    """What to keep of a merge: what differs, which deals were the merged contact's, and where
    each deal stood.
    """
    theirs = {pk for pk, row in before["deals"].items() if scope.merged_id in _people_of(row)}
    for table in ("links", "parties"):
        rows = before[table].values()
        theirs |= {str(row["deal_id"]) for row in rows if row["contact_id"] == scope.merged_id}
    found = differences(before, after)
    for pk, row in found["contacts"].items():
        for kind in StatusKind.values:
            if f"{kind}_status" in row:
                # Also where the new status is dated as the old one was.
                since = f"{kind}_since"
                row[since] = [before["contacts"][pk][since], after["contacts"][pk][since]]
    return {
        **found,
        "deals_of_merged": sorted(map(int, theirs)),
        "stages": {pk: [row[name] for name in MOVED] for pk, row in before["deals"].items()},
    }


def _people_of(deal: Row) -> tuple[Any, Any]:
    return deal["primary_contact_id"], deal["company_id"]


def differences(before: Picture, after: Picture) -> Differences:
    """What differs, table by table; a row that stays with the columns that changed alone."""
    return {table: _differing(before[table], after[table]) for table in TABLES}


def _differing(before: dict[str, Row], after: dict[str, Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pk in before.keys() | after.keys():
        was, now = before.get(pk), after.get(pk)
        if was is None or now is None:
            found[pk] = [was, now]
        elif was != now:
            found[pk] = {name: [was[name], now[name]] for name in was if was[name] != now[name]}
    return found
