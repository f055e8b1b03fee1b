"""Two years of each contact, played through the law: facts, marks and the history of statuses.

The law itself is ``contacts.statuses``. What this writes is checked against a recount before it
is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contacts.models import StatusChange
from contacts.statuses import MARKS, CustomerStatus, ProspectStatus, Standing, StatusKind
from crm.demo.contacts import YEARS, Cast
from crm.demo.deals import Sale
from deals.models import Stage
from deals.stages import Group

Cause = StatusChange.Cause
KINDS = (StatusKind.PROSPECT.value, StatusKind.CUSTOMER.value)
MARK_COLUMNS = [(name, f"{name}_id" if name.endswith("_by") else name) for name in MARKS]


@dataclass
class Part:
    """A contact's part in a deal that counts for it; ``ended_at`` when it stopped being a party."""

    cast: Cast
    sale: Sale
    ended_at: datetime | None = None

    @property
    def kept(self) -> bool:
        row = self.sale.row
        won_before = row.closed_at is not None and self.ended_at is not None
        return won_before and row.group == Group.WON and row.closed_at <= self.ended_at

    @property
    def counts(self) -> bool:
        return self.ended_at is None or self.kept


def parts_of(sales: Iterable[Sale]) -> Iterator[Part]:
    """Section 1 of the law: star, company and co-workers, with those who have left."""
    for sale in sales:
        left = dict(sale.leavers)
        yield Part(sale.star, sale)
        if sale.company and sale.company is not sale.star:
            yield Part(sale.company, sale)
        for cast, _role in sale.links:
            if cast not in left and sale.company and cast.employer is sale.company:
                yield Part(cast, sale)
        for cast, at in sale.leavers:
            yield Part(cast, sale, at)


@dataclass(slots=True)
class Happening:
    """What happened to a contact, and through which deal in which stage."""

    at: datetime
    cause: str
    by: int | None
    sale: Sale | None = None
    stage: Stage | None = None


@dataclass(slots=True)
class Changed:
    """One row of the history."""

    cast: Cast
    kind: str
    old: str
    new: str
    why: Happening


class Life:
    """One contact's events in their order; afterwards its row holds facts, marks and dates."""

    def __init__(self, cast: Cast, parts: Sequence[Part]) -> None:
        self.cast = cast
        self.parts = parts
        self.standing = Standing()
        self.groups: dict[str, list[Sale]] = {group: [] for group in Group.values}
        self.changes: list[Changed] = []

    def play(self, rng: Random, today: datetime, owners: Sequence[int]) -> list[Changed]:
        """Play it; returns the history."""
        events: list[tuple[datetime, Callable[..., Happening], Any]] = []
        for part in self.parts:
            row, ended_at = part.sale.row, part.ended_at
            events.append((row.opened_at, self._open, part.sale))
            if row.closed_at and (ended_at is None or row.closed_at <= ended_at):
                events.append((row.closed_at, self._close, part.sale))
            if ended_at and not part.kept:
                events.append((ended_at, self._leave, part.sale))
        selection = self._selection(rng, today)
        if selection:
            kind, value, at = selection
            events.append((at, self._select, (kind, value, at, rng.choice(owners))))
        before = (self.standing.prospect, self.standing.customer)
        for _at, happen, what in sorted(events, key=lambda event: event[0]):
            why = happen(what)
            after = (self.standing.prospect, self.standing.customer)
            if after != before:
                self._record(before, after, why)
            before = after
        if events:
            self._write()
        return self.changes

    # -- what happens

    def _open(self, sale: Sale) -> Happening:
        self.groups[Group.ACTIVE].append(sale)
        self._count()
        row = sale.row
        return Happening(
            row.opened_at, Cause.DEAL_OPENED.value, row.owner_id, sale, sale.first_stage
        )

    def _close(self, sale: Sale) -> Happening:
        self.groups[Group.ACTIVE].remove(sale)
        self.groups[sale.row.group].append(sale)
        self._count()
        row = sale.row
        return Happening(row.closed_at, Cause.DEAL_MOVED.value, row.owner_id, sale, sale.stage)

    def _leave(self, sale: Sale) -> Happening:
        group = next(sales for sales in self.groups.values() if sale in sales)
        stage = sale.first_stage if group is self.groups[Group.ACTIVE] else sale.stage
        group.remove(sale)
        self._count()
        at = next(p.ended_at for p in self.parts if p.sale is sale and p.ended_at)
        return Happening(at, Cause.DEAL_LEFT.value, self.cast.row.owner_id, sale, stage)

    def _select(self, selection: tuple[str, str, datetime, int]) -> Happening:
        kind, value, at, by = selection
        if not (kind == StatusKind.PROSPECT and self.standing.active):
            if getattr(self.standing.by_deals_alone(), kind) == value:
                self.standing.remove_mark(kind)
            elif getattr(self.standing, kind) != value:
                self.standing.set_mark(kind, value, at, by)
        return Happening(at, Cause.SELECTED.value, by)

    def _selection(self, rng: Random, today: datetime) -> tuple[str, str, datetime] | None:
        """What a person selects for this contact, if anything."""
        rows = [part.sale.row for part in self.parts if part.counts]
        won = [row.closed_at for row in rows if row.group == Group.WON]
        chance = rng.random()
        if won:
            begin = rng.choice(won)
            choice = (StatusKind.CUSTOMER, CustomerStatus.PAST) if chance < 0.18 else None
        elif not self.parts:
            begin = today - YEARS
            choice = _first_below(chance, {
                0.04: (StatusKind.CUSTOMER, CustomerStatus.CURRENT),
                0.07: (StatusKind.CUSTOMER, CustomerStatus.PAST),
                0.10: (StatusKind.PROSPECT, ProspectStatus.LOST),
            })  # fmt: skip
        else:
            begin = max((row.closed_at or row.opened_at for row in rows), default=today - YEARS)
            choice = _first_below(chance, {
                0.10: (StatusKind.PROSPECT, ProspectStatus.NONE),
                0.15: (StatusKind.CUSTOMER, CustomerStatus.CURRENT),
                0.19: (StatusKind.CUSTOMER, CustomerStatus.PAST),
            })  # fmt: skip
        if choice is None:
            return None
        at = begin + (today - timedelta(hours=1) - begin) * rng.random()
        return choice[0].value, choice[1].value, at

    # -- what follows

    def _count(self) -> None:
        won, lost = self.groups[Group.WON], self.groups[Group.LOST]
        self.standing.active = len(self.groups[Group.ACTIVE])
        self.standing.won, self.standing.lost = len(won), len(lost)
        self.standing.last_won_at = max((sale.row.closed_at for sale in won), default=None)
        self.standing.last_lost_at = max((sale.row.closed_at for sale in lost), default=None)

    def _record(self, before: tuple[str, str], after: tuple[str, str], why: Happening) -> None:
        row = self.cast.row
        for kind, old, new in zip(KINDS, before, after, strict=True):
            if old != new:
                self.changes.append(Changed(self.cast, kind, old, new, why))
                setattr(row, f"{kind}_since", why.at)
        row.updated_at = max(row.updated_at, why.at)

    def _write(self) -> None:
        row, standing = self.cast.row, self.standing
        row.active_deals, row.won_deals = standing.active, standing.won
        row.lost_deals = standing.lost
        row.last_won_at, row.last_lost_at = standing.last_won_at, standing.last_lost_at
        for name, column in MARK_COLUMNS:
            setattr(row, column, getattr(standing, name))


def _first_below(chance: float, choices: dict) -> tuple | None:
    return next((choice for limit, choice in choices.items() if chance < limit), None)
