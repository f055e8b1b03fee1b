"""Taking a list along: the file of all contacts as CSV and as XLSX, at once and as a run in the background."""

from __future__ import annotations

import csv
import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import xlsxwriter
from django.db.models import QuerySet

from benchmarks import data
from benchmarks.measure import Result, turn_about
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Store
from contacts.models import Contact
from crm.accounts.models import User
from crm.bulk.models import BulkRun
from crm.bulk.work import work_off
from crm.exports import services
from crm.exports.fields import exports_of
from crm.exports.formats import Encoder, format_of
from crm.exports.services import Wanted

COLUMNS = ["name", "company", "email", "phone", "city", "prospect_status", "customer_status",
           "owner", "updated"]  # fmt: skip
AT_MOST = {"csv": 1.5, "xlsx": 1.3}
# With its ids written down first, each chunk looked up anew and in a transaction of its own: what it takes to go on
# after a crash.
AT_MOST_AS_RUN = {"csv": 6, "xlsx": 1.3}
CHUNK = 2_000


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    data.fill(store, "exporting", sizes.small)
    store.use("exporting")
    with tempfile.TemporaryDirectory(prefix="standing-exports-") as folder:
        for key, bare in (("csv", _bare_csv), ("xlsx", _bare_xlsx)):
            yield from _format(store, sizes, key, bare, Path(folder))
    store.drop("exporting")


def _format(
    store: Store, sizes: Sizes, key: str, bare: Callable[[QuerySet, Path], None], folder: Path
) -> Iterator[Result]:
    size = f"{shown(sizes.small)} contacts"
    user = User.objects.get(pk=1)
    wanted = Wanted(format_of(key), COLUMNS, "Contacts")
    contacts = Contact.objects.visible_to(user)
    path = folder / f"export.{key}"

    def encoder() -> Encoder:
        return wanted.format.encoder(wanted.sheet(exports_of("contact"), user))

    def export() -> None:
        with path.open("wb") as file:
            if wanted.format.streams:
                file.writelines(services.streamed(contacts, encoder()))
                return
            with services.whole_file(contacts, encoder()) as made:
                shutil.copyfileobj(made, file)

    def by_hand() -> None:
        bare(encoder().sheet.values(contacts), path)

    times = turn_about(export, by_hand, pairs=sizes.long_pairs, warm=1)
    yield Result(f"export as {key.upper()}", store.vendor, size, *times, AT_MOST[key])
    times = turn_about(lambda: _in_background(wanted, user), by_hand, pairs=sizes.long_pairs)
    yield Result(
        f"export as {key.upper()}, with its run in the background", store.vendor, size, *times,
        AT_MOST_AS_RUN[key],
    )  # fmt: skip
    yield Result(
        f"memory of an export as {key.upper()}", store.vendor, size, _memory(export), 50, 1, "MB"
    )
    if wanted.format.streams:
        first = services.streamed(contacts[: services.AT_ONCE], encoder())
        rows = f"{shown(services.AT_ONCE)} rows"
        yield Result(
            f"first rows of a streamed {key.upper()}", store.vendor, rows, _two(first), 1, 1
        )


def _in_background(wanted: Wanted, user: User) -> None:
    run = services.start_export(
        exports_of("contact"),
        wanted,
        user=user,
        selection=Contact.objects.visible_to(user).order_by("sort_key", "pk"),
        count=Contact.objects.count(),
        sentence="everything",
        token=f"benchmark-{time.monotonic_ns()}",
    )
    work_off(run.pk)
    run.refresh_from_db()
    assert run.state == BulkRun.State.DONE, run.problem
    assert run.done == Contact.objects.count()
    run.file.delete(save=False)


def _memory(step: Callable[[], Any]) -> float:
    """By how many megabytes the memory of Python's objects grows at most."""
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        step()
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return round((peak - before) / 2**20, 1)


def _two(pieces: Iterator[bytes]) -> float:
    """Seconds until the header and the first rows are there."""
    began = time.perf_counter()
    assert next(pieces)
    assert next(pieces)
    return time.perf_counter() - began


def _bare_csv(rows: QuerySet, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows.iterator(chunk_size=CHUNK))


def _bare_xlsx(rows: QuerySet, path: Path) -> None:
    options = {"constant_memory": True, "remove_timezone": True, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        form = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        page = book.add_worksheet()
        page.set_column(len(COLUMNS) + 1, len(COLUMNS) + 1, None, form)
        for number, row in enumerate(rows.iterator(chunk_size=CHUNK)):
            page.write_row(number, 0, row)
