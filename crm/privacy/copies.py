"""What else the product holds of a person, besides the record: copies in histories, logs, the trash, runs and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import batched
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import F, Q, QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django_tasks_db.models import DBTaskResult

from contacts.models import Contact, ContactChange, StatusChange
from contacts.words import SearchWord
from crm.audit import gate
from crm.audit.cleaning import WITHHELD
from crm.audit.models import Entry
from crm.bulk.models import BulkRow, BulkRun
from crm.exports.parts import folder
from crm.lists.models import ListAddress, SmartList
from crm.models import NightlyRun
from crm.privacy import mails
from crm.privacy.holdings import trashed_deals
from crm.privacy.needles import Needles
from crm.privacy.subjects import TEXTS, Subject
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealChange, MergeRecord
from imports.models import ImportedRecord, ImportRun

Add = Callable[[str, int], None]
# What an entry tells that is about the act and not about the person.
_OF_THE_ACT = frozenset(("path", "method", "status", "how", "format", "action", "cause", "number"))
# Tables whose texts may name somebody without saying by number whom.
_LOOSE: list[tuple[Any, tuple[str, ...]]] = [
    (ContactChange, ("old", "new")),
    (DealChange, ("old", "new")),
    (SmartList, ("name", "conditions", "text")),
    (BulkRun, ("sentence", "params", "problem")),
    (BulkRow, ("before", "after", "reason")),
    (ImportRun, ("report",)),
    (NightlyRun, ("found",)),
    (DBTaskResult, ("args_kwargs", "return_value", "traceback")),
    *mails.LOOSE,
]


def forget(subject: Subject, needles: Needles, own: Needles, token: str, add: Add) -> None:
    """Erase all copies but those in files; ``add`` is told how many of what."""
    add("deals", _deals(subject, own, token))
    add("merges", _merges(subject))
    add("trash", _trash(subject, own, token))
    add("runs", _bulk_rows(subject))
    add("imports", _imported(subject))
    add("mails", mails.forget(subject))
    _admin_log(subject, token)
    for model, columns in _LOOSE:
        rows = needles.rows(model._default_manager.all(), columns)
        add("texts", needles.rewrite(model, rows, columns, token))
    add("texts", _addresses(needles))
    _slugs(needles)
    _sessions(needles, token)
    add("entries", _entries(subject, needles, token))


def _deals(subject: Subject, own: Needles, token: str) -> int:
    """Names of their deals, there and in what histories say of them."""
    renamed = 0
    for deal in Deal.objects.filter(pk__in=subject.deal_ids):
        name = own.replaced(deal.name, token)[:255]
        if name != deal.name:
            Deal.objects.filter(pk=deal.pk).update(name=name)
            renamed += 1
    told = StatusChange.objects.filter(Q(deal_id__in=subject.deal_ids) | Q(contact=subject.pk))
    own.rewrite(StatusChange, own.rows(told, ["deal_name"]), ["deal_name"], token)
    return renamed


def _merges(subject: Subject) -> int:
    """They cannot be undone any more: what was merged told of the same person."""
    into = MergeRecord.objects.filter(merged_id=subject.pk)
    return MergeRecord.objects.filter(
        Q(pk__in=[one.pk for one in subject.merges]) | Q(pk__in=into.values("pk"))
    ).delete()[0]


def _trash(subject: Subject, own: Needles, token: str) -> int:
    entries = TrashedRecord.objects.filter(
        kind=TrashedRecord.Kind.CONTACT, record_id__in=subject.ids
    )
    for entry in entries:
        row = entry.data["row"]
        row |= dict.fromkeys(TEXTS, "") | {"name": token, "last_name": token, "company_id": None}
        # Keys are computed anew when it comes back.
        row |= {"search_key": "", "sort_key": "", "folded": {}}
        row |= {"match_name": "", "match_phone": "", "match_email": ""}
        entry.data |= {"details": [], "tags": [], "values": []}
        for link in entry.data.get("links", []):
            link["role"] = ""
        entry.name = token
        entry.save(update_fields=["name", "data"])
    for entry in trashed_deals(subject):
        row = entry.data["row"]
        entry.name = own.replaced(entry.name, token)[:255]
        row["name"] = own.replaced(row["name"], token)[:255]
        row |= {"search_key": "", "sort_key": "", "folded_name": ""}
        for link in entry.data.get("links", []):
            if link["contact_id"] == subject.pk:
                link["role"] = ""
        entry.save(update_fields=["name", "data"])
    return len(entries)


def _bulk_rows(subject: Subject) -> int:
    """Rows of runs lose what they would put back, and are not put back: no undo brings the person again."""
    rows: QuerySet[Any] = BulkRow.objects.filter(run__record="contact", record_id__in=subject.ids)
    filled = rows.exclude(before="", after="", reason="")
    done = filled.filter(state=BulkRow.State.DONE)
    for run_id in list(done.order_by().values_list("run", flat=True)):
        BulkRun.objects.filter(pk=run_id).update(done=F("done") - 1, refused=F("refused") + 1)
    number = done.update(
        state=BulkRow.State.REFUSED, before="", after="", reason=_("This person was erased.")
    )
    filled.exclude(before="", after="").update(before="", after="", reason="")
    # What was set on nobody else was theirs.
    alone = BulkRun.objects.filter(record="contact", total=1, rows__record_id__in=subject.ids)
    for run in alone:
        run.params, run.sentence = _emptied(run.params), ""
        run.save(update_fields=["params", "sentence"])
    return number


def _imported(subject: Subject) -> int:
    """The key of a source may be an address. Loaded again the person is new, and warned of."""
    kinds = [ImportedRecord.Kind.PERSON, ImportedRecord.Kind.COMPANY]
    return ImportedRecord.objects.filter(kind__in=kinds, record_id__in=subject.ids).delete()[0]


def _admin_log(subject: Subject, token: str) -> None:
    contacts = Q(content_type__app_label="contacts", content_type__model="contact")
    rows = LogEntry.objects.filter(contacts, object_id__in=map(str, subject.ids))
    rows.update(object_repr=token, change_message="")
    loose = subject.needles.rows(LogEntry.objects.all(), ["object_repr", "change_message"])
    subject.needles.rewrite(LogEntry, loose, ["object_repr", "change_message"], token)


def _addresses(needles: Needles) -> int:
    """A short address is the hash of what it stands for: another content needs another one."""
    written = Needles(needles.texts, in_addresses=True)
    found = written.rows(ListAddress.objects.all(), ["query"])
    return ListAddress.objects.filter(pk__in=[one.pk for one in found]).delete()[0]


def _slugs(needles: Needles) -> None:
    """Addresses of saved lists, which are made of their names."""
    told = Needles([slugify(one, allow_unicode=True) for one in needles.texts])
    for one in told.rows(SmartList.objects.all(), ["slug"]):
        SmartList.objects.filter(pk=one.pk).update(slug=f"list-{one.pk}")


def _sessions(needles: Needles, token: str) -> None:
    """Messages that wait to be shown."""
    store = SessionStore()
    for session in Session.objects.iterator():
        data = store.decode(session.session_data)
        new = needles.replaced(data, token)
        if new != data:
            Session.objects.filter(pk=session.pk).update(session_data=store.encode(new))


def _entries(subject: Subject, needles: Needles, token: str) -> int:
    """Who did what and when stays; values do not."""
    about = Entry.objects.filter(record="contacts.contact", record_id__in=subject.ids)
    changed = list(about)
    for one in changed:
        one.record_name = token
        one.before, one.after = _emptied(one.before), _emptied(one.after)
        one.details = {
            name: value if name in _OF_THE_ACT else _emptied(value)
            for name, value in one.details.items()
        }
    known = {one.pk for one in changed}
    texts = ["record_name", "before", "after", "details"]
    for one in needles.rows(Entry.objects.all(), texts):
        if one.pk not in known:
            for name in texts:
                setattr(one, name, needles.replaced(getattr(one, name), token))
            one.record_name = one.record_name[:255]
            changed.append(one)
    with gate.opened():
        gate.rewrite(changed, texts)
    return len(changed)


def _emptied(value: Any) -> Any:
    """The shape of ``value`` with nothing in it."""
    if isinstance(value, dict):
        return {name: _emptied(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_emptied(one) for one in value]
    return value if value is None or isinstance(value, bool) else WITHHELD


def forget_words(words: Iterable[str]) -> None:
    """Drop from the vocabulary of search those of ``words`` that nobody has any more."""
    for word in words:
        held = {"search_key__contains": f" {word} "}
        if not (Contact.objects.filter(**held).exists() or Deal.objects.filter(**held).exists()):
            SearchWord.objects.filter(word=word).delete()


def forget_unused_words() -> int:
    """Drop the words of search that nobody has any more, as former names; returns how many.

    One that comes back meanwhile is only not found with a letter wrong.
    """
    used: set[str] = set()
    for model in (Contact, Deal):
        keys: Any = model._default_manager.order_by().values_list("search_key", flat=True)
        for key in keys.iterator():
            used.update(key.split())
    known = SearchWord.objects.order_by().values_list("pk", "word").iterator()
    gone = [pk for pk, word in known if word not in used]
    for ids in batched(gone, 1_000):
        SearchWord.objects.filter(pk__in=ids).delete()
    return len(gone)


# -- files


def files_at_hand() -> list[Path]:
    """Files of exports that people could still fetch, and those being written: any of them may have the person."""
    kept = BulkRun.objects.filter(action__endswith=".export").exclude(file="").exclude(file=None)
    media = Path(settings.MEDIA_ROOT)
    return [*(media / str(run.file.name) for run in kept), *folder().glob("*.part")]


def remove_files() -> int:
    """Remove them; whoever needs one exports again. Returns how many."""
    runs = BulkRun.objects.filter(action__endswith=".export").exclude(file="").exclude(file=None)
    number = 0
    for run in runs:
        run.file.delete(save=False)
        BulkRun.objects.filter(pk=run.pk).update(file="", file_name="")
        number += 1
    # Of runs that were cancelled or failed: nothing is being written now.
    for part in folder().glob("*.part"):
        part.unlink(missing_ok=True)
        number += 1
    return number
