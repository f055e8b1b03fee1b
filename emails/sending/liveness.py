"""Who is at it, told by locks that end with their process.

A worker that is killed says nothing any more, and a time that it last wrote down says only that it was alive then. A
lock says it at once: PostgreSQL drops the advisory locks of a connection that is gone, the system those of files. So
what a dead worker had in hand is known within seconds, and a slow one is never taken for dead.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

# The first half of our keys among PostgreSQL's advisory locks: “mail” in ASCII.
_SPACE = 0x6D61696C
# Connections of one sender at once, at most; the second half holds sender and connection.
SLOTS = 16
# PostgreSQL hears of a machine that lost its power or its net after so many seconds, twice, instead of two hours.
_KEEPALIVES = (
    "SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 2"
)

# Of this process: PostgreSQL gives a lock again to the connection that has it.
_held: set[int] = set()
_guard = threading.Lock()


@dataclass
class Hold:
    """One's hold of a connection's number."""

    backend: Any

    def lasts(self) -> bool:
        """Whether it is still there: it goes with the connection to PostgreSQL that it was taken over."""
        return connection.vendor != "postgresql" or connection.connection is self.backend


@contextmanager
def holding(sender_id: int, slot: int) -> Iterator[Hold | None]:
    """Be the one who sends over a sender's connection; None if somebody else is, or was a moment ago."""
    key = sender_id * SLOTS + slot
    with _guard:
        is_ours = key not in _held
        if is_ours:
            _held.add(key)
    if not is_ours:
        yield None
        return
    lock = _of_database if connection.vendor == "postgresql" else _of_file
    try:
        with lock(key) as got:
            yield Hold(connection.connection) if got else None
    finally:
        with _guard:
            _held.discard(key)


@contextmanager
def _of_database(key: int) -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute(_KEEPALIVES)
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_SPACE, key])
        (got,) = cursor.fetchone()
    hold = Hold(connection.connection)
    try:
        yield got
    finally:
        # Of a connection that broke the lock is gone with it, and a new one never had it.
        if got and hold.lasts():
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_SPACE, key])
            except DatabaseError:
                connection.close()


@contextmanager
def _of_file(key: int) -> Iterator[bool]:
    """A lock on a file beside that of the database; in memory there is one process only, which ``_held`` speaks for."""
    name = str(connection.settings_dict["NAME"])
    database: Any = connection
    if database.is_in_memory_db():
        yield True
        return
    folder = Path(f"{name}-sending")
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / str(key), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        yield False
        return
    try:
        yield True
    finally:
        os.close(file)
