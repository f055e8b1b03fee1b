"""Marks for many contacts at once, and what history keeps of it. Alike for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from crm.actor import current_trace
from deals.services import sql


class Row(NamedTuple):
    """Of a contact what selecting depends on, and what it may change; moments as in JSON."""

    id: int
    # Alike for all whom the law treats alike: both statuses, and whether deals of a group count.
    likeness: tuple[Any, ...]
    # By kind the status, its mark, and since when.
    prospect: list[Any]
    customer: list[Any]


def lock_rows(ids: Collection[int]) -> list[Row]:
    """Lock these contacts in the order of their ids; those that still exist."""
    lock = "FOR NO KEY UPDATE" if sql.is_postgresql() else ""
    marks = ", ".join(
        f"{kind}_mark, {kind}_marked_at, {kind}_marked_by_id, {kind}_mark_had_deal, {kind}_since"
        for kind in ("prospect", "customer")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, prospect_status, customer_status, active_deals > 0, won_deals > 0,
            lost_deals > 0, {marks} FROM contacts_contact
            WHERE {sql.in_ids("id")} ORDER BY id {lock}""",
            [sql.ids_parameter(ids)],
        )
        rows = cursor.fetchall()
    return [
        Row(r[0], r[1:6], [r[1], r[6], _in_json(r[7]), r[8], bool(r[9]), _in_json(r[10])],
            [r[2], r[11], _in_json(r[12]), r[13], bool(r[14]), _in_json(r[15])])
        for r in rows
    ]  # fmt: skip


def _in_json(moment: datetime | None) -> str | None:
    """As ``datetime.isoformat``; SQLite's moments have no zone, and are in UTC."""
    if moment is None:
        return None
    text = moment.isoformat()
    return text if moment.tzinfo else f"{text}+00:00"


def set_marks(
    kind: str, value: str, ids: Collection[int], *, at: datetime, actor_id: int | None, cause: str
) -> None:
    """Mark these contacts with ``value``, which no status of theirs is yet, and write history."""
    moment = connection.ops.adapt_datetimefield_value(at)
    _write(
        f"""{kind}_mark = %s, {kind}_marked_at = %s, {kind}_marked_by_id = %s,
        {kind}_mark_had_deal = (active_deals + won_deals + lost_deals > 0)""",
        [value, moment, actor_id],
        (kind, value, ids, moment, actor_id, cause),
    )


def remove_marks(
    kind: str, value: str, ids: Collection[int], *, at: datetime, actor_id: int | None, cause: str
) -> None:
    """Remove the marks of these contacts, whose deals alone give ``value``, and write history."""
    moment = connection.ops.adapt_datetimefield_value(at)
    _write(
        f"""{kind}_mark = '', {kind}_marked_at = NULL, {kind}_marked_by_id = NULL,
        {kind}_mark_had_deal = (1 = 0)""",
        [],
        (kind, value, ids, moment, actor_id, cause),
    )


def _write(assignments: str, values: list[Any], of: tuple[Any, ...]) -> None:
    kind, value, ids, moment, actor_id, cause = of
    chosen, parameter = sql.in_ids("id"), sql.ids_parameter(ids)
    trace = current_trace()
    whence = [trace.request_id, trace.address, trace.source]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO contacts_statuschange (contact_id, status, old, new, effective_at,
            recorded_at, actor_id, cause, deal_id, deal_name, stage_name, stage_category,
            request_id, address, source)
            SELECT id, %s, {kind}_status, %s, %s, %s, %s, %s, NULL, '', '', '', %s, %s, %s
            FROM contacts_contact WHERE {chosen} ORDER BY id""",
            [kind, value, moment, moment, actor_id, cause, *whence, parameter],
        )
        cursor.execute(
            f"""UPDATE contacts_contact SET {assignments}, {kind}_since = %s WHERE {chosen}
            RETURNING {kind}_status""",
            [*values, moment, parameter],
        )
        if {status for (status,) in cursor.fetchall()} - {value}:
            # The two wordings of the law differ; nothing may be committed.
            raise RuntimeError(f"Not all contacts are {kind} {value}, as the law says.")
