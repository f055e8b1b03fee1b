"""Which tables hold what of a person, and which hold nothing of one.

A model that is in neither of the two fails the tests: whoever adds one says here what an export tells of it. All
columns of a model are told, apart from ``NOT_TOLD``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import Model, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contacts.models import (
    Contact,
    ContactChange,
    ContactCollaborator,
    ContactDetail,
    ContactTag,
    ContactValue,
    StatusChange,
)
from crm.audit.models import Entry
from crm.bulk.models import BulkRow, BulkRun
from crm.lists.models import SmartList
from crm.privacy import mails
from crm.privacy.subjects import Subject
from crm.suppression.models import Suppression
from crm.trash.models import TrashedRecord
from deals.models import (
    Deal,
    DealChange,
    DealContact,
    DealParty,
    DealValue,
    KeptQuiet,
    MergeRecord,
)
from emails.models import Address, AddressEvent, Mailing, Recipient, Report
from imports.models import ImportedRecord, ImportRun

Rows = Iterable[Any]


@dataclass(frozen=True)
class Holding:
    """A part of an export: ``name`` in JSON, ``title`` for readers, and which rows of ``model`` are the person’s."""

    name: str
    title: str | Promise
    model: type[Model]
    rows: Callable[[Subject], Rows]
    # Whether all rows of a table are looked through, which takes its time.
    by_text: bool = False


def _of_contact(model: Any, column: str = "contact") -> Callable[[Subject], Rows]:
    return lambda subject: model._default_manager.filter(Q((column, subject.pk))).order_by("pk")


def _naming(model: Any, *columns: str) -> Callable[[Subject], Rows]:
    """Rows whose texts name the person."""
    return lambda subject: subject.needles.rows(model._default_manager.order_by("pk"), columns)


def _entries(subject: Subject) -> Rows:
    about = Entry.objects.filter(record="contacts.contact", record_id__in=subject.ids)
    naming = subject.needles.rows(
        Entry.objects.all(), ["record_name", "before", "after", "details"]
    )
    found = {one.pk: one for one in [*about, *naming]}
    return [found[pk] for pk in sorted(found)]


def _bulk_rows(subject: Subject) -> Rows:
    rows = BulkRow.objects.filter(run__record="contact", record_id__in=subject.ids)
    return rows.select_related("run").order_by("run", "position")


def _trashed(subject: Subject) -> Rows:
    kind = TrashedRecord.Kind.CONTACT
    return TrashedRecord.objects.filter(kind=kind, record_id__in=subject.ids).order_by("pk")


def trashed_deals(subject: Subject) -> list[TrashedRecord]:
    """Deals in the trash that the person is on."""
    found = TrashedRecord.objects.filter(kind=TrashedRecord.Kind.DEAL).order_by("pk")
    return [
        one
        for one in found
        if one.data["row"].get("primary_contact_id") == subject.pk
        or any(link["contact_id"] == subject.pk for link in one.data.get("links", []))
    ]


def _admin_log(subject: Subject) -> Rows:
    contacts = Q(content_type__app_label="contacts", content_type__model="contact")
    return LogEntry.objects.filter(contacts, object_id__in=map(str, subject.ids)).order_by("pk")


def _suppressions(subject: Subject) -> Rows:
    from crm.suppression.services import of_addresses

    return of_addresses(subject.addresses)


def _imported(subject: Subject) -> Rows:
    kinds = [ImportedRecord.Kind.PERSON, ImportedRecord.Kind.COMPANY]
    rows = ImportedRecord.objects.filter(kind__in=kinds, record_id__in=subject.ids)
    return rows.order_by("pk")


HOLDINGS = [
    Holding("contact", _("Contact"), Contact, _of_contact(Contact, "pk")),
    Holding("details", _("Further addresses and numbers"), ContactDetail, _of_contact(ContactDetail)),
    Holding("tags", _("Tags"), ContactTag, _of_contact(ContactTag)),
    Holding("fields", _("Custom fields"), ContactValue, _of_contact(ContactValue)),
    Holding("statuses", _("History of statuses"), StatusChange, _of_contact(StatusChange)),
    Holding("changes", _("Changes of tags and fields"), ContactChange, _of_contact(ContactChange)),
    Holding("collaborators", _("Collaborators"), ContactCollaborator, _of_contact(ContactCollaborator)),
    Holding("deals", _("Deals"), Deal, lambda one: Deal.objects.filter(pk__in=one.deal_ids).order_by("pk")),
    Holding("on_deals", _("Associated with deals"), DealContact, _of_contact(DealContact)),
    Holding("counts_for", _("Deals that count"), DealParty, _of_contact(DealParty)),
    Holding("kept_quiet", _("Kept as a customer"), KeptQuiet, _of_contact(KeptQuiet)),
    Holding("named_by_contacts", _("Fields of other contacts that name the person"), ContactValue,
            _of_contact(ContactValue, "record")),
    Holding("named_by_deals", _("Fields of deals that name the person"), DealValue, _of_contact(DealValue, "record")),
    Holding("deal_changes", _("Changes of deals that name the person"), DealChange,
            _naming(DealChange, "old", "new"), by_text=True),
    Holding("merges", _("Merges"), MergeRecord, lambda one: one.merges),
    Holding("trash", _("In the trash"), TrashedRecord, _trashed),
    Holding("trashed_deals", _("Deals in the trash"), TrashedRecord, trashed_deals),
    Holding("imported", _("Loaded from"), ImportedRecord, _imported),
    Holding("imports", _("Reports of loads that name the person"), ImportRun,
            _naming(ImportRun, "report"), by_text=True),
    Holding("lists", _("Saved lists that name the person"), SmartList,
            _naming(SmartList, "name", "conditions", "text"), by_text=True),
    Holding("bulk", _("Actions on many"), BulkRow, _bulk_rows),
    Holding("mails", _("Mailings that the person was meant to get"), Recipient, mails.recipients),
    Holding("mailings", _("Mails to the person alone, or that name them"), Mailing, mails.mailings, by_text=True),
    Holding("addresses", _("Legal basis of addresses, and whether they are mailed"), Address,
            mails.by_address(Address)),
    Holding("address_events", _("What became of addresses"), AddressEvent, mails.by_address(AddressEvent)),
    Holding("reports", _("Delivery reports"), Report, mails.by_address(Report)),
    Holding("runs", _("Actions on many that name the person"), BulkRun,
            _naming(BulkRun, "sentence", "params"), by_text=True),
    Holding("administration", _("Changes in the administration"), LogEntry, _admin_log),
    Holding("audit", _("Audit log"), Entry, _entries, by_text=True),
    Holding("not_written_to", _("Addresses that are not written to"), Suppression, _suppressions),
]  # fmt: skip

# Computed from the columns beside them, or random.
_KEYS = _("computed from the texts that are told, to search and compare them")
NOT_TOLD: dict[str, dict[str, Any]] = {
    "contacts.contact": dict.fromkeys(
        ("search_key", "sort_key", "folded", "match_name", "match_phone", "match_email"), _KEYS
    ),
    "contacts.contactvalue": {"key": _KEYS, "folded": _KEYS},
    "deals.deal": {"search_key": _KEYS, "sort_key": _KEYS, "folded_name": _KEYS},
    "deals.dealvalue": {"key": _KEYS, "folded": _KEYS},
    "bulk.bulkrun": {"token": _("random; tells a form that was sent twice")},
    "emails.mailing": {
        "token": _("random; tells a form that was sent twice"),
        "key": _("random; signs the links by which people unsubscribe"),
    },
}

_TEAM = _("about people of the team, not about contacts")
_SIGN_IN = _("how people of the team sign in")
_MADE = _("what the team made up for all records")
_RUNNING = _("how the product runs")
# By label of the model, why an export tells nothing of it.
EXCEPTIONS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "accounts.user", "accounts.user_groups", "accounts.user_user_permissions", "accounts.team",
            "accounts.team_members", "accounts.team_managers", "accounts.invitation", "auth.group",
            "auth.group_permissions", "auth.permission", "deals.dealcollaborator", "lists.listtab",
            "lists.listpreference",
        ), _TEAM,
    ),
    **dict.fromkeys(
        (
            "account.emailaddress", "account.emailconfirmation", "mfa.authenticator", "usersessions.usersession",
            "socialaccount.socialapp", "socialaccount.socialaccount", "socialaccount.socialtoken",
        ), _SIGN_IN,
    ),
    "sessions.session": _("messages of a page that somebody is about to be shown; erased with the person"),
    **dict.fromkeys(
        (
            "settings.account", "settings.account_quiet_except", "settings.currency", "settings.tag",
            "settings.customfield", "settings.option", "settings.removal", "deals.pipeline", "deals.stage",
            "deals.lossreason", "deals.unqualifiedreason", "deals.dealsource", "deals.requiredat",
            "emails.sender", "emails.mailsettings", "emails.image",
        ), _MADE,
    ),
    **dict.fromkeys(
        ("emails.template", "emails.templateversion", "emails.link"),
        _("what the team wrote for many; names in it are erased with the person"),
    ),
    "emails.senderpause": _("until when a mail server is left alone; names in its answer are erased with the person"),
    "emails.senderminute": _("how many mails went out in a minute"),
    "deals.dealtag": _("of a deal, not of the person"),
    **dict.fromkeys(
        ("audit.gate", "crm.heartbeat", "contenttypes.contenttype", "suppression.salt"), _RUNNING
    ),
    "crm.nightlyrun": _("what nightly checks printed; erased with the person"),
    "django_tasks_database.dbtaskresult": _("numbers of runs; what failed in one is erased with the person"),
    "lists.listaddress": _("short addresses of what people searched for; erased with the person"),
    "contacts.searchword": _("words of all names, not said of anybody; erased with the last who has them"),
}  # fmt: skip
