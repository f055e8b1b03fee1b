"""The records that carry tags and custom fields, as services know them without knowing their apps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q

from settings.categories import Category
from settings.models import FieldValue, RecordChange, TagLink


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A record type: its model, the models of its tags, values and history, and which records have what.

    ``key`` is the foreign key of the latter three to the record. ``members`` gives, as a condition on the record,
    those that belong to a category; ``of_kind`` those that a field for people or for companies is for. ``names`` gives
    the names of contacts that the user may see, by number; ``find`` those that a typed name could mean.
    """

    record: str
    model: type[Model]
    key: str
    links: type[TagLink]
    values: type[FieldValue]
    changes: type[RecordChange]
    members: Callable[[Category], Q]
    of_kind: Callable[[str], Q]
    names: Callable[[Sequence[int], Any], Mapping[int, str]]
    find: Callable[[str, Any], Sequence[tuple[int, str, str]]]

    @property
    def key_id(self) -> str:
        return f"{self.key}_id"

    def through(self, condition: Q, path: str = "") -> Q:
        """``condition`` on a record as one on its links or values, or on whatever has it at ``path``."""
        return prefixed(condition, path or self.key)


def prefixed(condition: Q, path: str) -> Q:
    """``condition`` with each of its look-ups reached by ``path``."""
    found = Q()
    found.connector, found.negated = condition.connector, condition.negated
    found.children = [
        prefixed(child, path) if isinstance(child, Q) else (f"{path}__{child[0]}", child[1])  # type: ignore[index]
        for child in condition.children
    ]
    return found


_holders: dict[str, Holder] = {}


def register(holder: Holder) -> Holder:
    _holders[holder.record] = holder
    return holder


def holder_of(record: str) -> Holder:
    """Of “contact” or “deal”."""
    return _holders[record]


def holders() -> list[Holder]:
    return list(_holders.values())


def holder_for(category: str) -> Holder:
    return holder_of(Category(category).record)
