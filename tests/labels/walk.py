"""A random history of tags, fields, deletions and statuses, compared with the oracle after every step.

    STANDING_LABEL_SECONDS=200 pytest tests/labels/test_walk.py

walks for that long. A failure names its seed and the shortest history found that shows it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from settings.catalogue import known_once
from settings.categories import AppliesTo, FieldType
from settings.models import CustomField, Tag
from tests.labels.oracle import Oracle, Refused
from tests.labels.product import VALUES, Product

Step = tuple[str, dict[str, Any]]

PEOPLE, COMPANIES = ["p1", "p2", "p3", "p4"], ["c1", "c2"]
CONTACTS = [*PEOPLE, *COMPANIES]
NAMES = ["VIP", "vip", "Shoe", "Größe", "GRÖSSE", "A (2)"]
OPTIONS = ["Tea", "TEA", "Cake", "Jam", "Ham"]
STAGES = ["incoming", "in_progress", "won", "lost", "unqualified"]
LABELS_AT_MOST, DEALS_AT_MOST = 9, 4
WEIGHTS = {
    "make": 12, "rename": 4, "rename_option": 3, "tag": 26, "set": 34, "delete": 9,
    "delete_everywhere": 2, "merge": 7, "move": 6, "undo": 16, "status": 12, "deal": 5,
    "move_deal": 4, "drop_deal": 4,
}  # fmt: skip
MOVING = ("status", "deal", "move_deal", "drop_deal")
REMOVING = ("delete", "delete_everywhere", "merge", "move")


class Mismatch(AssertionError):
    pass


class Invention:
    """Makes up the next step from what the oracle says is there."""

    def __init__(self, oracle: Oracle, rng: random.Random) -> None:
        self.oracle, self.rng = oracle, rng
        self.made = 0
        self.deals: dict[str, str] = {}
        # Few types in one history, so that many fields meet one of their own.
        self.types = [*rng.sample(list(VALUES), 2), FieldType.CHOICE, FieldType.CHOICES]

    def step(self) -> Step:
        while True:
            name = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            arguments = getattr(self, f"_{name}")()
            if arguments is not None:
                return name, arguments

    def _label(self, kind: str = "") -> str | None:
        found = self.oracle.live(kind)
        return self.rng.choice(found) if found else None

    def _contact(self, label: str, likely: float = 0.85) -> str:
        """Mostly one that may have it."""
        one = self.oracle.labels[label]
        able = [name for name in CONTACTS if self.oracle.may_have(name, one)]
        return self.rng.choice(able if able and self.rng.random() < likely else CONTACTS)

    def _make(self) -> dict[str, Any] | None:
        if len(self.oracle.live()) >= LABELS_AT_MOST:
            return None
        self.made += 1
        kind = self.rng.choice(["tag", "field"])
        step: dict[str, Any] = {
            "label": f"l{self.made}", "kind": kind, "name": self.rng.choice(NAMES),
            "category": self.rng.choice(["contacts", "customers"]),
        }  # fmt: skip
        if kind == "field":
            step["type"] = str(self.rng.choice(self.types))
            step["for_"] = self.rng.choice(["", "", "", *AppliesTo.values])
            names = self.rng.sample(["Tea", "Cake", "Jam"], 2) if "choice" in step["type"] else []
            step["options"] = {f"{step['label']}.{number}": one for number, one in enumerate(names)}
        return step

    def _rename(self) -> dict[str, Any] | None:
        label = self._label()
        return {"label": label, "name": self.rng.choice(NAMES)} if label else None

    def _rename_option(self) -> dict[str, Any] | None:
        choosing = [n for n in self.oracle.live("field") if self.oracle.labels[n].options]
        if not choosing:
            return None
        label = self.rng.choice(choosing)
        option = self.rng.choice(sorted(self.oracle.labels[label].options))
        return {"label": label, "option": option, "name": self.rng.choice(OPTIONS)}

    def _tag(self) -> dict[str, Any] | None:
        label = self._label("tag")
        if label is None:
            return None
        contacts = sorted({self._contact(label, 0.95) for _ in range(self.rng.randint(1, 4))})
        return {"label": label, "contacts": contacts, "on": self.rng.random() < 0.8}

    def _set(self) -> dict[str, Any] | None:
        label = self._label("field")
        if label is None:
            return None
        one = self.oracle.labels[label]
        if self.rng.random() < 0.2:
            value: Any = None
        elif one.options:
            chosen = self.rng.sample(sorted(one.options), self.rng.randint(1, len(one.options)))
            value = sorted(chosen) if one.type == "choices" else chosen[0]
        elif one.type in VALUES:
            value = self.rng.choice(VALUES[one.type])
        else:
            return None
        return {"label": label, "contact": self._contact(label), "value": value}

    def _delete(self) -> dict[str, Any] | None:
        label = self._label()
        return {"label": label} if label else None

    _delete_everywhere = _move = _delete

    def _merge(self) -> dict[str, Any] | None:
        label = self._label()
        if label is None:
            return None
        mine = self.oracle.labels[label]
        alike = [n for n in self.oracle.live(mine.kind) if self.oracle.labels[n].type == mine.type]
        pool = alike if self.rng.random() < 0.9 else self.oracle.live()
        # Often where something went before.
        before = [one.into for one in self.oracle.removals if one.into in pool and not one.undone]
        if before and self.rng.random() < 0.5:
            pool = before
        return {"label": label, "into": self.rng.choice(pool)}

    def _undo(self) -> dict[str, Any] | None:
        open_ones = [n for n, one in enumerate(self.oracle.removals) if not one.undone]
        if not open_ones:
            return None
        # Mostly a late one; sometimes any, undone ones included.
        if self.rng.random() < 0.1:
            return {"number": self.rng.randrange(len(self.oracle.removals))}
        recent = open_ones[-4:] if self.rng.random() < 0.8 else open_ones
        return {"number": self.rng.choice(recent)}

    def _status(self) -> dict[str, Any] | None:
        kind, values = self.rng.choice(
            [("customer", ["none", "none", "current", "past"]), ("prospect", ["none", "lost"])]
        )
        return {"contact": self.rng.choice(CONTACTS), kind: self.rng.choice(values)}

    def _deal(self) -> dict[str, Any] | None:
        if len(self.deals) >= DEALS_AT_MOST:
            return None
        self.made += 1
        deal = f"d{self.made}"
        self.deals[deal] = deal
        return {"deal": deal, "contact": self.rng.choice(CONTACTS), "stage": self._stage()}

    def _stage(self) -> str:
        return self.rng.choice(STAGES)

    def _move_deal(self) -> dict[str, Any] | None:
        if not self.deals:
            return None
        return {"deal": self.rng.choice(sorted(self.deals)), "stage": self._stage()}

    def _drop_deal(self) -> dict[str, Any] | None:
        if not self.deals:
            return None
        deal = self.rng.choice(sorted(self.deals))
        del self.deals[deal]
        return {"deal": deal}


class World:
    """The product and the oracle side by side."""

    def __init__(self) -> None:
        self.oracle = Oracle(PEOPLE, COMPANIES)
        self.product = Product(PEOPLE, COMPANIES)

    def take(self, step: Step) -> None:
        """Take one step on both sides and compare them; raises ``Mismatch``."""
        name, arguments = step
        if name in MOVING:
            self._move(name, arguments)
        else:
            self._both(name, arguments)
        self.compare()

    def _move(self, name: str, arguments: dict[str, Any]) -> None:
        """Who is in the category afterwards is for the statuses to say, which have a proof of their own."""
        try:
            with transaction.atomic():
                getattr(self.product, name)(**arguments)
        except ValidationError:
            return
        self.oracle.inside = set(self.product.inside())

    def _both(self, name: str, arguments: dict[str, Any]) -> None:
        theirs = self._as_the_product_says(name, arguments)
        if name in REMOVING and name != "move":
            self._compare_tolls(name, arguments)
        expected = False
        actual: BaseException | None = None
        try:
            getattr(self.oracle, name)(**arguments)
        except Refused:
            expected = True
        try:
            with transaction.atomic():
                getattr(self.product, name)(**theirs)
        except ValidationError as error:
            actual = error
        if expected != (actual is not None):
            says = "refuses" if actual else "allows"
            raise Mismatch(f"the product {says} it, the rules do not: {actual!r}")
        self._name_what_was_made()

    def _as_the_product_says(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Options by what they are called."""
        if name not in ("set", "rename_option"):
            return arguments
        options = self.oracle.labels[arguments["label"]].options
        if name == "rename_option":
            return arguments | {"option": options[arguments["option"]]}
        value = arguments["value"]
        if options and value is not None:
            value = [options[one] for one in value] if isinstance(value, list) else options[value]
        return arguments | {"value": value}

    def _compare_tolls(self, name: str, arguments: dict[str, Any]) -> None:
        label, into = arguments["label"], arguments.get("into", "")
        mine = self.oracle.labels[label]
        if into:
            theirs = self.oracle.labels[into]
            if label == into or (mine.kind, mine.type) != (theirs.kind, theirs.type):
                return
        if name == "delete_everywhere" and mine.category != "contacts":
            return
        everywhere = name == "delete_everywhere"
        expected = self.oracle.toll(label, into, everywhere)
        said = self.product.toll(label, into, everywhere)
        if (said.kept, said.lost, said.both) != (expected.kept, expected.lost, expected.both):
            raise Mismatch(f"the page says {said}, the rules {expected}")

    def _name_what_was_made(self) -> None:
        for name in self.oracle.labels.keys() - self.product.labels.keys():
            one = self.oracle.labels[name]
            model: Any = Tag if one.kind == "tag" else CustomField
            found = model.objects.live().get(category=one.category, key=_key(one.name, one.type))
            self.product.labels[name] = found

    def compare(self) -> None:
        there = {(one.kind, one.category, _told(one)) for one in self._live()}
        if self.product.there() != there:
            raise Mismatch(f"there is {self.product.there()}\n     rules {there}")
        for what, unseen in (("carried", True), ("seen", False)):
            stored = getattr(self.product, what)()
            for contact in CONTACTS:
                expected = {
                    (label.kind, label.category, _told(label)): value
                    for name, value in self.oracle.carried(contact, unseen=unseen).items()
                    for label in [self.oracle.labels[name]]
                }
                if stored[contact] != expected:
                    raise Mismatch(
                        f"{contact}, {what}: {stored[contact]}\n          rules {expected}"
                    )
        if self.product.told() != self.oracle.told:
            raise Mismatch(f"history has {self.product.told()} rows, not {self.oracle.told}")

    def _live(self) -> list[Any]:
        return [self.oracle.labels[name] for name in self.oracle.live()]

    def undo_all(self) -> None:
        """At the end everything that can come back does, the latest first."""
        for number in reversed(range(len(self.oracle.removals))):
            self.take(("undo", {"number": number}))


