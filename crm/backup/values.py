"""Values of columns as an archive holds them: the same text whichever database they come from."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string

Convert = Callable[[Any], Any]
# What JSON holds as it is.
ALIKE = (models.CharField, models.TextField, models.IntegerField, models.BooleanField)


def own_field(field: models.Field) -> models.Field:
    """The field that says what is stored: of a foreign key, the one that it points at."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def reader(field: models.Field, connection: Any) -> Convert | None:
    """What makes of a stored value of ``field`` what an archive holds; None if that is the same."""
    own = own_field(field)
    if isinstance(own, models.JSONField):
        return _canonical_json
    column = field.get_col(field.model._meta.db_table)
    converters = [
        *connection.ops.get_db_converters(column),
        *column.get_db_converters(connection),
    ]
    if not converters and isinstance(own, ALIKE):
        return None

    def read(value: Any) -> Any:
        for convert in converters:
            value = convert(value, column, connection)
        return _plain(value)

    return read


def writer(field: models.Field, connection: Any) -> Convert | None:
    """What makes of a value in an archive what the database takes for ``field``; None if that is the same."""
    own = own_field(field)
    if isinstance(own, models.JSONField):
        return None
    if isinstance(own, ALIKE) and type(own).get_db_prep_value is models.Field.get_db_prep_value:
        return None
    parse = parse_duration if isinstance(own, models.DurationField) else own.to_python

    def write(value: Any) -> Any:
        return None if value is None else own.get_db_prep_save(parse(value), connection)

    return write


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise TypeError(f"{value} is no number that can be kept")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, timedelta):
        return duration_iso_string(value)
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    raise TypeError(f"no archive holds values such as {type(value).__name__}")


# -- JSON


class _HasUnusual(Exception):
    pass


def _usual(text: str) -> float:
    number = float(text)
    written = repr(number)
    if "e" in written or written == "-0.0":
        raise _HasUnusual
    return number


def _canonical_json(text: str | None) -> str | None:
    """The text of a JSON column, so written that every database gives the same back.

    PostgreSQL orders keys its own way, and takes 1e+16 for a whole number; ``null`` stays apart from no value.
    """
    if text is None:
        return None
    try:
        return json.dumps(json.loads(text, parse_float=_usual), sort_keys=True)
    except _HasUnusual:
        return _spelt_out(json.loads(text))


def _spelt_out(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}: {_spelt_out(value[key])}" for key in sorted(value))
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_spelt_out, value))}]"
    if isinstance(value, float):
        # All digits and a point: what has a point stays what it is.
        digits = format(Decimal(repr(value or 0.0)), "f")
        return digits if "." in digits else f"{digits}.0"
    return json.dumps(value)
