"""Sending keeps its word while its workers are killed and its mail server refuses, delays, drops and hangs.

    STANDING_MAIL_READERS=10000 STANDING_MAIL_KILLS=50 pytest -s tests/emails/test_crash.py

is the whole proof, some minutes long; every run of the tests has a smaller one. The workers are processes as
``manage.py worker`` is, killed with SIGKILL; the mail server is a real one that writes down what it took.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tests.deals.test_crash import Child, test_database_url
from tests.emails.smtp import Chaos, Server

READERS = int(os.environ.get("STANDING_MAIL_READERS", 500))
KILLS = int(os.environ.get("STANDING_MAIL_KILLS", 12))
SEED = int(os.environ.get("STANDING_MAIL_SEED", 20261123))
# How many workers are killed at once, and how many connections each mailing may have.
WORKERS = 2
# How many rows a worker takes in hand at most, which is what a kill may leave open.
BATCH = int(os.environ.get("STANDING_MAIL_BATCH", 10))
# Seconds without a word to the mail server after which none will come.
PATIENCE = 60


@contextmanager
def workers_of(tmp_path: Path, server: Server) -> Iterator[Child]:
    """A process that forks workers on a database that it shares with this test."""
    if connection.vendor == "postgresql":
        url = test_database_url()
    else:
        # The test database is in memory, where no other process can see it: a copy in a file.
        connection.ensure_connection()
        with closing(sqlite3.connect(tmp_path / "mails.sqlite3")) as file:
            connection.connection.backup(file)
        url = f"sqlite:///{tmp_path}/mails.sqlite3"
    child = Child.__new__(Child)
    child.log = tmp_path / "log"
    child.process = subprocess.Popen(
        [sys.executable, "-m", "tests.emails.child", url],
        cwd=settings.BASE_DIR,
        env=os.environ | {"SMTP_PORT": str(server.port)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=child.log.open("w"),
        text=True,
    )
    try:
        yield child
    finally:
        child.process.stdin.close()
        child.process.wait(30)


def until(reached: Callable[[], Any], child: Child, server: Server) -> None:
    """Wait for it; fail with the log of the workers if nothing goes on any more."""
    seen, deadline = server.met.total(), time.monotonic() + PATIENCE
    while not reached():
        if server.met.total() > seen:
            seen, deadline = server.met.total(), time.monotonic() + PATIENCE
        if time.monotonic() > deadline:
            pytest.fail(f"{child.ask('mailing')}\n{child.log.read_text()[-4000:]}")
        time.sleep(0.01)


def is_over(child: Child) -> bool:
    """Whether the mailing has ended. What was put off is not waited for: it is due now."""
    found = child.ask("mailing")
    assert found["state"] in ("sending", "done"), (found, child.log.read_text()[-4000:])
    if found["state"] == "sending":
        child.ask("due")
        time.sleep(0.2)
    return found["state"] == "done"


class Killer:
    """Starts workers, lets them send a while and kills them, over and over."""

    def __init__(self, child: Child, server: Server) -> None:
        self.child, self.server = child, server
        self.drawn = random.Random(SEED)
        self.kills = 0
        self.killed_at = 0.0
        # Seconds from a kill to the next letter that the server took.
        self.rests: list[float] = []

    def start(self) -> list[int]:
        return [self.child.ask(f"work {BATCH}") for _ in range(WORKERS)]

    def kill(self, workers: list[int]) -> None:
        codes = self.child.ask(f"kill {' '.join(map(str, workers))}")
        assert codes == [-signal.SIGKILL] * WORKERS, self.child.log.read_text()[-4000:]

    def round(self, letters: int) -> None:
        """Kill all workers at some moment after the server has taken so many letters."""
        workers = self.start()
        taken = len(self.server.letters)
        self.until(lambda: len(self.server.letters) > taken)
        if self.kills:
            self.rests.append(self.server.letters[taken].at - self.killed_at)
        self.until(lambda: len(self.server.letters) >= letters)
        time.sleep(self.drawn.random() * 0.1)
        self.kill(workers)
        self.killed_at = time.monotonic()
        self.kills += WORKERS

    def finish(self) -> None:
        workers = self.start()
        self.until(lambda: False)
        self.kill(workers)

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for that, or for the end of the mailing."""
        until(lambda: reached() or is_over(self.child), self.child, self.server)


@pytest.mark.django_db(transaction=True)
def test_killed_over_and_over_no_address_is_mailed_twice_and_none_is_lost(tmp_path: Path) -> None:
    rounds = KILLS // WORKERS
    with Server(chaos=Chaos(SEED)) as server, workers_of(tmp_path, server) as child:
        child.ask(f"prepare {READERS} {WORKERS}")
        killer = Killer(child, server)
        for number in range(rounds):
            # Some rows are left for the end, which nobody interrupts.
            killer.round(READERS * 6 // 10 * (number + 1) // rounds)
        killer.finish()
        rows, found, wrong = child.ask("rows"), child.ask("mailing"), child.ask("wrong")
    rests = sorted(killer.rests)
    print(  # noqa: T201
        f"\n{connection.vendor}: {READERS} recipients, {killer.kills} kills of workers with {BATCH} "
        f"rows in hand at most. {found}. The server took {len(server.letters)} letters, "
        f"{server.open_ends} connections were cut or hung with one under way; steps: "
        f"{dict(server.met)}. After a kill the next letter was taken within {rests[-1]:.1f} s, in "
        f"half of the cases within {rests[len(rests) // 2]:.1f} s."
    )
    assert_kept_its_word(server, rows)
    assert wrong == []
    assert found["total"] == len(rows) == READERS
    assert found["waiting"] == found["sending"] == 0
    assert found["uncertain"] <= killer.kills * BATCH + server.open_ends


def assert_kept_its_word(server: Server, rows: dict[str, str]) -> None:
    """What the ledger says against what the server took."""
    taken = server.to()
    assert {to: times for to, times in taken.items() if times > 1} == {}
    sent = {address for address, state in rows.items() if state == "sent"}
    known = {address for address, state in rows.items() if state in ("sent", "uncertain")}
    assert sent - set(taken) == set(), "sent, but never taken"
    assert set(taken) - known == set(), "taken, but not said to be"
    assert not any(letter.raw.count(b"Message-ID:") != 1 for letter in server.letters)
