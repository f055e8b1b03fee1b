"""Links and values that were away for a while, in the trash or remembered by a merge, on their way back.

Tags and fields may have been removed meanwhile, or come back. What returns is where it would be, had it been there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.accounts.models import User
from crm.trash.services import instance_of, plain, row_of
from settings.categories import CHOOSING, FieldType
from settings.joining import joined
from settings.models import CustomField, FieldValue, Option, Removal, Tag, TagLink
from settings.models.values import COLUMNS
from settings.types import type_of

# A link or value as ``kept_row`` gives it.
Row = dict[str, Any]
How = Removal.How
# The columns of a value that say what it is, and not whose.
_HOLDING = ("id", "slot", "text", "folded", "option_id", "user_id", "record_id", *COLUMNS)


def kept_row(instance: TagLink | FieldValue) -> Row:
    """The columns of a link or value for JSON, empty ones left out; of a value with the ``type`` of its field."""
    row = {name: value for name, value in row_of(instance).items() if value not in (None, "")}
    if isinstance(instance, FieldValue):
        row["type"] = instance.field.type
    return row


def made_of(model: type[models.Model], rows: Iterable[Row]) -> list[Any]:
    """Unsaved links or values of what ``kept_row`` gave, under their old numbers."""
    return [instance_of(model, row) for row in rows]


def as_if_there(
    model: Any,
    rows: Iterable[Row],
    *,
    key: str,
    since: datetime,
    belongs: Callable[[int], bool],
) -> list[Row]:
    """Rows of ``model`` that were away ``since`` then, where removals and their undoing have led those that were there.

    ``key`` is the column of their record; ``belongs`` says whether a record counted among Prospects & Customers. Left
    out is what names a tag, field, option or user that is gone for good.
    """
    found = [dict(row) for row in rows]
    if not found:
        return []
    kind = "tag_id" if "tag_id" in found[0] else "field_id"
    removals = _removals(found, kind, since)
    fields: dict[int, CustomField] = {}
    if kind == "field_id":
        fields = {one.pk: one for one in CustomField.objects.prefetch_related("options")}
    for row in found:
        _lead_back(row, kind, removals)
    for removal in reversed(removals.values()):
        if removal.how == How.CONVERTED and removal.undone_at and removal.undone_at > since:
            found = _unconverted(found, key, removal)
    taken = _places(model, found, key, kind) if removals else set()
    for removal in removals.values():
        if removal.removed_at <= since or removal.undone_at:
            continue
        if removal.how == How.CONVERTED:
            found = _converted(found, key, removal, fields)
        elif removal.into_id:
            for row in found:
                if row[kind] == removal.label_id and (
                    removal.how != How.DELETED or belongs(row[key])
                ):
                    _lead_on(row, key, kind, removal, taken)
    if kind == "field_id":
        found = _fitting(found, key, fields)
    return _present(found, kind)


def move_up(model: Any, *, key: str, record_id: int, vacated: Iterable[tuple[int, int]]) -> None:
    """Let what a record has waiting behind a removal take places, as (label, slot), that are free now."""
    places = set(vacated)
    if not places:
        return
    kind = "tag_id" if issubclass(model, TagLink) else "field_id"
    waiting = model._default_manager.filter(**{key: record_id}).exclude(came_from="")
    rows = [kept_row(row) for row in waiting.order_by("pk")]
    removals = _removals(rows, kind, timezone.now())
    for row in rows:
        removal = removals.get(int(row["came_from"].rpartition("/")[2]))
        if not removal or removal.undone_at or removal.label_id != row[kind]:
            continue
        led = {**row, kind: removal.into_id}
        _exchange(led, dict(removal.data.get("options", ())))
        if (place := (led[kind], led.get("slot", 0))) in places:
            places.discard(place)
            changed = {name: one for name, one in led.items() if row[name] != one}
            model._default_manager.filter(pk=row["id"]).update(**changed)


def _places(model: Any, rows: Sequence[Row], key: str, kind: str) -> set[tuple[int, int, int]]:
    """As (record, label, slot): what the rows take, and what their records have already."""
    columns = [key, kind, *(["slot"] if kind == "field_id" else [])]
    there = model._default_manager.filter(**{f"{key}__in": {row[key] for row in rows}})
    taken = {
        (pk, label, slot[0] if slot else 0) for pk, label, *slot in there.values_list(*columns)
    }
    return taken | {(row[key], row[kind], row.get("slot", 0)) for row in rows}


def _removals(rows: Sequence[Row], kind: str, since: datetime) -> dict[int, Removal]:
    marks = {int(mark) for row in rows for mark in row.get("came_from", "").split("/") if mark}
    kinds = {"tag_id": Removal.Kind.TAG, "field_id": Removal.Kind.FIELD}
    concerned = Removal.objects.filter(
        Q(removed_at__gt=since) | Q(undone_at__gt=since) | Q(pk__in=marks), kind=kinds[kind]
    )
    return {one.pk: one for one in concerned.order_by("pk")}


def _lead_back(row: Row, kind: str, removals: Mapping[int, Removal]) -> None:
    """Undo on the row what was undone since it left."""
    while row.get("came_from"):
        rest, _slash, mark = row["came_from"].rpartition("/")
        removal = removals.get(int(mark))
        if removal is None or not removal.undone_at:
            return
        row["came_from"] = rest
        if row[kind] != removal.label_id:
            row[kind] = removal.label_id
            _exchange(row, {new: old for old, new in removal.data.get("options", ())})


def _lead_on(
    row: Row, key: str, kind: str, removal: Removal, taken: set[tuple[int, int, int]]
) -> None:
    """Hand the row on as the removal did; where the other one is there already, it waits behind."""
    mark = f"{row.get('came_from', '')}/{removal.pk}"
    led = {**row, kind: removal.into_id}
    _exchange(led, dict(removal.data.get("options", ())))
    place = (led[key], led[kind], led.get("slot", 0))
    if place not in taken:
        taken.discard((row[key], row[kind], row.get("slot", 0)))
        taken.add(place)
        row.update(led)
    row["came_from"] = mark


def _exchange(row: Row, options: Mapping[int, int]) -> None:
    if (option := options.get(row.get("option_id", 0))) is not None:
        row["option_id"] = option
        if row.get("slot"):
            row["slot"] = option


# -- fields of another type by now: what they held is with a removed twin of the old type


def _unconverted(rows: list[Row], key: str, removal: Removal) -> list[Row]:
    """Give the field what its twin held; what had been made of that goes."""
    twin, label = removal.data["twin"], removal.label_id
    held = {row[key] for row in rows if row["field_id"] == twin}
    found = [row for row in rows if row["field_id"] != label or row[key] not in held]
    for row in found:
        if row["field_id"] == twin:
            row["field_id"] = label
    return found


def _converted(
    rows: list[Row], key: str, removal: Removal, fields: Mapping[int, CustomField]
) -> list[Row]:
    """Leave with the twin what the field held, and the field what can be made of that."""
    field = fields.get(removal.label_id)
    if field is None:
        return rows
    now = copy(field)
    now.type = removal.data["to"]
    found = list(rows)
    for group in _groups(rows, key, removal.label_id):
        if group[0]["type"] == removal.data["from"]:
            found += _as(now, group, fields)
            for row in group:
                row["field_id"] = removal.data["twin"]
    return found


def _fitting(rows: list[Row], key: str, fields: Mapping[int, CustomField]) -> list[Row]:
    """``rows``, all of the type of their field."""
    found = []
    for field_id in dict.fromkeys(row["field_id"] for row in rows):
        field = fields.get(field_id)
        for group in _groups(rows, key, field_id) if field else ():
            assert field is not None
            found += group if group[0]["type"] == field.type else _as(field, group, fields)
    return found


def _groups(rows: Iterable[Row], key: str, field_id: int) -> list[list[Row]]:
    by_record: dict[int, list[Row]] = {}
    for row in rows:
        if row["field_id"] == field_id:
            by_record.setdefault(row[key], []).append(row)
    return list(by_record.values())


def _as(field: CustomField, rows: list[Row], fields: Mapping[int, CustomField]) -> list[Row]:
    """New rows of the type of ``field`` with what these of another type hold; none if that is impossible."""
    if {field.type, rows[0]["type"]} & {FieldType.USER, FieldType.CONTACT}:
        return []
    try:
        value = type_of(field).from_text(field, _text_of(rows, fields, field.type))
    except ValidationError:
        return []
    common = {name: one for name, one in rows[0].items() if name not in _HOLDING}
    return [
        {**common, **{name: plain(one) for name, one in columns.items()}, "type": field.type}
        for columns in (type_of(field).rows(field, value) if value is not None else ())
    ]


def _text_of(rows: Sequence[Row], fields: Mapping[int, CustomField], type: str) -> str:
    """A value as a file would hold it, for a field of this type."""
    before = CustomField(type=rows[0]["type"])
    if before.type in CHOOSING:
        chosen = {row["option_id"] for row in rows}
        options = [option for field in fields.values() for option in field.options.all()]
        names = [option.name for option in options if option.pk in chosen] or [""]
        return joined(names) if len(names) > 1 or type == FieldType.CHOICES else names[0]
    columns = {
        field.attname: field.to_python(rows[0][field.attname])
        for field in FieldValue._meta.local_concrete_fields
        if not field.is_relation and field.attname in rows[0]
    }
    return type_of(before).to_text(before, type_of(before).value([columns]))


def _present(rows: Sequence[Row], kind: str) -> list[Row]:
    model: Any = Tag if kind == "tag_id" else CustomField
    for name, target in ((kind, model), ("option_id", Option), ("user_id", User)):
        wanted = {row[name] for row in rows if row.get(name)}
        if wanted:
            there = set(target._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))
            rows = [row for row in rows if not row.get(name) or row[name] in there]
    return list(rows)
