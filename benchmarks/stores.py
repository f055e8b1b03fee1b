"""Throw-away databases on the server (or in the folder) that DATABASE_URL names."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection


class Raw:
    """A driver's connection and nothing else, for the limits. ``?`` marks a parameter."""

    def __init__(self, driver: Any, vendor: str) -> None:
        self.driver = driver
        self.vendor = vendor

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._execute(statement, parameters).fetchall()
        return rows

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        return int(self._execute(statement, parameters).rowcount)

    def run_many(self, statement: str, rows: Any) -> None:
        self.driver.cursor().executemany(self._own(statement), rows)

    def _execute(self, statement: str, parameters: Sequence[Any]) -> Any:
        # Without parameters a percent sign is one.
        if not parameters:
            return self.driver.execute(statement)
        return self.driver.execute(self._own(statement), parameters)

    def _own(self, statement: str) -> str:
        return statement.replace("?", "%s") if self.vendor == "postgresql" else statement

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.run("BEGIN" if self.vendor == "postgresql" else "BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def close(self) -> None:
        self.driver.close()


class Store:
    """Makes, copies, opens and drops databases by name; one at a time is the product's own."""

    def __init__(self) -> None:
        self.vendor = connection.vendor
        self.first = str(settings.DATABASES["default"]["NAME"])
        # Databases that others are copied from.
        self.originals: set[str] = set()

    def _path(self, name: str) -> str:
        return str(Path(self.first).with_name(f"{name}.sqlite3"))

    def create(self, name: str) -> None:
        """Make a database with the product's tables and use it."""
        self.drop(name)
        if self.vendor == "postgresql":
            self._administer(f"CREATE DATABASE {name}")
        self.use(name)
        call_command("migrate", verbosity=0)

    def copy(self, source: str, name: str) -> None:
        """Make ``name`` an exact copy of ``source``, in place of whatever had that name."""
        connection.close()
        self.drop(name)
        if self.vendor == "postgresql":
            self._administer(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")
        else:
            with sqlite3.connect(self._path(source)) as driver:
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            driver.close()
            shutil.copyfile(self._path(source), self._path(name))

    def use(self, name: str) -> None:
        """Point the product at this database."""
        connection.close()
        connection.settings_dict["NAME"] = name if self.vendor == "postgresql" else self._path(name)

    def url(self, name: str) -> str:
        """For the environment of another process."""
        if self.vendor == "postgresql":
            return self._address(name)
        return f"sqlite:///{self._path(name)}"

    def raw(self, name: str) -> Raw:
        """A connection beside the product's, with the same settings of the session."""
        if self.vendor == "postgresql":
            return Raw(psycopg.connect(self._address(name), autocommit=True), self.vendor)
        driver = sqlite3.connect(self._path(name), isolation_level=None, timeout=20)
        driver.executescript(settings.DATABASES["default"]["OPTIONS"]["init_command"])
        return Raw(driver, self.vendor)

    def drop(self, name: str) -> None:
        if connection.settings_dict["NAME"] in (name, self._path(name)):
            connection.close()
        if self.vendor == "postgresql":
            self._administer(f"DROP DATABASE IF EXISTS {name}")
            return
        for ending in ("", "-wal", "-shm"):
            Path(self._path(name) + ending).unlink(missing_ok=True)

    def describe(self) -> str:
        """The database's version and, where it matters, how it was set up."""
        if self.vendor == "sqlite":
            return f"SQLite {sqlite3.sqlite_version} (WAL, synchronous=NORMAL)"
        with psycopg.connect(self._address("postgres")) as driver:
            names = ("server_version", "fsync", "shared_buffers", "work_mem")
            shown = [driver.execute(f"SHOW {name}").fetchone() for name in names]
        version, fsync, buffers, work_mem = (row[0] for row in shown if row)
        return (
            f"PostgreSQL {version.split()[0]} over TCP (fsync {fsync}, shared_buffers {buffers}, "
            f"work_mem {work_mem})"
        )

    def _address(self, name: str) -> str:
        url = os.environ["DATABASE_URL"]
        return f"{url.rsplit('/', 1)[0]}/{name}"

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True) as driver:
            driver.execute(statement)  # type: ignore[call-overload]
