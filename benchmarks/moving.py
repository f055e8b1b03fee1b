"""Moving a deal with a company and five co-workers to Won, through the model, with history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import data
from benchmarks.measure import Result, timed
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Raw, Store
from crm.accounts.models import User
from crm.actor import acting_as
from deals.models import Deal, Stage
from deals.services import check_statuses

AT_MOST = {"postgresql": 5, "sqlite": 25}
QUERIES = 12
BLOCKS = 4


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    stores = {"moving_small": sizes.small, "moving_large": sizes.large}
    for name, contacts in stores.items():
        data.fill(store, name, contacts)
    products: dict[str, list[float]] = {name: [] for name in stores}
    limits: dict[str, list[float]] = {name: [] for name in stores}
    deals = dict.fromkeys(stores, 0)
    queries = 0
    # In blocks, since each database has its own connection: both meet the same weather.
    for _block in range(BLOCKS):
        for name in stores:
            store.use(name)
            raw = store.raw(name)
            stage = Stage.objects.get(pipeline__name="Benchmark", category="won")
            with acting_as(User.objects.get(pk=1)):
                for turn in range(-3, sizes.short_pairs // BLOCKS + 1):
                    deal_id = deals[name] = deals[name] + 2
                    product = timed(partial(_move, deal_id - 1, stage))
                    limit = timed(partial(_by_hand, raw, deal_id, stage.pk))
                    if turn >= 0:
                        products[name].append(product)
                        limits[name].append(limit)
                deals[name] += 1
                queries = max(queries, _queries(deals[name], stage))
                deals[name] += 1
            raw.close()
    assert max(deals.values()) <= data.TEAMS
    medians = {name: median(times) for name, times in products.items()}
    for name, contacts in stores.items():
        yield Result(
            "deal to Won", store.vendor, f"{shown(contacts)} contacts", medians[name],
            median(limits[name]), AT_MOST[store.vendor],
        )  # fmt: skip
    yield Result(
        "deal to Won, against the same in the smaller database", store.vendor,
        f"{shown(sizes.large)} and {shown(sizes.small)} contacts",
        medians["moving_large"], medians["moving_small"], 1.3,
    )  # fmt: skip
    yield Result(
        "deal to Won, queries", store.vendor, "7 parties", queries, QUERIES, 1, unit="queries"
    )
    store.use("moving_small")
    found = check_statuses().differences
    assert not found, found[:3]
    for name in stores:
        store.drop(name)


def _move(deal_id: int, stage: Stage) -> None:
    deal = Deal.objects.get(pk=deal_id)
    deal.stage = stage
    deal.save()


def _queries(deal_id: int, stage: Stage) -> int:
    """Statements of the move, without BEGIN and COMMIT."""
    with CaptureQueriesContext(connection) as captured:
        _move(deal_id, stage)
    frame = ("BEGIN", "COMMIT")
    return sum(not query["sql"].startswith(frame) for query in captured.captured_queries)


def _by_hand(raw: Raw, deal_id: int, stage_id: int) -> None:
    """The same locks, reads and writes with the driver alone, for a deal known to be active."""
    postgresql = raw.vendor == "postgresql"
    update, share = ("FOR NO KEY UPDATE", "FOR SHARE") if postgresql else ("", "")
    now: Any = datetime.now(UTC)
    if not postgresql:
        now = str(now.replace(tzinfo=None))
    with raw.transaction():
        [(deal_name, star, company)] = raw.rows(
            f"SELECT name, primary_contact_id, company_id FROM deals_deal WHERE id = ? {update}",
            [deal_id],
        )
        [(stage_name,)] = raw.rows(f"SELECT name FROM deals_stage WHERE id = ? {share}", [stage_id])
        links = raw.rows("SELECT contact_id FROM deals_dealcontact WHERE deal_id = ?", [deal_id])
        raw.run(
            """UPDATE deals_deal SET stage_id = ?, "group" = 'won', closed_at = ?,
            stage_changed_at = ?, stage_changed_by_id = 1, updated_at = ? WHERE id = ?""",
            [stage_id, now, now, now, deal_id],
        )
        ids = sorted({star, company, *(pk for (pk,) in links)})
        marks = ", ".join("?" * len(ids))
        contacts = raw.rows(
            f"""SELECT id, company_id, prospect_status, customer_status FROM contacts_contact
            WHERE id IN ({marks}) ORDER BY id {update}""",
            ids,
        )
        wanted = {star, company, *(pk for pk, employer, *_rest in contacts if employer == company)}
        stored = raw.rows("SELECT contact_id FROM deals_dealparty WHERE deal_id = ?", [deal_id])
        assert wanted == {pk for (pk,) in stored}
        before = {pk: statuses for pk, _employer, *statuses in contacts}
        after = raw.rows(
            f"""UPDATE contacts_contact SET active_deals = f.active, won_deals = f.won,
                lost_deals = f.lost, last_won_at = f.last_won, last_lost_at = f.last_lost,
                prospect_since = CASE WHEN f.active = 0 THEN ? ELSE prospect_since END,
                customer_since = CASE WHEN customer_status = 'current' THEN customer_since
                    ELSE ? END
            FROM (SELECT p.contact_id, COUNT(*) FILTER (WHERE d."group" = 'active') AS active,
                COUNT(*) FILTER (WHERE d."group" = 'won') AS won,
                COUNT(*) FILTER (WHERE d."group" = 'lost') AS lost,
                MAX(d.closed_at) FILTER (WHERE d."group" = 'won') AS last_won,
                MAX(d.closed_at) FILTER (WHERE d."group" = 'lost') AS last_lost
                FROM deals_dealparty p JOIN deals_deal d ON d.id = p.deal_id
                WHERE p.contact_id IN ({marks}) GROUP BY p.contact_id) AS f
            WHERE contacts_contact.id = f.contact_id
            RETURNING contacts_contact.id, prospect_status, customer_status""",
            [now, now, *ids],
        )
        history: list[Any] = []
        for pk, *statuses in after:
            for kind, old, new in zip(("prospect", "customer"), before[pk], statuses, strict=True):
                if old != new:
                    history += [pk, kind, old, new, now, now, 1, deal_id, deal_name, stage_name]
        raw.run(
            """INSERT INTO contacts_statuschange (contact_id, status, old, new, effective_at,
            recorded_at, actor_id, deal_id, deal_name, stage_name, cause, stage_category)
            VALUES """
            + ", ".join(
                ["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'deal_moved', 'won')"] * (len(history) // 10)
            ),
            history,
        )
