"""The page of the audit log: what it shows, in which order, and to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import ContactChange, StatusChange
from crm.actor import Trace, acting_as, coming_from
from crm.audit.models import Action, Entry
from crm.audit.services import record, record_many
from crm.traces.asking import Asked
from crm.traces.log import Mark, page_of
from deals.models import DealChange
from tests.access.worlds import administrator, member
from tests.deals.factories import deal, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client: Client) -> Any:
    user = administrator()
    client.force_login(user)
    return user


def page(client: Client, **asked: Any) -> str:
    answer = client.get(reverse("traces:log"), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_log_is_for_administrators(client):
    client.force_login(member("max"))
    assert client.get(reverse("traces:log")).status_code == 403
    client.logout()
    assert client.get(reverse("traces:log")).status_code == 302


def test_entry_tells_who_what_whom_and_from_where(client, root):
    ada = person("Lovelace", first_name="Ada")
    with coming_from(Trace("web", "abcdefghijkl", "192.0.2.7")), acting_as(root):
        record(Action.SHARED, ada, before={"name": ""}, after={"name": "Ada"}, rows=3)
    shown = page(client)
    assert "<strong>Root</strong>" in shown
    assert "collaborators changed" in shown
    assert f'<a href="{ada.get_absolute_url()}">Ada Lovelace</a>' in shown
    assert "Name:</span> –" in shown
    assert "rows:</span> 3" in shown
    assert "pages · 192.0.2.7" in shown
    assert "?request=abcdefghijkl&amp;since=" in shown


def test_values_are_told_in_words(client, root):
    user = member("max")
    record(
        Action.ACCESS_CHANGED,
        user,
        before={"view_deals": 3, "may_export": True},
        after={"view_deals": 1, "may_export": False},
    )
    shown = page(client)
    assert "All <span" in shown
    assert "</span> Own</li>" in shown
    assert "yes <span" in shown


def test_status_changes_stand_among_entries_with_their_cause(client, root):
    record(Action.SIGNED_IN)
    ada = person("Lovelace")
    deal(ada, "won", name="Engine")
    shown = page(client)
    assert "Non Customer" in shown
    assert "deal opened: Engine" in shown
    assert shown.index("status changed") < shown.index("signed in")


def test_changes_of_tags_and_fields_stand_there_too(client, root):
    ada = person("Lovelace")
    sale = deal(ada, name="Engine")
    ContactChange.objects.create(
        contact=ada, kind="tag_on", category="contacts", label_id=1, label="VIP", actor=root
    )
    DealChange.objects.create(
        deal=sale, kind="field", category="deals", label_id=2, label="Size", old="1", new="2"
    )
    shown = page(client, action="label")
    assert "VIP" in shown
    assert "Size" in shown
    assert "status changed: " not in shown


def test_hostile_texts_are_shown_as_they_are_written(client, root):
    record(Action.DENIED, path="/<script>alert(1)</script>/")
    shown = page(client)
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"action": "denied"}, {"denied"}),
        ({"user": "system"}, {"exported", "status"}),
        ({"source": "admin"}, {"denied"}),
        ({"request": "abcdefghijkl"}, {"denied"}),
        ({"record": "contacts.contact"}, {"exported", "status"}),
        ({"until": "2001-01-01"}, set()),
        ({"since": "2001-01-01"}, {"denied", "exported", "status"}),
    ],
)
def test_log_is_filtered(client, root, asked, found):
    ada = person("Lovelace")
    deal(ada)
    record(Action.EXPORTED, ada)
    with coming_from(Trace("admin", "abcdefghijkl", "192.0.2.7")), acting_as(root):
        record(Action.DENIED)
    lines = client.get(reverse("traces:log"), asked).context["lines"]
    words = {"access denied": "denied", "exported": "exported", "status changed": "status"}
    assert {words[line.what] for line in lines} == found


def test_log_of_one_record_holds_nothing_else(client, root):
    ada, eve = person("Lovelace"), person("Eve")
    for one in (ada, eve):
        deal(one)
        record(Action.EXPORTED, one)
    lines = client.get(
        reverse("traces:log"), {"record": "contacts.contact", "number": ada.pk}
    ).context["lines"]
    assert [line.name for line in lines] == ["Lovelace", "Lovelace"]


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "nothing"},
        {"user": "x"},
        {"since": "yesterday"},
        {"number": "-1"},
        {"behind": "x"},
        {"behind": "2026-01-01T00:00:00~0~1"},
        {"record": "auth.user"},
    ],
)
def test_what_is_asked_wrongly_finds_nothing_rather_than_all(client, root, asked):
    record(Action.SIGNED_IN)
    assert client.get(reverse("traces:log"), asked).context["lines"] == []


def test_pages_together_hold_every_row_once_also_of_one_moment(root):
    moment = timezone.now()
    ada = person("Lovelace")
    sale = deal(ada)
    record_many([Entry(action="denied", at=moment) for _ in range(7)])
    record_many([Entry(action="denied", at=moment - timedelta(days=1)) for _ in range(2)])
    for _ in range(5):
        ContactChange.objects.create(
            contact=ada,
            kind="field",
            category="contacts",
            label_id=1,
            label="x",
            recorded_at=moment,
        )
        DealChange.objects.create(
            deal=sale, kind="field", category="deals", label_id=1, label="x", recorded_at=moment
        )
    seen, mark = [], None
    while True:
        found = page_of(Asked(), mark, size=4)
        seen += [(row.mark.source, row.mark.pk) for row in found.rows]
        mark = found.older
        if mark is None:
            break
        assert Mark.of(str(mark)) == mark
    assert len(seen) == len(set(seen)) == 9 + 10 + StatusChange.objects.count()


def test_older_entries_are_a_link_away(client, root):
    record_many([Entry(action="denied", actor_name=f"User{n}") for n in range(60)])
    first = client.get(reverse("traces:log"), {"action": "denied"})
    assert len(first.context["lines"]) == 50
    second = client.get(reverse("traces:log") + first.context["older"])
    assert len(second.context["lines"]) == 10
    assert second.context["older"] == ""
    assert "?action=denied" in second.context["newest"]


def statements(client: Client) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        page(client)
    return len(captured)


def test_statements_do_not_depend_on_how_much_there_is(client, root):
    deal(person())
    record(Action.EXPORTED, person())
    few = statements(client)
    for _ in range(20):
        deal(person())
        record(Action.EXPORTED, person())
    assert statements(client) == few <= 12
