"""Settings › Teams: who shares records with whom."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import Team, User
from crm.accounts.people import deactivate
from crm.accounts.teams import delete_team, save_team
from crm.audit.models import Action, Entry
from deals.models import Deal
from tests.access.worlds import administrator, member, reloaded, team
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
TEAM = Level.TEAM


@pytest.fixture
def web() -> Client:
    client = Client()
    client.force_login(administrator())
    return client


@contextmanager
def written() -> Iterator[Counter[str]]:
    """How often each table is written to inside the block."""
    tables: Counter[str] = Counter()
    with CaptureQueriesContext(connection) as asked:
        yield tables
    for query in asked:
        found = re.match(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', query["sql"])
        if found:
            tables[found[1]] += 1


def seen_by(user: User) -> set[str]:
    return {one.name for one in Contact.objects.visible_to(reloaded(user))}


def test_a_team_is_made_changed_and_deleted(web: Client) -> None:
    ann, ben = member("ann"), member("ben")
    answer = web.post(
        "/settings/teams/new/",
        {"name": "  North   West ", "members": [ann.pk], "managers": [ben.pk]},
    )
    assert answer.status_code == 302
    north = Team.objects.get()
    assert (north.name, [*north.members.all()], [*north.managers.all()]) == (
        "North West",
        [ann],
        [ben],
    )
    assert "Ann · Managers: Ben" in re.sub(
        r"\s+", " ", web.get("/settings/teams/").content.decode()
    )
    web.post(f"/settings/teams/{north.pk}/", {"name": "North", "members": [ann.pk, ben.pk]})
    north.refresh_from_db()
    assert (north.name, north.members.count(), north.managers.count()) == ("North", 2, 0)
    web.post(f"/settings/teams/{north.pk}/delete/")
    assert not Team.objects.exists()
    assert User.objects.count() == 3
    made, changed, deleted = Entry.objects.filter(action=Action.TEAM_CHANGED).order_by("pk")
    assert made.after == {"name": "North West", "members": ["Ann"], "managers": ["Ben"]}
    assert (changed.before["managers"], changed.after["managers"]) == (["Ben"], [])
    assert (changed.before["name"], changed.after["name"]) == ("North West", "North")
    assert (deleted.before["members"], deleted.after, deleted.actor_name) == (
        ["Ann", "Ben"],
        {},
        "Root",
    )


def test_a_name_is_taken_once(web: Client) -> None:
    team("North")
    page = web.post("/settings/teams/new/", {"name": "NORTH"})
    assert "There is a team of this name already." in page.content.decode()
    assert (
        "This field is required."
        in web.post("/settings/teams/new/", {"name": " "}).content.decode()
    )
    assert Team.objects.count() == 1


def test_who_left_stays_in_a_team_and_joins_no_other(web: Client) -> None:
    gone = member("gone")
    north = team("North", gone)
    deactivate(gone)
    web.post(f"/settings/teams/{north.pk}/", {"name": "North", "members": [gone.pk]})
    assert north.members.get() == gone
    assert (
        web.post("/settings/teams/new/", {"name": "West", "members": [gone.pk]}).status_code == 200
    )
    assert Team.objects.count() == 1


def test_a_team_that_was_deleted_meanwhile_is_not_made_again() -> None:
    north = team("North")
    stale = Team.objects.get()
    delete_team(north)
    with pytest.raises(ValidationError, match="does not exist any more"):
        save_team(stale, name="North", members=[], managers=[])
    with pytest.raises(ValidationError, match="does not exist any more"):
        delete_team(stale)


def test_what_a_team_lets_see_follows_at_once() -> None:
    ann, ben = member("ann", contacts=TEAM, customers=TEAM), member("ben")
    make.company("Bens Ltd", owner=ben)
    assert seen_by(ann) == set()
    north = save_team(Team(), name="North", members=[ann], managers=[ben])
    assert seen_by(ann) == {"Bens Ltd"}
    save_team(north, name="North", members=[ann], managers=[])
    assert seen_by(ann) == set()


def test_changing_a_team_touches_no_record() -> None:
    people = [
        member(f"user{number}", contacts=TEAM, customers=TEAM, deals=TEAM) for number in range(8)
    ]
    for one in people:
        make.deal(make.company(owner=one), "won", owner=one)
    before = [list(model.objects.order_by("pk").values()) for model in (Contact, Deal)]
    steps = []
    with written() as tables:
        steps.append(tables)
        north = save_team(Team(), name="North", members=people[:6], managers=people[6:])
    with written() as tables:
        steps.append(tables)
        save_team(north, name="South", members=people[3:], managers=people[:1])
    with written() as tables:
        steps.append(tables)
        delete_team(north)
    assert all(steps), "each of them writes"
    allowed = {"accounts_team", "accounts_team_members", "accounts_team_managers", "audit_entry"}
    # Those that were shared with a team that is deleted.
    allowed.add("lists_smartlist")
    assert {name for tables in steps for name in tables} <= allowed
    assert before == [list(model.objects.order_by("pk").values()) for model in (Contact, Deal)]
