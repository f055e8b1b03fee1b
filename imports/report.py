"""What came of a load: counts, what was rejected and why, and the statuses before and after."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils.translation import gettext as _

from contacts.models import Contact
from imports.fields import Entity
from imports.reading import CsvFile, Row

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


REJECT_COLUMNS = ("rejected_file", "rejected_row", "rejected_column", "rejected_reason")


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write the rejected rows to a CSV file: where, why, then the row's own cells.

    The columns of all files stand side by side under their names, so that the file can be mended
    and read as a ``MendedFile``. Cells beyond a file's header come last. A row that was rejected
    in several places is written once.
    """
    columns = list(dict.fromkeys(column for reject in rejects for column in reject.header))
    place = {column: position for position, column in enumerate(columns)}
    by_row: dict[tuple[str, int], list[Reject]] = {}
    for reject in rejects:
        by_row.setdefault((reject.file, reject.row), []).append(reject)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*REJECT_COLUMNS, *columns])
        for (name, row), found in by_row.items():
            cells = [""] * len(columns)
            for column, cell in zip(found[0].header, found[0].cells, strict=False):
                cells[place[column]] = cell
            where = "; ".join(reject.column for reject in found)
            why = "; ".join(reject.reason for reject in found)
            beyond = found[0].cells[len(found[0].header) :]
            writer.writerow([name, row, where, why, *cells, *beyond])


class MendedFile(CsvFile):
    """The rows of one file, ``name``, among the mended ones of ``write_rejects``.

    They keep the row numbers of the file they come from. Without any, ``header`` may lack
    ``columns``, and there are no rows.
    """

    def __init__(self, path: Path, name: str, *, columns: Sequence[str]) -> None:
        super().__init__(path, columns=REJECT_COLUMNS)
        self.name = name
        self._offset = len(REJECT_COLUMNS)
        if tuple(self.header[: self._offset]) != REJECT_COLUMNS:
            raise ValidationError(
                _("%(file)s is no file of rejected rows: it begins with %(columns)s.")
                % {"file": path.name, "columns": ", ".join(REJECT_COLUMNS)}
            )
        self.header = self.header[self._offset :]
        if any(row.cells[0] == name for row in super().rows()):
            self._check_columns(list(columns))
        else:
            self.header += [column for column in columns if column not in self.header]

    def rows(self) -> Iterator[Row]:
        for row in super().rows():
            if row.cells[0] == self.name:
                number = int(row.cells[1]) if row.cells[1].isdecimal() else row.number
                yield Row(number, row.cells[self._offset :], row.problem)
