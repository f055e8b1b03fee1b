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
    labels: Any = model._default_manager
    rows = labels.live().filter(pk__in=ids).order_by("pk").values_list("pk")
    if connection.vendor != "postgresql":
        return {pk for (pk,) in rows}
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} FOR SHARE", params)
        return {pk for (pk,) in cursor.fetchall()}
