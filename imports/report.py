"""What came of a load: counts, what was rejected and why, and the statuses before and after."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db.models import Count

from contacts.models import Contact
from imports.fields import Entity

# How many contacts have which statuses: (company?, prospect, customer) -> count.
Statuses = dict[tuple[bool, str, str], int]


def statuses_now() -> Statuses:
    rows = Contact.objects.order_by().values_list(
        "is_organization", "prospect_status", "customer_status"
    )
    return {tuple(key): count for *key, count in rows.annotate(Count("pk"))}  # type: ignore[misc]


class Reject(NamedTuple):
    """A row, or a part of one, that was not taken: where it is, what is wrong, what it said."""

    file: str
    row: int
    column: str
    reason: str
    header: Sequence[str]
    cells: Sequence[str]


@dataclass
class Counts:
    """Rows of one entity. ``incomplete`` ones were loaded, with something left out."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    incomplete: int = 0
    # Loaded before, deleted by somebody since, and left alone.
    deleted: int = 0


@dataclass
class Report:
    """What a load did, or with ``dry_run`` would do. ``rejects`` is every row not taken."""

    source: str
    started_at: datetime
    dry_run: bool = False
    counts: dict[str, Counts] = field(default_factory=lambda: {e.value: Counts() for e in Entity})
    rejects: list[Reject] = field(default_factory=list)
    unmatched_owners: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    before: Statuses = field(default_factory=dict)
    after: Statuses = field(default_factory=dict)

    def total(self, name: str) -> int:
        return sum(getattr(counts, name) for counts in self.counts.values())

    def reasons(self) -> list[tuple[str, str, str, int]]:
        """File, column, reason and how many rows, the most frequent first."""
        found = Counter((r.file, r.column, r.reason) for r in self.rejects)
        return [(*where, count) for where, count in found.most_common()]

    def status_table(self) -> list[tuple[bool, str, str, int, int]]:
        """Company?, prospect, customer, how many before and after; in a steady order."""
        keys = sorted(self.before.keys() | self.after.keys(), key=lambda k: (not k[0], k[1:]))
        return [(*key, self.before.get(key, 0), self.after.get(key, 0)) for key in keys]

    def as_data(self) -> dict[str, Any]:
        """The report as JSON can hold it, without the rejected rows themselves."""
        return {
            "counts": {name: vars(counts) for name, counts in self.counts.items()},
            "reasons": [list(reason) for reason in self.reasons()[:200]],
            "unmatched_owners": dict(self.unmatched_owners.most_common(200)),
            "notes": dict(self.notes),
            "statuses": [list(row) for row in self.status_table()],
        }


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write the rejected rows to a CSV file: where, why, then the row's own cells.

    The columns of all files stand side by side under their names, so that a mended file can be
    loaded with the same mapping. Cells beyond a file's header come last.
    """
    columns = list(dict.fromkeys(column for reject in rejects for column in reject.header))
    place = {column: position for position, column in enumerate(columns)}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*REJECT_COLUMNS, *columns])
        for reject in rejects:
            cells = [""] * len(columns)
            for column, cell in zip(reject.header, reject.cells, strict=False):
                cells[place[column]] = cell
            beyond = reject.cells[len(reject.header) :]
            writer.writerow(
                [reject.file, reject.row, reject.column, reject.reason, *cells, *beyond]
            )


REJECT_COLUMNS = ("rejected_file", "rejected_row", "rejected_column", "rejected_reason")
