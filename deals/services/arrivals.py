"""Deals that arrive by the thousand, and statuses selected by the thousand.

An import writes its rows past the models. What the models and their signals would have done is
done here, set-based: parties, facts, dates and history of everybody whom the new deals concern,
in a handful of statements whatever their number; and selections under the same law as one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Contact, StatusChange
from contacts.statuses import StatusKind
from crm.actor import current_actor
from crm.changes import one_change
from deals.services import recount, select, sql
from deals.services.states import ContactState
from deals.services.sync import settle_now

_ARRIVED = "standing_arrived_deal"
_CONCERNED = "standing_arrived_contact"
CHUNK = 2_000

# Section 1 of the law: star, company, and the co-workers among the associated.
_PARTIES = f"""
    INSERT INTO deals_dealparty (deal_id, contact_id, kept)
    SELECT id, primary_contact_id, (1 = 0) FROM deals_deal
    WHERE id IN (SELECT id FROM {_ARRIVED})
    UNION SELECT id, company_id, (1 = 0) FROM deals_deal
    WHERE id IN (SELECT id FROM {_ARRIVED}) AND company_id IS NOT NULL
    UNION SELECT l.deal_id, l.contact_id, (1 = 0) FROM deals_dealcontact l
    JOIN deals_deal d ON d.id = l.deal_id
    JOIN contacts_contact c ON c.id = l.contact_id AND c.company_id = d.company_id
    WHERE l.deal_id IN (SELECT id FROM {_ARRIVED})"""


def settle_arrivals(deal_ids: Collection[int], *, cause: str, now: datetime) -> int:
    """Count deals that were inserted past the models for everybody they concern.

    Group, dates and company of the deals are to be right already, as ``Deal.prepare_inserts``
    leaves them. What the open change has noted is settled on the way. Returns how many contacts'
    facts changed; ``cause`` is what their history says.
    """
    with one_change(cause=cause), connection.cursor() as cursor:
        if not deal_ids:
            settle_now()
            return 0
        each = (
            "unnest(%s::bigint[])" if sql.is_postgresql() else "(SELECT value FROM json_each(%s))"
        )
        column = "unnest" if sql.is_postgresql() else "value"
        cursor.execute(
            f"CREATE TEMPORARY TABLE {_ARRIVED} AS SELECT {column} AS id FROM {each}",
            [sql.ids_parameter(deal_ids)],
        )
        cursor.execute(f"CREATE UNIQUE INDEX {_ARRIVED}_id ON {_ARRIVED} (id)")
        cursor.execute(_PARTIES)
        # The new parties are there by now: a deal that changed and shares a contact with a new
        # one counts them both, and the contact has one row of history instead of two.
        settle_now()
        cursor.execute(
            f"""CREATE TEMPORARY TABLE {_CONCERNED} AS SELECT DISTINCT contact_id AS id
            FROM deals_dealparty WHERE deal_id IN (SELECT id FROM {_ARRIVED})"""
        )
        cursor.execute(f"CREATE UNIQUE INDEX {_CONCERNED}_id ON {_CONCERNED} (id)")
        if sql.is_postgresql():
            cursor.execute(f"ANALYZE {_ARRIVED}")
            cursor.execute(f"ANALYZE {_CONCERNED}")
            # Before counting: else two changes of one contact at once count each without the other.
            cursor.execute(
                f"""SELECT COUNT(*) FROM (SELECT c.id FROM contacts_contact c
                JOIN {_CONCERNED} a ON a.id = c.id ORDER BY c.id FOR NO KEY UPDATE OF c) AS l"""
            )
        changed = recount.write_facts(cursor, cause=cause, now=now, among=_CONCERNED)
        cursor.execute(f"DROP TABLE {_ARRIVED}")
        cursor.execute(f"DROP TABLE {_CONCERNED}")
    return changed


class Selection(NamedTuple):
    """A status to select: whose, which (a ``StatusKind``), what, and when it was selected."""

    contact_id: int
    kind: str
    value: str
    at: datetime


def select_many(selections: Sequence[Selection], *, cause: str) -> dict[int, str]:
    """Select many statuses, each under the rules of ``select_status``.

    Returns, by position in ``selections``, why some were refused; these changed nothing, the
    others are done. A status that was selected later than a selection is dated stays. Of several
    for one contact the customer status is selected first, as ``select_status`` does.
    """
    refused: dict[int, str] = {}
    order = sorted(
        range(len(selections)),
        key=lambda n: (selections[n].contact_id, selections[n].kind != StatusKind.CUSTOMER),
    )
    with one_change(cause=cause) as change:
        settle_now()
        for numbers in _by_contact(order, selections):
            ids = {selections[number].contact_id for number in numbers}
            states = {state.id: state for state in sql.lock_contacts_by_id(ids)}
            names = dict(Contact.objects.filter(pk__in=ids).values_list("pk", "name"))
            for state in states.values():
                state.after = replace(state.before)
            rows = []
            for number in numbers:
                selection = selections[number]
                state = states[selection.contact_id]
                contact = Contact(pk=state.id, name=names[state.id])
                reason = _refusal(contact, state, selection)
                if reason:
                    refused[number] = reason
                else:
                    rows += _selected(state, selection, cause)
            sql.write_standings([state for state in states.values() if state.differs])
            change.status_changes += StatusChange.objects.bulk_create(rows, batch_size=1_000)
    return refused


def _by_contact(order: list[int], selections: Sequence[Selection]) -> Iterator[list[int]]:
    """``order`` in pieces, never two of them with the same contact."""
    piece: list[int] = []
    for number in order:
        full = len(piece) >= CHUNK
        if full and selections[number].contact_id != selections[piece[-1]].contact_id:
            yield piece
            piece = []
        piece.append(number)
    if piece:
        yield piece


def _refusal(contact: Contact, state: ContactState, selection: Selection) -> str:
    marked_at = getattr(state.after, f"{selection.kind}_marked_at")
    if marked_at is not None and marked_at > selection.at:
        return _("what was selected on %(day)s, later, stays") % {
            "day": timezone.localdate(marked_at).isoformat()
        }
    names = select.stored_names(contact)
    return select.refusal(contact, state.after, selection.kind, selection.value, names)


def _selected(state: ContactState, selection: Selection, cause: str) -> list[StatusChange]:
    """Select in ``state``; the history rows, unsaved, of what moved."""
    actor = current_actor()
    kind = StatusKind(selection.kind)
    shown = {each: getattr(state.after, each) for each in StatusKind.values}
    select.apply_selection(state, kind, selection.value, selection.at, actor.pk if actor else None)
    rows = []
    for each, old in shown.items():
        new = getattr(state.after, each)
        if new != old:
            setattr(state, f"{each}_since", selection.at)
            rows.append(
                StatusChange(
                    contact_id=state.id,
                    status=each,
                    old=old,
                    new=new,
                    effective_at=selection.at,
                    actor=actor,
                    cause=cause,
                )
            )
    return rows
