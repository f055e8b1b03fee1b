"""What a list is asked for: chips, in groups, as an address or a saved list writes them.

Values inside a chip are alternatives, chips of a group hold together, groups are alternatives again. Nothing here
knows which fields there are, and nothing is looked up: a chip is words until a registry binds it.

In an address a chip is ``[group.][not.]field[.operator][~number]=value``, with one ``value`` for each alternative:
``customer_status=current&customer_status=past&not.city.contains=Paris&2.owner=me``. The group is left out for the
first one, the operator for the field's first one, and ``~number`` tells chips apart that would be the same key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

KEY = re.compile(
    r"(?:(?P<group>[1-9][0-9]?)\.)?(?P<not>not\.)?(?P<field>[a-z][a-z0-9_]*)"
    r"(?:\.(?P<op>[a-z_]+))?(?:~(?P<number>[1-9][0-9]?))?"
)
CHIPS_AT_MOST = 40
VALUES_AT_MOST = 200


@dataclass(frozen=True)
class Chip:
    """One condition. ``op`` is empty for the field's first operator."""

    field: str
    op: str = ""
    values: tuple[str, ...] = ()
    negated: bool = False

    @property
    def key(self) -> str:
        return ("not." if self.negated else "") + self.field + (f".{self.op}" if self.op else "")

    def as_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"field": self.field, "values": list(self.values)}
        if self.op:
            data["op"] = self.op
        if self.negated:
            data["not"] = True
        return data


@dataclass(frozen=True)
class Conditions:
    """Groups of chips; no groups ask for everything."""

    groups: tuple[tuple[Chip, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups)

    @property
    def chips(self) -> list[Chip]:
        return [chip for group in self.groups for chip in group]

    def pairs(self) -> list[tuple[str, str]]:
        """As names and values of an address."""
        found = []
        for number, group in enumerate(self.groups, 1):
            used: dict[str, int] = {}
            for chip in group:
                used[chip.key] = used.get(chip.key, 0) + 1
                key = chip.key if number == 1 else f"{number}.{chip.key}"
                if used[chip.key] > 1:
                    key += f"~{used[chip.key]}"
                found += [(key, value) for value in chip.values]
        return found

    def replaced(self, group: int, index: int, chip: Chip | None) -> Conditions:
        """With ``chip`` instead of the one at this place; None takes it away, a place after the end appends."""
        groups = [list(chips) for chips in self.groups]
        if group >= len(groups):
            groups.append([])
            group = len(groups) - 1
        if index < len(groups[group]):
            groups[group][index : index + 1] = [chip] if chip else []
        elif chip:
            groups[group].append(chip)
        return Conditions(tuple(tuple(chips) for chips in groups if chips))

    def cut(self) -> Conditions:
        """Of too many chips the first ones, to be shown: one more than there may be, so that it is still too many."""
        left = CHIPS_AT_MOST + 1
        groups = []
        for group in self.groups:
            groups.append(group[:left])
            left -= len(groups[-1])
        return Conditions(tuple(group for group in groups if group))

    def as_data(self) -> list[list[dict[str, Any]]]:
        """For a JSON column; `of_data` reads it back."""
        return [[chip.as_data() for chip in group] for group in self.groups]

    @classmethod
    def of_data(cls, data: Any) -> Conditions:
        """Raises ``ValueError`` for anything that `as_data` does not write: half-read, it might ask for more."""
        if not isinstance(data, list):
            raise ValueError("no list of groups")
        return cls(tuple(_group_of(group) for group in data))

    @classmethod
    def of_params(cls, params: QueryDict, beside: frozenset[str]) -> tuple[Conditions, list[str]]:
        """The chips of an address, and what in it cannot be one. Names in ``beside`` are something else."""
        problems = []
        groups: dict[int, list[Chip]] = {}
        for key, given in params.lists():
            # A form that is sent without scripts names its empty fields too.
            values = tuple(dict.fromkeys(value for value in given if value.strip()))
            if key in beside or not values:
                continue
            read = KEY.fullmatch(key)
            if read is None:
                problems.append(_("This list has no filter “%(name)s”.") % {"name": key[:80]})
                continue
            chip = Chip(read["field"], read["op"] or "", values, bool(read["not"]))
            groups.setdefault(int(read["group"] or 1), []).append(chip)
        found = cls(tuple(tuple(groups[number]) for number in sorted(groups)))
        problems += limits(found.chips)
        return found.cut(), problems


def _group_of(group: Any) -> tuple[Chip, ...]:
    if not isinstance(group, list) or not group:
        raise ValueError("no group of chips")
    return tuple(_chip_of(one) for one in group)


def _chip_of(data: Any) -> Chip:
    if not isinstance(data, dict):
        raise ValueError("no chip")
    name, op, values = data.get("field"), data.get("op", ""), data.get("values")
    negated = data.get("not", False)
    if not (_is_text(name) and _is_text(op) and isinstance(negated, bool)):
        raise ValueError("a chip without a field, or with a strange operator")
    if not isinstance(values, list) or not values or not all(map(_is_text, values)):
        raise ValueError("a chip without values")
    return Chip(str(name), op, tuple(values), negated)


def _is_text(data: Any) -> bool:
    """Whether it is a text that an address and a page can hold: JSON takes halves of a letter too."""
    if not isinstance(data, str):
        return False
    return "\x00" not in data and not any("\ud800" <= char <= "\udfff" for char in data)


def limits(chips: Sequence[Chip]) -> list[str]:
    problems = []
    if len(chips) > CHIPS_AT_MOST:
        problems.append(
            _("A list takes at most %(number)d filters; these are %(found)d.")
            % {"number": CHIPS_AT_MOST, "found": len(chips)}
        )
    if any(len(chip.values) > VALUES_AT_MOST for chip in chips):
        problems.append(_("A filter takes at most %(number)d values.") % {"number": VALUES_AT_MOST})
    return problems
