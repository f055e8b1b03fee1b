"""A checksum of everything that is stored, to show that nothing changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import mail
from django.db import connection

# Signing in, and what is written down of a refusal, is no change.
BESIDE = frozenset(
    (
        "django_session",
        "usersessions_usersession",
        "audit_entry",
        "django_migrations",
        "sign_in_counter",
    )
)
READS = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|ROLLBACK|EXPLAIN|SET CONSTRAINTS|PRAGMA)\b", re.I)
WRITTEN = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.I)


def tables() -> list[str]:
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
    return sorted(set(names) - BESIDE)


def checksum(of: list[str] | None = None) -> dict[str, str]:
    """By table a digest of its rows; besides, of the letters that were sent and the files that are kept."""
    found = {name: _rows(name) for name in (tables() if of is None else of)}
    return {**found, **beside_the_database()}


def beside_the_database() -> dict[str, str]:
    found = {"letters": _digest(str(one.message()) for one in getattr(mail, "outbox", []))}
    kept = Path(settings.MEDIA_ROOT)
    files = sorted(one for one in kept.rglob("*") if one.is_file()) if kept.is_dir() else []
    found["files"] = _digest(
        f"{one} {one.stat().st_size} {one.stat().st_mtime_ns}" for one in files
    )
    return found


def _rows(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return _digest(sorted(map(repr, cursor.fetchall())))


def _digest(texts: Any) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\x00")
    return digest.hexdigest()


def differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is not as it was: tables, “letters”, “files”."""
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


class Watch:
    """Whether any statement since could have changed a table that counts.

    Reading all tables after every question takes longer than asking it. Where nothing but reading was asked of the
    database there is nothing to compare; anything else than reading, or writing beside, is taken for a change.
    """

    def __init__(self) -> None:
        self.wrote = False

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        text = str(sql)
        if not READS.match(text):
            written = WRITTEN.match(text)
            self.wrote |= written is None or written.group(1) not in BESIDE
        return execute(sql, params, many, context)


@contextmanager
def watched() -> Iterator[Watch]:
    watch = Watch()
    with connection.execute_wrapper(watch):
        yield watch
