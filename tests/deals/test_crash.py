"""Killed in the middle of a change, and eight processes writing at once."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

KILLS = int(os.environ.get("STANDING_KILLS", 25))
WRITERS, WRITES = 8, 25


class Child:
    """A process with its own connections to a database of this test."""

    def __init__(self, url: str, log: Path) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.child", url],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
        )

    def ask(self, command: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()
        return json.loads(answer)


def test_database_url() -> str:
    database = connection.settings_dict
    user, password = quote(database["USER"]), quote(database["PASSWORD"])
    place = f"{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
    return f"postgres://{user}:{password}@{place}"


test_database_url.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def child(transactional_db: None, tmp_path: Path) -> Iterator[Child]:
    if connection.vendor == "postgresql":
        url = test_database_url()
    else:
        # The test database is in memory, where no other process can see it: a copy in a file.
        connection.ensure_connection()
        with closing(sqlite3.connect(tmp_path / "crash.sqlite3")) as file:
            connection.connection.backup(file)
        url = f"sqlite:///{tmp_path}/crash.sqlite3"
    child = Child(url, tmp_path / "log")
    child.ask("prepare")
    yield child
    child.process.stdin.close()  # type: ignore[union-attr]
    child.process.wait(30)


def test_kill_in_the_middle_of_a_change_leaves_nothing_half_done(child: Child) -> None:
    for _ in range(KILLS):
        worker = child.ask("work")
        time.sleep(0.01 + random.random() * 0.15)
        os.kill(worker, signal.SIGKILL)
        assert child.ask("wait") == [-signal.SIGKILL]
        assert child.ask("check") == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's single writer")
def test_eight_writers_never_see_a_locked_database(child: Child) -> None:
    for _ in range(WRITERS):
        child.ask(f"write {WRITES}")
    assert child.ask("wait") == [0] * WRITERS, child.log.read_text()
    assert child.ask("check") == []
    assert "locked" not in child.log.read_text()
