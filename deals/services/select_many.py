"""Selecting a status for many contacts at once, under the law of ``select_status`` for each.

The same refusals, marks and history as one by one, in a number of statements that does not
depend on how many contacts there are. ``take_back`` takes such selections back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Contact, StatusChange
from contacts.statuses import CustomerStatus, Standing, StatusKind
from crm.actor import current_actor
from crm.changes import one_change
from crm.trash.services import plain
from deals.models import DealParty
from deals.services import select, select_sql, sql
from deals.services.names import hidden_among
from deals.services.select_sql import Row
from deals.services.states import ContactState
from deals.services.sync import settle_now

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

    A refusal is the contact's alone: it changes nothing of it, the others are done. Their history
    is not told in ``Change.status_changes``. Raises ``ValidationError`` for an unknown value.
    """
    select.check_values(prospect, customer)
    wanted = [(StatusKind.CUSTOMER, customer), (StatusKind.PROSPECT, prospect)]
    selections = [(kind, value) for kind, value in wanted if value is not None]
    with one_change():
        settle_now()
        alike: dict[Any, list[Row]] = {}
        for row in select_sql.lock_rows(ids):
            alike.setdefault(row.likeness, []).append(row)
        # The law is asked for one of each likeness, and holds for all that are like it.
        samples = sql.lock_contacts_by_id([rows[0].id for rows in alike.values()])
        states = {state.id: state for state in samples}
        groups = [_Alike(states[rows[0].id], rows) for rows in alike.values()]
        refused = _refused(groups, selections)
        selected = {pk: Selected(pk, reasons) for pk, reasons in refused.items()}
        bought = []
        if customer == CustomerStatus.NONE:
            # Rare, and the only case in which facts change as well: one by one.
            bought = [row.id for one in groups if one.state.before.won for row in one.rows]
            groups = [one for one in groups if not one.state.before.won]
        for done in _forget_and_select(set(bought) - refused.keys(), selections):
            selected[done.contact_id] = done
        for done in _select_alike(groups, refused, selections):
            selected[done.contact_id] = done
    for pk in set(ids) - selected.keys():
        selected[pk] = Selected(pk, {"": _("This contact is deleted.")})
    return [selected[pk] for pk in sorted(selected)]


@dataclass(slots=True)
class _Alike:
    """Contacts that a selection does the same to, and one of them for the law to look at."""

    state: ContactState
    rows: list[Row]


def _select_alike(
    groups: Sequence[_Alike],
    refused: Collection[int],
    selections: Sequence[tuple[StatusKind, str]],
) -> Iterable[Selected]:
    """Select where only marks change: each kind of change in one statement."""
    now, actor = timezone.now(), current_actor()
    actor_id = actor.pk if actor else None
    groups = [_Alike(one.state, [r for r in one.rows if r.id not in refused]) for one in groups]
    selected = {row.id: Selected(row.id) for one in groups for row in one.rows}
    for kind, value in selections:
        marking: list[int] = []
        unmarking: list[int] = []
        for one in groups:
            mark = _mark_of_selecting(one.state, kind, value, now, actor_id)
            if mark is not None:
                (marking if mark[1] else unmarking).extend(row.id for row in one.rows)
                _note(one.rows, selected, kind.value, {kind.value: mark})
        more: dict[str, Any] = {"at": now, "actor_id": actor_id, "cause": Cause.SELECTED}
        if marking:
            select_sql.set_marks(kind.value, value, marking, **more)
        if unmarking:
            select_sql.remove_marks(kind.value, value, unmarking, **more)
    return selected.values()


def _note(rows: Iterable[Row], selected: Mapping[int, Selected], kind: str, after: Picture) -> None:
    for row in rows:
        one = selected[row.id]
        before = {kind: getattr(row, kind)}
        # The same picture for all whom nothing else was selected for: it is made text of once.
        one.before, one.after = (
            (before, after)
            if one.before is None or one.after is None
            else ({**one.before, **before}, {**one.after, **after})
        )


