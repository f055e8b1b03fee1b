"""A random history of the product, compared with the oracle after every operation.

    STANDING_WALK_OPERATIONS=200000 pytest tests/proof/test_walk.py

walks further. A failure names its seed and the shortest history found that shows it.
"""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.db import connection, transaction

from contacts.models import StatusChange
from deals.services import check_statuses
from tests.proof.oracle import GROUPS, Oracle, Refused
from tests.proof.product import REFUSALS, Product

Step = tuple[str, dict[str, Any]]

COMPANIES, PEOPLE, DEALS = 3, 6, 5
CATEGORIES = list(GROUPS)
VIAS = {
    "create_contact": ["save", "bulk_create"],
    "employ": ["save", "update_fields", "update", "bulk_update", "employees"],
    "set_employees": ["set", "clear"],
    "delete_contact": ["instance", "queryset"],
    "create_deal": ["save", "bulk_create", "add"],
    "move": ["save", "update_fields", "stale", "deferred", "update", "update_id", "bulk_update",
             "stage.deals.add"],
    "date": ["save", "update"],
    "list_contacts": ["create", "add", "set", "reverse", "bulk_create"],
    "unlist_contacts": ["delete", "remove", "clear", "queryset"],
    "move_link": ["save", "update"],
    "delete_deals": ["instance", "queryset"],
    "name_company": ["update", "save"],
    "category": ["save", "update", "bulk_update"],
}  # fmt: skip
WEIGHTS = {
    "create_contact": 30, "employ": 12, "set_employees": 2, "delete_contact": 4, "merge": 5,
    "create_deal": 12, "move": 18, "date": 4, "star": 8, "name_company": 1, "take_along": 2,
    "list_contacts": 11, "unlist_contacts": 7, "move_link": 2, "delete_deals": 4, "category": 4,
    "restore": 4, "select": 16, "forget_win": 3, "batch": 8, "behind_the_back": 1,
}  # fmt: skip
BATCHED = ["employ", "create_deal", "move", "star", "list_contacts", "unlist_contacts",
           "delete_deals", "delete_contact", "date", "restore"]  # fmt: skip
BATCH_ENDS = [*BATCHED, "select", "merge", "forget_win"]
RAW = ["employ", "move", "list_contacts", "unlist_contacts", "category"]


