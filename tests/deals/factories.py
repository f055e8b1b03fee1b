"""Pipelines, contacts and deals for tests, boring unless told otherwise."""

from __future__ import annotations

import itertools
from typing import Any

from contacts.models import Contact
from deals.models import Deal, Pipeline, Stage
from deals.stages import Category

_numbers = itertools.count(1)
SALES = "Sales"


def default_stages() -> dict[str, Stage]:
    """One stage of each category, by category."""
    there = Stage.objects.filter(pipeline__name=SALES).select_related("pipeline")
    found = {stage.category: stage for stage in reversed(there)}
    if len(found) < len(Category):
        pipeline, _new = Pipeline.objects.get_or_create(name=SALES, defaults={"is_default": True})
        for position, category in enumerate(Category):
            if category.value not in found:
                found[category.value] = Stage.objects.create(
                    pipeline=pipeline,
                    category=category,
                    name=str(category.label),
                    position=position,
                )
    return {category.value: found[category.value] for category in Category}


def company(name: str = "", **more: Any) -> Contact:
    return Contact.objects.create(
        is_organization=True, name=name or f"Company {next(_numbers)}", **more
    )


def person(last_name: str = "", **more: Any) -> Contact:
    return Contact.objects.create(last_name=last_name or f"Person {next(_numbers)}", **more)


def deal(primary: Contact, category: str = "incoming", *, name: str = "", **more: Any) -> Deal:
    stage = more.pop("stage", None) or default_stages()[category]
    return Deal.objects.create(
        name=name or f"Deal {next(_numbers)}", primary_contact=primary, stage=stage, **more
    )