def _mark_of_selecting(
    state: ContactState, kind: StatusKind, value: str, now: datetime, actor_id: int | None
) -> list[Any] | None:
    """What selecting leaves of one status of all who are like ``state``; None if it changes none."""
    state.after = replace(state.before)
    select.apply_selection(state, kind, value, now, actor_id)
    return [*_looks(state, state.after, kind)[:-1], plain(now)] if state.differs else None


def _looks(state: ContactState, standing: Standing, kind: str) -> list[Any]:
    """One status with its mark in ``standing``, before or after, and since when."""
    marks = (getattr(standing, f"{kind}_{name}") for name in _MARK)
    status = getattr(state if standing is state.before else standing, kind)
    return [status, *map(plain, marks), plain(getattr(state, f"{kind}_since"))]


def _forget_and_select(
    ids: Collection[int], selections: Sequence[tuple[StatusKind, str]]
) -> list[Selected]:
    """Forget the kept wins of these, and select."""
    if not ids:
        return []
    states = sql.lock_contacts_by_id(sorted(ids))
    for state in states:
        state.after = replace(state.before)
    forgotten = _forget_kept(states)
    actor, now = current_actor(), timezone.now()
    pictures = {state.id: picture_of(state) for state in states}
    for state in states:
        for kind, value in selections:
            select.apply_selection(state, kind, value, now, actor.pk if actor else None)
    _write(states, now)
    return [_selected(state, pictures[state.id], forgotten) for state in states]


def _selected(state: ContactState, before: Picture, forgotten: Mapping[int, Any]) -> Selected:
    if not state.differs:
        return Selected(state.id)
    after = {kind: _looks(state, state.after, kind) for kind in StatusKind.values}
    changed = [kind for kind in StatusKind.values if before[kind] != after[kind]]
    before = {kind: before[kind] for kind in changed}
    after = {kind: after[kind] for kind in changed}
    if state.id in forgotten:
        before["kept"], after["kept"] = forgotten[state.id], []
    return Selected(state.id, {}, before, after)


def picture_of(state: ContactState) -> Picture:
    """Both statuses with their marks, and since when, as they are stored."""
    return {kind: _looks(state, state.before, kind) for kind in StatusKind.values}


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
        count_anew(winners)
    return forgotten


def count_anew(states: Mapping[int, ContactState]) -> None:
    counts = sql.count_deals(states)
    for pk, state in states.items():
        state.count(counts.get(pk))


def _refused(
    groups: Sequence[_Alike], selections: Sequence[tuple[StatusKind, str]]
) -> dict[int, dict[str, str]]:
    """Why selections are refused, by contact. Names are looked up for those in question alone."""

    def some_deal(group: str, **party: bool) -> list[str | None]:
        return ["?"]

    nobody = Contact(name="?")
    asked = {
        row.id: one.state.before
        for one in groups
        if select.refusals(nobody, one.state.before, selections, some_deal)
        for row in one.rows
    }
    if not asked:
        return {}
    called = dict(Contact.objects.filter(pk__in=asked).values_list("pk", "name"))
    deals = _deal_names(asked)
    found = {}
    for pk, standing in asked.items():
        of_contact = deals.get(pk, [])

        def names(group: str, kept: bool | None = None, of: Any = of_contact) -> list[str | None]:
            return [name for its, is_kept, name in of if its == group and kept in (None, is_kept)]

        contact = Contact(pk=pk, name=called[pk])
        if reasons := select.refusals(contact, standing, selections, names):
            found[pk] = reasons
    return found


def _deal_names(ids: Collection[int]) -> dict[int, list[tuple[str, bool, str | None]]]:
    """The deals that count for each contact, newest first: group, whether kept, and name, None where who acts may
    not see it.
    """
    parties = DealParty.objects.filter(contact__in=ids).order_by("-deal__opened_at", "-deal")
    rows = list(parties.values_list("contact", "deal", "deal__group", "kept", "deal__name"))
    hidden = hidden_among((row[1] for row in rows), current_actor())
    found: dict[int, list[tuple[str, bool, str | None]]] = {}
    for pk, deal, group, kept, name in rows:
        found.setdefault(pk, []).append((group, kept, None if deal in hidden else name))
    return found
