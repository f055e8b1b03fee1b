"""What happens to the keys of a source when the records they led to go."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from contacts.events import contact_merged, contact_unmerged
from crm.trash.models import TrashedRecord
from crm.trash.services import records_purged
from imports.models import ImportedRecord

_CONTACTS = (ImportedRecord.Kind.COMPANY, ImportedRecord.Kind.PERSON)


@receiver(contact_merged)
def lead_to_survivor(
    survivor_id: int, merged_id: int, remembered: dict[str, Any], **kwargs: Any
) -> None:
    """The source still knows two; the next load finds one contact under both keys."""
    keys = ImportedRecord.objects.filter(kind__in=_CONTACTS, record_id=merged_id)
    remembered["imports"] = sorted(keys.values_list("pk", flat=True))
    keys.update(record_id=survivor_id)


@receiver(contact_unmerged)
def lead_back(survivor_id: int, merged_id: int, remembered: dict[str, Any], **kwargs: Any) -> None:
    """The keys that followed the merge find the contact again that they were given for."""
    keys = ImportedRecord.objects.filter(pk__in=remembered.get("imports", []))
    keys.filter(record_id=survivor_id).update(record_id=merged_id)


@receiver(records_purged)
def forget_keys(kind: str, record_ids: list[int], **kwargs: Any) -> None:
    """What is gone for good can be loaded again."""
    deals = kind == TrashedRecord.Kind.DEAL
    kinds = (ImportedRecord.Kind.DEAL,) if deals else _CONTACTS
    ImportedRecord.objects.filter(kind__in=kinds, record_id__in=record_ids).delete()
