"""Taking selections for many contacts back: marks, dates, and the wins that were forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from contacts.models import StatusChange
from contacts.statuses import StatusKind
from crm.changes import one_change
from deals.models import DealParty
from deals.services import select, sql
from deals.services.select_many import Picture, count_anew, picture_of
from deals.services.states import ContactState
from deals.services.sync import settle_now
from deals.stages import Group

Cause = StatusChange.Cause
_MARK = ("mark", "marked_at", "marked_by", "mark_had_deal")
EDITED = "edited"


def put_back_selections(rows: Mapping[int, tuple[Picture, Picture]]) -> dict[int, Picture | str]:
    """Take selections back: by contact its pictures before them, and as they left it.

    Marks, since when the statuses are what they are, and kept wins come back as they were, wins
    only of deals that are won still; the statuses follow. Returns by contact what it looked like
    until now, empty if it was as before already, or ``EDITED`` if the status or its mark is not
    any more what the selection left; then nothing of it changes.
    """
    with one_change() as change:
        settle_now()
        won = _lock_won({deal for pictures in rows.values() for deal in _deals_in(pictures)})
        states = {state.id: state for state in sql.lock_contacts_by_id(rows)}
        found: dict[int, Picture | str] = {}
        for pk, state in states.items():
            found[pk] = _what_it_is(state, *rows[pk])
        back = {pk: states[pk] for pk, now in found.items() if now and now != EDITED}
        _put_back_kept(back, rows, won)
        now = timezone.now()
        for pk, state in back.items():
            state.take_marks(_marks(rows[pk][0]))
        change.status_changes += _write_back(list(back.values()), rows, now)
    return found


def _what_it_is(state: ContactState, before: Picture, after: Picture) -> Picture | str:
    picture = picture_of(state)
    kinds = [kind for kind in StatusKind.values if kind in after]
    # Since when is told by the history; it does not make another selection.
    now, was, left = ([one[kind][:-1] for kind in kinds] for one in (picture, before, after))
    if now == was and not before.get("kept"):
        return {}
    if now != left:
        return EDITED
    looks = {kind: picture[kind] for kind in kinds}
    return looks | ({"kept": after["kept"]} if "kept" in after else {})


def _deals_in(pictures: tuple[Picture, Picture]) -> set[int]:
    return {deal for picture in pictures for deal, _joined in picture.get("kept", ())}


def _lock_won(ids: Collection[int]) -> set[int]:
    return {deal.id for deal in sql.lock_deals(ids) if deal.group == Group.WON} if ids else set()


def _put_back_kept(
    states: Mapping[int, ContactState],
    rows: Mapping[int, tuple[Picture, Picture]],
    won: Collection[int],
) -> None:
    """Kept wins as they were before: those forgotten come back, those put back go again."""
    coming, going = [], []
    for pk in states:
        before, after = (dict(picture.get("kept", ())) for picture in rows[pk])
        for deal in before.keys() - after.keys():
            if deal in won:
                at = parse_datetime(before[deal]) if before[deal] else None
                coming.append(DealParty(deal_id=deal, contact_id=pk, kept=True, joined_at=at))
        going += [(deal, pk) for deal in after.keys() - before.keys()]
    if coming:
        DealParty.objects.bulk_create(coming, ignore_conflicts=True)
    if going:
        pairs = set(going)
        kept = DealParty.objects.filter(kept=True, contact__in=list(states))
        ids = [
            pk for pk, *pair in kept.values_list("pk", "deal", "contact") if tuple(pair) in pairs
        ]
        DealParty.objects.filter(pk__in=ids).delete()
    if coming or going:
        count_anew(states)
    else:
        for state in states.values():
            state.after = replace(state.before)


def _marks(before: Picture) -> dict[str, Any]:
    marks: dict[str, Any] = {}
    for kind in StatusKind.values:
        if kind in before:
            _status, mark, at, by, had_deal, _since = before[kind]
            values = (mark, parse_datetime(at) if at else None, by, had_deal)
            marks |= {f"{kind}_{name}": value for name, value in zip(_MARK, values, strict=True)}
    return marks


def _write_back(
    states: Sequence[ContactState], rows: Mapping[int, tuple[Picture, Picture]], now: datetime
) -> list[StatusChange]:
    """As ``_write``, with the old dates for the statuses that are the old ones again."""
    changes = []
    for state in states:
        changes += select.moved_by_hand(state, now, now, Cause.SELECTED)
        for kind in StatusKind.values:
            status, *_mark, since = rows[state.id][0].get(kind, ("", None))
            if status and getattr(state.after, kind) == status:
                setattr(state, f"{kind}_since", parse_datetime(since) if since else None)
    if states:
        sql.write_standings(states)
    return StatusChange.objects.bulk_create(changes, batch_size=1_000)
