"""Workers that are killed, two workers at one run, two clicks at one moment, other writers."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from contacts.models import StatusChange
from crm.bulk import services, work
from crm.bulk.models import BulkRow, BulkRun
from tests.bulk.runs import chunks_of, owners, start, start_later, user
from tests.deals.factories import company, person
from tests.deals.test_crash import Child, test_database_url
from tests.proof.racing import at_once

KILLS = int(os.environ.get("STANDING_KILLS", 10))


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
    child = Child.__new__(Child)
    child.log = tmp_path / "log"
    child.process = subprocess.Popen(
        [sys.executable, "-m", "tests.bulk.child", url],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=child.log.open("w"),
        text=True,
    )
    yield child
    child.process.stdin.close()  # type: ignore[union-attr]
    child.process.wait(30)


def test_killed_in_the_middle_a_run_goes_on_and_does_each_row_once(child: Child) -> None:
    child.ask("prepare 400")
    before, kills = 0, 0
    while kills < KILLS:
        worker = child.ask("work 7")
        time.sleep(0.02 + random.random() * 0.15)
        os.kill(worker, signal.SIGKILL)
        if child.ask("wait") == [0]:
            # It was done already.
            break
        kills += 1
        now = child.ask("at")
        assert now >= before
        assert now % 7 == 0 or now == 400
        before = now
        child.ask("late")
    child.ask("work 7")
    assert child.ask("wait") == [0], child.log.read_text()
    assert kills
    assert child.ask("check") == [], child.log.read_text()


def test_a_second_worker_leaves_a_run_to_the_first(child: Child) -> None:
    child.ask("prepare 200")
    for _ in range(3):
        child.ask("work 7")
    assert child.ask("wait") == [0, 0, 0], child.log.read_text()
    assert child.ask("check") == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's tests have one connection")
class TestAtTheSameMoment:
    def test_two_workers_that_both_take_a_run_over_do_each_row_once(self) -> None:
        ann = user("ann")
        for _ in range(40):
            company()
        run = start_later("contact.status", ann, {"customer": "past"})
        with chunks_of("contact.status", 5):
            errors = at_once(*[lambda: work.work_off(run.pk)] * 4)
        assert errors == [None] * 4
        run.refresh_from_db()
        assert (run.state, run.done) == ("done", 40)
        assert StatusChange.objects.count() == 40

    def test_a_worker_that_seemed_dead_stops_when_another_has_the_run(self) -> None:
        ann = user("ann")
        for _ in range(30):
            company()
        run = start_later("contact.status", ann, {"customer": "past"})
        chunk = work._chunk

        def slow(run_id, worker, action, size):
            left = chunk(run_id, worker, action, size)
            # As if it had been asleep since: the next claim finds it free.
            BulkRun.objects.filter(pk=run_id).update(heartbeat_at="2020-01-01T00:00Z")
            return left

        work_chunk, work._chunk = work._chunk, slow
        try:
            with chunks_of("contact.status", 3):
                errors = at_once(*[lambda: work.work_off(run.pk)] * 3)
        finally:
            work._chunk = work_chunk
        assert errors == [None] * 3
        run.refresh_from_db()
        assert run.done == run.at == BulkRow.objects.filter(state="done").count()
        assert StatusChange.objects.count() == run.done

    def test_two_clicks_make_one_run(self) -> None:
        ann, bob = user("ann"), user("bob")
        for _ in range(5):
            person()
        runs = []

        def click() -> None:
            runs.append(start("contact.owner", ann, {"owner": bob.pk}, token="once").pk)

        assert at_once(click, click, click) == [None] * 3
        assert len(set(runs)) == 1
        assert BulkRun.objects.count() == 1
        assert owners() == ["bob"] * 5

    def test_pausing_waits_for_the_chunk_and_no_longer(self) -> None:
        ann, bob = user("ann"), user("bob")
        for _ in range(20):
            person()
        run = start_later("contact.owner", ann, {"owner": bob.pk})
        with chunks_of("contact.owner", 1):
            at_once(lambda: work.work_off(run.pk), lambda: services.pause(run))
        run.refresh_from_db()
        assert run.state in ("paused", "done")
        assert owners().count("bob") == run.done == run.at


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's single writer")
def test_others_write_while_a_run_is_on(tmp_path: Path, child: Child) -> None:
    """Nobody is kept out, though the run writes nearly all the time. How long is measured apart."""
    child.ask("prepare 20000")
    path = tmp_path / "crash.sqlite3"
    waits: list[float] = []
    over = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as driver:
            while not over.is_set():
                began = time.monotonic()
                driver.execute("UPDATE accounts_user SET first_name = 'x'")
                waits.append(time.monotonic() - began)
                time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        child.ask("work 200")
        assert child.ask("wait") == [0], child.log.read_text()
    finally:
        over.set()
        writer.join(30)
    assert child.ask("check") == []
    # How long each of them waited is for the benchmarks to say.
    assert len(waits) > 3
