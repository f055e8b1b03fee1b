"""The tables of a database as its migrations left them, their rows out and in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import batched
from typing import Any

from django.apps import apps as installed
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, models
from django.db.migrations.loader import MigrationLoader

from crm.audit.models import Gate
from crm.backup.values import own_field, reader, writer

# Models whose rows no archive holds, and why.
NOT_KEPT = {
    "sessions.session": "who is signed in is true of a running product: after a restore everybody signs in again",
    "usersessions.usersession": "what the list of sessions tells of these",
    "crm.heartbeat": "which workers live is true of a running product",
}
# Tables that are no model's.
NO_MODEL = {
    "django_migrations": "the manifest names the migrations, and a restore runs them",
    "sign_in_counter": "guesses of this hour, counted by a cache",
}
FETCHED, INSERTED = 2_000, 1_000
GATE = Gate._meta.db_table

Node = tuple[str, str]


def encoded(values: Iterable[Any]) -> bytes:
    """A row as a line of an archive."""
    text = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


@dataclass(frozen=True)
class Table:
    """A table with the columns that are kept: all but those the database computes."""

    model: type[models.Model]

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @cached_property
    def fields(self) -> list[models.Field]:
        return [
            field
            for field in self.model._meta.concrete_fields
            if field.column and not field.generated
        ]

    @cached_property
    def columns(self) -> list[str]:
        return [str(field.column) for field in self.fields]

    @property
    def counted(self) -> models.Field | None:
        """The key that the database counts up, if it does."""
        key = self.model._meta.pk
        return key if isinstance(key, models.AutoField | models.BigAutoField) else None

    # -- out

    def lines(self, connection: Any) -> Iterator[bytes]:
        """Each row as a line, in the order of the key, which is the same on every database."""
        readers = [reader(field, connection) for field in self.fields]
        converted = [(at, read) for at, read in enumerate(readers) if read]
        with connection.chunked_cursor() as cursor:
            cursor.execute(self._select(connection))
            while rows := cursor.fetchmany(FETCHED):
                for row in rows:
                    values = list(row)
                    for at, read in converted:
                        values[at] = read(values[at])
                    yield encoded(values)

    def _select(self, connection: Any) -> str:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(column) for column in self.columns)
        order = ", ".join(self._ordered(field, connection) for field in self.model._meta.pk_fields)
        return f"SELECT {columns} FROM {quote(self.name)} ORDER BY {order}"

    def _ordered(self, field: models.Field, connection: Any) -> str:
        column = connection.ops.quote_name(field.column)
        is_text = isinstance(own_field(field), (models.CharField, models.TextField))
        return f'{column} COLLATE "C"' if is_text and connection.vendor == "postgresql" else column

    def digest(self, connection: Any) -> str:
        """SHA-256 of all lines."""
        found = hashlib.sha256()
        for line in self.lines(connection):
            found.update(line)
        return found.hexdigest()

    def last_id(self, connection: Any) -> int | None:
        """The highest number that was ever given to a row; None where nobody counts."""
        if not self.counted:
            return None
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                if not (sequence := self._sequence(cursor)):
                    return None
                cursor.execute(f"SELECT last_value, is_called FROM {sequence}")
                last, is_called = cursor.fetchone()
                return int(last) if is_called else 0
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [self.name])
            found = cursor.fetchone()
            return int(found[0]) if found else 0

    def _sequence(self, cursor: Any) -> str | None:
        key = self.model._meta.pk
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{self.name}"', key.column])
        found: str | None = cursor.fetchone()[0]
        return found

    # -- in

    def insert(self, connection: Any, lines: Iterable[bytes]) -> int:
        """Insert rows past the models, which would compute what is in the archive; how many."""
        writers = [writer(field, connection) for field in self.fields]
        converted = [(at, write) for at, write in enumerate(writers) if write]
        number = 0
        try:
            for batch in batched(lines, INSERTED):
                rows = [json.loads(line) for line in batch]
                for row in rows:
                    for at, write in converted:
                        row[at] = write(row[at])
                self._write(connection, rows)
                number += len(rows)
        except (DataError, IntegrityError, ValidationError, ValueError, OverflowError) as error:
            raise ValidationError(self._refusal(connection, number, error)) from error
        return number

    def _refusal(self, connection: Any, number: int, error: Exception) -> str:
        said = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        first = said.strip().partition("\n")[0]
        return (
            f"{connection.display_name} does not take rows {number + 1} and following of the table "
            f"{self.name}: {first}. Correct the value in the product that the archive was made of, "
            "and make the archive again."
        )

    def _write(self, connection: Any, rows: list[list[Any]]) -> None:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(column) for column in self.columns)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                statement = f"COPY {quote(self.name)} ({columns}) FROM STDIN"
                with connection.wrap_database_errors, cursor.cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                values = ", ".join(["%s"] * len(self.columns))
                statement = f"INSERT INTO {quote(self.name)} ({columns}) VALUES ({values})"
                cursor.executemany(statement, rows)

    def count_on_from(self, connection: Any, last: int) -> None:
        """Give no number again that was given already, also not of a row that is gone."""
        if not self.counted:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                if sequence := self._sequence(cursor):
                    cursor.execute("SELECT setval(%s, %s, %s)", [sequence, max(last, 1), last > 0])
                return
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [self.name])
            cursor.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [self.name, last]
            )


class Schema:
    """The tables that a set of migrations makes."""

    def __init__(self, connection: Any, nodes: Collection[Node] | None = None) -> None:
        """``nodes``: the migrations; those that the database has had if not given."""
        self.loader = MigrationLoader(connection)
        self.nodes = set(self.loader.applied_migrations if nodes is None else nodes)
        self.unknown = sorted(self.nodes - set(self.loader.graph.nodes))

    @cached_property
    def _models(self) -> list[type[models.Model]]:
        apps: Any = installed
        if self.nodes != set(self.loader.graph.nodes):
            apps = self.loader.project_state(sorted(self.nodes)).apps
        return [
            model
            for model in apps.get_models(include_auto_created=True)
            if model._meta.managed and not model._meta.proxy
        ]

    @property
    def is_complete(self) -> bool:
        """Whether no migration is there without those it needs."""
        graph = self.loader.graph
        return all(set(graph.forwards_plan(node)) <= self.nodes for node in self.nodes)

    @property
    def is_newest(self) -> bool:
        return self.nodes >= set(self.loader.graph.nodes)

    @cached_property
    def kept(self) -> list[Table]:
        """The tables that an archive holds, in the order of their names."""
        kept = [model for model in self._models if model._meta.label_lower not in NOT_KEPT]
        return sorted((Table(model) for model in kept), key=lambda table: table.name)

    @cached_property
    def tables(self) -> list[Table]:
        return [Table(model) for model in self._models]

    def empty(self, connection: Any) -> None:
        """Remove all rows. On SQLite only of a file that nobody uses yet."""
        quote = connection.ops.quote_name
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                names = ", ".join(quote(table.name) for table in self.tables)
                if any(table.name == GATE for table in self.tables):
                    # Opens the audit log for this transaction, and goes with the other rows.
                    cursor.execute(f"INSERT INTO {GATE} (transaction_id) VALUES (txid_current())")
                cursor.execute(f"TRUNCATE {names}")
                return
            for table in self.tables:
                cursor.execute(f"DELETE FROM {quote(table.name)}")
