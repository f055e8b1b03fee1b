"""Fields that tell of another record: for a reader who may not see it, it is as if there were none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.expressions import Combinable

if TYPE_CHECKING:
    from crm.lists.registry import Cell, Condition, Context, Field


@dataclass(frozen=True)
class Through:
    """Where the other record stands, and who sees which.

    ``path`` is the foreign key that leads to it; ``seen`` gives those that a user may see, None where that is all.
    With the path “pk” it is the row itself, of which not everybody may know what the field tells.
    """

    path: str
    seen: Callable[[Any], QuerySet | None]

    def rows(self, context: Context) -> QuerySet | None:
        found: QuerySet | None = context.once(("seen", self.seen), lambda: self.seen(context.user))
        return found

    def visible(self, context: Context) -> Exists | None:
        """That there is one and that the reader sees it: true or false, never NULL. None where all are seen."""
        rows = self.rows(context)
        return None if rows is None else Exists(rows.order_by().filter(pk=OuterRef(self.path)))

    def condition(
        self, condition: Condition, context: Context, *, holds_without: bool
    ) -> Condition:
        """The same of who sees it; ``holds_without`` says whether it is true of who has none."""
        seen = self.visible(context)
        if seen is None:
            return condition
        return Q(condition) | ~Q(seen) if holds_without else Q(condition) & Q(seen)

    def value(self, source: str | Combinable, context: Context) -> str | Combinable:
        """What is read of it; NULL where it is not seen."""
        seen = self.visible(context)
        if seen is None:
            return source
        return Case(When(seen, then=F(source) if isinstance(source, str) else source))

    @property
    def attribute(self) -> str:
        """Where a row has the key of the record."""
        return self.path if self.path == "pk" else f"{self.path}_id"

    def of(self, row: Any) -> Any:
        return getattr(row, self.attribute)


def unseen(
    fields: Iterable[Field], rows: Sequence[Any], context: Context
) -> dict[Any, frozenset[Any]]:
    """The records that these fields tell of and that the reader may not see, by what decides it: a statement each."""
    asked: dict[Any, set[Any]] = {}
    throughs = {one.through for one in fields if one.through}
    for through in throughs:
        if through.rows(context) is not None:
            asked.setdefault(through.seen, set()).update(through.of(row) for row in rows)
    found = {}
    for through in throughs:
        if through.seen in asked and through.seen not in found:
            ids = asked[through.seen] - {None}
            seen: Any = through.rows(context)
            shown = seen.order_by().filter(pk__in=ids).values_list("pk", flat=True) if ids else ()
            found[through.seen] = frozenset(ids.difference(shown))
    return found


def drawing(
    field: Field, hidden: Mapping[Any, Collection[Any]], context: Context, nothing: Cell
) -> Callable[[Any, Any], Cell]:
    """What draws the cells of a field; ``nothing`` where they would tell of one of the ``hidden``."""
    assert field.cell is not None
    cell = field.cell(context)
    kept = hidden.get(field.through.seen) if field.through else None
    if not field.through or not kept:
        return cell
    read = attrgetter(field.through.attribute)
    return lambda row, found: nothing if read(row) in kept else cell(row, found)
