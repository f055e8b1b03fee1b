"""Links and values that were away for a while, in the trash or remembered by a merge, on their way back.

Tags and fields may have been removed meanwhile, or come back. What returns is where it would be, had it been there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from crm.accounts.models import User
from crm.trash.services import instance_of, plain, row_of
from settings.categories import CHOOSING
from settings.joining import joined
from settings.models import CustomField, FieldValue, Option, Removal, Tag, TagLink
from settings.models.values import COLUMNS
from settings.types import type_of

# A link or value as ``kept_row`` gives it.
Row = dict[str, Any]
How = Removal.How


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
    rows: Iterable[Row], *, key: str, since: datetime, belongs: Callable[[int], bool]
) -> list[Row]:
    """Rows of one model that were away ``since`` then, where removals and their undoing have led those that were there.

    ``key`` is the column of their record; ``belongs`` says whether a record counted among Prospects & Customers. Left
    out is what names a tag, field, option or user that is gone for good.
    """
    found = [dict(row) for row in rows]
    if not found:
        return []
    kind = "tag_id" if "tag_id" in found[0] else "field_id"
    removals = _removals(found, kind, since)
    for row in found:
        _lead_back(row, kind, removals)
    taken = {(row[key], row[kind], row.get("slot", 0)) for row in found}
    fields = {one.pk: one for one in CustomField.objects.prefetch_related("options")}
    for removal in removals.values():
        if removal.removed_at > since and not removal.undone_at and removal.into_id:
            for row in found:
                if row[kind] == removal.label_id and (
                    removal.how != How.DELETED or belongs(row[key])
                ):
                    _lead_on(row, key, kind, removal, taken, fields)
    if kind == "field_id":
        found = [row for row in found if _fits(row, fields)]
    return _present(found, kind)


def _removals(rows: Sequence[Row], kind: str, since: datetime) -> dict[int, Removal]:
    marks = {int(mark) for row in rows for mark in row.get("came_from", "").split("/") if mark}
    kinds = {"tag_id": Removal.Kind.TAG, "field_id": Removal.Kind.FIELD}
    concerned = Removal.objects.filter(Q(removed_at__gt=since) | Q(pk__in=marks), kind=kinds[kind])
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
    row: Row,
    key: str,
    kind: str,
    removal: Removal,
    taken: set[tuple[int, int, int]],
    fields: Mapping[int, CustomField],
) -> None:
    """Hand the row on as the removal did; where the other one is there already, it waits behind."""
    led = dict(row)
    led[kind] = removal.into_id
    _exchange(led, dict(removal.data.get("options", ())))
    if kind == "field_id" and not _fits(led, fields):
        return
    row["came_from"] = f"{row.get('came_from', '')}/{removal.pk}"
    place = (led[key], led[kind], led.get("slot", 0))
    if place not in taken:
        taken.discard((row[key], row[kind], row.get("slot", 0)))
        taken.add(place)
        row.clear()
        row.update(led, came_from=f"{led.get('came_from', '')}/{removal.pk}")


def _exchange(row: Row, options: Mapping[int, int]) -> None:
    if (option := options.get(row.get("option_id", 0))) is not None:
        row["option_id"] = option
        if row.get("slot"):
            row["slot"] = option


def _fits(row: Row, fields: Mapping[int, CustomField]) -> bool:
    """Whether its field can hold it; a value of a field that was given another type since is converted."""
    field = fields.get(row["field_id"])
    if field is None:
        return False
    if field.type == row["type"]:
        return True
    try:
        found = type_of(field).from_text(field, _text_of(row, fields))
    except ValidationError:
        return False
    if found is None:
        return False
    for name in ("text", "folded", "slot", "option_id", "user_id", "record_id", *COLUMNS):
        row.pop(name, None)
    columns = type_of(field).rows(field, found)[0]
    row |= {name: plain(value) for name, value in columns.items() if value is not None}
    row["type"] = field.type
    return True


def _text_of(row: Row, fields: Mapping[int, CustomField]) -> str:
    """A value as a file would hold it; one of several choices alone."""
    if row["type"] in CHOOSING:
        options = [option for field in fields.values() for option in field.options.all()]
        return joined(option.name for option in options if option.pk == row.get("option_id"))
    before = CustomField(type=row["type"])
    columns = {
        field.attname: field.to_python(row[field.attname])
        for field in FieldValue._meta.local_concrete_fields
        if not field.is_relation and field.attname in row
    }
    kind = type_of(before)
    return kind.to_text(before, kind.value([{**row, **columns}]))


def _present(rows: Sequence[Row], kind: str) -> list[Row]:
    model: Any = Tag if kind == "tag_id" else CustomField
    for name, target in ((kind, model), ("option_id", Option), ("user_id", User)):
        wanted = {row[name] for row in rows if row.get(name)}
        if wanted:
            there = set(target._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))
            rows = [row for row in rows if not row.get(name) or row[name] in there]
    return list(rows)
