"""Invented mail: a sender that writes to files, templates, a mailing that was sent and one that is being written.

By the services of bulk email, but for the sending itself: nothing of the demo is ever handed to a mail server.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from contacts.models import Contact
from contacts.statuses import CustomerStatus
from crm.accounts.models import User
from crm.demo.people import ADMINISTRATOR
from emails import leaving, ledger, standing
from emails.identities import DEFAULT, mail_servers, save_sender
from emails.models import Mailing, MailSettings, Recipient, Sender, Template
from emails.reasons import Basis, Failure, Suppressed
from emails.settings_service import change_mail_settings
from emails.versions import make_template

ADDRESS = "hello@example.org"
POSTAL = "Standing Demo Ltd\n12 Example Street\n10115 Example Town"
NEWS = """<h1>What is new this autumn</h1>
<p>Dear {{ first_name | "customer" }},</p>
<p>our workshops begin again in November, and there are still some places:</p>
<ul><li>Planning a roll-out</li><li>Reporting in an afternoon</li></ul>
<p><a class="button" href="https://example.org/workshops">See all dates</a></p>
<p>Kind regards<br>Your Standing Demo team</p>"""
THANKS = """<p>Dear {{ first_name | "customer" }},</p>
<p>thank you for your trust in the past year. If anything could be better, just answer this mail.</p>
<p>Kind regards<br>Your Standing Demo team</p>"""
MAILED = 14


def write(today: datetime) -> None:
    """Make it, unless there is a sender or a mailing already."""
    if Sender.objects.exists() or Mailing.objects.exists():
        return
    author = User.objects.filter(username=ADMINISTRATOR).first() or User.objects.earliest("pk")
    sender = _sender()
    if not MailSettings.objects.exists():
        change_mail_settings(author, postal_address=POSTAL)
    for name, subject, html in (
        ("News", "What is new this autumn", NEWS),
        ("Thanks", "Thank you", THANKS),
    ):
        make_template(user=author, name=name, scope=Template.Scope.ALL, subject=subject, html=html)
    customers = _customers(author)
    _bases(customers, today)
    if len(customers) < 4:
        return
    _sent(author, sender, customers, today - timedelta(days=9) + timedelta(hours=10))
    _mailing(author, sender, "Thank you", THANKS, customers)


def _sender() -> Sender:
    """On one's own machine it writes to files for good, whatever mail server is set up later."""
    names = [one.name for one in mail_servers()]
    values: dict[str, Any] = {"name": "Standing Demo", "address": ADDRESS, "per_day": 2_000}
    if "files" in names:
        return save_sender(Sender(), mailer="files", **values)
    # The addresses of the demo are invented, and so is this one: nobody is to mail by it.
    sender = Sender(mailer=DEFAULT, is_active=False, **values)
    sender.save()
    return sender


def _customers(author: Any) -> list[Contact]:
    rows = Contact.objects.visible_to(author).filter(customer_status=CustomerStatus.CURRENT)
    return list(rows.filter(is_organization=False).exclude(email="").order_by("pk")[:MAILED])


def _bases(customers: Sequence[Contact], today: datetime) -> None:
    """Most are mailed because they are customers, some because they said so; of some nothing is known."""
    addresses = [one.email for one in customers]
    year = today - timedelta(days=200)
    standing.set_basis(addresses[:8], Basis.CUSTOMER, source="Order", at=year)
    standing.set_basis(
        addresses[8:12], Basis.CONSENT, source="Form on example.org", at=year,
        text="Yes, send me news about workshops by e-mail.",
    )  # fmt: skip


def _mailing(
    author: Any, sender: Sender, subject: str, html: str, contacts: Sequence[Contact]
) -> Mailing:
    rows = [["row", str(one.pk)] for one in contacts]
    mailing = Mailing.objects.create(
        author=author, sender=sender, subject=subject, html=html, language="en",
        selection=[["list", ""], ["state", ""], ["scope", "rows"], *rows],
        sentence=f"{len(contacts)} contacts", origin="http://localhost:8000",
    )  # fmt: skip
    ledger.write(mailing, author)
    return mailing


def _sent(author: Any, sender: Sender, customers: Sequence[Contact], at: datetime) -> None:
    """As sending would have left it: one address did not exist, and one recipient unsubscribed the day after."""
    mailing = _mailing(author, sender, "What is new this autumn", NEWS, customers)
    there = Recipient.objects.filter(mailing=mailing)
    waiting = there.filter(state=Recipient.State.WAITING)
    positions = list(waiting.order_by("position").values_list("position", flat=True))
    waiting.update(
        state=Recipient.State.SENT, answer="250 2.0.0 Ok", attempts=1, first_at=at, changed_at=at
    )
    refused = "550 5.1.1 No such user here"
    there.filter(position=positions[-1]).update(
        state=Recipient.State.FAILED, reason=Failure.REFUSED, answer=refused
    )
    Mailing.objects.filter(pk=mailing.pk).update(
        state=Mailing.State.DONE, created_at=at - timedelta(hours=1), started_at=at,
        finished_at=at + timedelta(minutes=1), told_at=at + timedelta(minutes=1), seconds=2.0,
        waiting=0, sent=F("waiting") - 1, failed=1,
    )  # fmt: skip
    mailing.refresh_from_db()
    gone = there.get(position=positions[-1])
    standing.suppress(
        [gone.address], Suppressed.BOUNCED, mailing_id=mailing.pk, position=gone.position, at=at,
        details={"answer": refused},
    )  # fmt: skip
    leaving.leave(mailing, positions[0], by="one click")
