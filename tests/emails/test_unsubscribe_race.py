"""Whoever unsubscribes while a mailing is under way, before their own mail is, gets none: a hundred of a hundred."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test import Client, override_settings

from emails import ledger, tasks, ways_out
from emails.models import Mailing, Recipient
from emails.reasons import LeftOut
from emails.sending import batches, slices
from tests.emails import crowds
from tests.emails.smtp import Server
from tests.proof.racing import at_once

LEAVING = 100


def unsubscribe(mailing: Mailing, position: int) -> None:
    """As a mail program does it: one POST, without cookie or sign-in (RFC 8058)."""
    path = f"/u/{ways_out.token(mailing, position)}"
    answer = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200


@contextmanager
def a_mailing(readers: int, **more: Any) -> Iterator[tuple[Mailing, Server]]:
    """Queued, with a mail server, and sent in batches of four."""
    sizes = mock.patch.multiple(slices, FIRST_BATCH=4, LARGEST_BATCH=4)
    with Server() as server, sizes, override_settings(MAILERS=server.mailers()):
        crowds.readers(readers)
        # Whoever asks for a mailing sends it by themselves.
        with mock.patch.object(type(tasks.send), "enqueue"):
            mailing = crowds.started(**more)
        yield mailing, server


def states(mailing: Mailing) -> dict[str, tuple[str, str]]:
    rows = Recipient.objects.filter(mailing=mailing)
    return {
        address: (state, reason)
        for address, state, reason in rows.values_list("address", "state", "reason")
    }


@pytest.mark.django_db
def test_unsubscribing_between_two_statements_of_the_worker_is_in_time(monkeypatch: Any) -> None:
    """One just before each batch is taken in hand, and one just after."""
    with a_mailing(LEAVING * 2) as (mailing, server):
        left: set[str] = set()
        drawn = random.Random(20261123)
        take = batches.take

        def somebody_leaves(rows: Any) -> None:
            chosen = drawn.choice([one for one in rows if one.address not in left])
            unsubscribe(mailing, chosen.position)
            left.add(chosen.address)

        def taking(*given: Any) -> Any:
            waiting = Recipient.objects.filter(mailing=mailing, state="waiting")
            if next_ones := [one for one in waiting[:4] if one.address not in left]:
                somebody_leaves(next_ones)
            batch = take(*given)
            if batch is not None:
                somebody_leaves(batch.rows)
            return batch

        monkeypatch.setattr(batches, "take", taking)
        crowds.send_on(mailing)
    found = states(mailing)
    mailing.refresh_from_db()
    assert len(left) >= LEAVING, (mailing.state, mailing.problem)
    assert left.isdisjoint(server.to())
    assert {found[address] for address in left} == {("left_out", LeftOut.UNSUBSCRIBED)}
    assert {found[address] for address in set(found) - left} == {("sent", "")}
    mailing.refresh_from_db()
    assert mailing.unsubscribed == len(left)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's tests have one connection")
def test_unsubscribing_at_any_moment_is_in_time_or_too_late_and_nothing_else(
    monkeypatch: Any,
) -> None:
    """Others unsubscribe while the worker sends. In time is who was answered before their batch was looked at."""
    with a_mailing(LEAVING * 3) as (mailing, server):
        looked_at: dict[str, float] = {}
        answered: dict[str, float] = {}
        recheck = ledger.recheck

        def looking(of: Any, rows: Any, user: Any) -> Any:
            # No faster than they leave, or on some machines all would be too late.
            while len(answered) < min(len(looked_at), len(chosen)):
                time.sleep(0.001)
            looked_at.update(dict.fromkeys((one.address for one in rows), time.monotonic()))
            return recheck(of, rows, user)

        def leaving(positions: list[int]) -> None:
            for position in positions:
                unsubscribe(mailing, position)
                answered[addresses[position]] = time.monotonic()

        monkeypatch.setattr(ledger, "recheck", looking)
        addresses = dict(
            Recipient.objects.filter(mailing=mailing).values_list("position", "address")
        )
        chosen = random.Random(20261123).sample(sorted(addresses), LEAVING * 2)
        errors = at_once(
            lambda: crowds.send_on(mailing),
            lambda: leaving(chosen[::2]),
            lambda: leaving(chosen[1::2]),
        )
        assert errors == [None] * 3
    found = states(mailing)
    in_time = {one for one, at in answered.items() if one not in looked_at or at < looked_at[one]}
    assert len(in_time) >= LEAVING
    assert in_time.isdisjoint(server.to())
    assert {found[address] for address in in_time} == {("left_out", LeftOut.UNSUBSCRIBED)}
    # Of the others each was mailed or not, and the ledger says which.
    for address, state in found.items():
        assert state == (
            ("sent", "") if address in server.to() else ("left_out", LeftOut.UNSUBSCRIBED)
        )
    assert set(found) - set(server.to()) <= set(answered)
