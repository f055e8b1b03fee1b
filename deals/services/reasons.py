"""Why a status changed: the deal and the step that a history row names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contacts.models import StatusChange
from contacts.statuses import CustomerStatus, ProspectStatus, StatusKind
from crm.actor import current_actor
from crm.changes import Change
from deals.services.states import ContactState, Event
from deals.stages import Group

Cause = StatusChange.Cause

# The group of deals that gives a value.
_GIVEN_BY: dict[tuple[str, str], Group] = {
    (StatusKind.PROSPECT, ProspectStatus.CURRENT): Group.ACTIVE,
    (StatusKind.PROSPECT, ProspectStatus.LOST): Group.LOST,
    (StatusKind.PROSPECT, ProspectStatus.NONE): Group.WON,
    (StatusKind.CUSTOMER, CustomerStatus.CURRENT): Group.WON,
}


def changes_of(
    contact: ContactState, events: Sequence[Event], change: Change, now: datetime
) -> list[StatusChange]:
    """The history rows, unsaved, for the statuses of ``contact`` that moved."""
    moved = []
    if contact.after.prospect != contact.prospect:
        values = (contact.prospect, contact.after.prospect)
        moved.append((StatusKind.PROSPECT, *values, contact.prospect_since))
    if contact.after.customer != contact.customer:
        values = (contact.customer, contact.after.customer)
        moved.append((StatusKind.CUSTOMER, *values, contact.customer_since))
    rows = []
    for kind, old, new, since in moved:
        event = _telling(events, kind, new)
        entry = change.trash.get(("deal", event.deal_id)) if event else None
        row = StatusChange(
            contact_id=contact.id,
            status=kind,
            old=old,
            new=new,
            effective_at=since or now,
            recorded_at=now,
            actor=current_actor(),
            cause=change.cause or (_cause(event) if event else Cause.RECOUNTED),
        )
        if event:
            row.deal_id = event.deal_id
            if event.deal:
                row.deal_name = event.deal.name
                row.stage_name = event.deal.stage_name
                row.stage_category = event.deal.category
            elif entry is not None:
                row.deal_name = entry.name
        rows.append(row)
    return rows


def _telling(events: Sequence[Event], kind: str, new: str) -> Event | None:
    """The event that explains the new value best: one that gives it, else one that happened."""
    happened = [event for event in events if _cause(event) != Cause.RECOUNTED]
    group = _GIVEN_BY.get((kind, new))
    giving = [e for e in happened if e.deal and e.is_party and e.deal.group == group]
    if giving:
        return max(giving, key=lambda e: (e.deal.closed_at or e.deal.opened_at, e.deal_id))  # type: ignore[union-attr]
    return happened[-1] if happened else None


def _cause(event: Event) -> str:
    if event.deal is None:
        return Cause.DEAL_DELETED
    if event.deal.is_new:
        return Cause.DEAL_OPENED
    if event.deal.stage_changed:
        return Cause.STAGE_CHANGED
    if event.deal.group != event.deal.group_before:
        return Cause.DEAL_MOVED
    if event.is_party and not event.was_party:
        return Cause.DEAL_JOINED
    if event.was_party and not event.is_party:
        return Cause.DEAL_LEFT
    return Cause.RECOUNTED
