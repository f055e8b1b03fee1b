"""Making one contact of two."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts.events import contact_merged
from contacts.models import Contact, ContactDetail, StatusChange
from contacts.statuses import StatusKind
from crm.changes import one_change
from deals.models import Deal, DealContact, DealParty
from deals.services import sql
from deals.services.sync import lock_deals_of, settle_now


def merge_contacts(survivor: Contact, merged: Contact) -> None:
    """Give ``survivor`` the deals, associations, employees, kept wins and history of ``merged``.

    ``merged`` is gone afterwards; of two marks for one status the later one stays. A deal keeps
    its company, or has the survivor where the merged contact was it. The survivor's own fields
    stay as they are. Raises ``ValidationError`` for a contact and itself, and for a person and a
    company.
    """
    if survivor.pk == merged.pk:
        raise ValidationError(_("Choose two contacts to merge."))
    if survivor.is_organization != merged.is_organization:
        raise ValidationError(_("A person and a company cannot be merged."))
    with one_change() as change:
        settle_now()
        cause, change.cause = change.cause, StatusChange.Cause.MERGED
        change.merged_contacts |= {survivor.pk, merged.pk}
        change.deals.update(lock_deals_of([survivor.pk, merged.pk]))
        states = {state.id: state for state in sql.lock_contacts_by_id([survivor.pk, merged.pk])}
        change.marks[survivor.pk] = _later_marks(
            states[survivor.pk].before, states[merged.pk].before
        )
        _move_deals(survivor.pk, merged.pk)
        Contact.objects.filter(company=merged).update(company=survivor)
        above = Contact.objects.filter(parent_company=merged)
        above.filter(pk=survivor.pk).update(parent_company=None)
        above.exclude(pk=survivor.pk).update(parent_company=survivor)
        ContactDetail.objects.filter(contact=merged).update(contact=survivor)
        StatusChange.objects.filter(contact=merged.pk).update(contact=survivor.pk)
        contact_merged.send(Contact, survivor_id=survivor.pk, merged_id=merged.pk)
        Contact.objects.get(pk=merged.pk).delete()
        settle_now()
        change.cause = cause
    survivor.refresh_from_db()


def _later_marks(ours: Any, theirs: Any) -> dict[str, Any]:
    marks: dict[str, Any] = {}
    for kind in StatusKind.values:
        mine, other = getattr(ours, f"{kind}_marked_at"), getattr(theirs, f"{kind}_marked_at")
        if other is not None and (mine is None or other > mine):
            for name in ("mark", "marked_at", "marked_by", "mark_had_deal"):
                marks[f"{kind}_{name}"] = getattr(theirs, f"{kind}_{name}")
    return marks


def _move_deals(survivor_id: int, merged_id: int) -> None:
    # The company is named with the star, so that it stays instead of following the new star.
    for deal_id, company_id in Deal.objects.filter(primary_contact=merged_id).values_list(
        "pk", "company_id"
    ):
        kept_company = survivor_id if company_id == merged_id else company_id
        Deal.objects.filter(pk=deal_id).update(primary_contact=survivor_id, company=kept_company)
    Deal.objects.filter(company=merged_id).update(company=survivor_id)
    for model in (DealContact, DealParty):
        rows = model._base_manager.filter(contact=merged_id)
        shared = model._base_manager.filter(contact=survivor_id).values_list("deal", flat=True)
        rows.filter(deal__in=shared).delete()
        rows.update(contact=survivor_id)
