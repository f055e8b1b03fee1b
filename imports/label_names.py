"""How files and mappings call tags and custom fields: ``contacts:Budget``, ``customers:tags``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crm.names import name_key
from imports.fields import Entity
from imports.mapping import FieldMap, Section
from settings.categories import Category

TAGS = "tags"
# Shorter names of columns of tags.
SHORT = {"tags": None, "customer_tags": Category.CUSTOMERS}
CATEGORIES = {
    Entity.COMPANIES: (Category.CONTACTS, Category.CUSTOMERS),
    Entity.PEOPLE: (Category.CONTACTS, Category.CUSTOMERS),
    Entity.DEALS: (Category.DEALS,),
    Entity.DEAL_CONTACTS: (),
}
_HEADER = re.compile(r"(contacts|customers|deals):(.*\S.*)")


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Where the tags of a category, or the values of a custom field of it, take their text from.

    ``name`` is empty for tags. ``type`` is of a field that is made where it lacks.
    """

    category: Category
    name: str
    mapped: FieldMap
    type: str = ""
    make_options: bool = False

    @property
    def identity(self) -> tuple[str, str]:
        return self.category, name_key(self.name)

    @property
    def shown(self) -> str:
        return f"{self.category.value}:{self.name or TAGS}"


def label_named(entity: Entity, text: str) -> tuple[Category, str] | None:
    """The category and name (empty for tags) that ``text`` stands for in files of an entity; None for neither."""
    categories = CATEGORIES[entity]
    if text in SHORT and categories:
        category = SHORT[text] or categories[0]
        return (category, "") if category in categories else None
    found = _HEADER.fullmatch(text)
    if found is None or found[1] not in categories:
        return None
    name = " ".join(found[2].split())
    return Category(found[1]), "" if name == TAGS else name


def is_label(text: str) -> bool:
    """Whether a header names tags or a custom field of any category."""
    return _HEADER.fullmatch(text) is not None


def with_labels(section: Section, header: Sequence[str]) -> Section:
    """``section`` with the labels that the header of its file names, where it takes these; of an export without
    those that it has no column of.
    """
    labels = list(section.labels)
    if section.exported:
        labels = [one for one in labels if set(one.mapped.columns) <= set(header)]
    if section.custom_fields:
        known = {one.identity for one in labels}
        for text in header:
            named = label_named(section.entity, text) if is_label(text) else None
            if named is None:
                continue
            mapped = FieldMap(columns=(text,), by="")
            one = LabelMap(*named, mapped, make_options=section.make_options)
            if one.identity not in known:
                known.add(one.identity)
                labels.append(one)
    return replace(section, labels=tuple(labels))
