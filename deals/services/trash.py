"""Deals and contacts that go to the trash, and come back from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contacts.models import Contact, ContactDetail, StatusChange
from contacts.statuses import StatusKind
from crm.audit.models import Action
from crm.audit.services import record
from crm.changes import Change, one_change
from crm.trash.models import TrashedRecord
from crm.trash.services import instance_of, row_of
from deals.models import Deal, DealContact, DealParty, MergeRecord, Stage
from deals.services.carried import bring_back_carried, forget_changes, note_carried
from deals.services.sync import sync_statuses

Kind = TrashedRecord.Kind
Cause = StatusChange.Cause


def note(change: Change, instance: models.Model, origin: Any) -> None:
    """Note in ``change`` a row that is about to be deleted, and what hangs on it.

    ``origin`` is what the deletion began with, an instance or a queryset, as Django's signals
    say; a queryset is looked at once, whatever it holds.
    """
    source = getattr(origin, "model", type(origin))
    if isinstance(instance, Deal):
        change.deals.add(instance.pk)
        entry = _entry(change, Kind.DEAL, instance.pk, _as_stored(instance, origin))
        if "tags" not in entry.data:
            deleted = isinstance(origin, models.QuerySet) and source is Deal
            _note_labels(change, Kind.DEAL, origin if deleted else [instance])
    elif isinstance(instance, Contact):
        change.deleted_contacts.add(instance.pk)
        if change.cause != Cause.MERGED:
            entry = _entry(change, Kind.CONTACT, instance.pk, _as_stored(instance, origin))
            if "employees" not in entry.data:
                deleted = isinstance(origin, models.QuerySet) and source is Contact
                _note_ties(change, origin if deleted else [instance])
                _note_labels(change, Kind.CONTACT, origin if deleted else [instance])
    elif source is Deal and isinstance(instance, DealContact):
        entry = _entry(change, Kind.DEAL, instance.deal_id)
        entry.data["links"].append(row_of(instance))
    elif source is Contact and change.cause != Cause.MERGED:
        entry = _entry(change, Kind.CONTACT, instance.contact_id)  # type: ignore[attr-defined]
        hanging = "links" if isinstance(instance, DealContact) else "details"
        entry.data[hanging].append(row_of(instance))


def _as_stored(instance: models.Model, origin: Any) -> models.Model:
    # What a queryset deletes it has just read; an instance may have been loaded long ago.
    if origin is not instance:
        return instance
    return type(instance)._base_manager.filter(pk=instance.pk).first() or instance


def _entry(
    change: Change, kind: str, record_id: int, record: models.Model | None = None
) -> TrashedRecord:
    entry = change.trash.get((kind, record_id))
    if entry is None:
        data: dict[str, Any] = {"links": [], "details": [], "kept": [], "marks": {}}
        entry = TrashedRecord(kind=kind, record_id=record_id, data=data)
        change.trash[kind, record_id] = entry
    if record is not None:
        entry.name = str(record)[:255]
        entry.data["row"] = row_of(record)
    return entry


def _note_ties(change: Change, contacts: Iterable[Contact]) -> None:
    """Note who worked for these contacts, which deals were theirs, and their subsidiaries."""
    ids = [contact.pk for contact in contacts]
    for contact_id in ids:
        entry = _entry(change, Kind.CONTACT, contact_id)
        entry.data |= {"employees": [], "company_deals": [], "subsidiaries": []}
    for name, model, column in (
        ("employees", Contact, "company_id"),
        ("subsidiaries", Contact, "parent_company_id"),
        ("company_deals", Deal, "company_id"),
    ):
        rows = model._base_manager.filter(**{f"{column}__in": ids})
        for owner_id, pk in rows.values_list(column, "pk"):
            change.trash[Kind.CONTACT, owner_id].data[name].append(pk)


def _note_labels(change: Change, kind: str, records: Iterable[models.Model]) -> None:
    ids = [record.pk for record in records]
    for pk in ids:
        _entry(change, kind, pk)
    note_carried(change, kind, ids)


def forget(kind: str, record_ids: list[int]) -> None:
    """Drop the history of records that have left the trash for good, and what contacts were made of."""
    forget_changes(kind, record_ids)
    if kind != Kind.CONTACT:
        return
    StatusChange.objects.filter(contact__in=record_ids).delete()
    MergeRecord.objects.filter(merged_id__in=record_ids).delete()
    while record_ids:
        merges = MergeRecord.objects.filter(survivor_id__in=record_ids)
        # Who became part of them goes with them; who was parted from them again stays.
        parts = merges.filter(undone_at=None)
        record_ids = list(parts.values_list("merged_id", flat=True))
        merges.delete()


def restore(entry: TrashedRecord) -> Contact | Deal:
    """Bring a record back under its old number, with its ties and its statuses right.

    Raises ``ValidationError`` when what it cannot be without is gone, naming it; then nothing
    has changed.
    """
    with one_change(cause=Cause.DEAL_RESTORED):
        if entry.kind == Kind.DEAL:
            restored: Contact | Deal = _restore_deal(entry)
        else:
            restored = _restore_contact(entry)
        entry.delete()
        record(Action.RESTORED, restored)
    restored.refresh_from_db()
    return restored


def insert_as_stored(instance: models.Model) -> None:
    """Raw, as a fixture is loaded: what was stored comes back as it was, marks included.

    Keys are computed anew: the company may have got another name, and keys another form.
    """
    keyed = instance if isinstance(instance, Contact | Deal) else None
    if keyed:
        keyed.set_keys()
    instance.save_base(raw=True, force_insert=True)
    if keyed:
        keyed.keys_saved()


def _restore_deal(entry: TrashedRecord) -> Deal:
    deal = instance_of(Deal, entry.data["row"])
    assert isinstance(deal, Deal)
    if not Contact.objects.filter(pk=deal.primary_contact_id).exists():
        gone = TrashedRecord.objects.filter(
            kind=Kind.CONTACT, record_id=deal.primary_contact_id
        ).first()
        raise ValidationError(
            _("The main contact of “%(deal)s”, %(contact)s, is deleted. Restore it first.")
            % {"deal": deal.name, "contact": gone.name if gone else deal.primary_contact_id}
        )
    if not Stage.objects.filter(pk=deal.stage_id).exists():
        raise ValidationError(
            _("The stage that “%(deal)s” was in does not exist any more.") % {"deal": deal.name}
        )
    clear_missing(deal)
    insert_as_stored(deal)
    links = [DealContact(**link) for link in entry.data["links"]]
    present = _present(Contact, {link.contact_id for link in links})
    for link in links:
        if link.contact_id in present:
            insert_as_stored(link)
    bring_back_carried(entry)
    _restore_kept(entry.data["kept"])
    with one_change() as change:
        change.new_deals.add(deal.pk)
        for contact_id, marks in entry.data["marks"].items():
            _return_marks(change, int(contact_id), marks)
        sync_statuses([deal.pk])
    return deal


def _return_marks(change: Change, contact_id: int, marks: dict[str, Any]) -> None:
    """Set the marks again that went with the deal, where nothing was selected since."""
    contact = Contact.objects.filter(pk=contact_id).first()
    for kind in StatusKind.values:
        if contact and marks.get(f"{kind}_mark") and not getattr(contact, f"{kind}_mark"):
            ours = {name: marks[name] for name in marks if name.startswith(kind)}
            ours[f"{kind}_marked_at"] = parse_datetime(ours[f"{kind}_marked_at"])
            change.marks.setdefault(contact_id, {}).update(ours)


def _restore_contact(entry: TrashedRecord) -> Contact:
    contact = instance_of(Contact, entry.data["row"])
    assert isinstance(contact, Contact)
    clear_missing(contact)
    insert_as_stored(contact)
    for detail in entry.data["details"]:
        insert_as_stored(ContactDetail(**detail))
    links = [DealContact(**link) for link in entry.data["links"]]
    deals = _present(Deal, {link.deal_id for link in links})
    stars = dict(Deal.objects.filter(pk__in=deals).values_list("pk", "primary_contact_id"))
    for link in links:
        if link.deal_id in deals and stars[link.deal_id] != contact.pk:
            insert_as_stored(link)
    bring_back_carried(entry)
    _restore_kept(entry.data["kept"])
    ids = entry.data
    Contact.objects.filter(pk__in=ids["employees"], company=None).update(company=contact)
    Contact.objects.filter(pk__in=ids["subsidiaries"], parent_company=None).update(
        parent_company=contact
    )
    Deal.objects.filter(pk__in=ids["company_deals"], company=None).update(company=contact)
    with one_change() as change:
        # It comes back with the statuses it went with, so that history tells what changed since.
        change.recounted_contacts.add(contact.pk)
        sync_statuses(deals | {deal_id for deal_id, _contact in ids["kept"]})
    return contact


def _restore_kept(pairs: list[list[int]]) -> None:
    """Put kept wins back, of deals that are there and won, for contacts that are there."""
    won = _present(Deal.objects.won().model, {deal for deal, _contact in pairs}, group="won")
    present = _present(Contact, {contact for _deal, contact in pairs})
    DealParty.objects.bulk_create(
        [
            DealParty(deal_id=deal, contact_id=contact, kept=True)
            for deal, contact in pairs
            if deal in won and contact in present
        ],
        ignore_conflicts=True,
    )


def _present(model: type[models.Model], ids: set[int], **conditions: Any) -> set[int]:
    rows = model._base_manager.filter(pk__in=ids, **conditions)
    return set(rows.values_list("pk", flat=True))


def clear_missing(instance: models.Model) -> None:
    """Empty the optional references of ``instance`` whose target is gone."""
    for field in instance._meta.concrete_fields:
        if isinstance(field, models.ForeignKey) and field.null:
            target = getattr(instance, field.attname)
            if target is not None and not _present(field.related_model, {target}):
                setattr(instance, field.attname, None)
