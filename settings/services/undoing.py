"""Undoing what was deleted, merged, moved or given another type."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.changes import one_change
from settings.catalogue import forget
from settings.categories import FieldType
from settings.models import CustomField, Removal, Tag
from settings.services import handing
from settings.services.converting import undo_conversion

How = Removal.How
Label = handing.Label


def undo_removal(removal: Removal) -> Any:
    """Bring a removed tag or field back with everything it had; returns it.

    Whoever was given something since keeps it, and what somebody took off since stays off. Raises ``ValidationError``
    where it cannot be undone: it is undone already, its time is over, its name is taken, or what it went into is
    itself removed (that goes first).
    """
    model: Any = Tag if removal.kind == Removal.Kind.TAG else CustomField
    with one_change():
        removal = Removal.objects.select_for_update(no_key=True).get(pk=removal.pk)
        if removal.undone_at:
            raise ValidationError(_("This is undone already."))
        if removal.how == How.CONVERTED:
            subject = undo_conversion(removal)
            _mark_undone(removal)
            return subject
        ids = [removal.label_id, *([removal.into_id] if removal.into_id else [])]
        rows = model.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
        labels = {one.pk: one for one in rows}
        label = labels.get(removal.label_id)
        if label is None:
            raise ValidationError(_("It was removed too long ago to come back."))
        if removal.into_id is None and removal.how == How.MOVED:
            _move_back(label, removal)
        else:
            into = labels.get(removal.into_id) if removal.into_id else None
            _bring_back(label, into, removal)
        _mark_undone(removal)
    return label


def _mark_undone(removal: Removal) -> None:
    removal.undone_at = timezone.now()
    removal.save(update_fields=["undone_at"])
    forget()


def _move_back(label: Any, removal: Removal) -> None:
    if label.deleted_at or label.category != removal.into_category:
        raise ValidationError(_("It was removed or moved since. Undo that first."))
    handing.refuse_taken(label, removal.category)
    label.category = removal.category
    label.save(update_fields=["category"])


def _bring_back(label: Any, into: Any, removal: Removal) -> None:
    if label.deleted_at is None:
        raise ValidationError(_("This is undone already."))
    if removal.into_id and (into is None or into.deleted_at):
        raise ValidationError(
            _("“%(name)s”, which it went into, is removed itself. Undo that first.")
            % {"name": removal.into_name}
        )
    handing.refuse_taken(label, label.category)
    label.deleted_at = None
    label.save(update_fields=["deleted_at"])
    if into is None:
        return
    if removal.into_is_new:
        _refuse_later(into, removal)
    _refuse_converted(into, removal)
    mark = f"/{removal.pk}"
    _holder, rows = handing.rows_of(into)
    ours = rows.filter(came_from__endswith=mark)
    waiting = _next_in_line(label, into, ours, removal)
    _give_way(label, into, ours if not removal.into_is_new else rows)
    options = handing.matched(
        into, label, {new: old for old, new in removal.data.get("options", ())}
    )
    handing.hand_over(into, label, ours, options, unmark=mark)
    for other, behind, theirs in waiting:
        handing.hand_over(other, into, behind, theirs, "")
    # What had stayed behind.
    staying = handing.rows_of(label)[1].filter(came_from__endswith=mark)
    staying.update(came_from=handing.unmarked(mark))
    if removal.into_is_new:
        # Made for what was handed over: what it was given since goes along.
        handing.hand_over(into, label, rows, options, "")
        into.delete()


def _refuse_later(into: Label, removal: Removal) -> None:
    """What was made for a removal cannot go while others rest on it."""
    resting = Removal.objects.filter(
        Q(into_id=into.pk) | Q(label_id=into.pk), kind=removal.kind, undone_at=None
    ).exclude(pk=removal.pk)
    later = resting.first()
    if later is not None:
        raise ValidationError(
            _("“%(name)s” was %(how)s since. Undo that first.")
            % {"name": later.name, "how": later.get_how_display()}
        )


def _refuse_converted(into: Label, removal: Removal) -> None:
    """What went into a field that was given another type since is not with it: that has to be undone first."""
    since = Removal.objects.filter(
        kind=removal.kind, how=How.CONVERTED, label_id=into.pk, undone_at=None, pk__gt=removal.pk
    )
    if since.exists():
        raise ValidationError(
            _("“%s” was given another type since. Undo that first.") % removal.into_name
        )


def _next_in_line(label: Label, into: Label, ours: QuerySet, removal: Removal) -> list[Any]:
    """What else went into ``into`` since, and stayed behind because ``ours`` were there: as (label, rows, options)."""
    found = []
    later = Removal.objects.filter(
        kind=removal.kind, into_id=into.pk, undone_at=None, pk__gt=removal.pk
    )
    for one in later.order_by("pk"):
        other = type(label).objects.filter(pk=one.label_id).first()
        if other is None:
            continue
        holder, rows = handing.rows_of(other)
        options = dict(one.data.get("options", ()))
        there = ours.filter(**{holder.key: OuterRef(holder.key)})
        if isinstance(other, CustomField):
            several = other.type == FieldType.CHOICES and options
            there = there.filter(
                slot=handing.mapped(OuterRef("slot"), options) if several else OuterRef("slot")
            )
        behind = rows.filter(Exists(there), came_from__endswith=f"/{one.pk}")
        ids = list(behind.values_list("pk", flat=True))
        if ids:
            found.append((other, rows.filter(pk__in=ids), options))
    return found


def _give_way(label: Any, into: Any, coming: QuerySet) -> None:
    """Where a record has a row of both, which only merging contacts since can bring about, the seen one stays."""
    if isinstance(label, CustomField) and label.type == FieldType.CHOICES:
        return
    holder, rows = handing.rows_of(label)
    same = coming.filter(**{holder.key: OuterRef(holder.key)})
    rows.filter(Exists(same)).delete()
