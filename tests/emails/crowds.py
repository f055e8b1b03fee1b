"""Many recipients and a mailing to all of them, for tests that send in earnest."""

from __future__ import annotations

from typing import Any

from contacts.models import Contact
from crm.accounts.models import User
from emails import sending
from emails.models import Mailing, MailSettings, Recipient, Sender

HTML = (
    '<h1>News</h1><p>Dear {{ first_name | "reader" }} {{ last_name | "" }},</p>'
    '<p>this is what we wrote for you: <a href="https://example.org/news">read it</a>.</p>'
)


def address_of(number: int) -> str:
    return f"reader{number}@mail{number % 40}.example.org"


def readers(number: int, *, of: int = 0) -> None:
    """So many people with an address each; numbered from ``of``."""
    Contact.objects.bulk_create(
        [
            Contact(first_name=f"Ann {n}", last_name="Reader", email=address_of(n))
            for n in range(of, of + number)
        ],
        batch_size=1_000,
    )


def mailing(**more: Any) -> Mailing:
    """A draft to all contacts, written by Ann."""
    MailSettings(postal_address="1 Long Lane, Springfield").save()
    ann = User.objects.filter(username="ann").first() or User.objects.create_user("ann")
    connections = more.pop("connections", 1)
    sender, _new = Sender.objects.get_or_create(
        address="news@example.org", defaults={"name": "News", "connections": connections}
    )
    given = {
        "author": ann,
        "sender": sender,
        "subject": 'News for {{ first_name | "you" }}',
        "html": HTML,
        "selection": [["count", "0"], ["scope", "all"]],
        "origin": "https://crm.example.org",
    }
    return Mailing.objects.create(**given | more)


def started(**more: Any) -> Mailing:
    """One that is being sent."""
    made = mailing(**more)
    sending.start(made, user=made.author, expected=Contact.objects.exclude(email="").count())
    made.refresh_from_db()
    return made


def rows_of(mailing_id: int) -> dict[str, str]:
    """The state of each row, by its address."""
    rows = Recipient.objects.filter(mailing=mailing_id)
    return dict(rows.values_list("address", "state"))


def send_on(mailing: Mailing, slot: int = 0) -> None:
    """As a worker does over one connection, until nothing is due."""
    sender_id: Any = mailing.sender_id
    while sending.work(sender_id, slot):
        pass
