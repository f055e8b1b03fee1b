"""Runs for tests, over few contacts but in chunks all the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db.models import QuerySet

from contacts.models import Contact
from crm.accounts.models import User
from crm.bulk import services, work
from crm.bulk.actions import BulkAction, action_of
from crm.bulk.models import BulkRow, BulkRun

_numbers = itertools.count(1)


def user(name: str = "", **more: Any) -> User:
    name = name or f"user{next(_numbers)}"
    return User.objects.create_user(name, f"{name}@example.org", "secret", **more)


def start(
    key: str, starter: User, params: dict[str, Any], rows: QuerySet | None = None, **more: Any
) -> BulkRun:
    action = action_of(key)
    rows = action.model._default_manager.all() if rows is None else rows
    values: dict[str, Any] = {
        "expected": rows.count(),
        "token": f"token{next(_numbers)}",
        "sentence": "all",
    }
    return services.start(action, user=starter, params=params, selection=rows, **(values | more))


def start_later(
    key: str, starter: User, params: dict[str, Any], rows: QuerySet | None = None, **more: Any
) -> BulkRun:
    """A run that waits for a worker which does not come."""
    with mock.patch.object(services.work_off_run.__class__, "enqueue"):
        return start(key, starter, params, rows, at_once=0, **more)


@contextmanager
def chunks_of(key: str, size: int) -> Iterator[BulkAction]:
    action = action_of(key)
    with mock.patch.object(type(action), "chunk", size):
        yield action


@contextmanager
def after_chunk(number: int, happens: Any) -> Iterator[None]:
    """Let ``happens()`` happen between the chunks, once so many are done."""
    chunk, count = work._chunk, itertools.count(1)

    def watched(*args: Any) -> Any:
        left = chunk(*args)
        if next(count) == number:
            happens()
        return left

    with mock.patch.object(work, "_chunk", watched):
        yield


def states(run: BulkRun) -> list[str]:
    return list(run.rows.order_by("position").values_list("state", flat=True))


def refusals(run: BulkRun) -> dict[str, str]:
    """Why rows were refused, by the name of the record; gone ones by their number."""
    rows = run.rows.filter(state=BulkRow.State.REFUSED)
    model = action_of(run.action).model
    names = {one.pk: str(one) for one in model._default_manager.all()}
    return {names.get(row.record_id, str(row.record_id)): row.reason for row in rows}


def owners() -> list[str]:
    rows = Contact.objects.order_by("pk").select_related("owner")
    return [row.owner.username if row.owner else "" for row in rows]
