"""Mappings: which column of which file feeds which field. ``imports.parsing`` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from imports.fields import Entity

if TYPE_CHECKING:
    from imports.label_names import LabelMap

KINDS = ("person", "company")


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Where one field takes its text from: columns joined, else the default.

    ``by`` and ``kinds`` say how a reference is meant; ``otherwise`` is where to look when all is
    empty. ``date_column`` and ``date`` say when a status was selected. An empty ``by`` is by id, else
    by name.
    """

    columns: tuple[str, ...] = ()
    join: str = " "
    default: str = ""
    words: dict[str, str] = field(default_factory=dict)
    form: str | None = None
    by: str = "id"
    kinds: tuple[str, ...] = KINDS
    date_column: str = ""
    date: date | None = None
    otherwise: FieldMap | None = None

    def all_columns(self) -> Iterator[str]:
        yield from self.columns
        if self.date_column:
            yield self.date_column
        if self.otherwise:
            yield from self.otherwise.all_columns()

    def by_way(self, by: str) -> FieldMap:
        return replace(self, by=by)


@dataclass(frozen=True, slots=True)
class Section:
    """One file read for one entity."""

    entity: Entity
    file: str
    key: tuple[str, ...]
    fields: dict[str, FieldMap]
    encoding: str = ""
    delimiter: str = ""
    skip: int = 0
    decimal: str = "."
    thousands: str = ""
    date_format: str = ""
    # Rows with the same key are one record, and rows without one none: a file of something else.
    repeated: bool = False
    drop_invalid_email: bool = False
    # An export of this product, whose columns are those of the list it is of.
    exported: bool = False
    # A column and what stands in it: of a file with rows of several kinds, those that are meant.
    only: tuple[str, str] | None = None
    # Tags and custom fields; with ``custom_fields`` also those that the header of the file names.
    labels: tuple[LabelMap, ...] = ()
    custom_fields: bool = False
    make_options: bool = False

    def columns(self) -> list[str]:
        named = [*self.key, *([self.only[0]] if self.only else [])]
        for mapped in [*self.fields.values(), *(label.mapped for label in self.labels)]:
            named += mapped.all_columns()
        return list(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class StageWord:
    """A word of the files for a stage: its category, and the stage's name in the pipeline."""

    word: str
    category: str
    name: str
    likelihood: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping. ``source`` is the name under which keys are remembered."""

    source: str
    sections: tuple[Section, ...]
    pipeline: str = ""
    stages: tuple[StageWord, ...] = ()

    def of(self, entity: Entity) -> list[Section]:
        return [section for section in self.sections if section.entity == entity]

    def refers_by(self, by: str) -> bool:
        """Whether any reference is by ``name`` or ``email``."""
        maps = [each for section in self.sections for each in section.fields.values()]
        while maps:
            mapped = maps.pop()
            if mapped.by == by:
                return True
            if mapped.otherwise:
                maps.append(mapped.otherwise)
        return False
