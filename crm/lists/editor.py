"""The form of one chip: which fields there are to choose from, and how what was entered becomes a chip.

It is a plain GET form. Its parts are put together here, so that it works without scripts: a period, for one, is
entered as one of a few words, as a number of units, or as two dates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.formats import sanitize_separators
from django.utils.translation import gettext_lazy

from crm.lists.conditions import Chip
from crm.lists.kinds import Operator
from crm.lists.periods import CALENDAR, DAY, FIXED, RELATIVE, SPAN, UNITS
from crm.lists.registry import Context, Field, Registry
from crm.lists.state import ListState

UNIT_LABELS = {
    "day": gettext_lazy("days"),
    "week": gettext_lazy("weeks"),
    "month": gettext_lazy("months"),
    "quarter": gettext_lazy("quarters"),
    "year": gettext_lazy("years"),
}


@dataclass(frozen=True)
class Section:
    """Fields that the menu of filters shows under one heading, each with the address of its form."""

    label: str
    fields: list[tuple[Field, str]]


def sections(registry: Registry, state: ListState, group: int) -> list[Section]:
    """All fields that can be filtered by, in the order of their declaration."""
    found: dict[str, Section] = {}
    for one in registry.filters():
        label = str(one.section)
        url = with_part(state.address(), f"add={group}.{one.name}")
        found.setdefault(label, Section(label, [])).fields.append((one, url))
    return list(found.values())


def with_part(address: str, part: str) -> str:
    """The address of the same list with a part of the page opened."""
    return f"{address}&{part}" if address.startswith("?") else f"?{part}"


@dataclass
class Period:
    """A period as its form shows it."""

    mode: str = "fixed"
    fixed: str = "this-month"
    which: str = "last"
    number: str = "30"
    unit: str = "day"
    first: str = ""
    last: str = ""

    @classmethod
    def of(cls, code: str) -> Period:
        if code in FIXED or CALENDAR.fullmatch(code):
            return cls(fixed=code)
        if relative := RELATIVE.fullmatch(code):
            found = SPAN.fullmatch(relative["span"])
            if found:
                return cls(
                    "relative", which=relative["which"], number=found["number"], unit=found["unit"]
                )
        first, dots, last = code.partition("..")
        if DAY.fullmatch(first) or DAY.fullmatch(last):
            return cls("dates", first=first, last=last if dots else first)
        return cls()


@dataclass
class Editor:
    """One chip being made or changed."""

    state: ListState
    field: Field
    group: int
    # The place in its group; at the end of it for a new chip.
    index: int
    chip: Chip
    problem: str = ""
    # What the form sends back to be put into the state it came from.
    base: str = ""
    operator: Operator = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.base = self.state.query
        try:
            self.operator = self.field.kind.operator(self.chip.op)
        except ValueError:
            self.operator = self.field.kind.operators[0]
            self.chip = Chip(self.field.name)

    @property
    def place(self) -> str:
        return f"{self.group}.{self.index}"

    @property
    def context(self) -> Context:
        return self.state.context

    @property
    def label(self) -> str:
        return str(self.field.offered_as or self.field.label)

    @property
    def operators(self) -> list[dict[str, Any]]:
        """Each operator with its widget; the form shows the one that is chosen."""
        return [
            {"operator": one, "chosen": one is self.operator} for one in self.field.kind.operators
        ]

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        chosen = {value.partition("@")[0] for value in self.chip.values}
        choices = self.field.kind.choices(self.field, self.context)
        return [(value, label, value in chosen) for value, label in choices]

    @property
    def values(self) -> list[str]:
        """What stands in the text boxes: what is there, and one more."""
        return [*self.chip.values, ""] if self.operator.several else [*self.chip.values, ""][:1]

    @property
    def records(self) -> list[tuple[str, str]]:
        if self.operator.widget != "record":
            return []
        return self.field.kind.words(self.field, self.chip.op, self.chip.values, self.context)

    @property
    def picker(self) -> str:
        return getattr(self.field.kind, "picker", "")

    @property
    def period(self) -> Period:
        value = next(iter(self.chip.values), "")
        return Period.of(value.partition("@")[2] if "@" in value else value)

    @property
    def day(self) -> str:
        return next(iter(self.chip.values), "").partition("@")[2]

    @property
    def span(self) -> tuple[str, str]:
        found = SPAN.fullmatch(next(iter(self.chip.values), ""))
        return (found["number"], found["unit"]) if found else ("6", "month")

    @property
    def amount(self) -> tuple[str, str]:
        number, _blank, currency = next(iter(self.chip.values), "").rpartition(" ")
        return number, currency

    @property
    def fixed_periods(self) -> list[tuple[str, str]]:
        return [(code, str(words())) for code, words in FIXED.items()]

    @property
    def units(self) -> list[tuple[str, str]]:
        return [(unit, str(UNIT_LABELS[unit])) for unit in UNITS]


def editor_of(registry: Registry, state: ListState, params: QueryDict) -> Editor | None:
    """The form that the address asks for: ``edit=group.index`` or ``add=group.field``; None for anything else."""
    group_text, _dot, rest = (params.get("edit") or params.get("add") or "").partition(".")
    if not group_text.isdigit() or len(group_text) > 2:
        return None
    group = min(int(group_text), len(state.conditions.groups))
    chips: Sequence[Chip] = ()
    if group < len(state.conditions.groups):
        chips = state.conditions.groups[group]
    if "edit" in params:
        if not rest.isdigit() or len(rest) > 2 or int(rest) >= len(chips):
            return None
        chip = chips[int(rest)]
        found = registry.get(chip.field)
        return Editor(state, found, group, int(rest), chip) if found else None
    found = registry.get(rest)
    if found is None or not found.filterable:
        return None
    return Editor(state, found, group, len(chips), Chip(found.name, params.get("op", "")))


def entered(registry: Registry, state: ListState, params: QueryDict) -> tuple[str, Editor | None]:
    """What the form of a chip sent, as the address of the list with that chip.

    Where something is wrong with it, the address is empty and the form says what.
    """
    group_text, _dot, index_text = params.get("set", "").partition(".")
    found = registry.get(params.get("field", ""))
    if found is None or not found.filterable or not (group_text + index_text).isdigit():
        return state.address(), None
    group, index = int(group_text[:2]), int(index_text[:2] or 0)
    try:
        operator = found.kind.operator(params.get("op", ""))
    except ValueError:
        return state.address(), None
    name = "" if operator is found.kind.operators[0] else operator.name
    values = [value for value in _values(operator, params) if value.strip()]
    chip = Chip(found.name, name, tuple(dict.fromkeys(values)), params.get("not") == "1")
    try:
        found.condition(chip, state.context)
    except ValueError as error:
        return "", Editor(state, found, group, index, chip, str(error))
    return state.address(conditions=state.conditions.replaced(group, index, chip)), None


def _values(operator: Operator, params: QueryDict) -> list[str]:
    widget = operator.widget
    if widget == "yes":
        return ["yes"]
    if widget == "period":
        return [_period(params)]
    if widget == "span":
        return [_span(params)]
    if widget == "amount":
        number = _number(params.get("value", ""))
        return [f"{number} {params.get('currency', '')}"] if number else []
    if widget == "history":
        days = params.get("day", "") if operator.name == "was" else _period(params)
        return [f"{code}@{days}" for code in params.getlist("value")]
    if widget == "number":
        return [_number(value) for value in params.getlist("value")]
    return params.getlist("value")


def _number(text: str) -> str:
    """A number as people of this language write it, as the address does."""
    return str(sanitize_separators(text.strip())).replace("\u00a0", "").replace("\u202f", "")


def _span(params: QueryDict) -> str:
    return f"{params.get('number', '')}-{params.get('unit', '')}s"


def _period(params: QueryDict) -> str:
    mode = params.get("mode", "fixed")
    if mode == "relative":
        return f"{params.get('which', '')}-{_span(params)}"
    if mode == "dates":
        first, last = params.get("first", ""), params.get("last", "")
        return f"{first}..{last}" if first or last else ""
    return params.get("fixed", "")
