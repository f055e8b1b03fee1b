"""Deleting, merging and moving tags and custom fields. Undoing it: ``undoing``.

A label that goes is marked as removed, and what it loses stays attached to it where nobody sees it. What others keep
is handed to the label it goes into, marked with the number of the removal: undoing hands exactly this back. So nothing
is copied, and a tag of 50,000 contacts is gone after one statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.actor import current_actor
from crm.changes import one_change
from crm.trash.services import KEPT_FOR
from settings.catalogue import forget
from settings.categories import Category, FieldType
from settings.holders import holder_for
from settings.models import CustomField, Removal, Tag
from settings.services import handing

How = Removal.How
Label = handing.Label
# Rows that leave for good in one transaction, when the time to undo is over.
PURGED_AT_ONCE = 5_000


@dataclass(frozen=True)
class Toll:
    """What a deletion, merge or move means, in records: how many keep what they carry, how many lose it, how many
    have both already (their own value of the other stays), and how many carry it unseen.

    ``name`` is what it is called afterwards, where it stays; None where it goes for good.
    """

    kept: int = 0
    lost: int = 0
    both: int = 0
    unseen: int = 0
    name: str | None = None


# -- what it would mean


def toll_of(label: Label, *, into: Label | None = None, everywhere: bool = False) -> Toll:
    """What deleting ``label`` means, or merging it into another; ``everywhere`` as ``delete_everywhere`` deletes."""
    holder, rows = handing.rows_of(label)
    key = holder.key_id
    members = holder.through(holder.members(Category.CUSTOMERS))
    in_category = label.category == Category.CUSTOMERS
    counts = rows.order_by().aggregate(
        all=models.Count(key, distinct=True),
        members=models.Count(key, distinct=True, filter=members),
    )
    unseen = counts["all"] - counts["members"] if in_category else 0
    if into is not None:
        return Toll(counts["all"], 0, _in_both(label, into, Q()), unseen, into.name)
    if label.category != Category.CONTACTS or everywhere:
        return Toll(0, counts["all"], 0, unseen)
    target = handing.alike(label, Category.CUSTOMERS)
    both = _in_both(label, target, members) if target else 0
    name = target.name if target else handing.free_name(label, Category.CUSTOMERS)
    return Toll(counts["members"], counts["all"] - counts["members"], both, 0, name)


def _in_both(label: Label, into: Label, which: Q) -> int:
    """How many records have a row of both that cannot be joined."""
    holder, rows = handing.rows_of(label)
    if isinstance(label, CustomField) and label.type == FieldType.CHOICES:
        return 0
    there = handing.rows_of(into)[1].filter(**{holder.key: OuterRef(holder.key)})
    return rows.filter(which).filter(Exists(there)).count()


# -- taking it


def delete_label(label: Label) -> Removal:
    """Delete a tag or field. One of Contacts stays with the prospects and customers that carry it: it goes into the
    one of the same name (and type) of Prospects & Customers, or is made there. One of the other categories is gone.
    """
    with one_change():
        label = _locked(label)
        if label.category != Category.CONTACTS:
            return _remove(label, How.DELETED)
        into = handing.alike(label, Category.CUSTOMERS)
        is_new = into is None
        if into is None:
            into = _copied(label, Category.CUSTOMERS)
        holder = holder_for(label.category)
        which = holder.through(holder.members(Category.CUSTOMERS))
        return _remove(label, How.DELETED, into, which, is_new=is_new)


def delete_everywhere(label: Label) -> list[Removal]:
    """Delete a tag or field of Contacts and the one of the same name of Prospects & Customers: nobody keeps it."""
    with one_change():
        other = handing.counterpart(label)
        found = [_locked(one) for one in sorted([label, *([other] if other else [])], key=_by_id)]
        return [_remove(one, How.DELETED) for one in found]


def merge_labels(label: Label, into: Label) -> Removal:
    """Make one of two tags, or of two fields of a type: whoever carries ``label`` carries ``into`` instead.

    Who has both keeps the value of ``into``. Raises ``ValidationError`` for two that cannot be one.
    """
    with one_change():
        _refuse_pair(label, into)
        both = {one.pk: _locked(one) for one in sorted([label, into], key=_by_id)}
        # One of them may have been given another type since it was read.
        _refuse_pair(both[label.pk], both[into.pk])
        return _remove(both[label.pk], How.MERGED, both[into.pk], Q())


def _refuse_pair(label: Label, into: Label) -> None:
    if type(label) is not type(into) or label.pk == into.pk:
        raise ValidationError(_("Choose two to merge."))
    if label.record != into.record:
        raise ValidationError(_("What belongs to deals cannot be merged with what is of contacts."))
    if isinstance(label, CustomField) and isinstance(into, CustomField) and label.type != into.type:
        raise ValidationError(
            _("“%(one)s” is of the type %(one_type)s and “%(other)s” of the type %(other_type)s.")
            % {
                "one": label.name,
                "one_type": label.get_type_display(),
                "other": into.name,
                "other_type": into.get_type_display(),
            }
        )


def move_label(label: Label) -> Removal:
    """Move a tag or field to the other category of contacts; if one of its name and type is there, into that one.

    Nobody loses anything: contacts outside of Prospects & Customers keep what moves there unseen. Raises
    ``ValidationError`` for a field whose name one of another type has there.
    """
    with one_change():
        label = _locked(label)
        if label.category == Category.DEALS:
            raise ValidationError(_("What belongs to deals cannot be moved to contacts."))
        category = handing.other_category(label.category)
        into = handing.alike(label, category)
        if into is not None:
            return _remove(label, How.MOVED, _locked(into), Q())
        handing.refuse_taken(label, category)
        kept = (
            handing.rows_of(label)[1]
            .order_by()
            .values(holder_for(label.category).key_id)
            .distinct()
        )
        removal = _noted(label, How.MOVED)
        removal.into_category = category
        removal.kept = kept.count()
        removal.save()
        label.category = category
        label.save(update_fields=["category"])
        forget()
        return removal


def _by_id(label: Label) -> int:
    return label.pk


def _locked(label: Label) -> Any:
    found = type(label).objects.live().select_for_update(no_key=True).filter(pk=label.pk).first()
    if found is None:
        raise ValidationError(_("“%(name)s” is removed already.") % {"name": label.name})
    return found


def _copied(label: Label, category: str) -> Any:
    """A label as this one in another category, with the same options."""
    copy = type(label)(
        **{
            field.attname: getattr(label, field.attname)
            for field in label._meta.concrete_fields
            if not field.primary_key
        }
    )
    copy.category = category
    copy.name = handing.free_name(label, category)
    copy.created_at = timezone.now()
    copy.created_by = current_actor()
    last = type(label).objects.live().filter(category=category)
    copy.position = (last.aggregate(most=models.Max("position"))["most"] or 0) + 1
    copy.save()
    return copy


def _noted(label: Label, how: str) -> Removal:
    return Removal(
        kind=handing.kind_of(label),
        how=how,
        label_id=label.pk,
        name=label.name,
        category=label.category,
        removed_by=current_actor(),
    )


def _remove(
    label: Label,
    how: str,
    into: Label | None = None,
    which: Q | None = None,
    *,
    is_new: bool = False,
) -> Removal:
    """Mark ``label`` as removed and hand ``into`` what those have who are ``which``."""
    removal = _noted(label, how)
    holder, rows = handing.rows_of(label)
    carried = rows.order_by().aggregate(n=models.Count(holder.key_id, distinct=True))["n"]
    if into is not None:
        removal.into_id, removal.into_category = into.pk, into.category
        removal.into_name, removal.into_is_new = into.name, is_new
    removal.save()
    label.deleted_at = removal.removed_at
    label.save(update_fields=["deleted_at"])
    if into is not None:
        assert which is not None
        options = handing.matched(label, into)
        removal.data = {"options": [[old, new] for old, new in options.items()]}
        mark = f"/{removal.pk}"
        handing.hand_over(label, into, rows.filter(which), options, mark)
        # Counted afterwards: somebody may have entered the category while this was done.
        rows = rows.exclude(came_from__endswith=mark)
    lost = rows.order_by().aggregate(n=models.Count(holder.key_id, distinct=True))["n"]
    removal.lost, removal.kept = lost, max(carried - lost, 0)
    removal.save()
    forget()
    return removal


# -- for good


def purge_expired() -> int:
    """Drop for good what was removed over 30 days ago, in small transactions; returns how many tags and fields."""
    purged = 0
    before = timezone.now() - KEPT_FOR
    for model in (Tag, CustomField):
        for label in model.objects.filter(deleted_at__lt=before):
            _holder, rows = handing.rows_of(label)
            while ids := list(rows.values_list("pk", flat=True)[:PURGED_AT_ONCE]):
                rows.model._default_manager.filter(pk__in=ids).delete()
            label.delete()
            purged += 1
    return purged
