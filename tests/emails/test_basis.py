"""The legal basis of many contacts at once: asked on a page, set by address, undone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.audit.models import Entry
from crm.bulk import services
from crm.bulk.actions import action_of
from crm.bulk.models import BulkRun
from emails import standing
from emails.models import AddressEvent
from tests.bulk.runs import chunks_of, refusals, start, states, user
from tests.bulk.test_pages import Acting
from tests.deals.factories import person

pytestmark = pytest.mark.django_db
FAIR = {"basis": "consent", "source": "Fair", "text": "Yes, please.", "on": "2026-03-01"}


@pytest.fixture
def ann() -> User:
    return user("ann")


def basis(*addresses: str) -> list[str]:
    found = standing.standing_of(addresses)
    return [found[one].ground.basis for one in addresses]


def test_a_basis_is_set_by_address_over_all_who_share_it_and_undone(ann: User) -> None:
    standing.set_basis(["old@example.org"], "contract", source="Paper")
    person("A", email="Shared@Bücher.example")
    person("B", email="shared@xn--bcher-kva.example")
    person("C", email="old@example.org")
    person("D")
    person("E", email="nonsense")
    with chunks_of("contact.basis", 1):
        run = start("contact.basis", ann, FAIR)
    assert states(run) == ["done", "unchanged", "done", "refused", "refused"]
    assert set(refusals(run).values()) == {"It has no valid e-mail address."}
    shared, old = "shared@xn--bcher-kva.example", "old@example.org"
    assert basis(shared, old) == ["consent", "consent"]
    ground = standing.standing_of([shared])[shared].ground
    assert (ground.source, ground.text) == ("Fair", "Yes, please.")
    assert timezone.localtime(ground.at).isoformat().startswith("2026-03-01T00:00")
    assert action_of(run.action).told(run) == (
        "Legal basis of 2 contacts set · 1 unchanged · 2 refused"
    )
    undo = services.undo(run, user=ann)
    assert (undo.done, undo.refused) == (2, 0)
    assert basis(shared, old) == ["", "contract"]
    assert standing.standing_of([old])[old].ground.source == "Paper"
    again = services.undo(undo, user=ann)
    assert (again.done, basis(shared, old)) == (2, ["consent", "consent"])


def test_undo_leaves_alone_what_somebody_changed_since(ann: User) -> None:
    people = [person(n, email=f"{n}@example.org") for n in ("same", "moved", "other")]
    run = start("contact.basis", ann, FAIR)
    Contact.objects.filter(pk=people[1].pk).update(email="else@example.org")
    standing.set_basis(["other@example.org"], "interest")
    undo = services.undo(run, user=ann)
    assert states(undo) == ["done", "refused", "refused"]
    assert basis("same@example.org", "moved@example.org", "other@example.org") == [
        "", "consent", "interest",
    ]  # fmt: skip


def test_no_basis_takes_one_away_and_each_change_is_kept_with_who_made_it(ann: User) -> None:
    person("A", email="a@example.org")
    start("contact.basis", ann, FAIR)
    start("contact.basis", ann, {"basis": "", "source": "", "text": "", "on": ""})
    assert basis("a@example.org") == [""]
    events = AddressEvent.objects.order_by("pk")
    assert [(one.actor, one.details["after"]["basis"]) for one in events] == [
        (ann, "consent"), (ann, ""),
    ]  # fmt: skip
    # The run is one entry of the audit log; an entry an address would be noise.
    assert Entry.objects.filter(action="bulk").count() == 2
    assert not Entry.objects.filter(record="emails.address").exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"basis": "because"}, "basis"),
        ({"source": "x" * 201}, "source"),
        ({"text": "x" * 5_001}, "text"),
        ({"on": (timezone.now() + timedelta(days=2)).date().isoformat()}, "on"),
    ],
)
def test_what_no_basis_can_be_is_refused(ann: User, wrong: dict[str, str], field: str) -> None:
    person("A", email="a@example.org")
    with pytest.raises(ValidationError) as caught:
        start("contact.basis", ann, FAIR | wrong)
    assert [*caught.value.error_dict] == [field]
    assert not BulkRun.objects.exists()


def test_contacts_that_one_may_not_edit_keep_their_basis(ann: User) -> None:
    ann.edit_contacts = Level.OWN
    ann.save()
    person("Mine", owner=ann, email="mine@example.org")
    person("Other", email="other@example.org")
    run = start("contact.basis", ann, FAIR)
    assert states(run) == ["done", "refused"]
    assert basis("mine@example.org", "other@example.org") == ["consent", ""]


def test_a_chunk_takes_as_many_statements_for_two_as_for_forty(ann: User) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            start("contact.basis", ann, FAIR, at_once=1_000)
        return len(queries)

    for n in range(2):
        person(email=f"a{n}@example.org")
    statements()
    standing.set_basis([f"a{n}@example.org" for n in range(2)], "")
    few = statements()
    for n in range(38):
        person(email=f"b{n}@example.org")
    assert statements() == few


# -- the page


def test_the_page_asks_sets_and_offers_to_undo(ann: User, client: Client) -> None:
    client.force_login(ann)
    one, two = person("A", email="a@example.org"), person("B")
    acting = Acting(client, "contact", "contact.basis", row=[one.pk, two.pk])
    asked = acting.ask()
    assert "Set the legal basis for mailing 2 contacts" in asked.content.decode()
    assert "1 has no e-mail address." in asked.content.decode()
    wrong = acting.confirm(asked, basis="")
    assert wrong.status_code == 422
    assert basis("a@example.org") == [""]
    done = acting.confirm(
        asked, basis="contract", source="Order 12", on="2026-01-05", text="", follow=True
    )
    assert done.status_code in (200, 302)
    assert basis("a@example.org") == ["contract"]
    run = BulkRun.objects.get()
    page = client.get(run.get_absolute_url()).content.decode()
    assert "Legal basis: Contract (Order 12, 01/05/2026)" in page
    assert f'id="undo-{run.pk}"' in page


def test_a_basis_given_tomorrow_is_refused_on_the_page(ann: User, client: Client) -> None:
    client.force_login(ann)
    one = person("A", email="a@example.org")
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    acting = Acting(client, "contact", "contact.basis", row=[one.pk])
    answer = acting.confirm(basis="consent", source="", on=tomorrow, text="")
    assert answer.status_code == 422
    assert "This lies in the future." in answer.content.decode()
    assert basis("a@example.org") == [""]
