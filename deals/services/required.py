"""Custom fields that deals must have when they reach a stage."""

from __future__ import annotations

from collections.abc import Collection

from deals.models import Stage
from deals.models.labels import HOLDER, RequiredAt
from settings.catalogue import catalogue
from settings.categories import Category
from settings.models import CustomField
from settings.services import values_of


def required_at(stages: Collection[Stage]) -> dict[int, list[CustomField]]:
    """For each of these stages that asks for fields, which, in their order; one statement beside the catalogue."""
    ids = [stage.pk for stage in stages]
    asked = set(RequiredAt.objects.filter(stage__in=ids).values_list("stage_id", "field_id"))
    fields = catalogue().fields(Category.DEALS) if asked else []
    found = {pk: [field for field in fields if (pk, field.pk) in asked] for pk in ids}
    return {pk: many for pk, many in found.items() if many}


def missing_fields(deal_ids: Collection[int], stage: Stage) -> dict[int, list[CustomField]]:
    """For each of these deals that lacks some, the fields that ``stage`` asks for and it has no value of.

    Two statements beside the catalogue, however many deals there are. Pages and actions ask it; saving a deal by
    itself does not, so that imports and repairs are not held up.
    """
    fields = required_at([stage]).get(stage.pk, [])
    if not fields or not deal_ids:
        return {}
    values = values_of(HOLDER, deal_ids, fields)
    found = {
        pk: [field for field in fields if field.pk not in values.get(pk, {})] for pk in deal_ids
    }
    return {pk: many for pk, many in found.items() if many}
