"""Giving a custom field another type, and taking that back.

The field keeps its number. What it held goes as it is, row by row, to a hidden twin of the old type, and new rows with
what could be converted take its place. The twin is a removed field like any other: after 30 days it is dropped with its
rows, and until then `undo_removal` hands them back. The options stay with the field whatever its type, so that the rows
of the twin, lists that are filtered by them and a later change back find them.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.actor import current_actor
from crm.changes import one_change
from settings.catalogue import forget
from settings.categories import CHOOSING, FieldType
from settings.holders import Holder, holder_for
from settings.models import CustomField, RecordChange, Removal
from settings.models.values import COLUMNS
from settings.services.converters import (
    Converter,
    OptionNames,
    account_zone,
    chunks_of,
    in_zone,
    refuse_type,
    result_of,
    results_of,
    rows_of,
)
from settings.services.reading import values_of
from settings.types import Value, type_of


def convert_field(subject: CustomField, type: str, *, lost: int | None = None) -> Removal:
    """Give a field another type; returns what undoes it.

    ``lost`` is how many records may lose their value, as somebody confirmed it. Raises ``ValidationError`` if it would
    be others, for a field that is gone, and where the type cannot be changed at all. A constant number of statements
    for each thousand records, and one for each option that is made.
    """
    with one_change():
        subject = _locked(subject)
        refuse_type(subject, type)
        holder, old = holder_for(subject.category), subject.type
        options = OptionNames(subject, make=True)
        had = list(options.names)
        converter = Converter(holder, subject, old, type, options=options, user=current_actor())
        removal = _noted(subject)
        twin = _twin(subject, removal)
        rows_of(holder, subject).update(field=twin.pk)
        zone = account_zone()
        with in_zone(zone):
            default = _converted_default(converter, subject)
            for results in results_of(converter, twin):
                kept = {one.record_id: one.new for one in results if not one.reason}
                removal.kept += len(kept)
                removal.lost += len(results) - len(kept)
                _write(holder, converter.target, kept)
        if lost is not None and lost != removal.lost:
            raise ValidationError(
                _("Values were changed in the meantime. Look again, and confirm the new numbers.")
            )
        options.put_in_order()
        _become(subject, type, default, twin.currency if type == FieldType.MONEY else "")
        removal.data = {
            "twin": twin.pk,
            "from": old,
            "to": type,
            "default": default,
            "zone": zone,
            "had": had,
            "options": list(options.names.items()),
        }
        removal.save()
        forget()
        return removal


def undo_conversion(removal: Removal) -> CustomField:
    """Give a field its old type back, and every record the rows it had; returns the field.

    A value that somebody changed or gave since is kept if it can be converted back, with options made for it where
    they are missing; else the one from before returns, or none, and the history of the record says what it was. What
    was cleared since stays cleared. A default changed since is treated alike; name, help text and the rest stay as they
    are. To be called inside the change that marks ``removal`` as undone. Raises ``ValidationError`` where it cannot be
    undone.
    """
    subject, twin = _both(removal)
    holder = holder_for(subject.category)
    back = _Back(holder, subject, twin, removal)
    with in_zone(removal.data["zone"]):
        either = Q(field=subject.pk) | Q(field=twin.pk)
        for ids in chunks_of(holder, holder.values._default_manager.filter(either)):
            back.take(ids)
        holder.changes._default_manager.bulk_create(back.told)
        default = back.default(removal.data["default"])
    rows_of(holder, subject).delete()
    rows_of(holder, twin).update(field=subject.pk)
    if twin.type not in CHOOSING:
        # What earlier removals point to stays.
        subject.options.exclude(pk__in=removal.data["had"]).delete()
    _become(subject, twin.type, default, twin.currency)
    twin.delete()
    forget()
    return subject


# -- the field and its twin


def _locked(subject: CustomField) -> CustomField:
    rows = CustomField.objects.live().select_for_update(no_key=True)
    found = rows.filter(pk=subject.pk).first()
    if found is None:
        raise ValidationError(_("“%(name)s” is removed already.") % {"name": subject.name})
    return found


def _noted(subject: CustomField) -> Removal:
    removal = Removal(
        kind=Removal.Kind.FIELD,
        how=Removal.How.CONVERTED,
        label_id=subject.pk,
        name=subject.name,
        category=subject.category,
        removed_by=current_actor(),
    )
    removal.save()
    return removal


def _twin(subject: CustomField, removal: Removal) -> CustomField:
    twin = CustomField(
        **{
            one.attname: getattr(subject, one.attname)
            for one in subject._meta.concrete_fields
            if not one.primary_key
        }
    )
    twin.deleted_at = removal.removed_at
    twin.save()
    return twin


def _become(subject: CustomField, type: str, default: str, currency: str) -> None:
    subject.type, subject.default, subject.currency = type, default, currency
    subject.save(update_fields=["type", "default", "currency"])


def _both(removal: Removal) -> tuple[CustomField, CustomField]:
    ids = [removal.label_id, removal.data["twin"]]
    rows = CustomField.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    found = {one.pk: one for one in rows}
    subject, twin = (found.get(pk) for pk in ids)
    if twin is None or subject is None:
        raise ValidationError(_("Its type was changed too long ago to come back."))
    if subject.deleted_at:
        raise ValidationError(_("“%s” was removed since. Undo that first.") % subject.name)
    later = Removal.objects.filter(
        Q(label_id=subject.pk, how=Removal.How.CONVERTED) | Q(into_id=subject.pk),
        kind=removal.kind,
        undone_at=None,
        pk__gt=removal.pk,
    ).first()
    if later is not None:
        raise ValidationError(
            _("“%(name)s” was %(how)s since. Undo that first.")
            % {"name": later.name, "how": later.get_how_display()}
        )
    return subject, twin


# -- its values


def _write(holder: Holder, target: CustomField, values: Mapping[int, Value]) -> None:
    kind = type_of(target)
    rows = [
        holder.values(**{holder.key_id: pk}, field_id=target.pk, **columns)
        for pk, value in values.items()
        for columns in kind.rows(target, value)
    ]
    holder.values._default_manager.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=[holder.key, "field", "slot"],
        update_fields=["text", "folded", *COLUMNS],
    )


def _converted_default(converter: Converter, subject: CustomField) -> str:
    """The default of the new type, as it would be typed; empty where it cannot be converted."""
    source, target = converter.source, converter.target
    # A contact is nobody's default: not everybody may see it.
    if not subject.default or target.type == FieldType.CONTACT:
        return ""
    try:
        value = type_of(source).from_text(source, subject.default)
        converter.prepare([value])
        return type_of(target).to_text(target, converter.convert(value))
    except ValidationError:
        return ""


class _Back:
    """Makes the rows of the twin what the records of a field have once it is of its old type again."""

    def __init__(
        self, holder: Holder, subject: CustomField, twin: CustomField, removal: Removal
    ) -> None:
        self.holder, self.subject, self.twin = holder, subject, twin
        self.told: list[RecordChange] = []
        user = removal.removed_by
        # With the options as they were called then: who was edited since is told by what came of it then.
        then = OptionNames(subject, [(pk, name) for pk, name in removal.data["options"]])
        now = OptionNames(subject, make=True)
        self.there = Converter(holder, subject, twin.type, subject.type, options=then, user=user)
        self.back = Converter(holder, subject, subject.type, twin.type, options=now, user=user)

    def default(self, converted: str) -> str:
        if self.subject.default in ("", converted):
            return self.twin.default if self.subject.default == converted else ""
        return _converted_default(self.back, self.subject) or self.twin.default

    def take(self, ids: list[int]) -> None:
        values = values_of(self.holder, ids, [self.subject, self.twin], unseen=True)
        olds = {pk: values[pk].get(self.twin.pk) for pk in ids}
        edited = self._edited(olds, {pk: values[pk].get(self.subject.pk) for pk in ids})
        if not edited:
            return
        self.back.prepare(edited.values())
        kept: dict[int, Value] = {}
        for pk, new in edited.items():
            if new is None:
                kept[pk] = None
                continue
            try:
                kept[pk] = self.back.convert(new)
            except ValidationError:
                self._tell(pk, new, olds[pk])
        self._write(kept)

    def _edited(self, olds: Mapping[int, Value], news: Mapping[int, Value]) -> dict[int, Value]:
        self.there.prepare(olds.values())
        found = {}
        for pk, old in olds.items():
            expected = None if old is None else result_of(self.there, pk, old).new
            if news[pk] != expected:
                found[pk] = news[pk]
        return found

    def _write(self, kept: Mapping[int, Value]) -> None:
        """Over the rows there are, which keep where they came from."""
        kind = type_of(self.twin)
        slots = {
            pk: {columns["slot"] for columns in kind.rows(self.twin, value)}
            for pk, value in kept.items()
            if value is not None
        }
        rows = rows_of(self.holder, self.twin).filter(**{f"{self.holder.key}__in": list(kept)})
        stale = [
            row
            for row, pk, slot in rows.values_list("pk", self.holder.key_id, "slot")
            if slot not in slots.get(pk, ())
        ]
        rows.model._default_manager.filter(pk__in=stale).delete()
        _write(self.holder, self.twin, {pk: kept[pk] for pk in slots})

    def _tell(self, pk: int, new: Value, old: Value) -> None:
        self.told.append(
            self.holder.changes(
                **{self.holder.key_id: pk},
                kind=RecordChange.Kind.FIELD,
                category=self.subject.category,
                label_id=self.subject.pk,
                label=self.subject.name,
                old=self.back.text_of(new),
                new="" if old is None else self.there.text_of(old),
                actor=current_actor(),
            )
        )
