"""What lists of a record type know: their fields, what is asked of each, how it is shown, sorted and taken along.

A registry is the only way from the words of an address or of a saved list to the database. What is not in it can be
neither filtered nor sorted by. The rooms above declare fields (``contacts.listing``, ``deals.listing``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Expression, F, Model, Q, QuerySet
from django.db.models.expressions import Combinable, OrderBy
from django.utils import timezone
from django.utils.functional import Promise, cached_property

from crm.lists.conditions import Chip, Conditions
from crm.lists.through import Through

if TYPE_CHECKING:
    from crm.lists.kinds import Kind

# What a condition may be: anything that filter() takes. It must be true or false, never NULL, so that its negation is
# exactly the other rows.
Condition = Q | Combinable


class Cell(NamedTuple):
    """What stands in a cell: text (or ready HTML of a template), and where it leads."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class Context:
    """Whose list it is and when it is looked at; remembers what was looked up for it."""

    user: Any
    now: datetime
    known: dict[Hashable, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, user: Any, now: datetime | None = None) -> Context:
        return cls(user, now or timezone.now())

    @cached_property
    def zone(self) -> tzinfo:
        return timezone.get_current_timezone()

    @cached_property
    def today(self) -> date:
        return timezone.localdate(self.now, self.zone)

    def once(self, key: Hashable, look_up: Callable[[], Any]) -> Any:
        if key not in self.known:
            self.known[key] = look_up()
        return self.known[key]


