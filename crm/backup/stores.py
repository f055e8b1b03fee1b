"""Databases beside the one in use, and a view of one that stands still."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import load_backend
from django.utils import timezone

from crm.models import Heartbeat

DEFAULT = "default"
RUNS_IF_SEEN = timedelta(minutes=2)


def settings_of(connection: Any, **changed: Any) -> dict[str, Any]:
    """The settings of a connection, to open another like it."""
    return copy.deepcopy(connection.settings_dict) | changed


def config_of(url: str) -> dict[str, Any]:
    """The settings for a database at ``url``, as DATABASE_URL would give them."""
    from crm import settings as product

    given = os.environ.get("DATABASE_URL")
    os.environ["DATABASE_URL"] = url
    try:
        config = product.database()
    finally:
        if given is None:
            del os.environ["DATABASE_URL"]
        else:
            os.environ["DATABASE_URL"] = given
    complete: dict[str, Any] = connections.configure_settings({DEFAULT: config})[DEFAULT]
    return complete


@contextmanager
def another(config: dict[str, Any]) -> Iterator[Any]:
    """A further connection, which no query of the product uses."""
    connection = _made(config)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def standing_in(config: dict[str, Any]) -> Iterator[Any]:
    """Inside the block the database of ``config`` is the product's: services and migrations use it.

    Other threads go on with theirs.
    """
    usual = connections[DEFAULT]
    connection = _made(config)
    connections[DEFAULT] = connection
    try:
        yield connection
    finally:
        connection.close()
        connections[DEFAULT] = usual


def _made(config: dict[str, Any]) -> BaseDatabaseWrapper:
    kind: type[BaseDatabaseWrapper] = load_backend(config["ENGINE"]).DatabaseWrapper
    return kind(config, DEFAULT)


@contextmanager
def standing_still(connection: Any, *, locked: bool = False) -> Iterator[Any]:
    """A further connection to the database of ``connection``, to which all its reads show one moment.

    Nobody waits for it. ``locked`` (SQLite only): nobody else writes meanwhile.
    """
    with another(settings_of(connection)) as still, still.cursor() as cursor:
        if still.vendor == "postgresql":
            still.set_autocommit(False)
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        else:
            cursor.execute("BEGIN IMMEDIATE" if locked else "BEGIN")
        # The moment is that of the first read.
        cursor.execute("SELECT count(*) FROM django_migrations")
        # Closing it ends the transaction, which has written nothing.
        yield still


def has_tables(connection: Any) -> bool:
    return bool(MigrationRecorder(connection).has_table())


def has_people(connection: Any) -> bool:
    """Whether somebody has begun to use this database."""
    with connection.cursor() as cursor:
        if "accounts_user" not in connection.introspection.table_names(cursor):
            return False
        cursor.execute("SELECT 1 FROM accounts_user LIMIT 1")
        return cursor.fetchone() is not None


def refuse_while_running(connection: Any) -> None:
    """Raise ``ValidationError`` while a worker beats in this database (the one in use)."""
    try:
        seen = Heartbeat.objects.order_by("-beat_at").values_list("beat_at", flat=True).first()
    except DatabaseError:
        # No such table: nothing has ever run here.
        return
    if seen and seen > timezone.now() - RUNS_IF_SEEN:
        raise ValidationError(
            "The product is running on this database: its worker was seen "
            f"{timezone.localtime(seen):%H:%M:%S}. End it first; after a crash, wait two minutes."
        )


def file_of(connection: Any) -> Path:
    """The file of a SQLite database; raises ``ValidationError`` for one in memory."""
    name = str(connection.settings_dict["NAME"])
    if "memory" in name and not Path(name).is_file():
        raise ValidationError("This database is in memory: there is no file to restore into.")
    return Path(name).resolve()


def owned_like(path: Path, of: Path) -> None:
    """Give ``path`` the owner and, if it is a file too, the rights of ``of``: a command may be run by somebody else."""
    like = of.stat()
    if of.is_file():
        path.chmod(like.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(path, like.st_uid, like.st_gid)
