"""The statements of runs, alike for SQLite and PostgreSQL: one for ten rows and for thousands.

Rows travel as one parameter of JSON. Names of tables and columns are our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from crm.bulk.actions import Outcome


def _execute(statement: str, parameters: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def freeze(run_id: int, records: models.QuerySet, *, in_list_order: bool) -> int:
    """Write down the ids of ``records`` as the rows of a run; returns how many there are."""
    order: list[Any] = ["pk"]
    if in_list_order:
        order = [*(records.query.order_by or records.model._meta.ordering or order)]
    numbered = records.order_by().annotate(
        bulk_position=Window(RowNumber(), order_by=order), bulk_id=F("pk")
    )
    chosen = numbered.values_list("bulk_position", "bulk_id")
    try:
        statement, parameters = chosen.query.sql_with_params()
    except EmptyResultSet:
        return 0
    return _execute(
        f"""INSERT INTO bulk_bulkrow (run_id, position, record_id, state, reason, before, after)
        SELECT %s, s.bulk_position, s.bulk_id, 'waiting', '', '', '' FROM ({statement}) AS s""",
        [run_id, *parameters],
    )


def freeze_done(run_id: int, of_run: int) -> int:
    """Write down what another run did as the rows of this one, in the same order."""
    return _execute(
        """INSERT INTO bulk_bulkrow (run_id, position, record_id, state, reason, before, after)
        SELECT %s, ROW_NUMBER() OVER (ORDER BY position), record_id, 'waiting', '', '', ''
        FROM bulk_bulkrow WHERE run_id = %s AND state = 'done'""",
        [run_id, of_run],
    )


def write_outcomes(run_id: int, positions: Mapping[int, int], outcomes: Iterable[Outcome]) -> None:
    """Write what became of these records; ``positions`` are their rows' by record."""
    rows = [(*one[1:], positions[one[0]]) for one in outcomes]
    if connection.vendor == "sqlite":
        # Its planner would look through the JSON again for each row of the run.
        with connection.cursor() as cursor:
            cursor.executemany(
                f"""UPDATE bulk_bulkrow SET state = %s, reason = %s, before = %s, after = %s
                WHERE run_id = {int(run_id)} AND position = %s""",
                rows,
            )
        return
    columns = ("state", "reason", "before", "after", "position")
    kinds = dict.fromkeys(columns, "text") | {"position": "integer"}
    _execute(
        f"""UPDATE bulk_bulkrow SET state = v.state, reason = v.reason, before = v.before,
        after = v.after FROM ({each(kinds)}) AS v
        WHERE bulk_bulkrow.run_id = %s AND bulk_bulkrow.position = v.position""",
        [json.dumps(rows), run_id],
    )


def write_values(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write columns of many records, each its own values: rows of the id and the values.

    Past the model and its querysets: whoever calls tells them what they have to know.
    """
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    types = {field.column: field.db_type(connection) for field in fields}
    table = model._meta.db_table
    assignments = ", ".join(f'"{column}" = v."{column}"' for column in types)
    _execute(
        f"""UPDATE {table} SET {assignments} FROM ({each({"id": "bigint", **types})}) AS v
        WHERE {table}.id = v.id""",
        [json.dumps(list(rows), default=_stored)],
    )


def _stored(value: Any) -> Any:
    """A moment as the database writes it."""
    return str(connection.ops.adapt_datetimefield_value(value))


def each(columns: Mapping[str, Any]) -> str:
    """A SELECT of these columns, with their types, from a parameter of JSON lists."""
    if connection.vendor == "postgresql":
        items = (
            f'(value ->> {n})::{kind} AS "{name}"' for n, (name, kind) in enumerate(columns.items())
        )
        return f"SELECT {', '.join(items)} FROM jsonb_array_elements(%s::jsonb)"
    items = (f"json_extract(value, '$[{n}]') AS \"{name}\"" for n, name in enumerate(columns))
    return f"SELECT {', '.join(items)} FROM json_each(%s)"
