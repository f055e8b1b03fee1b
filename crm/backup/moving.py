"""Moving an installation from SQLite to PostgreSQL, with nothing lost."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.db import connection as usual

from crm.backup.archive import Manifest, opened
from crm.backup.making import write_archive
from crm.backup.restoring import fill_database
from crm.backup.stores import config_of, file_of, has_people, standing_in, standing_still
from crm.backup.tables import Schema

SEALED = "This database was moved to PostgreSQL: set DATABASE_URL and start again"
EVENTS = ("INSERT", "UPDATE", "DELETE")


def move_to_postgres(url: str) -> Manifest:
    """Take all rows of the SQLite database in use to the empty PostgreSQL database at ``url``.

    People go on reading meanwhile; saving waits. Afterwards the SQLite database refuses to be written: what somebody
    saved there from now on would be lost. Files stay where they are. Raises ``ValidationError`` and changes nothing
    when there is anything in the other database.
    """
    if usual.vendor != "sqlite":
        raise ValidationError(
            "The database in use is no SQLite database. Run this with the settings of the old "
            "installation; the new database is named on the command line only."
        )
    config = config_of(url)
    if config["ENGINE"] != "django.db.backends.postgresql":
        raise ValidationError("Give the new database as postgres://user:password@host:5432/name.")
    source = file_of(usual)
    with (
        standing_still(usual, locked=True) as still,
        tempfile.TemporaryDirectory(dir=source.parent, prefix=".move-") as folder,
    ):
        path = Path(folder, "move.zip")
        manifest = write_archive(path, still, media=False)
        with opened(path) as archive, _reached(config) as target:
            archive.check()
            if has_people(target):
                raise ValidationError(
                    "There are users in the new database already. Give an empty one."
                )
            fill_database(target, archive)
        # Only now, and before anybody waiting to write gets on.
        seal(still)
    return manifest


@contextmanager
def _reached(config: dict[str, Any]) -> Iterator[Any]:
    with standing_in(config) as target:
        try:
            target.ensure_connection()
        except DatabaseError as error:
            # Without the address: it holds a password.
            first = str(error).strip().partition("\n")[0]
            raise ValidationError(f"The new database cannot be reached: {first}") from error
        yield target


def seal(connection: Any) -> None:
    """Refuse every further write into the tables of a SQLite database, and end the open transaction."""
    with connection.cursor() as cursor:
        for name, table in _seals(connection):
            event = name.rpartition("_")[2]
            cursor.execute(
                f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{SEALED}'); END"
            )
        cursor.execute("COMMIT")


def unseal() -> int:
    """Let the SQLite database in use be written again; how many tables were sealed."""
    if usual.vendor != "sqlite":
        raise ValidationError(
            "The database in use is no SQLite database: there is nothing to reopen."
        )
    with usual.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        found = {name for (name,) in cursor.fetchall()}
        seals = [name for name, _table in _seals(usual) if name in found]
        for name in seals:
            cursor.execute(f"DROP TRIGGER {name}")
    return len(seals) // len(EVENTS)


def _seals(connection: Any) -> Iterator[tuple[str, str]]:
    for table in Schema(connection).kept:
        for event in EVENTS:
            yield f"moved_{table.name}_{event}", connection.ops.quote_name(table.name)
