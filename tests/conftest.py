from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils import translation


def pytest_configure(config: pytest.Config) -> None:
    # Before Django loads a translation, and in the first process only: two at once would write the same files.
    if not hasattr(config, "workerinput"):
        from crm import catalogues

        catalogues.compile_all()


def pytest_collection_finish() -> None:
    # What is loaded by now stays to the end: looking for garbage in it again and again is a twentieth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium (CHROMIUM=/path chooses another), so that no browser has to be downloaded."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.fail(
            "Browser tests need Chromium: install the package chromium, or say where it is with CHROMIUM=."
        )
    quiet = ["quic", "background-networking", "component-update", "sync", "gpu"]
    return {
        **browser_type_launch_args,
        "executable_path": path,
        "args": ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
    }


@pytest.fixture(autouse=True, scope="session")
def emptied_after_tests() -> Iterator[None]:
    """Tests that commit empty all tables afterwards, which the audit log refuses unless its gate is open."""

    def through_the_gate(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        gate = "audit_gate"
        sql_list = list(sql_list)
        if not any("audit_entry" in statement for statement in sql_list):
            return plainly(self, sql_list)
        mine = "txid_current()" if self.connection.vendor == "postgresql" else "NULL"
        # One that is emptied table by table must lose the gate last.
        later = [statement for statement in sql_list if f'"{gate}";' in statement]
        sooner = [statement for statement in sql_list if statement not in later]
        opening = f"INSERT INTO {gate} (transaction_id) VALUES ({mine})"
        with transaction.atomic(using=self.connection.alias):
            return plainly(self, [opening, *sooner, *later])

    plainly = BaseDatabaseOperations.execute_sql_flush
    BaseDatabaseOperations.execute_sql_flush = through_the_gate  # type: ignore[method-assign]
    yield
    BaseDatabaseOperations.execute_sql_flush = plainly  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Each test begins in English: a page answered in another language leaves its thread in it."""
    with translation.override("en"):
        yield
