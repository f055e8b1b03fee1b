"""The one way past the triggers that keep the audit log as it was written.

The database refuses to change or remove entries, whoever asks, as long as the gate is shut. Only retention and the
erasure of a person open it, for the statements in the block and in a transaction of theirs: nobody else ever sees it
open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.sql import DeleteQuery

from crm.audit.models import Entry, Gate


@contextmanager
def opened() -> Iterator[None]:
    """Inside the block entries can be written again and removed. The gate is shut again before anything commits."""
    with transaction.atomic():
        held = Gate.objects.create(transaction_id=_transaction())
        yield
        held.delete()


def _transaction() -> int | None:
    if connection.vendor != "postgresql":
        # SQLite has one writer at a time, and nobody but the writer sees what is not committed.
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT txid_current()")
        (found,) = cursor.fetchone()
    return int(found)


def remove(entries: QuerySet[Entry]) -> int:
    """Remove these entries, which the gate must be open for; returns how many."""
    query: Any = entries.order_by().query.chain(DeleteQuery)
    return int(query.get_compiler(entries.db).execute_sql("row count") or 0)


def rewrite(entries: Iterable[Entry], fields: list[str]) -> None:
    """Write these fields of entries again, which the gate must be open for."""
    # Not by the queryset of entries, which refuses it.
    plain: Any = QuerySet(Entry)
    plain.bulk_update(list(entries), fields, batch_size=200)
