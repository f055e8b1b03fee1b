"""Pipelines, contacts and deals for tests, boring unless told otherwise."""

from __future__ import annotations

import itertools
from typing import Any

from contacts.models import Contact
from deals.models import Deal, Pipeline, Stage
from deals.stages import Category

_numbers = itertools.count(1)


def default_stages() -> dict[str, Stage]:
    """One stage of each category, by category."""
    pipeline, _new = Pipeline.objects.get_or_create(name="Sales", defaults={"is_default": True})
    return {
        category.value: Stage.objects.filter(pipeline=pipeline, category=category).first()
        or Stage.objects.create(
            pipeline=pipeline, category=category, name=str(category.label), position=position
        )
        for position, category in enumerate(Category)
    }


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
