"""People, companies, tags and custom fields by name, and what contacts show of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from contacts.models import Contact
from contacts.models.labels import HOLDER
from deals.models import Deal
from deals.services import select_status
from settings.categories import AppliesTo, Category
from settings.models import CustomField, Option, Removal, Tag
from settings.services import (
    change_tags,
    delete_everywhere,
    delete_label,
    merge_labels,
    move_label,
    seen_of,
    set_values,
    toll_of,
    undo_removal,
)
from settings.types import type_of
from tests.deals.factories import default_stages

Label = Tag | CustomField
OF_CONTACTS = (Category.CONTACTS, Category.CUSTOMERS)


def made_tag(name: str, category: str = "contacts", **more: Any) -> Tag:
    tag = Tag(name=name, category=category, **more)
    tag.full_clean()
    tag.save()
    return tag


def made_field(
    name: str,
    type: str = "text",
    category: str = "contacts",
    *,
    options: Iterable[str] = (),
    **more: Any,
) -> CustomField:
    field = CustomField(name=name, category=category, type=type, **more)
    field.full_clean()
    field.save()
    for position, option in enumerate(options):
        Option.objects.create(field=field, name=option, position=position)
    return field


def shown(contact: Contact) -> list[str]:
    """What the contact shows, as scenarios write it."""
    contact = Contact.objects.get(pk=contact.pk)
    tags, fields = seen_of(HOLDER, contact, OF_CONTACTS, None)
    found = [f"{category}/{tag.name}" for category, many in tags.items() for tag in many]
    for category, many in fields.items():
        for one in many:
            if one.value is not None:
                text = type_of(one.field).to_text(one.field, one.value)
                found.append(f"{category}/{one.field.name} = {text}")
    return sorted(found)


class World:
    """The world of one scenario; a method for each of its steps, through the services."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.stages = default_stages()
        self.contacts: dict[str, Contact] = {}
        for kind in ("people", "companies"):
            for name, status in (scenario.get(kind) or {}).items():
                names = {"last_name": name} if kind == "people" else {"name": name}
                made = Contact.objects.create(is_organization=kind == "companies", **names)
                if status != "none":
                    select_status(made, customer=status)
                self.contacts[name] = made
        for path in scenario.get("tags") or []:
            self.make(tag=path)
        for path, given in (scenario.get("fields") or {}).items():
            self._field(path, given if isinstance(given, dict) else {"type": given})
        self.removals: list[Removal] = []
        for name, carried in (scenario.get("carry") or {}).items():
            for one in carried:
                path, _equals, text = one.partition(" = ")
                if text:
                    self.set(field=path, of=name, to=text)
                else:
                    self.tag(tag=path, on=[name])

    def _field(self, path: str, given: Mapping[str, Any]) -> None:
        category, name = path.split("/")
        made_field(
            name,
            given["type"],
            category,
            options=given.get("options", ()),
            applies_to=given.get("for", AppliesTo.ALL),
        )

    def label(self, tag: str = "", field: str = "", **_more: Any) -> Label:
        category, name = (tag or field).split("/")
        model: Any = Tag if tag else CustomField
        return model.objects.live().get(category=category, name=name)  # type: ignore[no-any-return]

    # -- steps

    def make(self, tag: str) -> None:
        category, name = tag.split("/")
        made_tag(name, category)

    def tag(self, tag: str, on: Iterable[str] = (), off: Iterable[str] = ()) -> None:
        found = self.label(tag=tag).pk
        for names, how in ((on, "on"), (off, "off")):
            change_tags("contact", [self.contacts[name].pk for name in names], **{how: [found]})  # type: ignore[arg-type]

    def set(self, field: str, of: str, to: str) -> None:
        found = self.label(field=field)
        assert isinstance(found, CustomField)
        value = type_of(found).from_text(found, to)
        set_values("contact", {self.contacts[of].pk: {found.pk: value}})

    def status(self, of: str, **values: str) -> None:
        select_status(Contact.objects.get(pk=self.contacts[of].pk), **values)  # type: ignore[arg-type]

    def deal(self, name: str, of: str, **more: str) -> None:
        Deal.objects.create(
            name=name,
            primary_contact=Contact.objects.get(pk=self.contacts[of].pk),
            stage=self.stages[more["as"]],
        )

    def drop_deal(self, name: str) -> None:
        Deal.objects.get(name=name).delete()

    def rename(self, to: str, **which: str) -> None:
        label = self.label(**which)
        label.name = to
        label.full_clean()
        label.save()

    def delete(self, everywhere: bool = False, **which: str) -> None:
        label = self.label(**which)
        self.removals += delete_everywhere(label) if everywhere else [delete_label(label)]

    def merge(self, into: str, **which: str) -> None:
        other = self.label(**dict.fromkeys(which, into))
        self.removals.append(merge_labels(self.label(**which), other))

    def move(self, **which: str) -> None:
        self.removals.append(move_label(self.label(**which)))

    def undo(self, number: int = 0) -> None:
        undo_removal(self.removal(number))

    # -- what is said and shown

    def removal(self, number: int) -> Removal:
        """The one with that number; without one, the latest that is not undone."""
        if number:
            return self.removals[number - 1]
        ids = [one.pk for one in self.removals]
        return Removal.objects.filter(pk__in=ids, undone_at=None).order_by("-pk")[0]

    def toll(self, step: str, into: str = "", everywhere: bool = False, **which: str) -> Any:
        """What the page says before a step, as a dictionary."""
        other = self.label(**dict.fromkeys(which, into)) if into else None
        return asdict(toll_of(self.label(**which), into=other, everywhere=everywhere))

    def shown(self) -> dict[str, list[str]]:
        return {name: shown(contact) for name, contact in self.contacts.items()}

    def there(self) -> list[str]:
        return sorted(
            f"{one.category}/{one.name}"
            for model in (Tag, CustomField)
            for one in model.objects.live().exclude(category=Category.DEALS)
        )


def take(world: World, step: dict[str, Any], number: int) -> None:
    """Take one step and hold the world to what the scenario says of it."""
    action = next(key for key in step if key not in ("then", "refused", "toll", "there"))
    arguments = step[action]
    if expected := step.get("toll"):
        said = world.toll(action, **arguments)
        found = {key: said[key] for key in expected}
        assert found == expected, f"step {number} says beforehand {said}"
    if step.get("refused"):
        before = world.shown(), world.there()
        refuse(world, action, arguments)
        assert (world.shown(), world.there()) == before, f"step {number} changed something"
    else:
        getattr(world, action)(**arguments)
    now = world.shown()
    for name, carried in (step.get("then") or {}).items():
        assert now[name] == sorted(carried), f"step {number}, {name}"
    if "there" in step:
        assert world.there() == sorted(step["there"]), f"step {number}"


def refuse(world: World, action: str, arguments: dict[str, Any]) -> None:
    """Take a step that is refused, with a sentence."""
    refused = getattr(world, f"{action}_refused", None)
    if refused is not None:
        refused(**arguments)
        return
    with pytest.raises(ValidationError) as refusal:
        getattr(world, action)(**arguments)
    assert all(len(message) > 10 for message in refusal.value.messages)
