"""Texts that a person is known by, found and replaced in others: as they are, and as JSON and addresses write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property, reduce
from operator import or_
from typing import Any
from urllib.parse import quote, quote_plus

from django.db import connection
from django.db.models import F, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

AT_ONCE = 200
# The database finds what begins as a text does; the rest is compared here.
LOOKED_FOR = 60


class Needles:
    """Some texts. Found whole: “An Li” is not in “Jan Lin”. With ``in_addresses``, also as addresses write them."""

    def __init__(self, texts: Iterable[str], *, in_addresses: bool = False) -> None:
        self.texts = sorted({one.strip() for one in texts if one.strip()}, key=len, reverse=True)
        self.in_addresses = in_addresses
        self.written = _written(self.texts, in_addresses)
        whole = "|".join(map(re.escape, self.written))
        self._pattern = re.compile(rf"(?<!\w)(?:{whole})(?!\w)", re.IGNORECASE) if whole else None

    def __bool__(self) -> bool:
        return bool(self.texts)

    def are_in(self, value: Any) -> bool:
        return self.replaced(value, "\x00") != value

    def replaced(self, value: Any, by: str) -> Any:
        """``value``, a text or what JSON holds, with ``by`` in place of each of them."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._pattern.sub(lambda _found: by, value)
        if isinstance(value, dict):
            return {key: self.replaced(one, by) for key, one in value.items()}
        if isinstance(value, list):
            return [self.replaced(one, by) for one in value]
        return value

    def rows(self, rows: QuerySet[Any], columns: Iterable[str]) -> list[Any]:
        """Those of ``rows`` that hold one in one of ``columns``. Reads all of them in the database."""
        columns = list(columns)
        if not self:
            return []
        conditions, casts = [], {}
        for column in columns:
            casts[f"{column}_as_text"] = Cast(F(column), TextField())
            conditions += self._conditions(f"{column}_as_text")
        # Few conditions at a time: databases do not take any number of them.
        found: dict[Any, Any] = {}
        for start in range(0, len(conditions), AT_ONCE):
            condition = reduce(or_, conditions[start : start + AT_ONCE])
            for row in rows.annotate(**casts).filter(condition):
                found[row.pk] = row
        return [
            row for row in found.values() if any(self.are_in(getattr(row, one)) for one in columns)
        ]

    def _conditions(self, column: str) -> list[Q]:
        if connection.vendor == "postgresql":
            # Which reads each text once, and not once for each of them.
            return [Q(**{f"{column}__iregex": "|".join(map(re.escape, self._spelled))})]
        return [Q(**{f"{column}__icontains": one}) for one in self._spelled]

    @cached_property
    def _spelled(self) -> list[str]:
        """What rows are looked up by in the database: fewer are faster."""
        short = [
            one
            for one in self.texts
            # Whatever holds this one holds the shorter one.
            if not any(other is not one and Needles([other]).are_in(one) for other in self.texts)
        ]
        # Not every database knows the case of letters beyond ASCII.
        forms = {
            one: [one] if one.isascii() else [one, one.lower(), one.upper(), one.title()]
            for one in (text[:LOOKED_FOR] for text in short)
        }
        return list(
            dict.fromkeys(
                written
                for spelled in forms.values()
                for written in _written(spelled, self.in_addresses)
            )
        )

    def rewrite(
        self, model: type[Model], rows: Iterable[Any], columns: Iterable[str], by: str
    ) -> int:
        """Replace in these columns of ``rows``, past the model; returns how many rows were others."""
        changed, columns = 0, list(columns)
        plain: QuerySet[Any] = QuerySet(model)
        for row in rows:
            values = {}
            for column in columns:
                new = self.replaced(getattr(row, column), by)
                if new != getattr(row, column):
                    values[column] = _fitting(model, column, new)
            if values:
                plain.filter(pk=row.pk).update(**values)
                changed += 1
        return changed


def _fitting(model: type[Model], column: str, value: Any) -> Any:
    longest = getattr(model._meta.get_field(column), "max_length", None)
    return value[:longest] if longest and isinstance(value, str) else value


def _written(texts: Iterable[str], in_addresses: bool) -> list[str]:
    """Each text, as JSON writes it, and as addresses do."""
    found: dict[str, None] = {}
    for one in texts:
        compact = json.dumps(one, ensure_ascii=False)[1:-1]
        found |= dict.fromkeys((one, json.dumps(one)[1:-1], compact))
        if in_addresses:
            found |= dict.fromkeys((quote(one), quote(one, safe=""), quote_plus(one)))
    return sorted(found, key=len, reverse=True)
