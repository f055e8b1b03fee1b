"""Deleting, merging and moving tags and custom fields, and undoing that.

A label that goes is marked as removed, and what it loses stays attached to it where nobody sees it. What others keep
is handed to the label it goes into, marked with the number of the removal: undoing hands exactly this back. So nothing
is copied, and a tag of 50,000 contacts is gone after one statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Concat, Length, Substr
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.actor import current_actor
from crm.changes import one_change
from crm.folding import fold
from crm.trash.services import KEPT_FOR
from settings.catalogue import forget
from settings.categories import CHOOSING, Category, FieldType
from settings.holders import Holder, holder_for
from settings.models import CustomField, Option, Removal, Tag
from settings.models.labels import NAME_LENGTH
from settings.services.converting import undo_conversion

How = Removal.How
Label = Tag | CustomField
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


def kind_of(label: Label) -> str:
    return Removal.Kind.TAG if isinstance(label, Tag) else Removal.Kind.FIELD


def counterpart(label: Label) -> Label | None:
    """The one of the same name (and for a field, type) in the other category of contacts."""
    if label.category == Category.DEALS:
        return None
    return _alike(label, _other(label.category))


def _other(category: str) -> Category:
    return Category.CONTACTS if category == Category.CUSTOMERS else Category.CUSTOMERS


def _alike(label: Label, category: str) -> Label | None:
    found = type(label).objects.live().filter(category=category, key=label.key)
    if isinstance(label, CustomField):
        found = found.filter(type=label.type)
    return found.first()


# -- what it would mean


def toll_of(label: Label, *, into: Label | None = None, everywhere: bool = False) -> Toll:
    """What deleting ``label`` means, or merging it into another; ``everywhere`` as ``delete_everywhere`` deletes."""
    holder, rows = _rows(label)
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
    target = _alike(label, Category.CUSTOMERS)
    both = _in_both(label, target, members) if target else 0
    name = target.name if target else _free_name(label, Category.CUSTOMERS)
    return Toll(counts["members"], counts["all"] - counts["members"], both, 0, name)


def _in_both(label: Label, into: Label, which: Q) -> int:
    """How many records have a row of both that cannot be joined."""
    holder, rows = _rows(label)
    if isinstance(label, CustomField) and label.type == FieldType.CHOICES:
        return 0
    there = _rows(into)[1].filter(**{holder.key: OuterRef(holder.key)})
    return rows.filter(which).filter(Exists(there)).count()


def _rows(label: Label) -> tuple[Holder, QuerySet]:
    """The links of a tag, or the values of a field."""
    holder = holder_for(label.category)
    if isinstance(label, Tag):
        return holder, holder.links._default_manager.filter(tag=label.pk)
    return holder, holder.values._default_manager.filter(field=label.pk)


def _column(label: Label) -> str:
    return "tag" if isinstance(label, Tag) else "field"


# -- taking it


def delete_label(label: Label) -> Removal:
    """Delete a tag or field. One of Contacts stays with the prospects and customers that carry it: it goes into the
    one of the same name (and type) of Prospects & Customers, or is made there. One of the other categories is gone.
    """
    with one_change():
        label = _locked(label)
        if label.category != Category.CONTACTS:
            return _remove(label, How.DELETED)
        into = _alike(label, Category.CUSTOMERS)
        is_new = into is None
        if into is None:
            into = _copied(label, Category.CUSTOMERS)
        holder = holder_for(label.category)
        which = holder.through(holder.members(Category.CUSTOMERS))
        return _remove(label, How.DELETED, into, which, is_new=is_new)


def delete_everywhere(label: Label) -> list[Removal]:
    """Delete a tag or field of Contacts and the one of the same name of Prospects & Customers: nobody keeps it."""
    with one_change():
        other = counterpart(label)
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
        category = _other(label.category)
        into = _alike(label, category)
        if into is not None:
            return _remove(label, How.MOVED, _locked(into), Q())
        _refuse_taken(label, category)
        kept = _rows(label)[1].order_by().values(holder_for(label.category).key_id).distinct()
        removal = _noted(label, How.MOVED)
        removal.into_category = category
        removal.kept = kept.count()
        removal.save()
        label.category = category
        label.save(update_fields=["category"])
        forget()
        return removal


def _refuse_taken(label: Label, category: str) -> None:
    if type(label).objects.live().filter(category=category, key=label.key).exists():
        raise ValidationError(
            _("%(category)s has another “%(name)s” already. Rename one of them first.")
            % {"category": Category(category).label, "name": label.name}
        )


def _by_id(label: Label) -> int:
    return label.pk


def _locked(label: Label) -> Any:
    found = type(label).objects.live().select_for_update(no_key=True).filter(pk=label.pk).first()
    if found is None:
        raise ValidationError(_("“%(name)s” is removed already.") % {"name": label.name})
    return found


def _free_name(label: Label, category: str) -> str:
    """Its name where that is free, else one that tells it apart."""
    taken = set(type(label).objects.live().filter(category=category).values_list("key", flat=True))
    if label.key not in taken:
        return label.name
    more = [label.get_type_display()] if isinstance(label, CustomField) else []
    number = 2
    while True:
        extra = f" ({', '.join(str(one) for one in more)})" if more else f" ({number})"
        name = label.name[: NAME_LENGTH - len(extra)] + extra
        if fold(name) not in taken:
            return name
        more, number = [], number if more else number + 1


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
    copy.name = _free_name(label, category)
    copy.created_at = timezone.now()
    copy.created_by = current_actor()
    last = type(label).objects.live().filter(category=category)
    copy.position = (last.aggregate(most=models.Max("position"))["most"] or 0) + 1
    copy.save()
    return copy


def _noted(label: Label, how: str) -> Removal:
    return Removal(
        kind=kind_of(label),
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
    holder, rows = _rows(label)
    carried = rows.order_by().aggregate(n=models.Count(holder.key_id, distinct=True))["n"]
    if into is not None:
        removal.into_id, removal.into_category = into.pk, into.category
        removal.into_name, removal.into_is_new = into.name, is_new
    removal.save()
    label.deleted_at = removal.removed_at
    label.save(update_fields=["deleted_at"])
    if into is not None:
        assert which is not None
        options = _matched(label, into)
        removal.data = {"options": [[old, new] for old, new in options.items()]}
        mark = f"/{removal.pk}"
        _hand_over(label, into, rows.filter(which), options, mark)
        # Counted afterwards: somebody may have entered the category while this was done.
        rows = rows.exclude(came_from__endswith=mark)
    lost = rows.order_by().aggregate(n=models.Count(holder.key_id, distinct=True))["n"]
    removal.lost, removal.kept = lost, max(carried - lost, 0)
    removal.save()
    forget()
    return removal


def _hand_over(
    label: Label, into: Label, rows: QuerySet, options: Mapping[int, int], mark: str
) -> int:
    """Give rows of ``label`` to ``into``, but for those that it has already."""
    holder = holder_for(label.category)
    there = _rows(into)[1].filter(**{holder.key: OuterRef(holder.key)})
    changes: dict[str, Any] = {_column(label): into.pk}
    if isinstance(label, CustomField):
        slot: Any = OuterRef("slot")
        if label.type in CHOOSING and options:
            matched = _mapped("option_id", options)
            changes["option_id"] = matched
            if label.type == FieldType.CHOICES:
                changes["slot"] = matched
                slot = _mapped(OuterRef("slot"), options)
        there = there.filter(slot=slot)
    if mark:
        changes["came_from"] = Concat("came_from", Value(mark))
    handed = rows.filter(~Exists(there)).order_by().update(**changes)
    if mark:
        # What stays behind for want of room: it is handed over when the other makes room, see `_next_in_line`.
        left = rows.filter(Exists(there)).order_by()
        left.update(came_from=Concat("came_from", Value(mark)))
    return handed


def _mapped(of: Any, options: Mapping[int, int]) -> Case:
    of = F(of) if isinstance(of, str) else of
    whens = [When(models.lookups.Exact(of, old), then=Value(new)) for old, new in options.items()]
    return Case(*whens, default=of, output_field=models.BigIntegerField())


def _matched(label: Label, into: Label, known: Mapping[int, int] | None = None) -> dict[int, int]:
    """For the options of one field those ``known`` of the other, else those of the same names, made where missing."""
    if not isinstance(label, CustomField) or label.type not in CHOOSING:
        return {}
    theirs = {option.key: option for option in Option.objects.filter(field=into.pk)}
    last = max((option.position for option in theirs.values()), default=0)
    found = dict(known or {})
    for number, option in enumerate(Option.objects.filter(field=label.pk), 1):
        if option.pk in found:
            continue
        if option.key not in theirs:
            theirs[option.key] = Option.objects.create(
                field_id=into.pk, name=option.name, color=option.color, retired=option.retired,
                position=last + number,
            )  # fmt: skip
        found[option.pk] = theirs[option.key].pk
    return found


# -- undoing it


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
    _refuse_taken(label, removal.category)
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
    _refuse_taken(label, label.category)
    label.deleted_at = None
    label.save(update_fields=["deleted_at"])
    if into is None:
        return
    if removal.into_is_new:
        _refuse_later(into, removal)
    _refuse_converted(into, removal)
    mark = f"/{removal.pk}"
    _holder, rows = _rows(into)
    ours = rows.filter(came_from__endswith=mark)
    waiting = _next_in_line(label, into, ours, removal)
    _give_way(label, into, ours if not removal.into_is_new else rows)
    options = _matched(into, label, {new: old for old, new in removal.data.get("options", ())})
    _hand_over(into, label, ours, options, "")
    for other, behind, theirs in waiting:
        _hand_over(other, into, behind, theirs, "")
    _rows(label)[1].filter(came_from__endswith=mark).update(
        came_from=Substr("came_from", 1, Length("came_from") - len(mark))
    )
    if removal.into_is_new:
        # Made for what was handed over: what it was given since goes along.
        _hand_over(into, label, rows, options, "")
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
        holder, rows = _rows(other)
        options = dict(one.data.get("options", ()))
        there = ours.filter(**{holder.key: OuterRef(holder.key)})
        if isinstance(other, CustomField):
            several = other.type == FieldType.CHOICES and options
            there = there.filter(
                slot=_mapped(OuterRef("slot"), options) if several else OuterRef("slot")
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
    holder, rows = _rows(label)
    same = coming.filter(**{holder.key: OuterRef(holder.key)})
    rows.filter(Exists(same)).delete()


# -- for good


def purge_expired() -> int:
    """Drop for good what was removed over 30 days ago, in small transactions; returns how many tags and fields."""
    purged = 0
    before = timezone.now() - KEPT_FOR
    for model in (Tag, CustomField):
        for label in model.objects.filter(deleted_at__lt=before):
            _holder, rows = _rows(label)
            while ids := list(rows.values_list("pk", flat=True)[:PURGED_AT_ONCE]):
                rows.model._default_manager.filter(pk__in=ids).delete()
            label.delete()
            purged += 1
    return purged
