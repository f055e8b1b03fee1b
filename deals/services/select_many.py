"""Selecting a status for many contacts at once, under the law of ``select_status`` for each.

The same refusals, marks and history as one by one, in a number of statements that does not
depend on how many contacts there are; and taking such selections back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contacts.models import Contact, StatusChange
from contacts.statuses import CustomerStatus, StatusKind
from crm.actor import current_actor
from crm.changes import one_change
from crm.trash.services import plain
from deals.models import DealParty
from deals.services import select, sql
from deals.services.states import ContactState
from deals.services.sync import settle_now
from deals.stages import Group

Cause = StatusChange.Cause
_MARK = ("mark", "marked_at", "marked_by", "mark_had_deal")
# What is left of a contact for whoever takes the selection back, as plain data for JSON: by kind
# the status and its mark, and the kept wins as [deal, joined at].
Picture = dict[str, Any]


@dataclass(slots=True)
class Selected:
    """What became of one contact. Without refusals, and both pictures None: it was so already."""

    contact_id: int
    refusals: Mapping[str, str] = field(default_factory=dict)
    before: Picture | None = None
    after: Picture | None = None


def select_statuses(
    ids: Collection[int], *, prospect: str | None = None, customer: str | None = None
) -> list[Selected]:
    """Select a status, or two, for each of these contacts, in the order of their ids.

    A refusal is the contact's alone: it changes nothing of it, the others are done. Raises
    ``ValidationError`` for an unknown value.
    """
    select.check_values(prospect, customer)
    wanted = [(StatusKind.CUSTOMER, customer), (StatusKind.PROSPECT, prospect)]
    selections = [(kind, value) for kind, value in wanted if value is not None]
    with one_change() as change:
        settle_now()
        states = sql.lock_contacts_by_id(ids)
        refused = _refused(states, selections)
        selected = {pk: Selected(pk, reasons) for pk, reasons in refused.items()}
        allowed = [state for state in states if state.id not in refused]
        for state in allowed:
            state.after = replace(state.before)
        forgotten = _forget_kept(allowed) if customer == CustomerStatus.NONE else {}
        actor, now = current_actor(), timezone.now()
        actor_id = actor.pk if actor else None
        pictures = {state.id: _picture(state) for state in allowed}
        for state in allowed:
            for kind, value in selections:
                select.apply_selection(state, kind, value, now, actor_id)
        change.status_changes += _write(allowed, now)
        for state in allowed:
            selected[state.id] = _selected(state, pictures[state.id], forgotten)
    for pk in ids:
        selected.setdefault(pk, Selected(pk, {"": _("This contact is deleted.")}))
    return [selected[pk] for pk in sorted(selected)]


def _selected(state: ContactState, before: Picture, forgotten: Mapping[int, Any]) -> Selected:
    if not state.differs:
        return Selected(state.id)
    after = _picture(state, after=True)
    changed = [kind for kind in StatusKind.values if before[kind] != after[kind]]
    before = {kind: before[kind] for kind in changed}
    after = {kind: after[kind] for kind in changed}
    if state.id in forgotten:
        before["kept"], after["kept"] = forgotten[state.id], []
    return Selected(state.id, {}, before, after)


def _picture(state: ContactState, *, after: bool = False) -> Picture:
    """Both statuses with their marks, and since when; facts and marks as they were, or will be."""
    standing = state.after if after else state.before
    return {
        kind: [
            getattr(standing, kind),
            *(plain(getattr(standing, f"{kind}_{name}")) for name in _MARK),
            plain(getattr(state, f"{kind}_since")),
        ]
        for kind in StatusKind.values
    }


def _write(states: Iterable[ContactState], now: datetime) -> list[StatusChange]:
    """Write the standings that differ, and the history of the statuses that moved."""
    differing = [state for state in states if state.differs]
    if not differing:
        return []
    rows = [
        row for state in differing for row in select.moved_by_hand(state, now, now, Cause.SELECTED)
    ]
    sql.write_standings(differing)
    return StatusChange.objects.bulk_create(rows, batch_size=1_000)


def _forget_kept(states: Iterable[ContactState]) -> dict[int, list[Any]]:
    """Forget the kept wins of those who have any win; returns them as [deal, joined at]."""
    winners = {state.id: state for state in states if state.after.won}
    kept = DealParty.objects.filter(contact__in=list(winners), kept=True)
    forgotten: dict[int, list[Any]] = {}
    for pk, deal, joined in kept.order_by("pk").values_list("contact", "deal", "joined_at"):
        forgotten.setdefault(pk, []).append([deal, plain(joined)])
    if forgotten:
        kept.delete()
        _count(winners)
    return forgotten


def _count(states: Mapping[int, ContactState]) -> None:
    counts = sql.count_deals(states)
    for pk, state in states.items():
        state.count(counts.get(pk))


def _refused(
    states: Sequence[ContactState], selections: Sequence[tuple[StatusKind, str]]
) -> dict[int, dict[str, str]]:
    """Why selections are refused, by contact. Names are looked up for those in question alone."""

    def some_deal(group: str, **party: bool) -> list[str]:
        return ["?"]

    nobody = Contact(name="?")
    asked = [
        state for state in states
        if select.refusals(nobody, state.before, selections, some_deal)
    ]  # fmt: skip
    if not asked:
        return {}
    ids = [state.id for state in asked]
    called = dict(Contact.objects.filter(pk__in=ids).values_list("pk", "name"))
    deals = _deal_names(ids)
    found = {}
    for state in asked:
        of_contact = deals.get(state.id, [])

        def names(group: str, kept: bool | None = None, of: Any = of_contact) -> list[str]:
            return [name for its, is_kept, name in of if its == group and kept in (None, is_kept)]

        contact = Contact(pk=state.id, name=called[state.id])
        if reasons := select.refusals(contact, state.before, selections, names):
            found[state.id] = reasons
    return found


def _deal_names(ids: Collection[int]) -> dict[int, list[tuple[str, bool, str]]]:
    """The deals that count for each contact, newest first: group, whether kept, name."""
    parties = DealParty.objects.filter(contact__in=ids).order_by("-deal__opened_at", "-deal")
    found: dict[int, list[tuple[str, bool, str]]] = {}
    for pk, *deal in parties.values_list("contact", "deal__group", "kept", "deal__name"):
        found.setdefault(pk, []).append(tuple(deal))  # type: ignore[arg-type]
    return found


# -- taking it back

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
    picture = _picture(state)
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
        _count(states)
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
