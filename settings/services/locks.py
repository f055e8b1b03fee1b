"""Rows that must not change until a transaction ends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db.models import Model


def live_and_shared(model: type[Model], ids: Collection[int]) -> set[int]:
    """Which of these labels are there and not removed; none of them is removed before the transaction ends.

    Locked ``FOR SHARE``, so that those who only use them do not wait for each other. SQLite has one writer anyway.
    """
    return {pk for (pk,) in _shared(model, ids, "pk")}


def types_shared(model: type[Model], ids: Collection[int]) -> dict[int, str]:
    """The types of these fields as far as they are live; none of them gets another one before the transaction ends."""
    return dict(_shared(model, ids, "pk", "type"))


def _shared(model: type[Model], ids: Collection[int], *columns: str) -> list[Any]:
    # Asking for none is no statement, which cannot be given a lock.
    if not ids:
        return []
    labels: Any = model._default_manager
    rows = labels.live().filter(pk__in=ids).order_by("pk").values_list(*columns)
    if connection.vendor != "postgresql":
        return list(rows)
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} FOR SHARE", params)
        return cursor.fetchall()
