"""Putting tags on records and giving them values, with the history of it, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.actor import current_actor
from crm.changes import one_change
from settings.catalogue import catalogue
from settings.categories import Category, FieldType
from settings.holders import Holder, holder_of
from settings.models import CustomField, RecordChange, Tag
from settings.models.values import COLUMNS
from settings.services.locks import live_and_shared, types_shared
from settings.services.reading import names_for, tags_of, values_of
from settings.types import Names, Value, type_of

Kind = RecordChange.Kind
VALUE_COLUMNS = ("text", "folded", *COLUMNS)


class Refused(NamedTuple):
    """Why a record cannot have a tag or field."""

    record_id: int
    reason: str


class Moved(NamedTuple):
    """What became of one field of one record."""

    old: Value
    new: Value


def set_values(
    record: str, wanted: Mapping[int, Mapping[int, Value]], *, unseen: bool = False
) -> dict[int, dict[int, Moved]]:
    """Give records values: ``{record: {field: value or None}}``; returns what changed, by record and field.

    Raises ``ValidationError`` for a value that the field cannot have, for a field that is gone, for a contact that
    does not belong to the category (unless ``unseen``) or is of the other kind. Nothing is changed then. Writes
    history, and marks the records as updated.
    """
    holder = holder_of(record)
    field_ids = {field for values in wanted.values() for field in values}
    fields = _live_fields(field_ids, holder)
    cleaned = {
        pk: {field: _cleaned(fields[field], value) for field, value in values.items()}
        for pk, values in wanted.items()
    }
    _check_references(holder, fields.values(), cleaned.values())
    with one_change():
        _lock(holder, wanted)
        stored_types = types_shared(CustomField, field_ids)
        if stored_types.keys() != field_ids:
            raise ValidationError(_("This field is gone."))
        for one in fields.values():
            if stored_types[one.pk] != one.type:
                problem = _("“%s” was given another type just now. Look at it again.")
                raise ValidationError(problem % one.name)
        if not unseen:
            # Giving back no value is always allowed.
            given = {
                pk: [fields[one] for one, value in values.items() if value is not None]
                for pk, values in cleaned.items()
            }
            for refused in _kept_out(holder, given):
                raise ValidationError(refused.reason)
        stored = values_of(holder, wanted, fields.values(), unseen=True)
        moved: dict[int, dict[int, Moved]] = {}
        for pk, values in cleaned.items():
            for field, value in values.items():
                old = stored.get(pk, {}).get(field)
                if old != value:
                    moved.setdefault(pk, {})[field] = Moved(old, value)
        if moved:
            _write(holder, fields, moved)
            _tell_values(holder, fields, moved)
            _touch(holder, moved)
    return moved


def _live_fields(ids: Collection[int], holder: Holder) -> dict[int, CustomField]:
    known = catalogue().fields_by_id
    fields = {pk: known[pk] for pk in ids if pk in known and known[pk].record == holder.record}
    if fields.keys() != set(ids):
        raise ValidationError(_("This field is gone."))
    return fields


def _cleaned(field: CustomField, value: Value) -> Value:
    try:
        return type_of(field).clean(field, value)
    except ValidationError as error:
        message = _("%(field)s: %(problem)s")
        raise ValidationError(
            message % {"field": field.name, "problem": " ".join(error.messages)}
        ) from None


def _check_references(
    holder: Holder, fields: Collection[CustomField], values: Iterable[Mapping[int, Value]]
) -> None:
    """Refuse people and contacts that are not there; at most two statements."""
    given = list(values)
    asked: dict[str, dict[int, set[int]]] = {FieldType.USER: {}, FieldType.CONTACT: {}}
    for field in fields:
        if field.type in asked:
            ids = {one[field.pk] for one in given if one.get(field.pk) is not None}
            asked[field.type][field.pk] = ids
    people = set().union(*asked[FieldType.USER].values())
    contacts = set().union(*asked[FieldType.CONTACT].values())
    known: dict[str, set[int]] = {
        FieldType.USER: set(User.objects.filter(pk__in=people).values_list("pk", flat=True))
        if people
        else set(),
        FieldType.CONTACT: set(holder.names(sorted(contacts), current_actor()))
        if contacts
        else set(),
    }
    for field in fields:
        if field.type in asked and asked[field.type][field.pk] - known[field.type]:
            problem = _("A record is gone, or not available to you.")
            raise ValidationError(f"{field.name}: {problem}")


def _lock(holder: Holder, ids: Iterable[int]) -> None:
    records: Any = holder.model._default_manager
    rows = records.filter(pk__in=list(ids)).order_by("pk").select_for_update(no_key=True)
    if len(rows.values_list("pk", flat=True)) != len(list(ids)):
        raise ValidationError(_("A record is gone, or not available to you."))


def refusals(
    record: str, ids: Collection[int], labels: Iterable[CustomField | Tag]
) -> dict[int, str]:
    """Which of these records cannot have one of these tags or fields, and why; one statement."""
    given = list(labels)
    return refusals_each(record, dict.fromkeys(ids, given))


def refusals_each(record: str, given: Mapping[int, Iterable[CustomField | Tag]]) -> dict[int, str]:
    """``refusals`` with others for each record."""
    return dict(_kept_out(holder_of(record), given))


def _kept_out(
    holder: Holder, given: Mapping[int, Iterable[CustomField | Tag]]
) -> Iterable[Refused]:
    labels = {(type(one), one.pk): one for many in given.values() for one in many}
    if not any(_restricts(one) for one in labels.values()):
        return
    names = ("is_organization", "prospect_status", "customer_status", "name")
    rows = holder.model._default_manager.filter(pk__in=list(given)).values("pk", *names)
    for row in rows:
        outside = (row["prospect_status"], row["customer_status"]) == ("none", "none")
        for one in given[row["pk"]]:
            name = {"label": one.name, "name": row["name"]}
            if one.category == Category.CUSTOMERS and outside:
                reason = _("“%(label)s” is for prospects and customers, and %(name)s is neither.")
            elif (applies_to := getattr(one, "applies_to", "")) and row["is_organization"] != (
                applies_to == "company"
            ):
                reason = (
                    _("“%(label)s” is for people, and %(name)s is a company.")
                    if row["is_organization"]
                    else _("“%(label)s” is for companies, and %(name)s is a person.")
                )
            else:
                continue
            yield Refused(row["pk"], reason % name)
            break


def _restricts(label: CustomField | Tag) -> bool:
    return label.category == Category.CUSTOMERS or bool(getattr(label, "applies_to", ""))


def _write(
    holder: Holder, fields: Mapping[int, CustomField], moved: Mapping[int, Mapping[int, Moved]]
) -> None:
    """Rows that stay are written over in place: they keep where they came from."""
    manager: Any = holder.values._default_manager
    rows, gone = [], Q()
    cleared: dict[int, list[int]] = {}
    # A slot other than 0 is an option of several: those that are chosen no more go. By option and not by record: a
    # statement holds no thousand conditions on SQLite.
    unchosen: dict[tuple[int, int], list[int]] = {}
    for pk, values in moved.items():
        for field, change in values.items():
            kind = type_of(fields[field])
            if change.new is not None:
                for columns in kind.rows(fields[field], change.new):
                    rows.append(holder.values(**{holder.key_id: pk}, field_id=field, **columns))
            if change.new is None:
                cleared.setdefault(field, []).append(pk)
            elif kind.several and change.old:
                for slot in set(change.old) - set(change.new):
                    unchosen.setdefault((field, slot), []).append(pk)
    for field, records in cleared.items():
        gone |= Q((f"{holder.key}__in", records), field=field)
    for (field, slot), records in unchosen.items():
        gone |= Q((f"{holder.key}__in", records), field=field, slot=slot)
    if gone:
        manager.filter(gone).delete()
    manager.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=[holder.key, "field", "slot"],
        update_fields=VALUE_COLUMNS,
    )


def _tell_values(
    holder: Holder, fields: Mapping[int, CustomField], moved: Mapping[int, Mapping[int, Moved]]
) -> None:
    both = [{field: one.old for field, one in values.items()} for values in moved.values()]
    both += [{field: one.new for field, one in values.items()} for values in moved.values()]
    names = names_for(holder, fields.values(), both, None)
    rows = [
        _change(holder, pk, Kind.FIELD, fields[field],
                _told(fields[field], one.old, names), _told(fields[field], one.new, names))
        for pk, values in moved.items()
        for field, one in values.items()
    ]  # fmt: skip
    holder.changes._default_manager.bulk_create(rows)


def _told(field: CustomField, value: Value, names: Names) -> str:
    """As history keeps it: alike for readers of every language."""
    if value is None:
        return ""
    kind = type_of(field)
    if field.type in (FieldType.USER, FieldType.CONTACT, FieldType.ADDRESS):
        return kind.show(field, value, names)
    return kind.to_text(field, value)


def _change(
    holder: Holder, pk: int, kind: str, label: CustomField | Tag, old: str = "", new: str = ""
) -> RecordChange:
    return holder.changes(
        **{holder.key_id: pk},
        kind=kind,
        category=label.category,
        label_id=label.pk,
        label=label.name,
        old=old,
        new=new,
        actor=current_actor(),
    )


def _touch(holder: Holder, ids: Iterable[int]) -> None:
    holder.model._default_manager.filter(pk__in=list(ids)).update(updated_at=timezone.now())


def change_tags(
    record: str,
    ids: Collection[int],
    *,
    on: Collection[int] = (),
    off: Collection[int] = (),
    unseen: bool = False,
) -> dict[int, tuple[set[int], set[int]]]:
    """Put the tags ``on`` on these records and take ``off`` others; returns which were added and taken off, by record.

    Raises ``ValidationError`` for a tag that is gone and, unless ``unseen``, for contacts that do not belong to the
    category of a tag that is put on. Nothing is changed then. Writes history, and marks the records as updated.
    """
    return exchange_tags(record, {pk: (set(on), set(off)) for pk in ids}, unseen=unseen)


def exchange_tags(
    record: str, wanted: Mapping[int, tuple[set[int], set[int]]], *, unseen: bool = False
) -> dict[int, tuple[set[int], set[int]]]:
    """``change_tags`` with others for each record: ``{record: (on, off)}``."""
    holder = holder_of(record)
    tag_ids = {tag for both in wanted.values() for tags in both for tag in tags}
    known = catalogue().tags_by_id
    tags = {pk: known[pk] for pk in tag_ids if pk in known and known[pk].record == record}
    if tags.keys() != tag_ids:
        raise ValidationError(_("This tag is gone."))
    with one_change():
        _lock(holder, wanted)
        if live_and_shared(Tag, tag_ids) != tag_ids:
            raise ValidationError(_("This tag is gone."))
        if not unseen:
            for refused in _kept_out(
                holder, {pk: [tags[tag] for tag in on] for pk, (on, _off) in wanted.items()}
            ):
                raise ValidationError(refused.reason)
        categories = [Category(one) for one in {tag.category for tag in tags.values()}]
        carried = {
            pk: {tag.pk for tag in many}
            for pk, many in tags_of(holder, wanted, categories, unseen=True).items()
        }
        changed: dict[int, tuple[set[int], set[int]]] = {}
        for pk, (on, off) in wanted.items():
            now = carried.get(pk, set())
            both = (on - now, (off & now) - on)
            if any(both):
                changed[pk] = both
        if changed:
            _exchange(holder, tags, changed)
    return changed


def _exchange(
    holder: Holder,
    tags: Mapping[int, Tag],
    changed: Mapping[int, tuple[set[int], set[int]]],
) -> None:
    manager: Any = holder.links._default_manager
    new, gone, told = [], Q(), []
    by_tag: dict[int, list[int]] = {}
    for pk, (added, taken) in changed.items():
        for tag in sorted(added):
            new.append(holder.links(**{holder.key_id: pk}, tag_id=tag))
            told.append(_change(holder, pk, Kind.TAG_ON, tags[tag]))
        for tag in sorted(taken):
            by_tag.setdefault(tag, []).append(pk)
            told.append(_change(holder, pk, Kind.TAG_OFF, tags[tag]))
    for tag, records in by_tag.items():
        gone |= Q((f"{holder.key}__in", records), tag=tag)
    if by_tag:
        manager.filter(gone).delete()
    manager.bulk_create(new)
    holder.changes._default_manager.bulk_create(told)
    _touch(holder, changed)
