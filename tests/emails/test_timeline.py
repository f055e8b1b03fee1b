"""What the history of a contact tells of its mails, and to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from emails.models import AddressEvent, Mailing, Recipient
from emails.timeline import mails_of
from tests.deals.factories import person

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", "ann@example.org", "secret", first_name="Ann")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", "bob@example.org", "secret")


@pytest.fixture
def ada() -> Contact:
    return person("Lovelace", email="Ada@Example.com")


def mailed(author: Any, contact: Contact, state: str = "sent", **more: Any) -> Mailing:
    """A mailing that is over, with one recipient; ``ago`` hours since."""
    when = NOW - timedelta(hours=more.pop("ago", 1))
    counts = {"total": 1, state: 1}
    mailing = Mailing.objects.create(
        author=author, subject="Spring", state="done", started_at=when, **counts
    )
    address = more.pop("address", contact.email.lower())
    Recipient.objects.create(
        mailing=mailing, position=1, contact_id=contact.pk, name=contact.name, address=address,
        state=state, changed_at=when, **more,
    )  # fmt: skip
    return mailing


def told(contact: Contact, reader: Any) -> list[tuple[str, int, str]]:
    return [(one.what, one.mailing, one.subject) for one in mails_of(contact, 20, reader)[0]]


def test_the_history_tells_of_mails_and_of_what_the_address_came_to_newest_first(ann, ada):
    mailing = mailed(ann, ada, ago=3)
    lost = mailed(ann, ada, "uncertain", ago=1)
    AddressEvent.objects.create(
        address="ada@example.com", kind="unsubscribed", at=NOW - timedelta(hours=2),
        mailing_id=mailing.pk, position=1,
    )  # fmt: skip
    rows, number = mails_of(ada, 20, ann)
    assert [(one.what, one.mailing) for one in rows] == [
        ("uncertain", lost.pk), ("unsubscribed", mailing.pk), ("sent", mailing.pk),
    ]  # fmt: skip
    assert number == 3
    assert mails_of(ada, 1, ann)[1] == 3


def test_who_may_not_see_the_mailing_reads_only_that_a_mail_was_sent(ann, bob, ada, client):
    mailing = mailed(ann, ada, "failed", reason="refused", answer="550 no such user")
    assert told(ada, ann) == [("failed", mailing.pk, "Spring")]
    assert told(ada, bob) == [("failed", 0, "")]
    client.force_login(bob)
    page = client.get(ada.get_absolute_url()).content.decode()
    assert "A mail could not be sent" in page
    assert "Spring" not in page
    assert "no such user" not in page
    client.force_login(ann)
    page = client.get(ada.get_absolute_url()).content.decode()
    assert "Spring" in page
    assert "550 no such user" in page


def test_an_administrator_reads_the_mailings_of_who_has_left(ann, ada):
    mailing = mailed(None, ada)
    root = User.objects.create_superuser("root", "root@example.org", "secret")
    assert told(ada, root) == [("sent", mailing.pk, "Spring")]
    assert told(ada, ann) == [("sent", 0, "")]


def test_without_the_right_to_mail_ones_own_mailings_are_not_told_either(ann, ada):
    mailed(ann, ada)
    ann.may_mail = False
    assert told(ada, ann) == [("sent", 0, "")]


def test_a_mail_that_waits_or_was_left_out_is_no_history(ann, ada):
    for state in ("waiting", "left_out", "sending"):
        mailed(ann, ada, state)
    assert mails_of(ada, 20, ann) == ([], 0)


def test_what_came_back_to_an_address_stays_when_the_contact_gets_another(ann, ada):
    mailing = mailed(ann, ada)
    AddressEvent.objects.create(
        address="ada@example.com", kind="bounced", mailing_id=mailing.pk, position=1
    )
    AddressEvent.objects.create(address="ada@example.com", kind="blocked")
    Contact.objects.filter(pk=ada.pk).update(email="new@example.com")
    ada.refresh_from_db()
    assert {one[0] for one in told(ada, ann)} == {"sent", "bounced"}


def test_contacts_that_share_an_address_share_what_it_came_to(ann, ada):
    other = person("King", email="ada@example.com")
    AddressEvent.objects.create(address="ada@example.com", kind="complained")
    assert [one[0] for one in told(other, ann)] == ["complained"]
    assert [one[0] for one in told(person("Byron"), ann)] == []


def test_mails_cost_the_card_one_statement_however_many(ann, ada, client: Client):
    client.force_login(ann)
    costs = []
    for number in (1, 30):
        for _each in range(number):
            mailed(ann, ada)
        with CaptureQueriesContext(connection) as asked:
            client.get(ada.get_absolute_url())
        costs.append(len(asked))
        with CaptureQueriesContext(connection) as asked:
            mails_of(ada, 20, ann)
        assert len(asked) == 1
    assert costs[0] == costs[1] <= 20


def test_the_history_pages_through_mails_and_changes_together(ann, ada, client: Client):
    for number in range(25):
        mailed(ann, ada, ago=number + 1)
    client.force_login(ann)
    first = client.get(ada.get_absolute_url()).content.decode()
    second = client.get(f"{ada.get_absolute_url()}?history=2").content.decode()
    assert first.count("A mail was sent") == 20
    assert second.count("A mail was sent") == 5


def test_a_hidden_contact_has_no_card_with_mails(ann, bob, ada, client: Client):
    mailed(ann, ada)
    for area in ("contacts", "customers"):
        setattr(bob, f"edit_{area}", Level.NONE)
        setattr(bob, f"view_{area}", Level.OWN)
    bob.save()
    client.force_login(bob)
    assert client.get(ada.get_absolute_url()).status_code == 404
