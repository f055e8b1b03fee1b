"""What access adds to a list: the same list of somebody who sees a part of the records, and of who sees all of them.

There are a hundred people; contacts and deals are dealt out among them, and some have collaborators besides. Fifty
share a team. Both readers get the first page, with as many rows on it: for the one its count, ids and rows are looked
for among what they see. That nothing is written of a contact when a team changes is counted and not timed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import data
from benchmarks.measure import Result, turn_about
from benchmarks.pages import CHIPS, Reader
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Store
from contacts.models import Contact, ContactCollaborator
from crm.accounts.levels import Area, Level
from crm.accounts.models import Team, User
from deals.models import Deal, DealCollaborator

AT_MOST = 1.3
PEOPLE, IN_TEAM = 100, 50
# Of so many contacts, and of so many deals, one has a collaborator besides its owner.
SHARED_EVERY = 50
OWN, TEAM, ALL = Level.OWN, Level.TEAM, Level.ALL
# What each sees of contacts, of prospects and customers, and of deals.
READERS = {
    "own": (OWN, OWN, OWN),
    "team": (TEAM, TEAM, TEAM),
    "mixed (all customers, own contacts)": (OWN, ALL, TEAM),
}
LISTS = {
    "contacts": ("contacts", ""),
    "contacts, three chips": ("contacts", CHIPS["three chips"]),
    "customers": ("contacts", "customer_status=current"),
    "deals": ("deals", ""),
    "open deals": ("deals", "group=active"),
}
# Who sees everything, and who does not.
WHOLE, PART = 1, 2


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    data.fill(store, "access", sizes.small)
    deal_out(store, "access")
    size = f"{shown(sizes.small)} contacts"
    whole = Reader()
    for name, levels in READERS.items():
        part = _reader(levels)
        for words, (path, query) in LISTS.items():
            assert b"<th scope" in part.get(path, query), words
            times = turn_about(
                lambda: part.get(path, query),  # noqa: B023
                lambda: whole.get(path, query),  # noqa: B023
                pairs=sizes.short_pairs, warm=3,
            )  # fmt: skip
            yield Result(f"list of {words}: {name}", store.vendor, size, *times, AT_MOST)
    yield _team_changes(store, size)
    store.drop("access")


def deal_out(store: Store, name: str) -> None:
    """Give everything an owner among a hundred people, half of whom are a team, and some of it a collaborator."""
    known = set(User.objects.values_list("pk", flat=True))
    User.objects.bulk_create(
        User(pk=number, username=f"user{number}", last_name=f"No{number}")
        for number in range(1, PEOPLE + 1)
        if number not in known
    )
    team = Team.objects.create(name="Half")
    team.members.set(range(PART, IN_TEAM + PART))
    for model in (Contact, Deal):
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {model._meta.db_table} SET owner_id = 1 + (id * 7919) % {PEOPLE}"
            )
    _collaborate(ContactCollaborator, "contact_id", Contact)
    _collaborate(DealCollaborator, "deal_id", Deal)
    connection.close()
    raw = store.raw(name)
    data.settle(raw)
    raw.close()


def _collaborate(model: Any, key: str, of: Any) -> None:
    ids = of._base_manager.order_by("pk").values_list("pk", flat=True)[::SHARED_EVERY]
    model.objects.bulk_create(
        model(**{key: pk}, user_id=1 + number % PEOPLE) for number, pk in enumerate(ids)
    )


def _reader(levels: tuple[Level, Level, Level]) -> Reader:
    granted: dict[str, Any] = {}
    for area, level in zip(Area.values, levels, strict=True):
        granted |= {f"view_{area}": level, f"edit_{area}": level}
    User.objects.filter(pk=PART).update(**granted)
    reader = Reader()
    reader.client.force_login(User.objects.get(pk=PART))
    return reader


def _team_changes(store: Store, size: str) -> Result:
    """The statements that write contacts or deals while all fifty leave a team and join it again: none."""
    team = Team.objects.get(name="Half")
    people = list(team.members.values_list("pk", flat=True))
    assert len(people) == IN_TEAM
    with CaptureQueriesContext(connection) as captured:
        team.members.clear()
        team.members.set(people)
    words = ("UPDATE", "INSERT", "DELETE")
    writes = [one["sql"] for one in captured if one["sql"].startswith(words)]
    assert writes
    touching = [sql for sql in writes if "contacts_" in sql or "deals_" in sql]
    # One may be counted where none is allowed: nought of nought is no ratio.
    return Result(
        "a team of 50 changes: writes of contacts and deals, and one", store.vendor, size,
        1 + len(touching), 1, 1, "statements",
    )  # fmt: skip