# Given the rows of a page and the columns that share the loader, what these show that is no column of the rows; by
# primary key.
Loader = Callable[[Sequence[Any], Context, Sequence["Field"]], Mapping[Any, Any]]
# Given the context of a page, a function from a row (and what its loader found for it) to the cell.
CellMaker = Callable[[Context], Callable[[Any, Any], Cell]]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing that lists of a record type know.

    ``path`` leads to it from the model, for filters and the export; ``where`` builds its condition itself where a path
    cannot say it. ``order`` is what it sorts by; ``nullable`` puts rows without a value last in both directions: leave
    it out where an index serves the order, which does not know “nulls last”. ``needs`` are the columns that its cell
    reads; what its ``loader`` found is the cell's second argument.
    """

    name: str
    label: str | Promise
    kind: Kind
    section: str | Promise
    path: str = ""
    where: Callable[[Field, str, Sequence[Any], Context], Condition] | None = None
    # The other record that it tells of, if it is none of the row's own.
    through: Through | None = None
    # The records that have it: of no others is anything asked, not even that it be empty.
    within: Q | None = None
    filterable: bool = True
    # What the menu of filters calls it, where its sentence begins with something shorter.
    offered_as: str | Promise = ""
    # As a column
    cell: CellMaker | None = None
    needs: Sequence[str] = ()
    loader: Loader | None = None
    # What the makers of fields with one loader tell them apart by.
    subject: Any = None
    order: Sequence[str | Expression] = ()
    # Joins what it sorts by to the rows, for whoever reads them.
    join: Callable[[QuerySet, Context], QuerySet] | None = None
    nullable: bool = False
    # In which direction the first click sorts.
    descends: bool = False
    css: str = ""
    # The name in the record's form, where the cell may be edited in place.
    editable: str = ""
    # What a record has there, in words, where no cell says it.
    seen: Callable[[Any, Context], str] | None = None
    # Taken along: an ORM path or expression, if not ``path``; and what becomes of the value.
    source: str | Combinable | None = None
    convert: Callable[[Context], Callable[[Any], Any]] | None = None

    def ordering(self, descending: bool, context: Context) -> list[OrderBy]:
        nulls = True if self.nullable else None
        fields: list[Any] = [F(one) if isinstance(one, str) else one for one in self.order]
        if self.through and self.through.rows(context) is not None:
            fields, nulls = [self.through.value(one, context) for one in fields], True
        if descending:
            return [one.desc(nulls_last=nulls) for one in fields]
        return [one.asc(nulls_last=nulls) for one in fields]

    def condition(self, chip: Chip, context: Context) -> Condition:
        """Raises ``ValueError`` with a sentence for an operator or a value that the field does not know."""
        operator = self.kind.operator(chip.op)
        values = self.kind.read(self, operator.name, chip.values, context)
        build = self.where or self.kind.condition
        condition = build(self, operator.name, values, context)
        if self.through:
            without = self.kind.holds_of_none(operator.name, values)
            condition = self.through.condition(condition, context, holds_without=without)
        if chip.negated:
            condition = ~condition  # type: ignore[operator]
        return condition if self.within is None else self.within & Q(condition)


@dataclass(frozen=True)
class ReadyList:
    """A list that every installation has."""

    slug: str
    label: str | Promise
    conditions: Conditions = field(default_factory=Conditions)
    sort: str = ""
    # What an empty one says, if not that nothing fits.
    empty: str | Promise = ""


@dataclass
class Registry:
    """The fields and ready lists of one record type, and how its rows are found."""

    record: str
    model: Callable[[], type[Model]]
    # As they stand in the address: names of fields, with a minus for descending.
    default_sort: str
    default_columns: Sequence[str]
    # Columns that are always there, first.
    fixed_columns: Sequence[str]
    # Columns that every row reads, whatever is shown.
    always: Sequence[str]
    list_view: str
    card_view: str
    ready: Sequence[ReadyList] = ()
    # The tabs there are until somebody chooses others, by slug.
    first_tabs: Sequence[str] = ()
    # Whether a group of chips can never hold, whatever is stored.
    impossible: Callable[[Sequence[Chip], Context], bool] = lambda chips, context: False
    own: dict[str, Field] = field(default_factory=dict)
    # Fields that people make while the product runs.
    made: Callable[[], Sequence[Field]] = lambda: ()
    # Whether it knows those: as ``registry_of`` gives it, for one reading.
    current: bool = False

    def add(self, *fields: Field) -> None:
        for one in fields:
            if one.name in self.own or one.name in RESERVED:
                raise ValueError(f"“{one.name}” is taken.")
            self.own[one.name] = one

    def amend(self, name: str, **changes: Any) -> None:
        """Change a field that a room below has declared."""
        self.own[name] = replace(self.own[name], **changes)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """All fields by name, those included that people have made by the time somebody first needs one."""
        made = self.made() if self.current else ()
        return self.own | {one.name: one for one in made}

    def get(self, name: str) -> Field | None:
        # Most lists need none that was made, and these cost a statement or two.
        return self.own.get(name) or self.fields.get(name)

    def filters(self) -> list[Field]:
        return [one for one in self.fields.values() if one.filterable]

    def columns(self) -> list[Field]:
        return [one for one in self.fields.values() if one.cell]

    def visible(self, user: Any) -> QuerySet:
        return self.model()._default_manager.visible_to(user)  # type: ignore[attr-defined]

    def editable(self, user: Any) -> QuerySet:
        return self.model()._default_manager.editable_by(user)  # type: ignore[attr-defined]

    def ready_list(self, slug: str) -> ReadyList | None:
        return next((one for one in self.ready if one.slug == slug), None)


# What else an address of a list may say; no field can have these names.
RESERVED = frozenset(
    ("q", "sort", "page", "per_page", "columns", "density", "edited", "edit", "add", "s", "part",
     "set", "base", "why", "choose", "find")
)  # fmt: skip

_registries: dict[str, Registry] = {}


def register(registry: Registry) -> Registry:
    _registries[registry.record] = registry
    return registry


def registry_of(record: str) -> Registry:
    """As it is now: whoever asks several things of it keeps it. Raises ``KeyError`` for a record without lists."""
    return replace(_registries[record], current=True)


def registries() -> Iterable[Registry]:
    return [replace(one, current=True) for one in _registries.values()]


def loaded(
    fields: Sequence[Field], rows: Sequence[Any], context: Context
) -> dict[Loader, Mapping[Any, Any]]:
    """What the loaders of these fields find for these rows, each asked once."""
    sharing: dict[Loader, list[Field]] = {}
    for one in fields:
        if one.loader:
            sharing.setdefault(one.loader, []).append(one)
    return {loader: loader(rows, context, many) for loader, many in sharing.items()}
