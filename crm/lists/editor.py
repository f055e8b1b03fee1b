"""The form of one chip: which fields there are to choose from, what it shows, and how what was entered becomes a chip.

It is a plain GET form, so that it works without scripts. What its parts send is put together in `entries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.lists.addresses import kept_under, long_address
from crm.lists.conditions import Chip
from crm.lists.entries import UNIT_LABELS, Period, entered_values, localized
from crm.lists.kinds import Operator
from crm.lists.periods import FIXED, SPAN, UNITS
from crm.lists.registry import Context, Field, Registry
from crm.lists.state import ListState

# The operators that are offered turned around as well.
NOT = {
    "is": gettext_lazy("is not"),
    "contains": gettext_lazy("does not contain"),
    "starts": gettext_lazy("does not start with"),
    "empty": gettext_lazy("is not empty"),
    "in": pgettext_lazy("period", "is not in"),
    "over": gettext_lazy("is not more than … ago"),
    "became": gettext_lazy("did not become"),
    "was": gettext_lazy("was not"),
}
# From so many choices on there is a box to search among them.
SEARCHED_FROM = 12


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
class Editor:
    """One chip being made or changed."""

    state: ListState
    field: Field
    group: int
    # The place in its group; at the end of it for a new chip.
    index: int
    chip: Chip
    problem: str = ""
    # What the form sent, where it is shown again: nothing that was entered is lost.
    typed: QueryDict | None = None

    def __post_init__(self) -> None:
        try:
            self.field.kind.operator(self.chip.op)
        except ValueError:
            self.chip = Chip(self.field.name)

    @property
    def operator(self) -> Operator:
        return self.field.kind.operator(self.chip.op)

    @property
    def fresh(self) -> bool:
        """Whether it was just opened, so that the focus goes to its first widget."""
        return self.typed is None

    @property
    def place(self) -> str:
        return f"{self.group}.{self.index}"

    @property
    def trigger(self) -> str:
        """The id of what opened the form, and has the focus when it closes."""
        groups = self.state.conditions.groups
        if self.group >= len(groups):
            return "or-filter" if groups else "add-filter"
        if self.index < len(groups[self.group]):
            return f"chip-{self.group}-{self.index}"
        return f"add-{self.group}" if len(groups) > 1 else "add-filter"

    @cached_property
    def base(self) -> str:
        """What the form sends back to be put into the state it came from."""
        query = self.state.query
        return kept_under(QueryDict(query)) if long_address(query) else query

    @property
    def context(self) -> Context:
        return self.state.context

    @property
    def label(self) -> str:
        return str(self.field.offered_as or self.field.label)

    @cached_property
    def operators(self) -> list[tuple[str, str, bool]]:
        """Value, label and whether it is chosen; each operator is followed by its opposite."""
        found = []
        for one in self.field.kind.operators:
            chosen = one is self.operator
            found.append((one.name, str(one.label), chosen and not self.chip.negated))
            turned = chosen and self.chip.negated
            # “is not yes” is said shorter.
            if turned or (one.name in NOT and (one.several or one.widget != "choices")):
                label = NOT.get(one.name) or _("not: %(comparison)s") % {"comparison": one.label}
                found.append((f"not.{one.name}", str(label), turned))
        return found

    # -- what stands in the widgets

    @property
    def ticked(self) -> Sequence[str]:
        if self.typed is not None:
            return self.typed.getlist("value")
        if self.operator.widget != "history":
            return self.chip.values
        first = next(iter(self.chip.values), "").partition("@")[2]
        parts = (value.partition("@") for value in self.chip.values)
        return [code for code, _at, days in parts if days == first]

    @cached_property
    def choices(self) -> list[tuple[str, str, bool]]:
        choices = self.field.kind.choices(self.field, self.context)
        found = [(value, label, value in self.ticked) for value, label in choices]
        known = {value for value, _label in choices}
        gone = [value for value in self.ticked if value not in known]
        if self.operator.widget != "choices":
            return found
        return found + [(one, _("“%(text)s”, not available") % {"text": one}, True) for one in gone]

    @property
    def searched(self) -> bool:
        return len(self.choices) > SEARCHED_FROM

    @cached_property
    def values(self) -> list[str]:
        """What stands in the text boxes: what is there, and one more."""
        if self.typed is not None:
            there = [value for value in self.typed.getlist("value") if value.strip()]
        elif self.operator.widget == "number":
            there = [localized(value) for value in self.chip.values]
        else:
            there = list(self.chip.values)
        return [*there, ""] if self.operator.several else [*there, ""][:1]

    @cached_property
    def records(self) -> list[tuple[str, str]]:
        """The records that are chosen, as (number, name)."""
        return self.field.kind.words(self.field, "", self.ticked, self.context)

    @property
    def find(self) -> str:
        return self.typed.get("find", "")[:200] if self.typed is not None else ""

    @cached_property
    def matches(self) -> list[tuple[str, str, str]]:
        """The records that a typed name could mean, as (number, name, more about it)."""
        finder = getattr(self.field.kind, "find", None)
        if not finder or not self.find.strip():
            return []
        return [(str(pk), name, more) for pk, name, more in finder(self.find, self.context.user)]

    @property
    def found(self) -> list[tuple[str, str, str]]:
        """Those of them that are not chosen yet."""
        return [one for one in self.matches if one[0] not in self.ticked]

    @cached_property
    def period(self) -> Period:
        if self.typed is not None and "mode" in self.typed:
            return Period.typed(self.typed)
        value = next(iter(self.chip.values), "")
        return Period.of(value.partition("@")[2] if "@" in value else value)

    @cached_property
    def kept(self) -> list[tuple[str, str]]:
        """Further periods of the chip, each with its words; the form changes the first one."""
        if self.operator.widget not in ("period", "history"):
            return []
        values: Sequence[str]
        if self.typed is not None:
            values = self.typed.getlist("keep")
        elif self.operator.widget == "period":
            values = self.chip.values[1:]
        else:
            first = next(iter(self.chip.values), "").partition("@")[2]
            values = [one for one in self.chip.values if one.partition("@")[2] != first]
        return self.field.kind.words(self.field, self.operator.name, values, self.context)

    @property
    def day(self) -> str:
        if self.typed is not None:
            return str(self.typed.get("day", ""))
        return next(iter(self.chip.values), "").partition("@")[2]

    @property
    def span(self) -> tuple[str, str]:
        if self.typed is not None and "unit" in self.typed:
            return self.typed.get("number", ""), self.typed.get("unit", "")
        found = SPAN.fullmatch(next(iter(self.chip.values), ""))
        return (found["number"], found["unit"]) if found else ("6", "month")

    @property
    def amount(self) -> tuple[str, str]:
        if self.typed is not None:
            return self.typed.get("value", ""), self.typed.get("currency", "")
        number, _blank, currency = next(iter(self.chip.values), "").rpartition(" ")
        return localized(number), currency

    @property
    def fixed_periods(self) -> list[tuple[str, str]]:
        return [(code, str(words())) for code, words in FIXED.items()]

    @property
    def units(self) -> list[tuple[str, str]]:
        return [(unit, str(UNIT_LABELS[unit])) for unit in UNITS]


def editor_of(registry: Registry, state: ListState, params: QueryDict) -> Editor | None:
    """The form that the address asks for: ``edit=group.index`` or ``add=group.field``; None for anything else."""
    group_text, _dot, rest = (params.get("edit") or params.get("add") or "").partition(".")
    if not _small(group_text):
        return None
    group = min(int(group_text), len(state.conditions.groups))
    chips: Sequence[Chip] = ()
    if group < len(state.conditions.groups):
        chips = state.conditions.groups[group]
    if "edit" in params:
        if not _small(rest) or int(rest) >= len(chips):
            return None
        chip = chips[int(rest)]
        found = registry.get(chip.field)
        return Editor(state, found, group, int(rest), chip) if found else None
    found = registry.get(rest)
    if found is None or not found.filterable:
        return None
    return Editor(state, found, group, len(chips), Chip(found.name))


def entered(registry: Registry, state: ListState, params: QueryDict) -> tuple[str, Editor | None]:
    """What the form of a chip sent, as the address of the list with that chip.

    Where something is wrong with it, the address is empty and the form says what; it is empty too where the form only
    asks to be shown with another comparison (``show``).
    """
    group_text, _dot, index_text = params.get("set", "").partition(".")
    found = registry.get(params.get("field", ""))
    if found is None or not found.filterable or not (_small(group_text) and _small(index_text)):
        return state.address(), None
    group, index = int(group_text), int(index_text)
    name = params.get("op", "")
    negated = name.startswith("not.") or params.get("not") == "1"
    try:
        operator = found.kind.operator(name.removeprefix("not."))
    except ValueError:
        return state.address(), None
    name = "" if operator is found.kind.operators[0] else operator.name
    editor = Editor(state, found, group, index, Chip(found.name, name, (), negated), typed=params)
    if "show" in params:
        return "", editor
    try:
        values = entered_values(operator, params, editor.matches)
        editor.chip = Chip(found.name, name, values, negated)
        found.condition(editor.chip, state.context)
    except ValueError as error:
        editor.problem = str(error)
        return "", editor
    return state.address(conditions=state.conditions.replaced(group, index, editor.chip)), None


def _small(text: Any) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 2
