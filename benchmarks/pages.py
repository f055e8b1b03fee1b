"""The list of contacts, filtered by customer status: its first page, and page 300."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import data
from benchmarks.measure import Result, turn_about
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Store
from crm.accounts.models import User

PAGE = 300


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    for contacts in (sizes.small, sizes.large):
        yield from _run(store, contacts, sizes.short_pairs)


def _run(store: Store, contacts: int, pairs: int) -> Iterator[Result]:
    data.fill(store, "pages", contacts)
    store.use("pages")
    client = Client()
    client.force_login(User.objects.get(pk=1))
    size = f"{shown(contacts)} contacts"
    # A tenth of the data has a tenth of the pages.
    far = PAGE if contacts >= 100_000 else PAGE // 12
    plain, first = (f"/{path}/?customer_status=current" for path in ("plain", "contacts"))

    def get(address: str) -> bytes:
        response = client.get(address)
        assert response.status_code == 200, response
        return response.content

    assert get(plain).count(b'<th scope="row">') == get(first).count(b'<th scope="row">') == 50
    assert f">{far}</a>".encode() in get(f"{first}&page={far}")
    statements = _statements(client, plain), _statements(client, first)
    assert statements[0] == statements[1], statements
    times = turn_about(lambda: get(first), lambda: get(plain), pairs=pairs, warm=3)
    yield Result("contacts by customer status, first page", store.vendor, size, *times, 2.5)
    times = turn_about(lambda: get(f"{first}&page={far}"), lambda: get(first), pairs=pairs, warm=3)
    yield Result(f"page {far} against the first page", store.vendor, size, *times, 2)
    store.drop("pages")


def _statements(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return len(captured)
