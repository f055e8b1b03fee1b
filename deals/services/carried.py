"""What goes to the trash with a contact or deal and comes back with it: tags, values, collaborators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models
from django.db.models import Q

from contacts.models import Contact
from contacts.models.labels import PROSPECT_OR_CUSTOMER
from crm.accounts.models import User
from crm.changes import Change
from crm.trash.models import TrashedRecord
from deals.models import MergeRecord
from settings.holders import Holder, holder_of, holders
from settings.services.returning import Row, as_if_there, kept_row, made_of

Kind = TrashedRecord.Kind


def note_carried(change: Change, kind: str, ids: Iterable[int]) -> None:
    """Note in the entries of these records, which are in ``change``, what they carry, seen or not; of contacts also
    the values elsewhere that name them.
    """
    ids = list(ids)
    for pk in ids:
        data = change.trash[kind, pk].data
        data |= {"tags": [], "values": [], "collaborators": []}
        if kind == Kind.CONTACT:
            data["named"] = {holder.record: [] for holder in holders()}
    holder = holder_of(kind)
    of_these = Q((f"{holder.key}__in", ids))
    for pk, user in _collaborations(holder).filter(of_these).values_list(holder.key_id, "user"):
        change.trash[kind, pk].data["collaborators"].append(user)
    for link in holder.links._default_manager.filter(of_these):
        change.trash[kind, getattr(link, holder.key_id)].data["tags"].append(kept_row(link))
    for value in holder.values._default_manager.filter(of_these).select_related("field"):
        change.trash[kind, getattr(value, holder.key_id)].data["values"].append(kept_row(value))
    if kind == Kind.CONTACT:
        for other in holders():
            values: Any = other.values._default_manager
            for value in values.filter(record__in=ids).select_related("field"):
                entry = change.trash[kind, value.record_id]
                entry.data["named"][other.record].append(kept_row(value))


def bring_back_carried(entry: TrashedRecord) -> None:
    """Give a record that is there again its tags and values, as far as what they are of still exists."""
    holder = holder_of(entry.kind)
    users = User.objects.filter(pk__in=entry.data.get("collaborators", []))
    collaborations = _collaborations(holder)
    collaborations.bulk_create(
        [
            collaborations.model(**{holder.key_id: entry.record_id}, user=user)
            for user in users.order_by("pk")
        ],
        ignore_conflicts=True,
    )
    for model, rows in (
        (holder.links, entry.data.get("tags", [])),
        (holder.values, entry.data.get("values", [])),
    ):
        _insert(holder, model, rows, entry)
    for record, rows in entry.data.get("named", {}).items():
        other = holder_of(record)
        there = _there(other.model, {row[other.key_id] for row in rows})
        away = [row for row in rows if row[other.key_id] not in there]
        # Whoever named it is in the trash itself by now: it takes the value along.
        _leave(record, other.key_id, away, lambda data: data.setdefault("values", []))
        _insert(other, other.values, [row for row in rows if row[other.key_id] in there], entry)


def _collaborations(holder: Holder) -> Any:
    related: Any = holder.model._meta.get_field("collaborations")
    return related.related_model._default_manager.order_by("pk")


def _insert(
    holder: Holder, model: type[models.Model], rows: Iterable[Row], entry: TrashedRecord
) -> None:
    rows = _naming(holder, list(rows))
    members = _members(holder, {row[holder.key_id] for row in rows})
    found = as_if_there(
        model, rows, key=holder.key_id, since=entry.deleted_at, belongs=members.__contains__
    )
    # Whoever was given another value meanwhile keeps it.
    model._default_manager.bulk_create(made_of(model, found), ignore_conflicts=True)


def _members(holder: Holder, ids: set[int]) -> set[int]:
    if holder.model is not Contact or not ids:
        return set()
    members = Contact.objects.filter(PROSPECT_OR_CUSTOMER, pk__in=ids)
    return set(members.order_by().values_list("pk", flat=True))


def _naming(holder: Holder, rows: list[Row]) -> list[Row]:
    """``rows`` without those that name a contact which is not there; one in the trash brings its own along."""
    named = {row["record_id"] for row in rows if row.get("record_id")}
    if not named:
        return rows
    there = _there(Contact, named)
    merged = survivors_of(named - there)
    found: list[Row] = []
    away: list[Row] = []
    for row in rows:
        pk = row.get("record_id", 0)
        if pk in merged:
            row = {**row, "record_id": merged[pk]}
        (found if not pk or pk in there or pk in merged else away).append(row)
    _leave(
        Kind.CONTACT,
        "record_id",
        away,
        lambda data: data.setdefault("named", {}).setdefault(holder.record, []),
    )
    return found


def _leave(kind: str, key: str, rows: Iterable[Row], place: Any) -> None:
    """Put rows into the entries of those, named by ``key``, that are in the trash."""
    by_record: dict[int, list[Row]] = {}
    for row in rows:
        by_record.setdefault(row[key], []).append(row)
    if not by_record:
        return
    for entry in TrashedRecord.objects.filter(kind=kind, record_id__in=by_record):
        rows_there = place(entry.data)
        known = {row["id"] for row in rows_there}
        rows_there += [row for row in by_record[entry.record_id] if row["id"] not in known]
        entry.save(update_fields=["data"])


def survivors_of(ids: set[int]) -> Mapping[int, int]:
    """Of these contacts, which are gone, those that became part of one that is there."""
    found: dict[int, int] = {}
    looking = {pk: pk for pk in ids}
    while looking:
        merges = MergeRecord.objects.filter(merged_id__in=looking.values(), undone_at=None)
        into = dict(merges.order_by("pk").values_list("merged_id", "survivor_id"))
        there = _there(Contact, set(into.values()))
        looking = {pk: into[last] for pk, last in looking.items() if last in into}
        found |= {pk: last for pk, last in looking.items() if last in there}
        looking = {pk: last for pk, last in looking.items() if last not in there}
    return found


def _there(model: type[models.Model], ids: set[int]) -> set[int]:
    rows = model._base_manager.filter(pk__in=ids)
    return set(rows.values_list("pk", flat=True)) if ids else set()


def forget_changes(kind: str, ids: list[int]) -> None:
    """Drop the history of tags and fields of records that are gone for good."""
    holder = holder_of(Kind(kind).value)
    holder.changes._default_manager.filter(Q((f"{holder.key}__in", ids))).delete()
