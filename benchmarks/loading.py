"""Loading contacts and deals from CSV files, with right statuses and history."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from benchmarks import limits
from benchmarks.generate import generate
from benchmarks.measure import Result, turn_about
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Raw, Store

# What a load leaves behind, in an order that foreign keys allow.
TABLES = (
    "deals_pipeline",
    "deals_stage",
    "contacts_contact",
    "contacts_searchword",
    "deals_deal",
    "deals_dealcontact",
    "deals_dealparty",
    "contacts_statuschange",
    "imports_importedrecord",
)
COUNTED = {
    "active_deals": 0,
    "won_deals": 0,
    "lost_deals": 0,
    "last_won_at": None,
    "last_lost_at": None,
}


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    store.create("empty")
    with tempfile.TemporaryDirectory(prefix="standing-files-") as folder:
        files = Path(folder)
        mapping = generate(
            files, contacts=sizes.load, deals=sizes.load // 2, links=sizes.load // 4, seed=1
        )

        def fresh() -> None:
            store.copy("empty", "loaded")
            store.use("loaded")

        def load() -> None:
            call_command(
                "load", folder, map=str(mapping), rejects=files / "rejects.csv", verbosity=0,
                stdout=StringIO(),
            )  # fmt: skip

        fresh()
        load()
        raw = store.raw("loaded")
        tables = {table: _rows(raw, table) for table in TABLES}
        raw.close()
        assert len(tables["contacts_contact"][1]) == sizes.load
        assert len(tables["deals_deal"][1]) == sizes.load // 2

        def by_hand() -> None:
            connection.close()
            raw = store.raw("loaded")
            limits.prepare(raw)
            _by_hand(raw, files, tables)
            raw.close()

        times = turn_about(load, by_hand, pairs=sizes.long_pairs, before=fresh)
    size = f"{shown(sizes.load)} contacts"
    yield Result("load", store.vendor, size, *times, 3)
    store.drop("loaded")
    store.drop("empty")


def _rows(raw: Raw, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns that can be written and the rows as stored, the facts not yet counted."""
    if raw.vendor == "postgresql":
        found = raw.rows(
            """SELECT column_name FROM information_schema.columns
            WHERE table_name = ? AND is_generated = 'NEVER' ORDER BY ordinal_position""",
            [table],
        )
        columns = [name for (name,) in found]
    else:
        columns = [row[1] for row in raw.rows(f"PRAGMA table_info({table})")]
    # As text it can be written again.
    read = [f"CAST({name} AS text)" if name == "folded" else f'"{name}"' for name in columns]
    rows = raw.rows(f"SELECT {', '.join(read)} FROM {table} ORDER BY id")
    if table == "contacts_contact":
        rows = [
            tuple(COUNTED.get(name, value) for name, value in zip(columns, row, strict=True))
            for row in rows
        ]
    return columns, rows


def _by_hand(
    raw: Raw, folder: Path, tables: dict[str, tuple[list[str], list[tuple[Any, ...]]]]
) -> None:
    """Read the files; write every row that ends up stored; count.

    What becomes of a line, keys and dates and references, is given for nothing: the rows are
    there, as Python values.
    """
    for name in ("companies", "people", "deals", "deal_contacts"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            for _line in csv.reader(file):
                pass
    with raw.transaction():
        for table, (columns, rows) in tables.items():
            names = ", ".join(f'"{name}"' for name in columns)
            if raw.vendor == "sqlite":
                marks = ", ".join("?" * len(columns))
                raw.run_many(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", rows)
                continue
            if table in ("deals_pipeline", "deals_stage"):
                marks = ", ".join("?" * len(columns))
                raw.run_many(
                    f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING", rows
                )
                continue
            with raw.driver.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        raw.run(limits.WRITE_FACTS)
