"""A process that forks workers on a database, for tests that kill them while they send.

    SMTP_PORT=… python -m tests.emails.child DATABASE_URL

It is told what to do in lines on its input and answers in lines of JSON: ``prepare READERS CONNECTIONS`` (a mailing
to so many, started; its id), ``work BATCH`` (a worker as ``manage.py worker`` is, which takes at most so many rows in
hand; its process id), ``kill PID…`` (at once, and wait for them), ``rows`` (the state of each row by its address),
``mailing`` (its state and counts), ``due`` (what was put off is due now), ``wrong`` (where counts and rows disagree).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from typing import Any

from tests.proof.child import forked


def prepare(number: str, connections: str) -> int:
    from tests.emails import crowds

    crowds.readers(int(number))
    return crowds.started(connections=int(connections)).pk


def work(batch: str) -> None:
    """Until it is killed."""
    from django.core.management import call_command

    from emails.sending import slices

    slices.FIRST_BATCH = slices.LARGEST_BATCH = int(batch)
    call_command("worker", interval=0.1, startup_delay=False, verbosity=0)


def kill(*pids: str) -> list[int]:
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    return [os.waitstatus_to_exitcode(os.waitpid(int(pid), 0)[1]) for pid in pids]


def rows(mailing_id: int) -> dict[str, str]:
    from tests.emails import crowds

    return crowds.rows_of(mailing_id)


def counts(mailing_id: int) -> dict[str, Any]:
    from emails.models import Mailing

    names = ("total", "left_out", "waiting", "sending", "sent", "uncertain", "failed")
    found = Mailing.objects.filter(pk=mailing_id).values("state", "problem", *names)
    return found.get()


def due(mailing_id: int) -> int:
    from emails.models import Recipient, SenderPause

    SenderPause.objects.all().delete()
    return Recipient.objects.filter(mailing=mailing_id, state="waiting").update(due_at=None)


def wrong(mailing_id: int) -> list[str]:
    """Where the mailing says another number than its rows."""
    from django.db.models import Count

    from emails.models import Mailing, Recipient

    said: Any = Mailing.objects.values().get(pk=mailing_id)
    by_state = Recipient.objects.filter(mailing=mailing_id).values_list("state")
    found = dict(by_state.annotate(n=Count("position")).order_by())
    return [
        f"{state}: {said[state]} on the mailing, {found.get(state, 0)} rows"
        for state in Recipient.State.values
        if said[state] != found.get(state, 0)
    ]


def main(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.emails.settings"
    import django

    django.setup()
    from django.db import connections

    mailing_id = 0
    for line in sys.stdin:
        command, *arguments = line.split()
        answer: Any = None
        if command == "prepare":
            answer = mailing_id = prepare(*arguments)
        elif command == "kill":
            answer = kill(*arguments)
        elif command in ("rows", "mailing", "due", "wrong"):
            asked = {"rows": rows, "mailing": counts, "due": due, "wrong": wrong}[command]
            answer = asked(mailing_id)
        # No connection may be open in the parent when it forks.
        connections.close_all()
        if command == "work":
            answer = forked(partial(work, *arguments))
        print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
