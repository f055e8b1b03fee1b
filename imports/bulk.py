"""Writing many rows fast: COPY on PostgreSQL, executemany on SQLite.

Nothing here knows what a row means. Whoever writes past the models owes the database what they
would have done; ``deals.services.arrivals`` brings statuses in step afterwards.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

from django.db import connection, models


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def moment_store() -> Callable[[datetime | None], Any]:
    """How moments are written past the models; remembers them, for they repeat in a file."""
    if is_postgresql():
        return lambda value: value
    adapt = connection.ops.adapt_datetimefield_value
    known: dict[datetime | None, Any] = {None: None}

    def store(value: datetime | None) -> Any:
        try:
            return known[value]
        except KeyError:
            stored = known[value] = adapt(value)
            return stored

    return store


def columns_of(model: type[models.Model], *, without: Iterable[str] = ()) -> list[str]:
    """The columns of a model that can be written, the primary key first."""
    left_out = set(without)
    return [
        field.column
        for field in model._meta.concrete_fields
        if field.column and not field.generated and field.column not in left_out
    ]


def defaults_of(model: type[models.Model], columns: Sequence[str]) -> list[Any]:
    """A row of these columns as the model's defaults give it."""
    fields = {field.column: field for field in model._meta.concrete_fields}
    store = moment_store()
    row = [fields[column].get_default() for column in columns]
    return [store(value) if isinstance(value, datetime) else value for value in row]


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows, each with a value for every column."""
    if not rows:
        return
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    with connection.cursor() as cursor:
        if is_postgresql():
            text = StringIO()
            # None is written as nothing and everything else in quotation marks, which is how
            # COPY tells NULL from an empty text.
            csv.writer(text, quoting=csv.QUOTE_NOTNULL).writerows(rows)
            with (
                connection.wrap_database_errors,
                cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)") as copy,
            ):
                copy.write(text.getvalue())
        else:
            values = ", ".join(["%s"] * len(columns))
            statement = f"INSERT INTO {table} ({names}) VALUES ({values})"  # noqa: S608
            cursor.executemany(statement, rows)


def reserve_ids(model: type[models.Model], count: int) -> Sequence[int]:
    """Ids that nobody else will use, ascending. On SQLite inside a transaction that writes."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [f'"{table}"', count],
            )
            return [number for (number,) in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = cursor.fetchone()
        first = (last[0] if last else 0) + 1
        return range(first, first + count)


def run_many(statement: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def analyze(*tables: type[models.Model]) -> None:
    """Tell the planner what was just loaded, without which it plans for empty tables."""
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
