"""The tags and custom fields of two contacts beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from contacts.hidden import A_CONTACT
from contacts.labels_follow import BOTH, OURS, THEIRS
from contacts.models import Contact
from contacts.models.labels import HOLDER
from settings.catalogue import catalogue
from settings.categories import Category, FieldType
from settings.listing import TAG_LABELS
from settings.models import CustomField
from settings.services import names_for, tags_of, values_of
from settings.services.reading import belongs, has_field
from settings.types import type_of

__all__ = ["BOTH", "OURS", "THEIRS", "ComparedLabels"]


class ComparedLabels:
    """What ``user`` may see of both: of Prospects & Customers what those of the two show that belong there.

    ``fields`` are those that either has a value of, ``differing`` those of which one is to be chosen.
    """

    def __init__(self, survivor: Contact, merged: Contact, user: Any) -> None:
        self.survivor, self.merged = survivor, merged
        pair = (survivor, merged)
        of_contacts = [one for one in Category if one.record == HOLDER.record]
        self.categories = [
            one for one in of_contacts if any(belongs(HOLDER, contact, one) for contact in pair)
        ]
        fields = [
            made for made in catalogue().fields(*self.categories) if has_field(survivor, made)
        ]
        ids = [survivor.pk, merged.pk]
        self._values = values_of(HOLDER, ids, fields)
        self._tags = tags_of(HOLDER, ids, self.categories)
        self._names = names_for(HOLDER, fields, self._values.values(), user)
        self.fields = [made for made in fields if any(made.pk in self.values(one) for one in pair)]
        self.differing = [
            made
            for made in self.fields
            if self.values(survivor).get(made.pk) != self.values(merged).get(made.pk)
        ]

    def values(self, contact: Contact) -> Mapping[int, Any]:
        return self._values.get(contact.pk, {})

    def shown(self, made: CustomField, contact: Contact) -> str:
        value = self.values(contact).get(made.pk)
        if value is None:
            return ""
        shown = type_of(made).show(made, value, self._names)
        return shown or (str(A_CONTACT) if made.type == FieldType.CONTACT else "")

    def choices(self, made: CustomField) -> list[tuple[str, str]]:
        """What to send for a choice, and how it reads; empty for no value."""
        ours, theirs = self.shown(made, self.survivor), self.shown(made, self.merged)
        several = made.type == FieldType.CHOICES and ours and theirs
        return [(OURS, ours), (THEIRS, theirs), *([(BOTH, gettext("Both"))] if several else [])]

    def beginning(self, made: CustomField) -> str:
        """Chosen before anybody chose: nothing is lost, and the survivor keeps what it shows."""
        if self.choices(made)[-1][0] == BOTH:
            return BOTH
        return OURS if made.pk in self.values(self.survivor) else THEIRS

    def tags(self) -> Iterator[tuple[str, str]]:
        """By category how its tags are called, and the names of those of both."""
        both = [*self._tags.get(self.survivor.pk, []), *self._tags.get(self.merged.pk, [])]
        for category in self.categories:
            names = dict.fromkeys(tag.name for tag in both if tag.category == category)
            if names:
                yield str(TAG_LABELS[category]), ", ".join(names)
