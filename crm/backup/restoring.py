"""The way back: an archive becomes the database, or nothing changes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from crm.actor import acting_as
from crm.audit.models import Action
from crm.audit.services import record
from crm.backup import media
from crm.backup.archive import Manifest, OpenArchive, bad, opened
from crm.backup.stores import (
    DEFAULT,
    file_of,
    has_tables,
    owned_like,
    refuse_while_running,
    settings_of,
    standing_in,
)
from crm.backup.tables import Schema, Table
from crm.retry import is_passing


def restore(path: Path) -> Manifest:
    """Put what the archive at ``path`` holds in the place of all data and files.

    Raises ``ValidationError`` and changes nothing when the archive is not whole, not ours or of a newer version, or
    when the product is running on the database.
    """
    with opened(path) as archive:
        refuse_unknown(archive)
        archive.check()
        refuse_while_running(connections[DEFAULT])
        with media.unpacked(archive) as folder:
            if connections[DEFAULT].vendor == "postgresql":
                _into_postgresql(archive, folder)
            else:
                _into_new_file(archive, folder)
        return archive.manifest


def refuse_unknown(archive: OpenArchive) -> None:
    """Raise ``ValidationError`` for an archive whose tables this version cannot make."""
    manifest = archive.manifest
    schema = Schema(None, manifest.migrations)
    if schema.unknown:
        app, name = schema.unknown[0]
        raise bad(
            archive.path,
            f"it is of a newer or a different Standing ({manifest.product}; the migration "
            f"{app}.{name} is not known here)",
            "Restore it with that version or a later one.",
        )
    if not manifest.migrations or not schema.is_complete:
        raise bad(archive.path, "the migrations it names do not hang together")
    kept = {table.name: table.columns for table in schema.kept}
    given = {part.name: part.columns for part in manifest.tables}
    for name in sorted(kept.keys() | given.keys()):
        if kept.get(name) != given.get(name):
            raise bad(
                archive.path, f"the columns of its table “{name}” are not those of its version"
            )


# -- PostgreSQL: one transaction


def _into_postgresql(archive: OpenArchive, folder: Path) -> None:
    with standing_in(settings_of(connections[DEFAULT])) as connection:
        fill_database(connection, archive, folder)


def fill_database(connection: Any, archive: OpenArchive, folder: Path | None = None) -> None:
    """Replace all rows of the database in use, and the media by those in ``folder``; all of it or nothing."""
    _refuse_other_tables(connection, archive)
    _migrate(connection, archive)
    is_newest = Schema(connection).is_newest
    # Committed while the files can still go back, and they go back if it fails.
    with ExitStack() as files, _no_waiting(), transaction.atomic():
        load(connection, archive)
        if is_newest:
            _say_so(archive)
        if folder:
            files.enter_context(media.exchanged(folder))
    finish(connection)
    if not is_newest:
        _say_so(archive)


def _refuse_other_tables(connection: Any, archive: OpenArchive) -> None:
    """Raise ``ValidationError`` where there are tables of another version than that of the archive."""
    if not has_tables(connection):
        return
    found, wanted = Schema(connection).nodes, set(archive.manifest.migrations)
    if found == wanted:
        return
    if found < wanted:
        raise bad(
            archive.path,
            "the tables of this database are of an older version",
            "Run `manage.py migrate` first, and restore again.",
        )
    raise bad(
        archive.path,
        f"it is of an older version ({archive.manifest.product}) than the tables of this database",
        "Make an empty database, name it in DATABASE_URL, and restore into that: there it is migrated.",
    )


@contextmanager
def _no_waiting() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if not is_passing(error):
            raise
        raise ValidationError(
            "Somebody is using the database, so that nothing was changed. End the product, its "
            "workers and open queries, and restore again."
        ) from error


def _migrate(connection: Any, archive: OpenArchive) -> None:
    """Make the tables of the archive's version, if they are not there."""
    executor = MigrationExecutor(connection)
    wanted = set(archive.manifest.migrations)
    missing = wanted - set(executor.loader.applied_migrations)
    node_map = executor.loader.graph.node_map
    # Only what nothing else needs: a migration that is named again counts as the wish to go back to it.
    last = [
        node for node in missing if not any(one.key in wanted for one in node_map[node].children)
    ]
    executor.migrate(sorted(last))


