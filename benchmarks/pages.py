"""The list of contacts with three chips: its first page and page 300; and the counts of a long list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import data
from benchmarks.measure import Result, timed, turn_about
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Store
from crm.accounts.models import User

PAGE = 300
# Of the contacts that the data has, a little over three in five fit the first, one in ten the second, and one in four
# hundred the last: only the first has 300 pages at 100,000.
CHIPS = {
    "three chips": "customer_status=none&not.prospect_status=lost&kind=person",
    "three chips, one of two statuses": "customer_status=current&customer_status=past"
    "&not.prospect_status=lost&kind=person",
    "three chips, few fit": "customer_status=past&prospect_status=current&kind=person",
}
ONE_CHIP = "customer_status=current"
BLOCKS = 5
ROW = re.compile(rb'<th scope="row".*?href="(/contacts/\d+/)"', re.DOTALL)


class Reader:
    """Somebody signed in to whichever database is in use."""

    def __init__(self) -> None:
        self.client = Client()
        self.client.force_login(User.objects.get(pk=1))

    def get(self, path: str, query: str = "", target: str = "") -> bytes:
        headers = {"HX-Request": "true", "HX-Target": target} if target else {}
        response = self.client.get(f"/{path}/?{query}", headers=headers)
        assert response.status_code == 200, response
        return response.content

    def rows(self, path: str, query: str) -> list[bytes]:
        return ROW.findall(self.get(path, query))

    def statements(self, path: str, query: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            self.get(path, query)
        return len(captured)


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    databases = {f"pages_{n}": n for n in (sizes.small, sizes.large)}
    for name, contacts in databases.items():
        data.fill(store, name, contacts)
    for name, contacts in databases.items():
        store.use(name)
        yield from _pages(store.vendor, contacts, sizes.short_pairs)
        yield from _counts(store.vendor, contacts, sizes.short_pairs)
    yield _grown(store, sizes)
    for name in databases:
        store.drop(name)


def _pages(vendor: str, contacts: int, pairs: int) -> Iterator[Result]:
    reader = Reader()
    size = f"{shown(contacts)} contacts"
    # A tenth of the data has a tenth of the pages.
    far = PAGE if contacts >= 100_000 else PAGE // 12
    for words, chips in CHIPS.items():
        yield _against_plain(reader, vendor, f"{words}, first page", size, chips, pairs)
    query = f"{CHIPS['three chips']}&page={far}"
    yield _against_plain(reader, vendor, f"three chips, page {far}", size, query, pairs)
    first, later = ONE_CHIP, f"{ONE_CHIP}&page={far}"
    assert len(reader.rows("contacts", later)) == 50
    times = turn_about(
        lambda: reader.get("contacts", later), lambda: reader.get("contacts", first),
        pairs=pairs, warm=3,
    )  # fmt: skip
    yield Result(f"page {far} against the first page", vendor, size, *times, 2)


def _against_plain(
    reader: Reader, vendor: str, words: str, size: str, query: str, pairs: int
) -> Result:
    rows = reader.rows("contacts", query), reader.rows("plain", query)
    assert rows[0], words
    assert rows[0] == rows[1], words
    statements = reader.statements("contacts", query), reader.statements("plain", query)
    assert statements[0] == statements[1], statements
    times = turn_about(
        lambda: reader.get("contacts", query), lambda: reader.get("plain", query),
        pairs=pairs, warm=3,
    )  # fmt: skip
    return Result(f"contacts, {words}", vendor, size, *times, 2.5)


def _counts(vendor: str, contacts: int, pairs: int) -> Iterator[Result]:
    """What the page asks for after its rows."""
    reader = Reader()
    for words, query in (("all", ""), ("three chips", CHIPS["three chips"])):
        counted = reader.get("plain/count", query).decode()
        part = reader.get("contacts", query, "count").decode()
        assert f"{int(counted):,}" in part, part
        times = turn_about(
            lambda query=query: reader.get("contacts", query, "count"),  # type: ignore[misc]
            lambda query=query: reader.get("plain/count", query),  # type: ignore[misc]
            pairs=pairs, warm=3,
        )  # fmt: skip
        size = f"{shown(contacts)} contacts"
        yield Result(f"contacts, {words}: exact number", vendor, size, *times, 2.5)


def _grown(store: Store, sizes: Sizes) -> Result:
    """All contacts, first page, in the large database and in the small one."""
    times: dict[int, list[float]] = {sizes.small: [], sizes.large: []}
    # In blocks, since each database has its own connection: both meet the same weather.
    for _block in range(BLOCKS):
        for contacts, found in times.items():
            store.use(f"pages_{contacts}")
            reader = Reader()
            for turn in range(-3, sizes.short_pairs // BLOCKS + 1):
                seconds = timed(lambda: reader.get("contacts"))  # noqa: B023
                if turn >= 0:
                    found.append(seconds)
    return Result(
        "all contacts with “10,000+”, first page, against the same in the smaller database",
        store.vendor, f"{shown(sizes.large)} and {shown(sizes.small)} contacts",
        median(times[sizes.large]), median(times[sizes.small]), 1.3,
    )  # fmt: skip