def _told(label: Any) -> str:
    """What it is called; the product writes a type that tells two apart in words."""
    if label.type and label.name.endswith(f" ({label.type})"):
        words = str(FieldType(label.type).label)
        return label.name.removesuffix(f"({label.type})") + f"({words})"
    return str(label.name)


def _key(name: str, type_: str) -> str:
    from crm.folding import fold

    class Named:
        type = type_

    Named.name = name  # type: ignore[attr-defined]
    return fold(_told(Named))


@dataclass
class Failure:
    seed: int
    step: int
    reason: str
    history: list[Step]

    def __str__(self) -> str:
        steps = "\n".join(f"  {n}. {name} {args}" for n, (name, args) in enumerate(self.history, 1))
        return f"seed {self.seed}, step {self.step}:\n{self.reason}\n{steps}"


def walk(seed: int, steps: int) -> Failure | None:
    """Walk so many steps of history ``seed``; the first failure, not shrunk. What was walked is rolled back."""
    history: list[Step] = []
    failure = None
    with transaction.atomic():
        world = World()
        invention = Invention(world.oracle, random.Random(seed))
        for number in range(1, steps + 1):
            step = invention.step()
            history.append(step)
            try:
                with known_once():
                    world.take(step)
                if number == steps:
                    history.append(("undo_all", {}))
                    world.undo_all()
            except Exception as error:
                failure = Failure(seed, number, f"{type(error).__name__}: {error}", history)
                break
        transaction.set_rollback(True)
    return failure


