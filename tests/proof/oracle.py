"""The status law once more, from its text alone: plain dictionaries, no database, no product code.

It is slow and obvious on purpose. Everybody has a name ("p1", "c2", "d3") instead of an id, and
time is whatever the caller says it is. ``Refused`` is raised where the law refuses; then nothing
has changed. Section numbers are those of the law.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

GROUPS = {
    "incoming": "active",
    "in_progress": "active",
    "won": "won",
    "lost": "lost",
    "unqualified": "lost",
}


class Refused(Exception):
    pass


@dataclass
class Mark:
    value: str
    at: datetime
    had_deal: bool


@dataclass
class Somebody:
    organization: bool
    employer: str | None = None
    marks: dict[str, Mark] = field(default_factory=dict)


@dataclass
class Deal:
    stage: str
    group: str
    star: str
    company: str | None
    closed_at: datetime | None
    listed: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)


@dataclass
class Trashed:
    """A deleted deal or contact, with what went with it."""

    what: Any
    listed: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    employees: set[str] = field(default_factory=set)
    deals: set[str] = field(default_factory=set)
    marks: dict[str, dict[str, Mark]] = field(default_factory=dict)


@dataclass
class Before:
    groups: dict[str, str]
    parties: dict[str, set[str]]
    kept: dict[str, set[str]]


class Oracle:
    def __init__(self) -> None:
        self.categories = {f"s{number}": category for number, category in enumerate(GROUPS)}
        self.categories |= {"s5": "won", "s6": "lost", "s7": "in_progress"}
        self.contacts: dict[str, Somebody] = {}
        self.deals: dict[str, Deal] = {}
        self.trash: dict[str, Trashed] = {}
        self.now: datetime
        self._open = False

    # -- what the law derives

    def parties(self, deal: Deal) -> set[str]:
        """Section 1."""
        parties = {deal.star}
        if deal.company is not None:
            parties.add(deal.company)
            for name in deal.listed:
                if self.contacts[name].employer == deal.company:
                    parties.add(name)
        return parties

    def counting(self, name: str, group: str) -> list[Deal]:
        """Section 2: the deals of a group that count for somebody, kept wins among the won."""
        return [
            deal
            for deal in self.deals.values()
            if deal.group == group and name in self.parties(deal) | deal.kept
        ]

    def has_deal(self, name: str) -> bool:
        return any(self.counting(name, group) for group in ("active", "won", "lost"))

    def statuses(self, name: str) -> tuple[str, str]:
        """Section 4."""
        marks = self.contacts[name].marks
        return self._prospect(name, marks.get("prospect")), self._customer(
            name, marks.get("customer")
        )

    def _prospect(self, name: str, mark: Mark | None) -> str:
        if self.counting(name, "active"):
            return "current"
        if self.counting(name, "won"):
            return "none"
        losses = [deal.closed_at for deal in self.counting(name, "lost")]
        if mark and all(mark.at >= lost_at for lost_at in losses if lost_at):
            return mark.value
        return "lost" if losses else "none"

    def _customer(self, name: str, mark: Mark | None) -> str:
        wins = [deal.closed_at for deal in self.counting(name, "won")]
        if wins:
            past = mark is not None and mark.value == "past"
            if past and mark and all(mark.at >= won_at for won_at in wins if won_at):
                return "past"
            return "current"
        return mark.value if mark else "none"

    def company_of(self, name: str) -> str | None:
        somebody = self.contacts[name]
        return name if somebody.organization else somebody.employer

    # -- changes

    def _as_it_stands(self) -> bytes:
        # Of thousands of changes a few are taken back: writing down is far cheaper than copying.
        return pickle.dumps((self.contacts, self.deals, self.trash, self.categories))

    def _go_back_to(self, saved: bytes) -> None:
        self.contacts, self.deals, self.trash, self.categories = pickle.loads(saved)

    @contextmanager
    def change(self, *, merged: Iterable[str] = (), keep_wins: bool = True) -> Iterator[None]:
        """One change: what stood before and after it counts (section 5)."""
        if self._open:
            yield
            return
        before = Before(
            {name: deal.group for name, deal in self.deals.items()},
            {name: self.parties(deal) for name, deal in self.deals.items()},
            {name: set(deal.kept) for name, deal in self.deals.items()},
        )
        saved = self._as_it_stands()
        self._open = True
        try:
            yield
            self._settle(before, set(merged), keep_wins)
        except BaseException:
            self._go_back_to(saved)
            raise
        finally:
            self._open = False

    def _settle(self, before: Before, merged: set[str], keep_wins: bool) -> None:
        for name, deal in self.deals.items():
            group = GROUPS[self.categories[deal.stage]]
            if group != deal.group:
                deal.group = group
                deal.closed_at = None if group == "active" else self.now
            if deal.group == "active" and deal.company is None:
                deal.company = self.company_of(deal.star)
            deal.listed.discard(deal.star)
            parties = self.parties(deal)
            if deal.group != "won" or before.groups.get(name, "won") != "won":
                deal.kept = set()
            elif name in before.parties and keep_wins:
                deal.kept |= before.parties[name] - merged
            deal.kept = (deal.kept - parties) & self.contacts.keys()
        for name in before.kept.keys() - self.deals.keys():
            # Deleted together, in whatever order: the win was kept until then.
            self.trash[name].kept |= before.kept[name]
            for contact in (before.kept[name] - self.contacts.keys()) & self.trash.keys():
                self.trash[contact].kept.add(name)
        self._erase_marks(before)

    def _erase_marks(self, before: Before) -> None:
        """Section 4, at its end: deleting a deal erases marks set while there was one."""
        left: dict[str, set[str]] = {}
        for deal in before.parties.keys() - self.deals.keys():
            for name in (before.parties[deal] | before.kept[deal]) & self.contacts.keys():
                left.setdefault(name, set()).add(deal)
        for name, deals in left.items():
            if not self.has_deal(name):
                marks = self.contacts[name].marks
                gone = {kind: mark for kind, mark in marks.items() if mark.had_deal}
                self.contacts[name].marks = {k: m for k, m in marks.items() if k not in gone}
                for deal in deals:
                    self.trash[deal].marks[name] = dict(gone)

    # -- contacts

    def create_contact(self, name: str, organization: bool, employer: str | None = None) -> None:
        with self.change():
            self.contacts[name] = Somebody(organization, employer)

    def employ(self, name: str, employer: str | None) -> None:
        with self.change():
            self.contacts[name].employer = employer

    def set_employees(self, company: str, people: list[str]) -> None:
        with self.change():
            for name, somebody in self.contacts.items():
                if name in people:
                    somebody.employer = company
                elif somebody.employer == company:
                    somebody.employer = None

    def delete_contact(self, names: list[str]) -> None:
        if any(deal.star in names for deal in self.deals.values()):
            raise Refused
        with self.change():
            for name in names:
                self.trash[name] = Trashed(
                    deepcopy(self.contacts[name]),
                    listed={d for d, deal in self.deals.items() if name in deal.listed},
                    kept={d for d, deal in self.deals.items() if name in deal.kept},
                    employees={n for n, c in self.contacts.items() if c.employer == name},
                    deals={d for d, deal in self.deals.items() if deal.company == name},
                )
            for name in names:
                self._drop(name)

    def _drop(self, name: str) -> None:
        del self.contacts[name]
        for somebody in self.contacts.values():
            if somebody.employer == name:
                somebody.employer = None
        for deal in self.deals.values():
            deal.listed.discard(name)
            deal.kept.discard(name)
            if deal.company == name:
                deal.company = None

    def merge(self, survivor: str, merged: str) -> None:
        ours, theirs = self.contacts[survivor], self.contacts[merged]
        if survivor == merged or ours.organization != theirs.organization:
            raise Refused
        with self.change(merged={survivor, merged}):
            for kind, mark in theirs.marks.items():
                if kind not in ours.marks or mark.at > ours.marks[kind].at:
                    ours.marks[kind] = mark
            for somebody in self.contacts.values():
                if somebody.employer == merged:
                    somebody.employer = survivor
            for deal in self.deals.values():
                deal.star = survivor if deal.star == merged else deal.star
                deal.company = survivor if deal.company == merged else deal.company
                for names in (deal.listed, deal.kept):
                    if merged in names:
                        names.remove(merged)
                        names.add(survivor)
            self._drop(merged)

    # -- deals

    def create_deal(
        self,
        name: str,
        star: str,
        stage: str,
        listed: list[str],
        closed_at: datetime | None = None,
        company: str | None = None,
    ) -> None:
        group = GROUPS[self.categories[stage]]
        if closed_at and closed_at > self.now:
            raise Refused
        with self.change():
            closed = None if group == "active" else closed_at or self.now
            company = company or self.company_of(star)
            self.deals[name] = Deal(stage, group, star, company, closed, set(listed) - {star})

    def move(self, deals: list[str], stage: str, closed_at: datetime | None = None) -> None:
        if closed_at and closed_at > self.now:
            raise Refused
        with self.change():
            group = GROUPS[self.categories[stage]]
            for name in deals:
                deal = self.deals[name]
                deal.stage = stage
                if group != deal.group:
                    deal.group = group
                    deal.closed_at = None if group == "active" else closed_at or self.now

    def date(self, deal: str, closed_at: datetime) -> None:
        if closed_at > self.now:
            raise Refused
        with self.change():
            self.deals[deal].closed_at = closed_at

    def star(self, deal: str, star: str, keep_previous: bool) -> None:
        with self.change():
            starred = self.deals[deal]
            previous = starred.star
            if star != previous:
                starred.star = star
                starred.company = self.company_of(star)
                starred.listed.discard(star)
                if keep_previous:
                    starred.listed.add(previous)

    def name_company(self, deals: list[str], company: str | None) -> None:
        with self.change():
            for name in deals:
                self.deals[name].company = company

    def take_along(self, person: str) -> None:
        company = self.company_of(person)
        if self.contacts[person].organization or company is None:
            raise Refused
        with self.change():
            for deal in self.deals.values():
                if deal.star == person and deal.group == "active":
                    deal.company = company

    def list_contacts(self, deal: str, names: list[str]) -> None:
        with self.change():
            self.deals[deal].listed |= set(names)

    def unlist_contacts(self, deal: str, names: list[str]) -> None:
        with self.change():
            self.deals[deal].listed -= set(names)

    def move_link(self, source: str, target: str, name: str) -> None:
        with self.change():
            self.deals[source].listed.remove(name)
            self.deals[target].listed.add(name)

    def delete_deals(self, names: list[str]) -> None:
        with self.change():
            for name in names:
                deal = self.deals.pop(name)
                self.trash[name] = Trashed(deepcopy(deal), set(deal.listed), set(deal.kept))

    def category(self, stage: str, category: str) -> None:
        with self.change():
            self.categories[stage] = category

    # -- out of the trash

    def restore(self, name: str) -> None:
        entry = self.trash[name]
        if isinstance(entry.what, Deal) and entry.what.star not in self.contacts:
            raise Refused
        with self.change():
            del self.trash[name]
            if isinstance(entry.what, Deal):
                self._restore_deal(name, entry)
            else:
                self._restore_contact(name, entry)

    def _restore_deal(self, name: str, entry: Trashed) -> None:
        deal: Deal = entry.what
        if deal.company not in self.contacts:
            deal.company = None
        deal.listed = entry.listed & self.contacts.keys()
        deal.kept = entry.kept & self.contacts.keys()
        self.deals[name] = deal
        for contact, marks in entry.marks.items():
            if contact in self.contacts:
                for kind, mark in marks.items():
                    self.contacts[contact].marks.setdefault(kind, mark)

    def _restore_contact(self, name: str, entry: Trashed) -> None:
        contact: Somebody = entry.what
        if contact.employer not in self.contacts:
            contact.employer = None
        self.contacts[name] = contact
        for deal_name, deal in self.deals.items():
            if deal_name in entry.listed:
                deal.listed.add(name)
            if deal_name in entry.kept and deal.group == "won":
                deal.kept.add(name)
            if deal_name in entry.deals and deal.company is None:
                deal.company = name
        for employee in entry.employees & self.contacts.keys():
            if self.contacts[employee].employer is None:
                self.contacts[employee].employer = name

    # -- selections

    def select(
        self,
        name: str,
        prospect: str | None = None,
        customer: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Section 3. The customer status first: that may forget kept wins."""
        if at and at > self.now:
            raise Refused
        saved = self._as_it_stands()
        try:
            if customer:
                self._select_customer(name, customer, at or self.now)
            if prospect:
                self._select_prospect(name, prospect, at or self.now)
        except Refused:
            self._go_back_to(saved)
            raise

    def _select_customer(self, name: str, value: str, at: datetime) -> None:
        if value == "none":
            wins = self.counting(name, "won")
            if any(name in self.parties(deal) for deal in wins):
                raise Refused
            for deal in wins:
                deal.kept.discard(name)
        self._mark(name, "customer", value, at, self.statuses(name)[1], self._customer(name, None))

    def _select_prospect(self, name: str, value: str, at: datetime) -> None:
        active, won = self.counting(name, "active"), self.counting(name, "won")
        if value == "current":
            if not active:
                raise Refused
        elif active or (value == "lost" and won):
            raise Refused
        self._mark(name, "prospect", value, at, self.statuses(name)[0], self._prospect(name, None))

    def _mark(
        self, name: str, kind: str, value: str, at: datetime, shown: str, by_deals: str
    ) -> None:
        if value == shown:
            return
        if value == by_deals:
            self.contacts[name].marks.pop(kind, None)
        else:
            self.contacts[name].marks[kind] = Mark(value, at, self.has_deal(name))

    def forget_win(self, name: str, deal: str) -> None:
        with self.change():
            self.deals[deal].kept.discard(name)

    # -- several steps as one change

    def batch(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        """All of the steps or none. A selection or a merge, if any, comes last."""
        saved = self._as_it_stands()
        try:
            settling = {"select", "merge", "forget_win"}
            with self.change():
                for step, arguments in steps:
                    if step not in settling:
                        getattr(self, step)(**arguments)
            for step, arguments in steps:
                if step in settling:
                    getattr(self, step)(**arguments)
        except Refused:
            self._go_back_to(saved)
            raise

    def behind_the_back(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        """Writes that no program saw, made right afterwards: they make no kept wins."""
        with self.change(keep_wins=False):
            for step, arguments in steps:
                getattr(self, step)(**arguments)
