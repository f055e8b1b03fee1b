"""A process that forks workers on a database, for tests that kill them.

    python -m tests.proof.child DATABASE_URL

It is told what to do in lines on its input and answers in lines of JSON: ``prepare`` (a small
world), ``work`` (a worker that changes deals until it is killed; its process id),
``write NUMBER`` (a worker that makes so many changes and ends), ``wait`` (for the workers; their
exit codes), ``check`` (what is half done).
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from typing import Any


def prepare() -> None:
    from tests.deals.factories import company, deal, default_stages, person

    default_stages()
    firm = company("Firm")
    people = [person(f"Person {number}", company=firm) for number in range(6)]
    for number in range(8):
        deal(people[number % 6], name=f"Deal {number}")


def one_step(rng: random.Random) -> None:
    """Move a pair of deals together, and now and then their people: one change."""
    from contacts.models import Contact
    from crm.changes import one_change
    from deals.models import Deal, Stage
    from deals.services import set_primary_contact

    with one_change():
        pair = rng.randrange(4)
        names = [f"Deal {2 * pair}", f"Deal {2 * pair + 1}"]
        stage = rng.choice(list(Stage.objects.filter(pipeline__name="Sales")))
        for moved in Deal.objects.filter(name__in=names):
            moved.stage = stage
            moved.save()
        people = Contact.objects.people()
        if rng.random() < 0.3:
            star = rng.choice(list(people))
            set_primary_contact(moved, star, keep_previous=rng.random() < 0.5)
        if rng.random() < 0.2:
            gone = Deal.objects.get(name=names[0])
            stage, star = gone.stage, gone.primary_contact
            gone.delete()
            Deal.objects.create(name=names[0], stage=stage, primary_contact=star)


def half_done() -> list[str]:
    """What a change that was cut off has left behind; nothing, if the product is right."""
    from contacts.models import Contact, StatusChange
    from crm.trash.models import TrashedRecord
    from deals.models import Deal
    from deals.services import check_statuses

    found = [str(difference) for difference in check_statuses().differences]
    groups = dict(Deal.objects.values_list("name", "group"))
    for number in range(0, 8, 2):
        pair = [groups.get(f"Deal {number}"), groups.get(f"Deal {number + 1}")]
        if pair[0] != pair[1] or None in pair:
            found.append(f"Deal {number} and the next are {pair}")
    at: dict[tuple[int, str], str] = {}
    for row in StatusChange.objects.order_by("pk"):
        if at.get((row.contact_id, row.status), "none") != row.old:
            found.append(f"history: {row} after {at.get((row.contact_id, row.status))}")
        at[row.contact_id, row.status] = row.new
    for contact in Contact.objects.all():
        shown = (contact.prospect_status, contact.customer_status)
        told = tuple(at.get((contact.pk, kind), "none") for kind in ("prospect", "customer"))
        if shown != told:
            found.append(f"{contact} is {shown}, its history says {told}")
    trashed = TrashedRecord.objects.values_list("record_id", flat=True)
    if Deal.objects.filter(pk__in=trashed).exists():
        found.append("a deal is there and in the trash")
    return found


def forked(work: Any) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def endless() -> None:
    rng = random.Random()
    while True:
        one_step(rng)


def some(number: int) -> None:
    rng = random.Random()
    for _ in range(number):
        one_step(rng)


def main(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.db import connections

    workers: list[int] = []
    for line in sys.stdin:
        command, *arguments = line.split()
        answer: Any = None
        if command == "prepare":
            prepare()
        elif command == "check":
            answer = half_done()
        # No connection may be open in the parent when it forks.
        connections.close_all()
        if command == "work":
            answer = forked(endless)
            workers.append(answer)
        elif command == "write":
            number = int(arguments[0])
            answer = forked(lambda number=number: some(number))
            workers.append(answer)
        elif command == "wait":
            answer = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers]
            workers.clear()
        print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