def replay(history: Sequence[Step]) -> str:
    """Take the steps of ``history`` that can be taken; what the first mismatch says."""
    reason = ""
    with transaction.atomic():
        world = World()
        for name, arguments in history:
            try:
                if name == "undo_all":
                    world.undo_all()
                elif _makes_sense(world, name, arguments):
                    world.take((name, arguments))
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                break
        transaction.set_rollback(True)
    return reason


def _makes_sense(world: World, name: str, arguments: dict[str, Any]) -> bool:
    if name == "make":
        return arguments["label"] not in world.oracle.labels
    if name == "undo":
        return bool(arguments["number"] < len(world.oracle.removals))
    if name in ("move_deal", "drop_deal"):
        return arguments["deal"] in world.product.deals
    if name in MOVING:
        return True
    labels = [
        world.oracle.labels.get(arguments[key]) for key in ("label", "into") if key in arguments
    ]
    if not all(one and one.live for one in labels):
        return False
    options = labels[0].options if labels[0] else {}
    if name == "rename_option":
        return arguments["option"] in options
    chosen = arguments.get("value")
    if name == "set" and labels[0] and "choice" in labels[0].type and chosen is not None:
        return set(chosen if isinstance(chosen, list) else [chosen]) <= options.keys()
    return True


def shrink(failure: Failure, seconds: float = 40) -> Failure:
    """A shorter history with a failure, found by leaving steps out, larger pieces first."""
    history, reason, end = failure.history, failure.reason, time.monotonic() + seconds
    size = len(history) // 2
    while size:
        start = 0
        while start < len(history) and time.monotonic() < end:
            shorter = history[:start] + history[start + size :]
            if found := replay(shorter):
                history, reason = shorter, found
            else:
                start += size
        size //= 2
    return Failure(failure.seed, failure.step, reason, history)
