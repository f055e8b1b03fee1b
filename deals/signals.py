"""Who changed, and which deals does it concern? The receivers only ask; the service acts."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from contacts.events import company_changing
from contacts.models import Contact, ContactDetail
from crm.changes import one_change
from crm.trash.services import records_purged
from deals.models import Deal, DealContact, Stage
from deals.services import lock_deals_of, sync_statuses, trash


@receiver(post_save, sender=Deal)
def deal_saved(instance: Deal, created: bool, raw: bool, **kwargs: Any) -> None:
    # Fixtures are made right by check_statuses, once all their rows are there.
    if not raw:
        with one_change() as change:
            if created:
                change.new_deals.add(instance.pk)
            sync_statuses([instance])


@receiver(post_save, sender=DealContact)
def link_saved(instance: DealContact, raw: bool, **kwargs: Any) -> None:
    if not raw:
        sync_statuses([instance.deal_id])


@receiver(post_delete, sender=DealContact)
def link_deleted(instance: DealContact, **kwargs: Any) -> None:
    sync_statuses([instance.deal_id])


@receiver(post_save, sender=Stage)
def stage_saved(instance: Stage, created: bool, raw: bool, **kwargs: Any) -> None:
    if not raw and not created:
        sync_statuses(Stage.deals_out_of_step([instance.pk]))


@receiver(company_changing)
def contacts_moving(contact_ids: list[int], **kwargs: Any) -> None:
    with one_change() as change:
        sync_statuses(lock_deals_of(contact_ids))
        change.moved_contacts.update(contact_ids)


@receiver(pre_delete, sender=Deal)
@receiver(pre_delete, sender=DealContact)
@receiver(pre_delete, sender=Contact)
@receiver(pre_delete, sender=ContactDetail)
def record_going(instance: Any, origin: Any, **kwargs: Any) -> None:
    with one_change() as change:
        trash.note(change, instance, origin)


@receiver(records_purged)
def trash_emptied(kind: str, record_ids: list[int], **kwargs: Any) -> None:
    trash.forget(kind, record_ids)