class Clock:
    """Time as the walk has it: an hour further with every operation, still within one."""

    def __init__(self) -> None:
        self.now = datetime(2024, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now


@contextmanager
def simulated_time() -> Iterator[Clock]:
    clock = Clock()
    with mock.patch("django.utils.timezone.now", clock):
        yield clock


class Mismatch(AssertionError):
    pass


class Invention:
    """Makes up the next step from what the oracle says is there."""

    def __init__(self, oracle: Oracle, rng: random.Random) -> None:
        self.oracle = oracle
        self.rng = rng
        self.made = 0

    def step(self) -> Step:
        while True:
            name = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            step = self._invent(name)
            if step is not None:
                return step

    def _invent(self, name: str) -> Step | None:
        arguments = getattr(self, f"_{name}")()
        if arguments is None:
            return None
        if name in VIAS and "via" not in arguments:
            arguments["via"] = self.rng.choice(VIAS[name])
        return name, arguments

    # -- picking

    def _contacts(self, organization: bool | None = None) -> list[str]:
        contacts = self.oracle.contacts.items()
        return [n for n, c in contacts if organization in (None, c.organization)]

    def _one(self, names: Sequence[str]) -> str | None:
        return self.rng.choice(list(names)) if names else None

    def _some(self, names: Sequence[str], most: int) -> list[str]:
        return self.rng.sample(list(names), min(len(names), self.rng.randint(1, most)))

    def _past(self) -> datetime:
        return self.oracle.now - timedelta(minutes=self.rng.randint(0, 60 * 60))

    def _likely_listed(self, company: str | None) -> list[str]:
        """Mostly co-workers, who are the ones that a deal then counts for."""
        contacts = self.oracle.contacts.items()
        co_workers = [name for name, c in contacts if company and c.employer == company]
        return co_workers if co_workers and self.rng.random() < 0.6 else self._contacts()

    def _keeping(self) -> list[str]:
        return sorted({name for deal in self.oracle.deals.values() for name in deal.kept})

    def _has_room(self, name: str) -> bool:
        if name.startswith("d"):
            return len(self.oracle.deals) <= DEALS
        return len(self.oracle.contacts) < COMPANIES + PEOPLE + 2

    def _new(self, kind: str) -> str:
        self.made += 1
        return f"{kind}{self.made}"

    # -- one method a step; None where the world has nothing to do it with

    def _create_contact(self) -> dict[str, Any] | None:
        organization = self.rng.random() < 1 / 3
        if len(self._contacts(organization)) >= (COMPANIES if organization else PEOPLE):
            return None
        employer = None if organization else self._one([*self._contacts(True), ""])
        return {
            "name": self._new("c" if organization else "p"),
            "organization": organization,
            "employer": employer or None,
        }

    def _employ(self) -> dict[str, Any] | None:
        person = self._one(self._contacts(False))
        employer = self._one([*self._contacts(True), ""]) or None
        return {"name": person, "employer": employer} if person else None

    def _set_employees(self) -> dict[str, Any] | None:
        company = self._one(self._contacts(True))
        if company is None:
            return None
        people = self._contacts(False)
        if self.rng.random() < 0.3 or not people:
            return {"company": company, "people": []}
        return {"company": company, "people": self._some(people, 3)}

    def _delete_contact(self) -> dict[str, Any] | None:
        stars = {deal.star for deal in self.oracle.deals.values()}
        free = [name for name in self._contacts() if name not in stars]
        # Mostly who may be deleted: refusals are soon seen.
        pool = free if free and self.rng.random() < 0.7 else self._contacts()
        if (keeping := self._keeping()) and self.rng.random() < 0.2:
            pool = keeping
        names = self._some(pool, 2) if pool else []
        return {"names": names} if names else None

    def _merge(self) -> dict[str, Any] | None:
        if len(self.oracle.contacts) < 5:
            return None
        # Mostly who has something to lose by it: a co-worker on a won deal.
        won = [deal for deal in self.oracle.deals.values() if deal.group == "won"]
        parties = {name for deal in won for name in deal.listed & self.oracle.parties(deal)}
        merged = self._one(sorted(parties)) or self.rng.choice(self._contacts())
        alike = self._contacts(self.oracle.contacts[merged].organization)
        if self.rng.random() < 0.1:
            alike = self._contacts()
        return {"survivor": self.rng.choice(alike), "merged": merged}

    def _create_deal(self) -> dict[str, Any] | None:
        star = self._one(self._contacts())
        if star is None or len(self.oracle.deals) >= DEALS:
            return None
        stage = self.rng.choice(list(self.oracle.categories))
        company = self.oracle.company_of(star)
        others = [name for name in self._likely_listed(company) if name != star]
        listed = self._some(others, 3) if others and self.rng.random() < 0.7 else []
        closed = GROUPS[self.oracle.categories[stage]] != "active"
        dated = closed and self.rng.random() < 0.4
        arguments = {
            "name": self._new("d"), "star": star, "stage": stage, "listed": listed,
            "closed_at": self._past() if dated else None,
        }  # fmt: skip
        if self.rng.random() < 0.1:
            arguments["company"] = self._one(self._contacts(True))
        return arguments

    def _move(self) -> dict[str, Any] | None:
        if not self.oracle.deals:
            return None
        stage = self.rng.choice([*self.oracle.categories, "s2", "s5"])
        arguments: dict[str, Any] = {
            "deals": self._some(list(self.oracle.deals), 2),
            "stage": stage,
        }
        if self.rng.random() < 0.2 and GROUPS[self.oracle.categories[stage]] != "active":
            late = self.rng.random() < 0.1
            arguments["closed_at"] = self.oracle.now + timedelta(1) if late else self._past()
            arguments["deals"] = [
                name
                for name in arguments["deals"]
                if self.oracle.deals[name].group != GROUPS[self.oracle.categories[stage]]
            ]
            arguments["via"] = self.rng.choice(["save", "update_fields"])
        return arguments if arguments["deals"] else None

    def _date(self) -> dict[str, Any] | None:
        deal = self._one([n for n, d in self.oracle.deals.items() if d.group != "active"])
        return {"deal": deal, "closed_at": self._past()} if deal else None

    def _star(self) -> dict[str, Any] | None:
        deal, star = self._one(list(self.oracle.deals)), self._one(self._contacts())
        if deal is None or star is None:
            return None
        via = self.rng.choice(["service", "service", "save", "update", "bulk_update"])
        keep = via == "service" and self.rng.random() < 0.5
        return {"deal": deal, "star": star, "keep_previous": keep, "via": via}

    def _name_company(self) -> dict[str, Any] | None:
        if not self.oracle.deals:
            return None
        company = self._one([*self._contacts(True), ""]) or None
        return {"deals": self._some(list(self.oracle.deals), 2), "company": company}

    def _take_along(self) -> dict[str, Any] | None:
        person = self._one(self._contacts(False))
        return {"person": person} if person else None

    def _list_contacts(self) -> dict[str, Any] | None:
        deal = self._one(list(self.oracle.deals))
        if deal is None:
            return None
        pool = self._likely_listed(self.oracle.deals[deal].company)
        return {"deal": deal, "names": self._some(pool, 3)}

    def _unlist_contacts(self) -> dict[str, Any] | None:
        deal = self._one([n for n, d in self.oracle.deals.items() if d.listed])
        if deal is None:
            return None
        return {"deal": deal, "names": self._some(sorted(self.oracle.deals[deal].listed), 3)}

    def _move_link(self) -> dict[str, Any] | None:
        deals = self.oracle.deals
        free = [
            (source, target, name)
            for source, deal in deals.items()
            for target, other in deals.items()
            for name in sorted(deal.listed - other.listed)
            if source != target
        ]
        if not free:
            return None
        source, target, name = self.rng.choice(free)
        return {"source": source, "target": target, "name": name}

    def _delete_deals(self) -> dict[str, Any] | None:
        deals = list(self.oracle.deals)
        return {"names": self._some(deals, 2)} if deals else None

    def _category(self) -> dict[str, Any] | None:
        stage = self.rng.choice(["s5", "s6", "s7"])
        return {"stage": stage, "category": self.rng.choice(CATEGORIES)}

    def _restore(self) -> dict[str, Any] | None:
        names = [name for name, entry in self.oracle.trash.items() if self._has_room(name)]
        name = self._one(names[-4:])
        return {"name": name} if name else None

    def _select(self) -> dict[str, Any] | None:
        if (keeping := self._keeping()) and self.rng.random() < 0.3:
            customer = self.rng.choice(["none", "none", "past"])
            return {"name": self._one(keeping), "customer": customer}
        name = self._one(self._contacts())
        if name is None:
            return None
        arguments: dict[str, Any] = {"name": name}
        both = self.rng.random() < 0.1
        if both or self.rng.random() < 0.5:
            arguments["prospect"] = self.rng.choice(["none", "current", "lost"])
        if both or "prospect" not in arguments:
            arguments["customer"] = self.rng.choice(["none", "current", "past", "past"])
        if self.rng.random() < 0.2:
            arguments["at"] = self._past()
        return arguments

    def _forget_win(self) -> dict[str, Any] | None:
        deals = self.oracle.deals.items()
        kept = [(name, deal) for deal, row in deals for name in sorted(row.kept)]
        if not kept:
            return None
        name, deal = self.rng.choice(kept)
        return {"name": name, "deal": deal}

    def _batch(self) -> dict[str, Any] | None:
        """Steps that each fit the world as the earlier ones of the batch leave it."""
        world = Invention(_copy(self.oracle), self.rng)
        world.made = self.made
        steps: list[Step] = []
        for last in (False, False, self.rng.random() < 0.5, True):
            step = world._invent(self.rng.choice(BATCH_ENDS if last else BATCHED))
            if step is None or _restores_anew(step, self.oracle, steps):
                continue
            try:
                _run(world.oracle, step)
            except Refused:
                if not last:
                    continue
            steps.append(step)
            if last:
                break
        self.made = world.made
        return {"steps": steps} if steps else None

    def _behind_the_back(self) -> dict[str, Any] | None:
        step = self._invent(self.rng.choice(RAW))
        if step is None:
            return None
        name, arguments = step
        arguments.pop("via", None)
        arguments.pop("closed_at", None)
        if name == "list_contacts":
            present = self.oracle.deals[arguments["deal"]].listed
            arguments["names"] = [name for name in arguments["names"] if name not in present]
        if name == "move":
            group = GROUPS[self.oracle.categories[arguments["stage"]]]
            rows = arguments["deals"]
            arguments["deals"] = [d for d in rows if self.oracle.deals[d].group != group]
        return {"steps": [(name, arguments)]}


def _copy(oracle: Oracle) -> Oracle:
    copied: Oracle = pickle.loads(pickle.dumps(oracle))
    return copied


def _restores_anew(step: Step, oracle: Oracle, earlier: Sequence[Step]) -> bool:
    """Whether this would restore what its own batch deletes; the trash is filled at the end."""
    name, arguments = step
    return name == "restore" and (
        arguments["name"] not in oracle.trash or any(step == other for other in earlier)
    )


def _makes_sense(step: Step, oracle: Oracle) -> bool:
    """Whether everybody a step names is there, for histories that lack some steps."""
    name, arguments = step
    if name in ("batch", "behind_the_back"):
        world = _copy(oracle)
        for number, inner in enumerate(arguments["steps"]):
            earlier = arguments["steps"][:number]
            if not _makes_sense(inner, world) or _restores_anew(inner, oracle, earlier):
                return False
            try:
                _run(world, inner)
            except Refused:
                continue
        return True
    there = {None, *oracle.contacts, *oracle.deals, *oracle.categories}
    if name == "restore":
        return arguments["name"] in oracle.trash
    if name.startswith("create"):
        there.add(arguments["name"])
    named = []
    for key, value in arguments.items():
        if key not in ("via", "organization", "closed_at", "keep_previous", "category", "at",
                       "prospect") and (key, name) != ("customer", "select"):  # fmt: skip
            named += value if isinstance(value, list) else [value]
    if name == "move_link":
        deals, who = oracle.deals, arguments["name"]
        source, target = deals.get(arguments["source"]), deals.get(arguments["target"])
        return bool(source and target and who in source.listed and who not in target.listed)
    if name == "date" and there.issuperset(named):
        return oracle.deals[arguments["deal"]].group != "active"
    return there.issuperset(named)


def _run(oracle: Oracle, step: Step) -> None:
    name, arguments = step
    if name in ("batch", "behind_the_back"):
        bare = [(inner, _bare(values)) for inner, values in arguments["steps"]]
        getattr(oracle, name)(bare)
    else:
        getattr(oracle, name)(**_bare(arguments))


def _bare(arguments: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != "via"}


@dataclass
class Failure:
    seed: int
    operation: int
    reason: str
    history: list[Step]

    def __str__(self) -> str:
        steps = "\n".join(f"  {n}. {name} {args}" for n, (name, args) in enumerate(self.history, 1))
        return f"seed {self.seed}, operation {self.operation}:\n{self.reason}\n{steps}"


class World:
    """The product and the oracle side by side."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.oracle = Oracle()
        self.oracle.now = clock.now
        self.product = Product(self.oracle.categories)
        self.names: dict[int, str] = {}
        self.survivors: set[str] = set()

    def take(self, step: Step) -> None:
        """Take one step on both sides and compare them; raises ``Mismatch``."""
        self.oracle.now = self.clock.tick()
        name, arguments = step
        expected = actual = False
        reason: BaseException | None = None
        try:
            _run(self.oracle, step)
        except Refused:
            expected = True
        known = dict(self.product.ids)
        try:
            with transaction.atomic():
                getattr(self.product, name)(**arguments)
        except REFUSALS as error:
            actual, reason = True, error
            self.product.ids = known
        if expected != actual:
            says = "refuses" if actual else "allows"
            raise Mismatch(f"the product {says} it, the law does not: {reason!r}")
        if not actual:
            inner = [step, *arguments.get("steps", [])]
            self.survivors |= {values["survivor"] for n, values in inner if n == "merge"}
        self.compare()

    def compare(self) -> None:
        stored = self.product.stored()
        for what, expected in self.expected().items():
            if stored[what] != expected:
                raise Mismatch(self._difference(what, stored[what], expected))

    def expected(self) -> dict[str, dict[Any, Any]]:
        ids, oracle = self.product.ids, self.oracle
        contacts = {}
        for name, somebody in oracle.contacts.items():
            marks = [
                (m.value, m.at, m.had_deal) if (m := somebody.marks.get(kind)) else None
                for kind in ("prospect", "customer")
            ]
            employer = ids[somebody.employer] if somebody.employer else None
            contacts[ids[name]] = (employer, *oracle.statuses(name), *marks)
        deals, on = {}, {}
        for name, deal in oracle.deals.items():
            company = ids[deal.company] if deal.company else None
            deals[ids[name]] = (ids[deal.star], company, deal.group, deal.closed_at)
            for how in ("listed", "kept"):
                if names := getattr(deal, how):
                    on[ids[name], how] = {ids[name] for name in names}
        return {"contacts": contacts, "deals": deals, "on deals": on}

    def _difference(self, what: str, stored: dict[Any, Any], expected: dict[Any, Any]) -> str:
        names = {pk: name for name, pk in self.product.ids.items() if name[0] != "d"}
        if what != "contacts":
            names = {pk: name for name, pk in self.product.ids.items() if name[0] == "d"}
        lines = [f"{what} differ"]
        for key in sorted(stored.keys() | expected.keys(), key=str):
            if stored.get(key) != expected.get(key):
                name = names.get(key, key) if isinstance(key, int) else key
                lines.append(f"  {name}: stored {stored.get(key)}\n       law {expected.get(key)}")
        return "\n".join(lines)

    def finish(self) -> None:
        """At the end: recounting finds nothing, and every history is one unbroken chain."""
        differences = check_statuses().differences
        if differences:
            raise Mismatch(f"a recount differs: {[str(d) for d in differences]}")
        if broken := self._broken_histories():
            raise Mismatch("\n".join(broken))
        connection.check_constraints()

    def _broken_histories(self) -> list[str]:
        """Rows that do not begin where the one before ended; the last has to show what is."""
        # A survivor has the history of two.
        merged = {self.product.ids[name] for name in self.survivors}
        at: dict[tuple[int, str], str] = {}
        broken = []
        for row in StatusChange.objects.exclude(contact__in=merged).order_by("recorded_at", "pk"):
            was = at.get((row.contact_id, row.status), "none")
            if was != row.old or row.old == row.new or row.effective_at > row.recorded_at:
                broken.append(f"history: {row} of {row.recorded_at}, after {was}")
            at[row.contact_id, row.status] = row.new
        for name in self.oracle.contacts:
            pk = self.product.ids[name]
            for kind, status in zip(
                ("prospect", "customer"), self.oracle.statuses(name), strict=True
            ):
                if pk not in merged and at.get((pk, kind), "none") != status:
                    broken.append(f"history of {name} ends with {at.get((pk, kind))}, not {status}")
        return broken


def walk(seed: int, operations: int) -> Failure | None:
    """Walk ``operations`` steps of history ``seed``; returns the first failure, not shrunk.

    What was walked is rolled back.
    """
    history: list[Step] = []
    failure = None
    with simulated_time() as clock, transaction.atomic():
        world = World(clock)
        invention = Invention(world.oracle, random.Random(seed))
        for number in range(1, operations + 1):
            step = invention.step()
            history.append(step)
            try:
                world.take(step)
                if number == operations:
                    world.finish()
            except Exception as error:
                failure = Failure(seed, number, f"{type(error).__name__}: {error}", history)
                break
        transaction.set_rollback(True)
    return failure


def replay(history: Sequence[Step | None]) -> str:
    """Take the steps of ``history`` that make sense in turn; what the first mismatch says.

    A step that was left out (None) leaves its hour, so that no date comes to lie in the future.
    """
    reason = ""
    with simulated_time() as clock, transaction.atomic():
        world = World(clock)
        for step in history:
            world.oracle.now = clock.now
            if step is None or not _makes_sense(step, world.oracle):
                clock.tick()
                continue
            try:
                world.take(step)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                break
        transaction.set_rollback(True)
    return reason


def shrink(failure: Failure, seconds: float = 60) -> Failure:
    """A shorter history with a failure, found by leaving steps out, larger pieces first."""
    history: list[Step | None] = list(failure.history)
    reason, end = failure.reason, time.monotonic() + seconds
    size = len(history) // 2
    while size:
        for start in range(0, len(history) - 1, size):
            stop = min(start + size, len(history) - 1)
            if not any(history[start:stop]) or time.monotonic() > end:
                continue
            shorter = [*history[:start], *[None] * (stop - start), *history[stop:]]
            if found := replay(shorter):
                history, reason = shorter, found
        size //= 2
    left = [step for step in history if step is not None]
    return Failure(failure.seed, failure.operation, reason, left)
