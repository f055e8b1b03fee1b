"""The kinds of work that are measured, each in a module with ``run(store, sizes)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from benchmarks.measure import Result

WORKS = {
    "recount": "benchmarks.recount",
    "move": "benchmarks.moving",
    "load": "benchmarks.loading",
    "pages": "benchmarks.pages",
    "search": "benchmarks.searching",
    "export": "benchmarks.exporting",
    "bulk": "benchmarks.acting",
    "labels": "benchmarks.labels",
    "access": "benchmarks.access",
    "mailing": "benchmarks.mailing",
    "ledger": "benchmarks.ledger",
    "crowd": "benchmarks.crowd",
    "weight": "benchmarks.weight",
}


def work(name: str) -> Callable[..., Iterator[Result]]:
    """Imported when its turn comes: each needs the settings, and some more than the product does."""
    run: Callable[..., Iterator[Result]] = import_module(WORKS[name]).run
    return run
