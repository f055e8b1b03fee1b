"""Writing the demo down, past the models: at 100,000 contacts they would take minutes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import batched
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.utils.translation import gettext as _

from contacts.models import Contact, ContactDetail, StatusChange
from contacts.words import remember_words, vocabulary_of
from crm.demo import people, words
from crm.demo.contacts import Casting
from crm.demo.deals import Lists, Sale
from crm.demo.standings import Changed, Part
from deals.models import (
    Deal,
    DealContact,
    DealParty,
    DealSource,
    LossReason,
    Pipeline,
    Stage,
    UnqualifiedReason,
)
from deals.stages import Group
from imports.bulk import columns_of, insert, is_postgresql, reserve_ids

BATCH = 20_000
DATED = (datetime, date)
HISTORY = ["contact_id", "status", "old", "new", "effective_at", "recorded_at", "actor_id",
           "cause", "deal_id", "deal_name", "stage_name", "stage_category"]  # fmt: skip


def lists() -> Lists:
    """Users, pipelines, reasons and sources, those that are missing made."""
    return Lists(
        owners=people.owners(),
        sources=_reasons(DealSource, words.SOURCES),
        loss_reasons=_reasons(LossReason, words.LOSS_REASONS),
        unqualified_reasons=_reasons(UnqualifiedReason, words.UNQUALIFIED_REASONS),
        stages={name: _stages(name, stages) for name, stages in words.PIPELINES.items()},
    )


def _reasons(model: type[models.Model], names: Iterable[str]) -> list[int]:
    reasons = model._default_manager
    return [
        reasons.get_or_create(name=name, defaults={"position": position})[0].pk
        for position, name in enumerate(names)
    ]


def _stages(name: str, stages: Sequence[tuple[str, str, int]]) -> list[Stage]:
    pipelines = Pipeline.objects.all()
    pipeline, _new = pipelines.get_or_create(
        name=name,
        defaults={
            "position": pipelines.count(),
            "is_default": not pipelines.filter(is_default=True).exists(),
        },
    )
    if not pipeline.stages.exists():
        for position, (stage, category, likelihood) in enumerate(stages):
            pipeline.stages.create(
                name=stage, category=category, position=position, likelihood=likelihood
            )
    found = list(pipeline.stages.all())
    if {stage.group for stage in found} != set(Group.values):
        raise ValidationError(
            _("The pipeline “%(name)s” lacks an active, a won or a lost stage.") % {"name": name}
        )
    return found


def write(
    casting: Casting, sales: Sequence[Sale], parts: Sequence[Part], history: Sequence[Changed]
) -> None:
    """Insert everything under new ids. Inside the transaction that checks the statuses too."""
    everybody = casting.everybody
    _number(Contact, [cast.row for cast in everybody])
    for cast in everybody:
        cast.row.company_id = cast.employer.row.id if cast.employer else None
        cast.row.parent_company_id = cast.parent.row.id if cast.parent else None
    _number(Deal, [sale.row for sale in sales])
    for sale in sales:
        sale.row.primary_contact_id = sale.star.row.id
        sale.row.company_id = sale.company.row.id if sale.company else None
    for model, rows in ((Contact, [c.row for c in everybody]), (Deal, [s.row for s in sales])):
        columns = columns_of(model)
        insert_rows(model, columns, ([getattr(row, name) for name in columns] for row in rows))
    keyed = [*(cast.row for cast in everybody), *(sale.row for sale in sales)]
    remember_words(vocabulary_of(*(row.search_key for row in keyed)))
    insert_rows(
        ContactDetail,
        ["contact_id", "kind", "label", "value"],
        ((d.cast.row.id, d.kind, d.label, d.value) for d in casting.details),
    )
    insert_rows(
        DealContact,
        ["deal_id", "contact_id", "role"],
        ((sale.row.id, cast.row.id, role) for sale in sales for cast, role in sale.links),
    )
    insert_rows(
        DealParty,
        ["deal_id", "contact_id", "kept"],
        ((part.sale.row.id, part.cast.row.id, part.kept) for part in parts if part.counts),
    )
    insert_rows(StatusChange, HISTORY, (_history_row(change) for change in history))
    if is_postgresql():
        # It plans by what it knew of these tables when they were empty.
        with connection.cursor() as cursor:
            for written in (Contact, Deal, DealContact, DealParty):
                cursor.execute(f"ANALYZE {connection.ops.quote_name(written._meta.db_table)}")


def _history_row(change: Changed) -> tuple[Any, ...]:
    why = change.why
    deal = (why.sale.row.id, why.sale.row.name) if why.sale else (None, "")
    stage = (why.stage.name, why.stage.category) if why.stage else ("", "")
    who = (change.cast.row.id, change.kind, change.old, change.new)
    return (*who, why.at, why.at, why.by, why.cause, *deal, *stage)


def _number(model: type[models.Model], rows: Sequence[Any]) -> None:
    for row, pk in zip(rows, reserve_ids(model, len(rows)), strict=True):
        row.id = pk


def insert_rows(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    stored = _Stored()
    for batch in batched(rows, BATCH):
        translated = [[stored[v] if type(v) in DATED else v for v in row] for row in batch]
        insert(model, columns, translated)


class _Stored(dict[Any, Any]):
    """Days and moments as both drivers take them, each translated once: most of them repeat."""

    def __missing__(self, value: Any) -> Any:
        is_moment = isinstance(value, datetime)
        adapt = connection.ops.adapt_datetimefield_value if is_moment else date.isoformat
        stored = self[value] = adapt(value)
        return stored
