"""Making two contacts of one again.

Every row that the merge changed is looked at again. What still holds what the merge wrote gets
back what it held before; what was edited since stays as it is, and is told. Facts and statuses
are not put back: they are counted anew, as after any change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.events import contact_unmerged
from contacts.models import Contact, StatusChange
from crm.actor import current_actor
from crm.changes import Change, one_change
from crm.trash.models import TrashedRecord
from crm.trash.services import instance_of
from deals.models import Deal, MergeRecord
from deals.services import pictures, trash
from deals.services.names import names_of, sees_all_deals
from deals.services.parting import Parting
from deals.services.survivor import SurvivorBefore
from deals.services.sync import settle_now, sync_statuses

Cause = StatusChange.Cause
Kind = TrashedRecord.Kind


def undo_merge(record: MergeRecord) -> list[str]:
    """Bring the merged contact back under its old number, and give both back what they had.

    Returns, in sentences, what stays as it is because somebody edited it since. Raises
    ``ValidationError`` when the two cannot be parted any more, with what is in the way; then
    nothing has changed.
    """
    with one_change() as change:
        settle_now()
        record = _open(record)
        with _undoing(change):
            told = _part(change, record)
        record.undone_at, record.undone_by = timezone.now(), current_actor()
        # There is nothing more to give back.
        record.data = {}
        record.save(update_fields=["undone_at", "undone_by", "data"])
    return told


def _part(change: Change, record: MergeRecord) -> list[str]:
    """Give both back what they had, and settle; returns what stays otherwise."""
    survivor_id, merged_id, data = record.survivor_id, record.merged_id, record.data
    named = map(int, data["contacts"])
    scope = pictures.lock_scope(survivor_id, merged_id, named, map(int, data["stages"]))
    _refuse_gone(record)
    now = pictures.picture(scope)
    merged = _bring_back(record)
    parting = Parting(survivor_id, merged_id, data, now)
    parting.run()
    before = SurvivorBefore(change, survivor_id, data, now)
    before.give_back()
    ids = {"survivor_id": survivor_id, "merged_id": merged_id}
    told: list[str] = []
    contact_unmerged.send(Contact, **ids, remembered=data["remembered"], told=told)
    _refuse_circles(merged)
    change.recounted_contacts |= {survivor_id, merged_id}
    sync_statuses(scope.deals)
    first = len(change.status_changes)
    settle_now()
    before.date_statuses(change.status_changes[first:])
    return [*parting.told, *before.told, *told]


@contextmanager
def _undoing(change: Change) -> Iterator[None]:
    """Say so in the history, and let nobody keep a win: it came by the merge alone."""
    outside = change.cause, change.keep_wins
    change.cause, change.keep_wins = Cause.UNMERGED, False
    try:
        yield
    finally:
        change.cause, change.keep_wins = outside


def _open(record: MergeRecord) -> MergeRecord:
    """The record as stored, locked, so that two cannot undo it at once."""
    stored = MergeRecord.objects.select_for_update().filter(pk=record.pk).first()
    if stored is None:
        raise ValidationError(_("This merge is not recorded any more."))
    if stored.undone_at is not None:
        raise ValidationError(_("This merge is undone already."))
    return stored


def _refuse_gone(record: MergeRecord) -> None:
    """Raise for what would have to be there, and is not."""
    names = {"survivor": record.survivor_name, "merged": record.merged_name}
    if not Contact.objects.filter(pk=record.survivor_id).exists():
        raise ValidationError(_why_gone(record) % names)
    if Contact.objects.filter(pk=record.merged_id).exists():
        raise ValidationError(_("%(merged)s is there already.") % names)
    ids = record.data["deals_of_merged"]
    present = set(Deal.objects.filter(pk__in=ids).values_list("pk", flat=True))
    gone = TrashedRecord.objects.filter(kind=Kind.DEAL, record_id__in=set(ids) - present)
    if deals := list(gone.order_by("pk").values_list("name", flat=True)):
        # Whose a deal was, nobody can tell any more.
        told = deals if sees_all_deals(current_actor()) else [None] * len(deals)
        raise ValidationError(
            _("Deals of %(merged)s were deleted since: %(deals)s. Restore them first.")
            % {**names, "deals": names_of(told)}
        )


def _why_gone(record: MergeRecord) -> str:
    if survivor_of(record.survivor_id) is not None:
        return _(
            "%(survivor)s was itself merged into another contact since. Undo that merge first."
        )
    if TrashedRecord.objects.filter(kind=Kind.CONTACT, record_id=record.survivor_id).exists():
        return _("%(survivor)s is deleted. Restore it first.")
    return _("%(survivor)s does not exist any more.")


def survivor_of(contact_id: int) -> int | None:
    """The number of the contact that this one, which is gone, became part of; None for none."""
    merges = MergeRecord.objects.filter(merged_id=contact_id, undone_at=None)
    survivor_id = merges.order_by("-pk").values_list("survivor_id", flat=True).first()
    if survivor_id is None or Contact.objects.filter(pk=survivor_id).exists():
        return survivor_id
    return survivor_of(survivor_id)


def _bring_back(record: MergeRecord) -> Contact:
    merged = instance_of(Contact, record.data["merged"])
    assert isinstance(merged, Contact)
    for name in ("company_id", "parent_company_id"):
        company_id = getattr(merged, name)
        if company_id is not None and not Contact.objects.filter(pk=company_id).exists():
            setattr(merged, name, survivor_of(company_id))
    trash.clear_missing(merged)
    trash.insert_as_stored(merged)
    return merged


def _refuse_circles(merged: Contact) -> None:
    """Raise where companies were put below each other meanwhile."""
    if merged.is_organization:
        Contact.objects.get(pk=merged.pk).clean()
