"""The state of a list for one reader: what its address and the list under it ask for, and the rows that gives.

It fails closed: where anything asked for is not understood or not available to the reader, there are no rows, and
`problems` says why. Showing more than was asked for would be the worst answer to whoever is about to act on a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from crm.lists.conditions import Chip, Conditions, limits
from crm.lists.models import ListPreference, SmartList
from crm.lists.registry import RESERVED, Condition, Context, Field, ReadyList, Registry

DENSITIES = ("comfortable", "compact")
PAGE_SIZES = (25, 50, 100, 200)
SORTED_BY_AT_MOST = 5
# What may be given once only.
SINGLE = ("q", "sort", "columns", "density", "per_page", "page")

Listed = ReadyList | SmartList


@dataclass(frozen=True)
class BoundChip:
    """A chip with what its field makes of it."""

    group: int
    index: int
    chip: Chip
    field: Field | None
    condition: Condition | None
    problem: str = ""

    @property
    def unavailable(self) -> bool:
        return self.field is None

    def parts(self, context: Context) -> tuple[str, str, str]:
        """Its sentence as what stands before its values, they themselves, and what stands after them."""
        field = self.field
        if field is None:
            return _("Not available to you"), "", ""
        try:
            operator = field.kind.operator(self.chip.op)
        except ValueError:
            return str(field.label), "", ""
        words = [word for _value, word in self.words(context)]
        text = operator.negated if self.chip.negated else operator.sentence
        sentence = text % {"field": field.label, "values": "\x00"}
        before, _mark, after = sentence.partition("\x00")
        return before, either(words) if _mark else "", after

    def words(self, context: Context) -> list[tuple[str, str]]:
        assert self.field is not None
        if self.problem:
            return [(value, value) for value in self.chip.values]
        return self.field.kind.words(self.field, self.chip.op, self.chip.values, context)

    def sentence(self, context: Context) -> str:
        return "".join(self.parts(context))


class ListState:
    """What one reader asks of a list. Nothing is looked up until it is needed."""

    def __init__(
        self,
        registry: Registry,
        context: Context,
        params: QueryDict,
        listed: Listed | None = None,
        preference: ListPreference | None = None,
    ) -> None:
        self.registry = registry
        self.context = context
        self.params = params
        self.listed = listed
        self.preference = preference
        self.problems: list[str] = []
        for name in SINGLE:
            if len(params.getlist(name)) > 1:
                self._complain(_("“%(name)s” is given more than once.") % {"name": name})
        asked, problems = Conditions.of_params(params, RESERVED)
        self.problems += problems
        replaced = bool(asked) or bool(problems) or "edited" in params
        self.conditions = asked if replaced else self._listed("conditions", Conditions())
        self.text = self._text()
        self.sort = self._sort()
        self.columns = self._columns()
        self.density = self._density()
        self.per_page = self._per_page()

    @classmethod
    def of(
        cls,
        registry: Registry,
        user: Any,
        params: QueryDict,
        listed: Listed | None = None,
        preference: ListPreference | None = None,
    ) -> ListState:
        return cls(registry, Context.of(user), params, listed, preference)

    def _complain(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    # -- what the list under the address asks for

    def _listed(self, what: str, otherwise: Any) -> Any:
        if isinstance(self.listed, SmartList) and what == "conditions":
            return self._of_saved(self.listed)
        return getattr(self.listed, what, "") or otherwise

    def _of_saved(self, saved: SmartList) -> Conditions:
        try:
            conditions = saved.asked
        except ValueError:
            # Written by something else than the product.
            self._complain(_("The saved filters of this list cannot be read."))
            return Conditions()
        for problem in limits(conditions.chips):
            self._complain(problem)
        return conditions.cut()

    # -- the parts of the address

    def _text(self) -> str:
        given = self.params.get("q")
        text = str(self._listed("text", "") if given is None else given).strip()
        if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
            self._complain(_("The text holds a character that no text can hold."))
            return ""
        if len(text) > 200:
            self._complain(_("The text to search for has at most 200 characters."))
            return text[:200]
        return text

    def _sort(self) -> list[tuple[Field, bool]]:
        given = self.params.get("sort", "") or self._listed("sort", self.registry.default_sort)
        found: list[tuple[Field, bool]] = []
        for name in given.split(",")[: SORTED_BY_AT_MOST + 1]:
            field = self.registry.get(name.removeprefix("-"))
            if field is None or not field.order or field in [one for one, _down in found]:
                problem = _("This list cannot be sorted by “%(name)s”.") % {"name": name[:80]}
                self._complain(problem)
            else:
                found.append((field, name.startswith("-")))
        if len(found) > SORTED_BY_AT_MOST:
            self._complain(
                _("A list is sorted by at most %(number)d columns.") % {"number": SORTED_BY_AT_MOST}
            )
        return found or self._read_sort(self.registry.default_sort)

    def _read_sort(self, text: str) -> list[tuple[Field, bool]]:
        names = text.split(",")
        return [(self.registry.own[one.removeprefix("-")], one[0] == "-") for one in names]

    def _columns(self) -> list[Field]:
        names = [one for one in self.params.get("columns", "").split(",") if one]
        for name in names:
            field = self.registry.get(name)
            if field is None or not field.cell:
                problem = _("This list has no column “%(name)s”.") % {"name": name[:80]}
                self._complain(problem)
        names = names or self.usual_columns
        fields = (self.registry.get(name) for name in dict.fromkeys(names))
        fixed = self.registry.fixed_columns
        shown = [self.registry.own[name] for name in fixed]
        return shown + [one for one in fields if one and one.cell and one.name not in fixed]

    @property
    def usual_columns(self) -> list[str]:
        """What is shown where the address names no columns."""
        saved = self.listed.columns if isinstance(self.listed, SmartList) else None
        chosen = self.preference.columns if self.preference else None
        return _names(saved) or _names(chosen) or list(self.registry.default_columns)

    def _density(self) -> str:
        given = self.params.get("density", "")
        if given and given not in DENSITIES:
            self._complain(_("Rows are comfortable or compact."))
        liked = self.preference.density if self.preference else ""
        return next((one for one in (given, liked) if one in DENSITIES), DENSITIES[0])

    def _per_page(self) -> int:
        given = self.params.get("per_page", "")
        if given in map(str, PAGE_SIZES):
            return int(given)
        if given:
            sizes = ", ".join(map(str, PAGE_SIZES))
            self._complain(_("A page has one of these sizes: %(sizes)s.") % {"sizes": sizes})
        liked = self.preference.per_page if self.preference else 0
        return liked if liked in PAGE_SIZES else 50

    # -- what it comes to

    @cached_property
    def bound(self) -> list[BoundChip]:
        found = []
        for number, group in enumerate(self.conditions.groups):
            for index, chip in enumerate(group):
                found.append(self._bind(number, index, chip))
        return found

    def _bind(self, group: int, index: int, chip: Chip) -> BoundChip:
        field = self.registry.get(chip.field)
        if field is None or not field.filterable:
            problem = _("This list has no filter “%(name)s”.") % {"name": chip.field[:80]}
            return BoundChip(group, index, chip, None, None, problem)
        try:
            condition = field.condition(chip, self.context)
        except ValueError as error:
            problem = _("%(field)s: %(problem)s") % {"field": field.label, "problem": error}
            return BoundChip(group, index, chip, field, None, problem)
        return BoundChip(group, index, chip, field, condition)

    @cached_property
    def faults(self) -> list[str]:
        """Everything that keeps the list from having rows."""
        return [*self.problems, *(one.problem for one in self.bound if one.problem)]

    @cached_property
    def never(self) -> list[int]:
        """The groups that no record can ever be in, by their place."""
        if self.faults:
            return []
        groups = enumerate(self.conditions.groups)
        return [n for n, group in groups if self.registry.impossible(group, self.context)]

    def matching(self) -> QuerySet:
        """The rows the reader may see and that match; none where anything is wrong. In no order."""
        rows = self.registry.visible(self.context.user)
        if self.faults:
            return rows.none()
        groups: dict[int, list[Condition]] = {}
        for one in self.bound:
            assert one.condition is not None
            groups.setdefault(one.group, []).append(one.condition)
        if len(groups) == 1:
            rows = rows.filter(*groups[0])
        elif groups:
            either_group = Q()
            for conditions in groups.values():
                either_group |= Q(*conditions)
            rows = rows.filter(either_group)
        return rows.matching(self.text) if self.text else rows  # type: ignore[attr-defined]

    def queryset(self) -> QuerySet:
        """The same rows in the order of the list, down to the primary key."""
        rows = self.matching()
        for field, _descending in self.sort:
            if field.join:
                rows = field.join(rows, self.context)
        return rows.order_by(*self.ordering)

    @property
    def ordering(self) -> list[OrderBy]:
        order: list[OrderBy] = []
        for field, descending in self.sort:
            order += field.ordering(descending, self.context)
        # All in one direction as far as can be, so that one index can serve it.
        last = F("pk").desc() if self.sort[-1][1] else F("pk").asc()
        return [*order, last]

    def sentence(self) -> str:
        """What the list asks for, for people; empty where that is everything."""
        groups: dict[int, list[str]] = {}
        for one in self.bound:
            groups.setdefault(one.group, []).append(one.sentence(self.context))
        asked = _("; or: ").join("; ".join(chips) for chips in groups.values())
        if not self.text:
            return asked
        text = _("Text: “%(text)s”") % {"text": self.text}
        return f"{text}; {asked}" if asked else text

    # -- its address

    @property
    def sort_text(self) -> str:
        return ",".join(("-" if down else "") + field.name for field, down in self.sort)

    @property
    def column_names(self) -> list[str]:
        fixed = self.registry.fixed_columns
        return [field.name for field in self.columns if field.name not in fixed]

    @cached_property
    def changed(self) -> bool:
        """Whether it asks for something else than the list under the address."""
        if self.listed is None:
            return False
        saved = isinstance(self.listed, SmartList)
        return (
            self.conditions != self._listed("conditions", Conditions())
            or self.text != self._listed("text", "")
            or self.sort_text != self._listed("sort", self.registry.default_sort)
            or bool(saved and "columns" in self.params and self.column_names != self._own_columns())
        )

    def _own_columns(self) -> list[str]:
        fixed = self.registry.fixed_columns
        return [name for name in self.usual_columns if name not in fixed]

    def pairs(self, **changes: Any) -> list[tuple[str, str]]:
        """Names and values of the address of this state with ``changes``: conditions, text, sort, columns,
        density, per_page. What the list under the address gives by itself is left out, as is the page.
        """
        conditions: Conditions = changes.get("conditions", self.conditions)
        text: str = changes.get("text", self.text)
        sort: str = changes.get("sort", self.sort_text)
        columns: Sequence[str] | None = changes.get("columns", self.column_names)
        found: list[tuple[str, str]] = []
        if conditions != self._listed("conditions", Conditions()):
            found += conditions.pairs() or [("edited", "1")]
        if text != self._listed("text", ""):
            found.append(("q", text))
        if sort != self._listed("sort", self.registry.default_sort):
            found.append(("sort", sort))
        # Once an address says them, it goes on saying them, whatever the reader's habits become.
        named = "columns" in self.params or "columns" in changes
        if columns is not None and (named or list(columns) != self._own_columns()):
            found.append(("columns", ",".join(columns or self.registry.fixed_columns)))
        for name in ("density", "per_page"):
            given = changes.get(name, self.params.get(name, ""))
            if given:
                found.append((name, str(given)))
        return found

    def address(self, **changes: Any) -> str:
        """A relative address, “.” for the list as it is."""
        query = QueryDict(mutable=True)
        for name, value in self.pairs(**changes):
            query.appendlist(name, value)
        return f"?{query.urlencode()}" if query else "."

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """The state without its text, for the form that asks for one."""
        return [(name, value) for name, value in self.pairs() if name != "q"]

    @property
    def query(self) -> str:
        """The state as a query string, to be posted and read again with the same list."""
        return self.address().removeprefix("?").removeprefix(".")


def _names(stored: Any) -> list[str]:
    """Names from a JSON column, whatever stands in it."""
    return [one for one in stored if isinstance(one, str)] if isinstance(stored, list) else []


def either(values: Sequence[str]) -> str:
    """“a”, “a or b”, “a, b or c”."""
    if len(values) < 2:
        return "".join(values)
    return _("%(first)s or %(last)s") % {"first": ", ".join(values[:-1]), "last": values[-1]}
