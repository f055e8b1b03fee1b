"""Into the trash, out of it, and the end of what lay there too long."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.dispatch import Signal
from django.utils import timezone

from crm.actor import current_actor
from crm.audit.models import Action
from crm.audit.services import about, record, record_many
from crm.trash.models import TrashedRecord

KEPT_FOR = timedelta(days=30)
# What the audit log calls the records of a kind.
LABELS = {
    TrashedRecord.Kind.CONTACT.value: "contacts.contact",
    TrashedRecord.Kind.DEAL.value: "deals.deal",
}

# Sent with ``kind`` and ``record_ids`` when records leave the trash for good, so that the rooms
# above can drop what they still hold about them.
records_purged = Signal()


def plain(value: Any) -> Any:
    """``value`` for JSON, to the microsecond, which Django's own encoder cuts off."""
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def row_of(instance: models.Model) -> dict[str, Any]:
    """The stored columns of ``instance`` by attribute name, generated ones left out."""
    return {
        field.attname: plain(getattr(instance, field.attname))
        for field in instance._meta.concrete_fields
        if not field.generated
    }


def instance_of(model: type[models.Model], row: dict[str, Any]) -> models.Model:
    """An unsaved ``model`` from what ``row_of`` gave, after its way through JSON.

    Columns that the model no longer has are dropped; new ones take their default.
    """
    values = {}
    for field in model._meta.concrete_fields:
        if not field.generated and field.attname in row:
            values[field.attname] = field.to_python(row[field.attname])
    return model(**values)


def put(entries: Iterable[TrashedRecord]) -> None:
    """Store ``entries``; one of an earlier deletion of the same record gives way."""
    entries = list(entries)
    actor = current_actor()
    for entry in entries:
        entry.deleted_by = actor
    TrashedRecord.objects.bulk_create(
        entries,
        update_conflicts=True,
        unique_fields=["kind", "record_id"],
        update_fields=["name", "data", "deleted_at", "deleted_by"],
    )
    record_many(
        about(LABELS[entry.kind], entry.record_id, entry.name, Action.DELETED) for entry in entries
    )


@transaction.atomic
def purge_expired() -> int:
    """Drop what lay in the trash for over 30 days; returns how many records."""
    expired = TrashedRecord.objects.filter(deleted_at__lt=timezone.now() - KEPT_FOR)
    purged = 0
    for kind in TrashedRecord.Kind.values:
        ids = list(expired.filter(kind=kind).values_list("record_id", flat=True))
        if ids:
            records_purged.send(TrashedRecord, kind=kind, record_ids=ids)
            purged += len(ids)
    expired.delete()
    if purged:
        record(Action.DELETED, number=purged, how="trash_emptied")
    return purged
