"""Tags and custom fields of every type for lists, carried at random, by contacts outside of the category too."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from settings.categories import CHOOSING, AppliesTo, Category, FieldType
from settings.holders import holder_of
from settings.models import CustomField, Tag
from settings.types import type_of
from tests.labels.worlds import made_field, made_tag

OPTIONS = ["Würfel", "würzig", "<b>", "100 %", "a_b"]
TAGS = ["VIP", "Größe", "a; b", "\u202eabc", "%"]


def make_labels(record: str, rng: random.Random) -> tuple[list[Tag], list[CustomField]]:
    """Tags of each category of the record, and a field of every type in one of them."""
    categories = Category.of_record(record)
    tags = [made_tag(name, category) for category in categories for name in TAGS[:4]]
    fields = []
    for number, kind in enumerate(FieldType):
        applies = (
            AppliesTo.ALL
            if record == "deal" or rng.random() < 0.7
            else rng.choice(AppliesTo.values)
        )
        fields.append(
            made_field(
                f"Field {number}", kind, rng.choice(categories), applies_to=applies,
                options=OPTIONS if kind in CHOOSING else (),
            )
        )  # fmt: skip
    return tags, fields


def values_for(
    field: CustomField, texts: Sequence[str], ids: Sequence[int], users: Sequence[Any]
) -> list[Any]:
    """Values of a field that lists may meet."""
    days = [0, 1, 2, 6, 7, 29, 30, 31, 90, 91, 365, 366, -1, -7, -31]
    today = timezone.localdate()
    moments = [
        timezone.make_aware(datetime.combine(today - timedelta(days=back), datetime.min.time()))
        + timedelta(seconds=seconds)
        for back in days
        for seconds in (0, -1, 3600, 86399)
    ]
    numbers = ["0", "-5", "0.1", "0.2", "33.33", "1000", "99999999.99"]
    options = [one.pk for one in field.options.all()]
    by_type: dict[str, list[Any]] = {
        FieldType.TEXT: [*texts, "Ä" * 260 + "Ende"],
        FieldType.LONG_TEXT: [*texts, "Ö" * 900 + " Schluß", "Ö" * 900],
        FieldType.WHOLE: [-1, 0, 1, 2, 3, 10**14],
        FieldType.NUMBER: [Decimal(one) for one in [*numbers, "0.0001", "-3.5"]],
        FieldType.MONEY: [Decimal(one) for one in numbers],
        FieldType.YES_NO: [True, False],
        FieldType.DATE: [today - timedelta(days=back) for back in days],
        FieldType.MOMENT: moments,
        FieldType.EMAIL: ["ann@example.com", "Zoe@example.com", "b@müller.example"],
        FieldType.PHONE: ["+49 30 1234", "030/1234", "1"],
        FieldType.URL: ["https://example.com/", "http://müller.example/?a=%C3%BC"],
        FieldType.ADDRESS: ["Straße 1\n10115\nBerlin\n\n", "\n\nŁódź\n\nPL"],
        FieldType.CHOICE: options,
        FieldType.CHOICES: [
            tuple(sorted(options[start : start + size])) for start in range(5) for size in (1, 2, 3)
        ],
        FieldType.USER: [one.pk for one in users],
        FieldType.CONTACT: list(ids),
    }
    return by_type[field.type]


def carry(
    record: str, ids: Sequence[int], rng: random.Random, texts: Sequence[str], contacts: Sequence[int],
    users: Sequence[Any],
) -> None:  # fmt: skip
    """Give two in three of these records a value, whether or not they may show it."""
    holder = holder_of(record)
    tags, fields = make_labels(record, rng)
    links, rows = [], []
    for pk in ids:
        links += [
            holder.links(**{holder.key_id: pk}, tag=tag) for tag in tags if rng.random() < 0.4
        ]
    for field in fields:
        wanted = values_for(field, texts, contacts, users)
        for pk in ids:
            if rng.random() < 0.66:
                value = type_of(field).clean(field, rng.choice(wanted))
                if value is not None:
                    for columns in type_of(field).rows(field, value):
                        rows.append(holder.values(**{holder.key_id: pk}, field=field, **columns))
    holder.links._default_manager.bulk_create(links)
    holder.values._default_manager.bulk_create(rows)
