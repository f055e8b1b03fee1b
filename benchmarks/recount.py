"""Recounting all statuses: when nothing has changed, and when 40 % of the contacts have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.utils import timezone

from benchmarks import data, limits
from benchmarks.measure import Result, turn_about
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Raw, Store
from deals.services import check_statuses
from deals.services.recount import recount_all


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    size = f"{shown(sizes.recount)} contacts"
    data.fill(store, "counted", sizes.recount)
    raw = store.raw("counted")
    limits.prepare(raw)

    def limit() -> None:
        assert not limits.compare(raw)

    def check() -> None:
        assert not check_statuses().differences

    def recount() -> None:
        assert recount_all(cause="recounted", now=timezone.now()) == 0

    for name, product in (("check_statuses", check), ("recount_all", recount)):
        times = turn_about(product, limit, pairs=sizes.long_pairs, warm=1)
        yield Result(f"recount, nothing to change ({name})", store.vendor, size, *times, 1.3)
    raw.close()
    store.drop("counted")

    data.fill(store, "uncounted", sizes.recount, counted=False)
    yield Result(
        "recount, 40 % change", store.vendor, size, *_changing(store, sizes.long_pairs), 1.5
    )
    store.drop("uncounted")


def _changing(store: Store, pairs: int) -> tuple[float, float]:
    """Both on fresh copies of the same database; what they leave behind must be the same."""
    outcomes: list[Any] = []
    open_now: list[Raw] = []

    def fresh() -> None:
        while open_now:
            raw = open_now.pop()
            outcomes.append(_outcome(raw))
            raw.close()
        store.copy("uncounted", "changing")
        store.use("changing")
        open_now.append(store.raw("changing"))
        limits.prepare(open_now[0])
        # The first look at a copied file is the disk's; SQLite's memory is each connection's own.
        limits.compare(open_now[0])
        if store.vendor == "sqlite":
            connection.ensure_connection()
            limits.compare(Raw(connection.connection, store.vendor))

    times = turn_about(
        lambda: recount_all(cause="recounted", now=timezone.now()),
        lambda: limits.recount(open_now[0]),
        pairs=pairs,
        before=fresh,
    )
    outcomes.append(_outcome(open_now[0]))
    open_now.pop().close()
    store.drop("changing")
    assert len({str(outcome) for outcome in outcomes}) == 1, outcomes
    return times


def _outcome(raw: Raw) -> list[Any]:
    facts = raw.rows(
        """SELECT prospect_status, customer_status, COUNT(*), SUM(active_deals), SUM(won_deals),
        SUM(lost_deals), MIN(last_won_at), MAX(last_lost_at), COUNT(prospect_since),
        MIN(prospect_since), MAX(prospect_since), COUNT(customer_since), MIN(customer_since),
        MAX(customer_since) FROM contacts_contact GROUP BY 1, 2 ORDER BY 1, 2"""
    )
    history = raw.rows(
        """SELECT status, old, new, COUNT(*), MIN(effective_at), MAX(effective_at)
        FROM contacts_statuschange GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
    )
    assert history
    return [facts, history]
