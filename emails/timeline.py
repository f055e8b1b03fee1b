"""The mails of a contact and what came of them, as its history tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    BigIntegerField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext as _

from contacts.models import Contact
from crm.accounts.access import may
from crm.accounts.levels import Right
from crm.accounts.models import User
from emails.addresses import normal
from emails.models import AddressEvent, Mailing, Recipient
from emails.reasons import Basis, Failure

State = Recipient.State
# What is history: a mail that still waits may never be sent.
TOLD = (State.SENT, State.UNCERTAIN, State.FAILED)
Kind = AddressEvent.Kind
COLUMNS = (
    "moment", "what", "row", "mail", "why", "said", "of_mail", "writer",
    "first", "last", "username", "facts", "of_all",
)  # fmt: skip


@dataclass(frozen=True)
class MailRow:
    """A mail to a contact, or something that its address came to. ``mailing`` is 0 where the reader may not see it."""

    recorded_at: datetime
    what: str
    pk: int
    mailing: int
    subject: str
    reason: str
    answer: str
    actor: str
    facts: dict[str, Any]

    # By which the template of the history tells it from a change of a status or label.
    is_mail = True

    @property
    def sentence(self) -> str:
        return str(_sentences()[self.what])

    @property
    def is_bad(self) -> bool:
        return self.what not in (State.SENT, Kind.RETURNED, Kind.LIFTED, Kind.BASIS, Kind.CLICKED)

    @property
    def more(self) -> str:
        """What an event adds: a legal basis with its source, the reason of somebody who lifted a suppression."""
        if self.what == Kind.BASIS:
            ground = self.facts.get("after") or {}
            basis = ground.get("basis", "")
            label = str(Basis(basis).label) if basis in Basis.values else _("none")
            return " · ".join(one for one in (label, ground.get("source", "")) if one)
        if self.what == State.FAILED:
            return str(Failure(self.reason).label) if self.reason in Failure.values else ""
        return str(self.facts.get("reason") or "")


def _sentences() -> dict[str, Any]:
    return {
        State.SENT: _("A mail was sent"),
        State.UNCERTAIN: _("A mail was sent, and nobody knows whether it arrived"),
        State.FAILED: _("A mail could not be sent"),
        Kind.UNSUBSCRIBED: _("Unsubscribed"),
        Kind.RETURNED: _("Took the unsubscribing back"),
        Kind.BOUNCED: _("A mail came back"),
        Kind.PUT_OFF: _("A mail was put off"),
        Kind.COMPLAINED: _("Reported a mail as unwanted"),
        Kind.BLOCKED: _("The address is not to be mailed any more"),
        Kind.LIFTED: _("The address may be mailed again"),
        Kind.BASIS: _("Legal basis changed"),
        Kind.CLICKED: _("Clicked a link in a mail"),
    }


def mails_of(contact: Contact, many: int, reader: Any) -> tuple[list[MailRow], int]:
    """The newest ``many`` rows of ``contact``, which ``reader`` sees, and how many there are. One statement.

    Whoever may not see a mailing reads that a mail was sent and when, and nothing of what it said.
    """
    recipients = Recipient.objects.filter(contact_id=contact.pk, state__in=TOLD)
    events = _events_of(contact)
    both = Coalesce(Subquery(_counted(recipients)), 0) + Coalesce(Subquery(_counted(events)), 0)
    rows = (
        _recipient_columns(recipients)
        .annotate(of_all=both)
        .values_list(*COLUMNS)
        .union(_event_columns(events).annotate(of_all=both).values_list(*COLUMNS), all=True)
        .order_by("-moment", "-row")[:many]
    )
    found = list(rows)
    return [_row(one, reader) for one in found], found[0][-1] if found else 0


def _events_of(contact: Contact) -> QuerySet[AddressEvent]:
    """Those of its address, and those of mails to it from when it had another."""
    rows = Recipient.objects.filter(contact_id=contact.pk).order_by()
    its_mail = rows.filter(mailing_id=OuterRef("mailing_id"), position=OuterRef("position"))
    address = normal(contact.email)
    now = Contact.objects.filter(pk=contact.pk).order_by().values(it=Value(address, TextField()))
    # All its addresses in one list, by which the events are found in their index; an OR of two reads them all.
    ever = rows.values("address").union(now, all=True)
    events = AddressEvent.objects.exclude(address="").filter(address__in=ever)
    return events.filter(Q(address=address) | Exists(its_mail))


def _counted(rows: Any) -> Any:
    one = rows.order_by().annotate(one=Value(1)).values("one")
    return one.annotate(number=Count("*")).values("number")


def _recipient_columns(rows: Any) -> Any:
    return rows.order_by().annotate(
        moment=Coalesce("changed_at", "mailing__started_at", "mailing__created_at"),
        what=_text("state"),
        row=Cast("position", BigIntegerField()),
        mail=F("mailing_id"),
        why=_text("reason"),
        said=_text("answer"),
        of_mail=_text("mailing__subject"),
        writer=F("mailing__author_id"),
        first=_text("mailing__author__first_name"),
        last=_text("mailing__author__last_name"),
        username=_text("mailing__author__username"),
        facts=Value("{}", TextField()),
    )


def _event_columns(rows: Any) -> Any:
    mailing = Mailing.objects.filter(pk=OuterRef("mailing_id")).order_by()
    return rows.order_by().annotate(
        moment=F("at"),
        what=_text("kind"),
        row=Cast("pk", BigIntegerField()),
        mail=F("mailing_id"),
        why=Value("", TextField()),
        said=Value("", TextField()),
        of_mail=Coalesce(Subquery(mailing.values(said=_text("subject"))), Value("", TextField())),
        writer=Subquery(mailing.values("author_id")),
        first=_text("actor__first_name"),
        last=_text("actor__last_name"),
        username=_text("actor__username"),
        facts=Cast("details", TextField()),
    )


def _text(name: str) -> Any:
    """Columns of a union are of one type in all its parts."""
    return Coalesce(Cast(name, TextField()), Value("", TextField()))


def _row(found: tuple[Any, ...], reader: Any) -> MailRow:
    moment, what, pk, mail, why, said, subject, writer, *names, facts, _all = found
    seen = bool(mail) and _may_read(reader, writer)
    first, last, username = names
    who = str(User(first_name=first, last_name=last, username=username))
    return MailRow(
        recorded_at=moment,
        what=what,
        pk=pk,
        mailing=mail if seen else 0,
        subject=subject if seen else "",
        reason=why if seen else "",
        answer=said if seen else "",
        actor=who if seen or what not in TOLD else "",
        facts=json.loads(facts or "{}"),
    )


def _may_read(reader: Any, writer: int | None) -> bool:
    """As ``Mailing.objects.visible_to`` has it, for a mailing of ``writer``."""
    return may(reader, Right.MAIL) and (reader.is_superuser or reader.pk == writer)
