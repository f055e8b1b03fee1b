"""Making one contact of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.events import contact_merged
from contacts.keys import digits
from contacts.models import Contact, ContactDetail, StatusChange
from contacts.statuses import StatusKind
from crm.actor import current_actor
from crm.changes import Change, one_change
from crm.trash.services import row_of
from deals.models import Deal, DealContact, DealParty, MergeRecord
from deals.services import pictures, sql
from deals.services.sync import settle_now

# The fields of a contact that a merge may give another value.
OF_BOTH = ("owner", "email", "phone", "mobile", "website", "language", "street", "postal_code", "city",
           "state", "country", "description")  # fmt: skip
OF_PEOPLE = ("first_name", "last_name", "title", "company", *OF_BOTH)
OF_COMPANIES = ("name", "industry", "parent_company", *OF_BOTH)
# What a contact may have several of, by the kind of detail that holds the others.
SEVERAL = {
    "email": ContactDetail.Kind.EMAIL,
    "phone": ContactDetail.Kind.PHONE,
    "mobile": ContactDetail.Kind.PHONE,
    "website": ContactDetail.Kind.WEBSITE,
}


def mergeable_fields(contact: Contact) -> tuple[str, ...]:
    """The names of the fields that ``merge_contacts`` takes values for."""
    return OF_COMPANIES if contact.is_organization else OF_PEOPLE


def merge_contacts(
    survivor: Contact,
    merged: Contact,
    *,
    values: Mapping[str, Any] | None = None,
    keep_others: bool = False,
    kept: Mapping[int, str] | None = None,
) -> MergeRecord:
    """Give ``survivor`` the deals, associations, employees, kept wins and history of ``merged``.

    ``merged`` is gone afterwards; of two marks for one status the later one stays. A deal keeps
    its company, or has the survivor where the merged contact was it. The survivor's own fields
    stay as they are, apart from ``values``; with ``keep_others``, e-mail addresses, numbers and
    websites of either that would be lost become further ones. Tags come together; of a custom
    field the survivor's value stays, where it has one, or what ``kept`` says by the number of the
    field: “ours”, “theirs” or, of several choices, “both”. Returns what ``undo_merge`` takes.
    Raises ``ValidationError`` for a contact and itself, for a person and a company, for one that
    is gone, and for values that the survivor cannot have.
    """
    _refuse_pair(survivor, merged)
    with one_change() as change:
        settle_now()
        around = _below(merged) | _companies(survivor, merged, values or {})
        scope = pictures.lock_scope(survivor.pk, merged.pk, around)
        change.deals |= scope.deals
        record = _merge(
            change, scope, _stored(survivor), _stored(merged), values, keep_others, kept
        )
        survivor.refresh_from_db()
        record.survivor_name = survivor.name
        record.save()
    return record


def _merge(
    change: Change,
    scope: pictures.Scope,
    ours: Contact,
    theirs: Contact,
    values: Mapping[str, Any] | None,
    keep_others: bool,
    kept: Mapping[int, str] | None,
) -> MergeRecord:
    """Merge and settle; returns the record, unsaved, of what that changed."""
    before = pictures.picture(scope)
    reached_at = [*_reached_at(ours), *_reached_at(theirs)] if keep_others else []
    cause, change.cause = change.cause, StatusChange.Cause.MERGED
    record = MergeRecord(
        survivor_id=ours.pk,
        merged_id=theirs.pk,
        merged_name=theirs.name,
        merged_by=current_actor(),
        data=_join(change, ours, theirs, values or {}, kept or {}),
    )
    _keep_others(ours, reached_at)
    settle_now()
    change.cause = cause
    record.data |= pictures.told_of(scope, before, pictures.picture(scope))
    return record


def _refuse_pair(survivor: Contact, merged: Contact) -> None:
    if survivor.pk == merged.pk:
        raise ValidationError(_("Choose two contacts to merge."))
    if survivor.is_organization != merged.is_organization:
        raise ValidationError(_("A person and a company cannot be merged."))


def _below(company: Contact) -> set[int]:
    """The ids of its employees and subsidiaries."""
    below = Contact.objects.filter(Q(company=company.pk) | Q(parent_company=company.pk))
    return set(below.order_by().values_list("pk", flat=True))


def _companies(survivor: Contact, merged: Contact, values: Mapping[str, Any]) -> set[int]:
    """The ids of the companies that deals without one may take from their new star."""
    pair = Contact.objects.filter(pk__in=[survivor.pk, merged.pk], company__isnull=False)
    chosen = {value.pk for value in values.values() if isinstance(value, Contact)}
    return chosen | set(pair.order_by().values_list("company_id", flat=True))


def _stored(contact: Contact) -> Contact:
    stored = Contact.objects.filter(pk=contact.pk).first()
    if stored is None:
        raise ValidationError(_("%(name)s is deleted.") % {"name": contact.name})
    return stored


def _join(
    change: Change,
    ours: Contact,
    theirs: Contact,
    values: Mapping[str, Any],
    kept: Mapping[int, str],
) -> dict[str, Any]:
    """Take every step of the merge; returns what the rows that stay do not tell about it."""
    row = row_of(theirs)
    states = {state.id: state for state in sql.lock_contacts_by_id([ours.pk, theirs.pk])}
    change.marks[ours.pk] = _later_marks(states[ours.pk].before, states[theirs.pk].before)
    _move_deals(change, ours.pk, theirs.pk)
    Contact.objects.filter(company=theirs).update(company=ours)
    _take_subsidiaries(ours, theirs)
    ContactDetail.objects.filter(contact=theirs).update(contact=ours)
    history = StatusChange.objects.filter(contact=theirs.pk)
    moved = list(history.order_by("pk").values_list("pk", flat=True))
    history.update(contact=ours.pk)
    remembered: dict[str, Any] = {}
    ids = {"survivor_id": ours.pk, "merged_id": theirs.pk}
    contact_merged.send(Contact, **ids, remembered=remembered, kept=kept)
    Contact.objects.get(pk=theirs.pk).delete()
    # A parent that is one of the two is none any more.
    pair = (ours, theirs)
    _take_values(ours, {name: None if value in pair else value for name, value in values.items()})
    return {"merged": row, "history": moved, "remembered": remembered}


def _later_marks(ours: Any, theirs: Any) -> dict[str, Any]:
    marks: dict[str, Any] = {}
    for kind in StatusKind.values:
        mine, other = getattr(ours, f"{kind}_marked_at"), getattr(theirs, f"{kind}_marked_at")
        if other is not None and (mine is None or other > mine):
            for name in ("mark", "marked_at", "marked_by", "mark_had_deal"):
                marks[f"{kind}_{name}"] = getattr(theirs, f"{kind}_{name}")
    return marks


def _move_deals(change: Change, survivor_id: int, merged_id: int) -> None:
    # The company is named with the star, so that it stays instead of following the new star.
    starred = Deal.objects.filter(primary_contact=merged_id)
    starred.filter(company=merged_id).update(primary_contact=survivor_id, company=survivor_id)
    starred.update(primary_contact=survivor_id, company=F("company"))
    Deal.objects.filter(company=merged_id).update(company=survivor_id)
    for model in (DealContact, DealParty):
        rows = model._base_manager.filter(contact=merged_id)
        shared = model._base_manager.filter(contact=survivor_id).values_list("deal", flat=True)
        rows.filter(deal__in=list(shared)).delete()
        if model is DealParty:
            deals = rows.values_list("deal_id", flat=True)
            change.merged_parties |= {(deal_id, survivor_id) for deal_id in deals}
        rows.update(contact=survivor_id)


def _take_subsidiaries(ours: Contact, theirs: Contact) -> None:
    """Put the subsidiaries of ``theirs`` below ``ours``, which takes its place if it was below."""
    if _is_below(ours, theirs):
        # Another version, so that a form that is open now does not put the old parent back.
        own = Contact.objects.filter(pk=ours.pk)
        own.update(parent_company=None, updated_at=timezone.now())
    Contact.objects.filter(parent_company=theirs).update(parent_company=ours)


def _is_below(contact: Contact, company: Contact) -> bool:
    seen: set[int] = set()
    above = contact.parent_company_id
    while above is not None and above != company.pk and above not in seen:
        seen.add(above)
        rows = Contact.objects.filter(pk=above).values_list("parent_company_id", flat=True)
        above = rows.first()
    return above == company.pk


def _take_values(survivor: Contact, values: Mapping[str, Any]) -> None:
    """Save the fields that get another value. The survivor's other columns may be old."""
    allowed = mergeable_fields(survivor)
    if unknown := sorted(set(values) - set(allowed)):
        raise ValueError(f"{', '.join(unknown)} cannot be given a value by a merge.")
    survivor.refresh_from_db()
    changed = [name for name, value in values.items() if getattr(survivor, name) != value]
    if not changed:
        return
    for name in changed:
        setattr(survivor, name, values[name])
    others = {field.name for field in survivor._meta.fields} - set(changed)
    survivor.clean_fields(exclude=others)
    survivor.clean()
    survivor.validate_constraints()
    survivor.save(update_fields=changed)


def _reached_at(contact: Contact) -> list[tuple[str, str, str]]:
    """The addresses and numbers in its own fields: kind, label, value."""
    label = {"mobile": str(Contact._meta.get_field("mobile").verbose_name)}  # type: ignore[union-attr]
    return [
        (kind.value, label.get(name, ""), getattr(contact, name))
        for name, kind in SEVERAL.items()
        if getattr(contact, name)
    ]


def _keep_others(survivor: Contact, reached_at: Sequence[tuple[str, str, str]]) -> None:
    """Make further addresses and numbers of those that the survivor does not hold by now."""
    stored = Contact.objects.get(pk=survivor.pk)
    held = {_same(kind, value) for kind, _label, value in _reached_at(stored)}
    held |= {_same(*pair) for pair in stored.details.values_list("kind", "value")}
    for kind, label, value in reached_at:
        if _same(kind, value) not in held:
            held.add(_same(kind, value))
            ContactDetail.objects.create(contact=stored, kind=kind, label=label, value=value)


def _same(kind: str, value: str) -> tuple[str, str]:
    """Alike for two spellings of one address or number."""
    if kind == ContactDetail.Kind.PHONE:
        return kind, digits(value) or value
    return kind, value.casefold().removesuffix("/")
