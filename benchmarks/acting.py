"""Acting on many: the owner and the status of half the contacts, by runs as a worker works them off.

The limit is the raw UPDATE and the INSERT of what the history keeps of it, in one transaction.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any
from unittest import mock

from django.db import connection

from benchmarks import data
from benchmarks.measure import Result, turn_about
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Raw, Store
from contacts.models import Contact
from crm.accounts.models import User
from crm.bulk import services
from crm.bulk.actions import action_of
from crm.bulk.models import BulkRun
from crm.bulk.work import work_off
from deals.services import check_statuses

AT_MOST = 4
LONGEST_WAIT = 1.0
_tokens = count(1)


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    data.fill(store, "acting", sizes.small)
    selected = sizes.small // 2
    size = f"{shown(selected)} of {shown(sizes.small)} contacts"
    raw = store.raw("acting")
    for name, product, limit in (
        ("owner", _act("contact.owner", {"owner": 1}, selected), _raw_owner(raw, selected)),
        (
            "status",
            _act("contact.status", {"customer": "past"}, selected),
            _raw_status(raw, selected),
        ),
    ):
        times = turn_about(product, limit, pairs=sizes.long_pairs, warm=1)
        yield Result(f"{name} of selected contacts", store.vendor, size, *times, AT_MOST)
    raw.close()
    if store.vendor == "sqlite":
        waited = _longest_wait(_act("contact.status", {"customer": "current"}, selected))
        yield Result(
            "longest wait of another writer meanwhile", store.vendor, size, waited, LONGEST_WAIT, 1
        )
    found = check_statuses().differences
    assert not found, found[:3]
    store.drop("acting")


def _act(key: str, params: dict[str, Any], selected: int) -> Callable[[], None]:
    """A run from its beginning to its end: freezing the ids, and what a worker does."""

    def act() -> None:
        with mock.patch.object(services.work_off_run.__class__, "enqueue"):
            run = services.start(
                action_of(key),
                user=User.objects.get(pk=1),
                params=params,
                selection=Contact.objects.filter(pk__lte=selected),
                expected=selected,
                token=f"benchmark {next(_tokens)}",
                sentence="",
                at_once=0,
            )
        work_off(run.pk)
        run.refresh_from_db()
        assert (run.state, run.at, run.refused) == (BulkRun.State.DONE, selected, 0), run.problem

    return act


def _now(raw: Raw) -> Any:
    now = datetime.now(UTC)
    return now if raw.vendor == "postgresql" else str(now.replace(tzinfo=None))


def _raw_owner(raw: Raw, selected: int) -> Callable[[], None]:
    """Another owner; the history of it is a row a contact, with the owner before and after."""

    def act() -> None:
        run_id = BulkRun.objects.create(
            action="limit", record="contact", token=f"limit {next(_tokens)}"
        ).pk
        with raw.transaction():
            raw.run(
                f"""INSERT INTO bulk_bulkrow
                (run_id, position, record_id, state, reason, before, after)
                SELECT {run_id}, id, id, 'done', '', '[' || owner_id || ']', '[2]'
                FROM contacts_contact WHERE id <= ?""",
                [selected],
            )
            raw.run(
                "UPDATE contacts_contact SET owner_id = 2, updated_at = ? WHERE id <= ?",
                [_now(raw), selected],
            )

    return act


def _raw_status(raw: Raw, selected: int) -> Callable[[], None]:
    """Current Customers, by a mark where no deal was won; and a row of history for each."""
    bought, no = "won_deals > 0", "(1 = 0)"

    def act() -> None:
        now = _now(raw)
        with raw.transaction():
            raw.run(
                """INSERT INTO contacts_statuschange (contact_id, status, old, new, effective_at,
                recorded_at, actor_id, cause, deal_name, stage_name, stage_category)
                SELECT id, 'customer', customer_status, 'current', ?, ?, 1, 'selected', '', '', ''
                FROM contacts_contact WHERE id <= ? AND customer_status <> 'current'""",
                [now, now, selected],
            )
            raw.run(
                f"""UPDATE contacts_contact SET customer_since = ?,
                customer_mark = CASE WHEN {bought} THEN '' ELSE 'current' END,
                customer_marked_at = CASE WHEN {bought} THEN NULL ELSE ? END,
                customer_marked_by_id = CASE WHEN {bought} THEN NULL ELSE 1 END,
                customer_mark_had_deal = CASE WHEN {bought} THEN {no}
                    ELSE active_deals + lost_deals > 0 END
                WHERE id <= ? AND customer_status <> 'current'""",
                [now, now, selected],
            )

    return act


def _longest_wait(act: Callable[[], None]) -> float:
    """How long somebody who writes all the time waits at most while ``act`` is at it."""
    command = [sys.executable, "-m", "benchmarks.waiting", connection.settings_dict["NAME"]]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    act()
    answer, _nothing = writer.communicate("")
    longest, times = answer.split()
    assert int(times) > 1
    return float(longest)
