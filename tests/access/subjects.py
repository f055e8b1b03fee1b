"""A person with a word of their own in every text, wherever the product keeps something of a person."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from contacts.models import Contact, ContactCollaborator, ContactDetail, StatusChange
from crm.actor import acting_as
from crm.audit.models import Action
from crm.audit.services import record
from crm.bulk.models import BulkRow, BulkRun
from crm.lists.models import ListAddress, SmartList
from crm.models import NightlyRun
from deals.models import Deal, DealContact, KeptQuiet
from deals.services import merge_contacts, select_status
from emails import standing
from emails.models import Link, Mailing, Recipient, Report, Template, TemplateVersion
from imports.models import ImportedRecord, ImportRun
from settings.services import change_tags, set_values
from tests.access.worlds import administrator
from tests.deals.factories import company, deal, person
from tests.labels.worlds import made_field, made_tag

# What every word of the person begins with, and of nobody else.
BIRD = "zqbird"
_numbers = itertools.count(1)
_tokens = itertools.count(1)


def word(at: str = "") -> str:
    return f"{BIRD}{at}{next(_numbers)}"


@dataclass
class Known:
    """The person, what they are on, and the words that an export has to tell."""

    person: Contact
    root: Any
    star: Deal
    guest: Deal
    other: Contact
    employer: Contact
    words: list[str] = field(default_factory=list)


def known() -> Known:
    """Somebody that all tables hold something of."""
    root = administrator()
    with acting_as(root):
        employer, other = company("Works"), person("Neighbour")
        one = person(
            word("last"),
            first_name=word("first"),
            company=employer,
            owner=root,
            **{name: word(name) for name in TEXTS},
            phone="+49 30 99887766",
            mobile="+49 170 99887755",
            email=f"{word('mail')}@example.org",
            website=f"https://{word('site')}.example.org/",
        )
        star = deal(one, "won", name=f"Engine for {one.last_name}", company=employer)
        guest = deal(other, name="Guested")
        found = Known(one, root, star, guest, other, employer)
        DealContact.objects.create(deal=guest, contact=one, role=word("role"))
        _labels(found)
        _details(found)
        _histories(found)
        _merged(found)
    _logs(found)
    _runs(found)
    _mails(found)
    found.words = [text for text in _texts(found) if BIRD in text]
    return found


TEXTS = ("title", "street", "postal_code", "city", "state", "country", "description", "industry")


def _labels(found: Known) -> None:
    pk = found.person.pk
    change_tags("contact", [pk], on=[made_tag("Guest").pk])
    for kind, value in (
        ("text", word("text")),
        ("long_text", f"A long one:\n{word('long')} with ü"),
        ("email", f"{word('second')}@example.net"),
    ):
        asked = made_field(kind.title(), kind)
        set_values("contact", {pk: {asked.pk: word("old") if kind == "text" else value}})
        set_values("contact", {pk: {asked.pk: value}})
    knows = made_field("Knows", "contact")
    set_values("contact", {found.other.pk: {knows.pk: pk}})
    brought = made_field("Brought by", "contact", "deals")
    set_values("deal", {found.guest.pk: {brought.pk: pk}})


def _details(found: Known) -> None:
    for kind in ("email", "phone", "website", "address"):
        value = f"{word(kind)}@example.org" if kind == "email" else word(kind)
        ContactDetail.objects.create(
            contact=found.person, kind=kind, label=word("label"), value=value
        )
    ContactCollaborator.objects.create(contact=found.person, user=found.root)
    KeptQuiet.objects.create(contact=found.person, until=timezone.localdate(), set_by=found.root)


def _histories(found: Known) -> None:
    select_status(found.person, customer="past")
    record(
        Action.SHARED,
        found.person,
        before={"name": word("before")},
        after={"name": [word("after")]},
        reason=word("why"),
    )


def _merged(found: Known) -> None:
    twin = person(
        word("twin"), first_name="Ü", email=f"{word('twin')}@example.org", description=word("twin")
    )
    deal(twin, name=f"Second of {twin.last_name}")
    merge_contacts(found.person, twin, keep_others=True)
    found.person.refresh_from_db()


def _logs(found: Known) -> None:
    one, root = found.person, found.root
    contacts = ContentType.objects.get_for_model(Contact)
    LogEntry.objects.create(
        user=root, content_type=contacts, object_id=str(one.pk), object_repr=one.name, action_flag=CHANGE,
        change_message=f"Added “{word('changed')}”.",
    )  # fmt: skip
    record(Action.SIGN_IN_FAILED, name=one.email)
    record(Action.EXPORTED, rows=1, selected=f"Contacts whose name contains “{one.name}”")
    ImportedRecord.objects.create(source="old", kind="person", key=word("key"), record_id=one.pk)
    ImportRun.objects.create(source="old", report={"reasons": [["f", "c", f"No {one.name}.", 1]]})
    now = timezone.now()
    NightlyRun.objects.create(
        job="check_statuses", day=now.date(), found=f"{one.pk} {one.name}: wrong"
    )
    asked = [{"field": "name", "values": [one.name]}]
    SmartList.objects.create(
        record="contact", name=f"Like {one.name}", slug="like", owner=root, conditions=asked, text=one.email
    )  # fmt: skip
    ListAddress.objects.create(key="abcdefgh", query=f"q={one.first_name}+{one.last_name}")
    session = SessionStore()
    session["_messages"] = f"{one.name} is saved."
    session.save()


def _runs(found: Known) -> None:
    one = found.person
    before = json.dumps({"description": word("undo")})
    run = _run(found, "contact.set", 2, params={"names": {"owner": one.name}})
    BulkRow.objects.create(
        run=run, position=1, record_id=one.pk, state="done", before=before, after=before
    )
    BulkRow.objects.create(
        run=run, position=2, record_id=found.other.pk, state="done", before="1", after="2"
    )
    alone = _run(found, "contact.set", 1, params={"text": word("alone")})
    BulkRow.objects.create(
        run=alone, position=1, record_id=one.pk, state="done", before=before, after="2"
    )
    written = _run(found, "contact.export", 1)
    written.file.save("export.csv", ContentFile(one.name.encode()))


def _mails(found: Known) -> None:
    """One to the person alone, and one to many that names them, whose rows they and somebody else erased are in."""
    one = found.person
    address = str(one.email)
    alone = Mailing.objects.create(
        subject=f"For {one.name}", html=f"<p>{word('html')}</p>", text=word("mailed"), is_single=True,
        sent=1, total=1, state="done",
    )  # fmt: skip
    many = Mailing.objects.create(subject="News", sent=2, total=2, sentence=one.name, state="done")
    for mailing in (alone, many):
        Recipient.objects.create(
            mailing=mailing, position=1, contact_id=one.pk, name=one.name, address=address,
            state="sent", answer=f"250 for {address}",
        )  # fmt: skip
    Recipient.objects.create(mailing=many, position=2, contact_id=0, state="sent")
    Link.objects.create(mailing=many, number=1, url=f"https://example.org/?to={address}")
    standing.set_basis([address], "consent", source=word("source"), text=word("agreed"))
    standing.suppress([address], "unsubscribed", mailing_id=many.pk, position=1)
    Report.objects.create(
        key="1", source="IMAP", kind="bounced", address=address, answer=f"550 {address} is full"
    )
    template = Template.objects.create(name=one.name, owner=found.root)
    TemplateVersion.objects.create(template=template, number=1, html=f"<p>{one.name}</p>")


def _run(found: Known, action: str, total: int, **more: Any) -> BulkRun:
    ended = {"state": "done", "total": total, "at": total, "done": total}
    return BulkRun.objects.create(
        action=action, record="contact", user=found.root, token=f"subject-{next(_tokens)}",
        sentence=f"Contacts named {found.person.name}", finished_at=timezone.now() - timedelta(minutes=1),
        **ended, **more,
    )  # fmt: skip


def _texts(found: Known) -> list[str]:
    one = Contact.objects.get(pk=found.person.pk)
    details = ContactDetail.objects.filter(contact=one)
    values = one.field_values.exclude(text="")
    changes = one.label_changes.exclude(old="")
    return [
        *(
            str(getattr(one, name))
            for name in (*TEXTS, "last_name", "first_name", "email", "website")
        ),
        *details.values_list("value", flat=True),
        *details.exclude(label="").values_list("label", flat=True),
        *(line for text in values.values_list("text", flat=True) for line in text.splitlines()),
        *changes.values_list("old", flat=True),
        *one.deal_links.values_list("role", flat=True),
        *StatusChange.objects.filter(contact=one).values_list("deal_name", flat=True),
    ]


def dump() -> list[str]:
    """Every value of every column of every table, with where it is."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [one[0] for one in cursor.description]
            for row in cursor.fetchall():
                found += [f"{table}.{at}: {value}" for at, value in zip(columns, row, strict=True)]
    return found


def unsaid(texts: list[str], *more: str) -> list[str]:
    """Where a word of the person still stands."""
    birds = (BIRD, *more)
    return [text for text in texts if any(one in text.lower() for one in birds)]