# -- SQLite: a new file in the place of the old one


def _into_new_file(archive: OpenArchive, folder: Path) -> None:
    usual = connections[DEFAULT]
    target = file_of(usual)
    usual.close()
    with _nobody_at(target):
        # Refused now rather than after the work is done.
        pass
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with standing_in(settings_of(usual, NAME=str(new))) as connection:
            _fill_file(connection, archive)
        _make_one_file(new)
        owned_like(new, target if target.exists() else target.parent)
        with media.exchanged(folder), _nobody_at(target):
            _remove_logs(target)
            os.replace(new, target)
    finally:
        new.unlink(missing_ok=True)
        _remove_logs(new)


def _fill_file(connection: Any, archive: OpenArchive) -> None:
    _migrate(connection, archive)
    # Rows come in the order of tables; what they refer to is checked together at the end.
    connection.disable_constraint_checking()
    with transaction.atomic():
        load(connection, archive)
    connection.enable_constraint_checking()
    finish(connection)
    _say_so(archive)


def _make_one_file(path: Path) -> None:
    """All of it in the file itself, on the disk, and nothing in files beside it."""
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA journal_mode=DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove_logs(path: Path) -> None:
    # The log of another file, found beside this one, would be played into it.
    for ending in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


@contextmanager
def _nobody_at(target: Path) -> Iterator[None]:
    """Inside the block nobody else has the file open, and all of it is in the one file.

    SQLite gives its write-ahead log up only while nobody else is connected: asking for it is how to know.
    """
    if not target.exists():
        yield
        return
    with closing(sqlite3.connect(target, timeout=2, isolation_level=None)) as plain:
        try:
            plain.execute("PRAGMA journal_mode=DELETE")
            plain.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise ValidationError(
                f"Somebody has the database {target} open ({error}). End the product, its worker and "
                "whatever else reads the file, and restore again."
            ) from error
        except sqlite3.DatabaseError:
            # Broken, which may be why it is restored. Nobody works with it.
            pass
        yield


# -- both


def load(connection: Any, archive: OpenArchive) -> None:
    """Replace the rows of all tables, in the open transaction, and compare them with the archive."""
    schema = Schema(connection)
    schema.empty(connection)
    parts = {part.name: part for part in archive.manifest.tables}
    for table in schema.kept:
        table.insert(connection, archive.lines(parts[table.name]))
        table.count_on_from(connection, parts[table.name].last_id or 0)
    _check_keys(connection)
    for table in schema.kept:
        _compare(connection, table, archive)


def _check_keys(connection: Any) -> None:
    try:
        connection.check_constraints()
    except DatabaseError as error:
        first = str(error).strip().partition("\n")[0]
        raise ValidationError(
            f"What the archive holds does not hang together: {first}. Take another backup."
        ) from error


def _compare(connection: Any, table: Table, archive: OpenArchive) -> None:
    part = next(part for part in archive.manifest.tables if part.name == table.name)
    if table.digest(connection) != part.sha256:
        raise bad(
            archive.path,
            f"{connection.display_name} does not give the rows of “{table.name}” back as they were",
            "Nothing was changed. Restore into the kind of database that the archive was made of.",
        )


def finish(connection: Any) -> None:
    """Bring an older archive to this version, and let the planner know what is there."""
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _say_so(archive: OpenArchive) -> None:
    manifest = archive.manifest
    with acting_as(None):
        record(
            Action.RESTORED,
            backup=archive.path.name,
            made_at=manifest.made_at,
            version=manifest.product,
            rows=manifest.rows,
        )
