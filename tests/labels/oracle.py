"""The rules of tags and custom fields in plain dictionaries, as the account of them is written, not as it is built.

It knows who is in Prospects & Customers (statuses are proven elsewhere) and nothing of the database. A contact has
*entries* of a label: one of a tag or field, one for each choice of a field of several. What a removal lent to another
label it remembers by whom; what stayed behind, because the other had one already, likewise.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

# A contact, and the option where there may be several.
Key = tuple[str, str]


class Refused(Exception):
    """The rules do not allow it."""


@dataclass
class Label:
    kind: str
    category: str
    name: str
    type: str = ""
    for_: str = ""
    live: bool = True
    # Option -> what it is called.
    options: dict[str, str] = field(default_factory=dict)
    entries: dict[Key, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name.casefold()


@dataclass
class Removal:
    label: str
    how: str
    into: str = ""
    is_new: bool = False
    category: str = ""
    into_category: str = ""
    undone: bool = False
    # Of the label that it went into.
    lent: set[Key] = field(default_factory=set)
    # Of the label that went.
    behind: set[Key] = field(default_factory=set)
    # Which option became which.
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Toll:
    kept: int
    lost: int
    both: int
    name: str | None


class Oracle:
    def __init__(self, people: Iterable[str], companies: Iterable[str]) -> None:
        self.people, self.companies = set(people), set(companies)
        self.inside: set[str] = set()
        self.labels: dict[str, Label] = {}
        self.removals: list[Removal] = []
        self.made = 0
        # How many changes of people's own the history tells of.
        self.told = 0

    # -- what there is

    def live(self, kind: str = "", category: str = "") -> list[str]:
        return [
            name
            for name, one in self.labels.items()
            if one.live and kind in ("", one.kind) and category in ("", one.category)
        ]

    def named(self, kind: str, category: str, key: str) -> str:
        """The live one of that name, or an empty string."""
        found = [n for n in self.live(kind, category) if self.labels[n].key == key.casefold()]
        assert len(found) <= 1
        return found[0] if found else ""

    def alike(self, label: str, category: str) -> str:
        mine = self.labels[label]
        found = self.named(mine.kind, category, mine.key)
        return found if found and self.labels[found].type == mine.type else ""

    def may_have(self, contact: str, label: Label) -> bool:
        if label.category == "customers" and contact not in self.inside:
            return False
        return label.for_ in ("", "person" if contact in self.people else "company")

    def carried(self, contact: str, *, unseen: bool = False) -> dict[str, Any]:
        """What a contact shows, by label; with ``unseen`` also what it would show again."""
        found: dict[str, Any] = {}
        for name in self.live():
            label = self.labels[name]
            if not unseen and not self.may_have(contact, label):
                continue
            mine = {key[1]: value for key, value in label.entries.items() if key[0] == contact}
            if not mine:
                continue
            if label.type == "choices":
                found[name] = frozenset(label.options[one] for one in mine)
            elif label.type == "choice":
                found[name] = label.options[mine[""]]
            else:
                found[name] = mine[""]
        return found

    # -- what people do with labels

    def make(self, label: str, kind: str, category: str, name: str, **more: Any) -> None:
        if self.named(kind, category, name):
            raise Refused
        self.labels[label] = Label(kind, category, name, **more)

    def rename(self, label: str, name: str) -> None:
        mine = self.labels[label]
        if self.named(mine.kind, mine.category, name) not in ("", label):
            raise Refused
        mine.name = name

    def rename_option(self, label: str, option: str, name: str) -> None:
        others = {n.casefold() for o, n in self.labels[label].options.items() if o != option}
        if name.casefold() in others:
            raise Refused
        self.labels[label].options[option] = name

    # -- what people do with contacts

    def tag(self, label: str, contacts: list[str], on: bool) -> None:
        mine = self.labels[label]
        if on and not all(self.may_have(one, mine) for one in contacts):
            raise Refused
        for one in contacts:
            if on != ((one, "") in mine.entries):
                self.told += 1
                self._put(label, one, {"": True} if on else {})

    def set(self, label: str, contact: str, value: Any) -> None:
        mine = self.labels[label]
        if value is not None and not self.may_have(contact, mine):
            raise Refused
        wanted: dict[str, Any] = {} if value is None else {"": value}
        if mine.type == "choices" and value is not None:
            wanted = dict.fromkeys(value, True)
        before = {key[1]: held for key, held in mine.entries.items() if key[0] == contact}
        if before != wanted:
            self.told += 1
            self._put(label, contact, wanted)

    def _put(self, label: str, contact: str, wanted: dict[str, Any]) -> None:
        entries = self.labels[label].entries
        for key in [key for key in entries if key[0] == contact and key[1] not in wanted]:
            del entries[key]
            # Taken off, it stays off, whatever is undone.
            for removal in self.removals:
                if removal.into == label:
                    removal.lent.discard(key)
        entries.update({(contact, slot): value for slot, value in wanted.items()})

    # -- removing

    def toll(self, label: str, into: str = "", everywhere: bool = False) -> Toll:
        mine = self.labels[label]
        who = {key[0] for key in mine.entries}
        if into:
            return Toll(len(who), 0, self._both(mine, into, who), self.labels[into].name)
        if mine.category == "customers" or everywhere:
            return Toll(0, len(who), 0, None)
        target = self.alike(label, "customers")
        kept = who & self.inside
        name = self.labels[target].name if target else self._free_name(mine)
        both = self._both(mine, target, kept) if target else 0
        return Toll(len(kept), len(who - kept), both, name)

    def _both(self, mine: Label, into: str, who: AbstractSet[str]) -> int:
        if mine.type == "choices":
            return 0
        there = {key[0] for key in self.labels[into].entries}
        return len({key[0] for key in mine.entries} & there & who)

    def delete(self, label: str) -> None:
        mine = self.labels[label]
        if mine.category == "customers":
            self._remove(label, "deleted")
            return
        into = self.alike(label, "customers")
        is_new = not into
        if is_new:
            self.made += 1
            into = f"{label}+{self.made}"
            self.labels[into] = Label(
                mine.kind, "customers", self._free_name(mine), mine.type, mine.for_
            )
        self._remove(label, "deleted", into, self.inside, is_new=is_new)

    def _free_name(self, mine: Label) -> str:
        if not self.named(mine.kind, "customers", mine.name):
            return mine.name
        told = f"{mine.name} ({mine.type})"
        if mine.type and not self.named(mine.kind, "customers", told):
            return told
        number = 2
        while self.named(mine.kind, "customers", f"{mine.name} ({number})"):
            number += 1
        return f"{mine.name} ({number})"

    def delete_everywhere(self, label: str) -> None:
        other = "customers" if self.labels[label].category == "contacts" else "contacts"
        for one in (label, self.alike(label, other)):
            if one:
                self._remove(one, "deleted")

    def merge(self, label: str, into: str) -> None:
        mine, theirs = self.labels[label], self.labels[into]
        if label == into or (mine.kind, mine.type) != (theirs.kind, theirs.type):
            raise Refused
        self._remove(label, "merged", into, self.people | self.companies)

    def move(self, label: str) -> None:
        mine = self.labels[label]
        category = "customers" if mine.category == "contacts" else "contacts"
        if into := self.alike(label, category):
            self._remove(label, "moved", into, self.people | self.companies)
            return
        if self.named(mine.kind, category, mine.name):
            raise Refused
        self.removals.append(
            Removal(label, "moved", category=mine.category, into_category=category)
        )
        mine.category = category

    def _remove(
        self, label: str, how: str, into: str = "", who: Iterable[str] = (), *, is_new: bool = False
    ) -> None:
        mine = self.labels[label]
        removal = Removal(label, how, into, is_new, mine.category)
        self.removals.append(removal)
        mine.live = False
        if not into:
            return
        removal.options = self._matched(label, into, {})
        for key in [key for key in mine.entries if key[0] in set(who)]:
            there = self._lent_key(key, removal)
            if there in self.labels[into].entries:
                removal.behind.add(key)
            else:
                self._hand(label, into, key, removal.options)
                removal.lent.add(there)

    def _lent_key(self, key: Key, removal: Removal) -> Key:
        return key[0], removal.options.get(key[1], key[1])

    def _hand(self, source: str, into: str, key: Key, options: dict[str, str]) -> None:
        value = self.labels[source].entries.pop(key)
        if self.labels[source].type == "choice":
            value = options.get(value, value)
        self.labels[into].entries[key[0], options.get(key[1], key[1])] = value

    def _matched(self, source: str, into: str, known: dict[str, str]) -> dict[str, str]:
        """The options of one field as those of the other: known ones, of the same name, or made."""
        theirs = self.labels[into].options
        found = dict(known)
        for option, name in self.labels[source].options.items():
            if option in found:
                continue
            same = [one for one, other in theirs.items() if other.casefold() == name.casefold()]
            if not same:
                self.made += 1
                same = [f"o{self.made}"]
                theirs[same[0]] = name
            found[option] = same[0]
        return found

    # -- undoing

    def undo(self, number: int) -> None:
        removal = self.removals[number]
        mine = self.labels.get(removal.label)
        if removal.undone or mine is None:
            raise Refused
        if not removal.into and removal.how == "moved":
            if not mine.live or mine.category != removal.into_category:
                raise Refused
            if self.named(mine.kind, removal.category, mine.name):
                raise Refused
            mine.category = removal.category
        else:
            self._bring_back(removal, mine, number)
        removal.undone = True

    def _bring_back(self, removal: Removal, mine: Label, number: int) -> None:
        into = removal.into
        if into and (into not in self.labels or not self.labels[into].live):
            raise Refused
        if removal.is_new and self._rested_on(into, removal):
            raise Refused
        if self.named(mine.kind, mine.category, mine.name):
            raise Refused
        mine.live = True
        if not into:
            return
        back = {new: old for old, new in removal.options.items()}
        options = self._matched(into, removal.label, back)
        ours = [key for key in self.labels[into].entries if key in removal.lent]
        for key in ours:
            self._hand(into, removal.label, key, options)
            self._next_in_line(into, key, number)
        if removal.is_new:
            # Made for this: what it was given since goes along, and wins over what was lost.
            for key in list(self.labels[into].entries):
                self._hand(into, removal.label, key, options)
            del self.labels[into]
        for earlier in self.removals:
            # What was taken off where it went to is not lent any more.
            if earlier.into == removal.label:
                earlier.lent &= mine.entries.keys()

    def _rested_on(self, into: str, removal: Removal) -> bool:
        return any(
            into in (one.into, one.label) and not one.undone and one is not removal
            for one in self.removals
        )

    def _next_in_line(self, into: str, free: Key, number: int) -> None:
        """What went into ``into`` since and stayed behind, because there was one, takes the free place."""
        for later in self.removals[number + 1 :]:
            if later.into != into or later.undone:
                continue
            for key in list(later.behind):
                if self._lent_key(key, later) == free:
                    self._hand(later.label, into, key, later.options)
                    later.behind.discard(key)
                    later.lent.add(free)
                    return
