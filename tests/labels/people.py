"""Contacts, tags and fields for tests of the pages of records."""

from __future__ import annotations

from typing import Any

from settings.categories import Category, FieldType
from settings.models import CustomField, Option, Tag
from tests.deals import factories as make


def field(name: str = "Region", type: str = "text", category: str = "contacts", **more: Any) -> Any:
    return CustomField.objects.create(name=name, type=type, category=category, **more)


def option(of: CustomField, name: str, **more: Any) -> Option:
    return Option.objects.create(field=of, name=name, position=of.options.count(), **more)


def tag(name: str, category: str = "contacts", **more: Any) -> Tag:
    return Tag.objects.create(name=name, category=category, **more)


def fields_of_every_type(category: str = Category.CONTACTS) -> dict[str, CustomField]:
    found = {}
    for number, kind in enumerate(FieldType):
        found[kind.value] = made = field(
            f"A {kind.value}", kind, category, position=number, help_text=f"Help with {kind.value}"
        )
        if kind in (FieldType.CHOICE, FieldType.CHOICES):
            for name in ("Red", "Green", "Blue"):
                option(made, name)
    return found


def customer(name: str = "Ada") -> Any:
    """A contact in Prospects & Customers, with the deal that makes it one."""
    found = make.person(name)
    sold = make.deal(found)
    found.refresh_from_db()
    return found, sold
