"""A process that forks workers on a database, for tests that kill them in the middle of a run.

    python -m tests.bulk.child DATABASE_URL

It is told what to do in lines on its input and answers in lines of JSON: ``prepare NUMBER`` (so
many contacts, and a run over them; its id), ``work CHUNK`` (a worker that works it off, so many
rows at a time; its process id), ``wait`` (for the workers; their exit codes), ``at`` (how far the
run is), ``late`` (the run was last touched long ago), ``check`` (what is wrong at its end).
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from functools import partial
from typing import Any
from unittest import mock

from tests.proof.child import forked


def prepare(number: int) -> int:
    from django.utils import timezone

    from contacts.models import Contact
    from crm.accounts.models import User
    from crm.bulk import services
    from crm.bulk.actions import action_of

    ann = User.objects.create_user("ann")
    Contact.objects.bulk_create(
        [Contact(is_organization=True, name=f"Firm {n}") for n in range(number)]
    )
    with mock.patch.object(services.work_off_run.__class__, "enqueue"):
        run = services.start(
            action_of("contact.status"),
            user=ann,
            params={"customer": "past"},
            selection=Contact.objects.all(),
            expected=number,
            token=str(timezone.now()),
            sentence="all",
            at_once=0,
        )
    return run.pk


def work(run_id: int, chunk: int) -> None:
    from crm.bulk.actions import action_of
    from crm.bulk.work import work_off

    type(action_of("contact.status")).chunk = chunk
    work_off(run_id)


def wrong(run_id: int) -> list[str]:
    """What is not as it should be once the run is done; nothing, if every row was done once."""
    from contacts.models import Contact, StatusChange
    from crm.bulk.models import BulkRow, BulkRun
    from deals.services import check_statuses

    run = BulkRun.objects.get(pk=run_id)
    total = Contact.objects.count()
    found = [str(difference) for difference in check_statuses().differences]
    if (run.state, run.at, run.done) != ("done", total, total):
        found.append(f"the run is {run.state}, {run.at} and {run.done} of {total}")
    if (rows := BulkRow.objects.filter(run=run, state="done").count()) != total:
        found.append(f"{rows} rows are done")
    if (past := Contact.objects.past_customers().count()) != total:
        found.append(f"{past} are past customers")
    history = list(StatusChange.objects.values_list("contact_id", flat=True))
    if sorted(history) != sorted(Contact.objects.values_list("pk", flat=True)):
        found.append(f"history has {len(history)} rows for {len(set(history))} contacts")
    return found


def late(run_id: int) -> None:
    from django.utils import timezone

    from crm.bulk.models import BulkRun

    BulkRun.objects.filter(pk=run_id).update(heartbeat_at=timezone.now() - timedelta(minutes=5))


def at(run_id: int) -> int:
    from crm.bulk.models import BulkRun

    return BulkRun.objects.get(pk=run_id).at


def main(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.db import connections

    workers: list[int] = []
    run_id = 0
    for line in sys.stdin:
        command, *arguments = line.split()
        answer: Any = None
        if command == "prepare":
            answer = run_id = prepare(int(arguments[0]))
        elif command in ("check", "at", "late"):
            answer = {"check": wrong, "at": at, "late": late}[command](run_id)
        # No connection may be open in the parent when it forks.
        connections.close_all()
        if command == "work":
            answer = forked(partial(work, run_id, int(arguments[0])))
            workers.append(answer)
        elif command == "wait":
            answer = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers]
            workers.clear()
        print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
