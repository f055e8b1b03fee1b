"""The tags and custom fields of a record in its own form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext as _

from crm.changes import one_change
from crm.versions import VersionedForm
from settings.catalogue import catalogue
from settings.categories import Category, FieldType
from settings.fields import (
    ContactField,
    TagsField,
    form_field,
    people_offered,
)
from settings.holders import Holder, holder_of
from settings.listing import TAG_LABELS, TAGS
from settings.models import CustomField
from settings.services import set_values, tags_of, values_of
from settings.services.assigning import exchange_tags
from settings.services.making import make_tags
from settings.services.reading import belongs, has_field
from settings.types import Value, default_of

# What inputs of custom fields are called; a field of several inputs numbers or names them.
INPUT = re.compile(r"field([0-9]{1,18})(?:_[a-z_]+)?")
ID = re.compile("[0-9]{1,18}", re.ASCII)
LEGIBLE = frozenset(
    (FieldType.TEXT, FieldType.LONG_TEXT, FieldType.WHOLE, FieldType.NUMBER, FieldType.MONEY,
     FieldType.DATE, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.ADDRESS)
)  # fmt: skip


class CustomFieldsForm(VersionedForm):
    """The form of a record with its tags and custom fields, which are saved with it as one change.

    ``record`` is “contact” or “deal”. Only what the record may have is in the form; what it carries besides, while it
    does not belong to a category, is left alone. A class that saves in its own way calls ``save_labels``.
    """

    record: str

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.holder: Holder = holder_of(self.record)
        self.categories = self._categories()
        self.custom = {
            field.form_name: field
            for field in catalogue().fields(*self.categories)
            if has_field(self.instance, field)
        }
        self._begin_with_stored()
        self._add_fields()

    def contact_field(self) -> ContactField:
        """What a field of type contact is made with."""
        raise NotImplementedError

    def contact_ids(self) -> set[int]:
        """The contacts that custom fields name, stored or sent, so that they are loaded together."""
        ids = set()
        for name, field in self.custom.items():
            if field.type == FieldType.CONTACT:
                sent = str(self.data.get(self.add_prefix(name), "")) if self.is_bound else ""
                ids |= {self.initial.get(name), int(sent) if ID.fullmatch(sent) else None}
        return ids - {None}  # type: ignore[return-value]

    def _categories(self) -> list[Category]:
        there = Category.of_record(self.record)
        if not self.instance.pk:
            # Whoever is new has no status yet.
            return [one for one in there if one != Category.CUSTOMERS]
        return [one for one in there if belongs(self.holder, self.instance, one)]

    def _begin_with_stored(self) -> None:
        pk = self.instance.pk
        if not pk:
            defaults = {name: default_of(field) for name, field in self.custom.items()}
            self.initial = {**defaults, **self.initial}
            return
        values = values_of(self.holder, [pk], self.custom.values(), unseen=True).get(pk, {})
        carried = tags_of(self.holder, [pk], self.categories, unseen=True).get(pk, [])
        for name, field in self.custom.items():
            self.initial[name] = values.get(field.pk)
        for category in self.categories:
            tags = [tag.pk for tag in carried if tag.category == category]
            self.initial[TAGS[category]] = frozenset(tags)

    def _add_fields(self) -> None:
        for category in self.categories:
            self.fields[TAGS[category]] = TagsField(category, self.user, label=TAG_LABELS[category])
        made = made_fields(
            self.custom,
            self.initial,
            user=self.user,
            holder=self.holder,
            contact_field=self.contact_field(),
        )
        names = {one.key for one in self.custom.values() if one.category == Category.CONTACTS}
        for name, field in made.items():
            self.fields[name] = field
            subject = self.custom[name]
            if subject.category == Category.CUSTOMERS and subject.key in names:
                field.label = format_lazy("{} ({})", subject.name, Category(subject.category).label)

    # -- how it is shown

    def label_groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """For each category that the record belongs to its heading, its tags and its fields."""
        found = []
        for category in self.categories:
            names = [TAGS[category]]
            names += [name for name, one in self.custom.items() if one.category == category]
            fields = [self[name] for name in names if name in self.fields]
            found.append((heading_of(category), fields))
        return found

    # -- what was sent

    def omitted(self, name: str) -> bool:
        """Whether the page that was sent did not have the field, as it was made since."""
        field = self.fields[name]
        return field.widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name))

    def value_of(self, name: str) -> Value:
        """What the record has in a custom field once this is saved; for a form that was checked."""
        return self.initial.get(name) if self.omitted(name) else self.cleaned_data.get(name)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for message in self._gone():
            self.add_error(None, message)
        return cleaned

    def _gone(self) -> Iterable[str]:
        """A sentence for each field that was sent and is not there any more."""
        sent: dict[int, list[str]] = {}
        for key in self.data:
            if (found := INPUT.fullmatch(key)) and f"field{int(found[1])}" not in self.custom:
                texts = [text.strip() for text in _texts(self.data, key)]
                if any(texts):
                    sent.setdefault(int(found[1]), []).extend(text for text in texts if text)
        outside = Category.CUSTOMERS in Category.of_record(self.record) and (
            Category.CUSTOMERS not in self.categories
        )
        by_id = CustomField.objects.in_bulk(sent) if sent else {}
        live = catalogue().fields_by_id
        left = outside and any(
            one in live and live[one].category == Category.CUSTOMERS for one in sent
        )
        if left or (outside and _texts(self.data, TAGS[Category.CUSTOMERS], filled=True)):
            yield _(
                "This contact is neither prospect nor customer any more. Its tags and fields of Prospects & "
                "Customers are kept unseen, as they were. Look at the rest and save again."
            )
        for pk, texts in sent.items():
            if not (outside and pk in live and live[pk].category == Category.CUSTOMERS):
                yield _sentence_of_a_removed(by_id.get(pk), texts)

    # -- comparing with what is stored

    def _shown(self, field: forms.BoundField) -> tuple[str, str]:
        name = field.name
        if name not in self.custom and name not in TAGS.values():
            return super()._shown(field)
        if self.omitted(name):
            return "", ""
        sent = self.cleaned_data.get(name, field.data)
        made: Any = field.field
        return made.label_of(field.initial), made.label_of(sent)

    # -- saving

    def save(self, commit: bool = True) -> Any:
        with one_change():
            saved = super().save(commit)
            self.save_labels()
        return saved

    def save_labels(self) -> None:
        """Give the stored record the tags and values that were sent, as far as they differ; constant statements.

        Raises ``ValidationError`` where a tag or field was removed since the form was checked.
        """
        pk = self.instance.pk
        # Of a new record all is written, defaults included.
        new = not self.stored_version
        sent = [
            name
            for name in (*self.custom, *(TAGS[one] for one in self.categories))
            if name in self.fields and not self.omitted(name) and (new or name in self.changed_data)
        ]
        self._exchange(pk, sent)
        values = {
            self.custom[name].pk: self.cleaned_data[name] for name in sent if name in self.custom
        }
        if new:
            values = {field: value for field, value in values.items() if value is not None}
        if values:
            set_values(self.record, {pk: values})

    def _exchange(self, pk: int, sent: list[str]) -> None:
        on: set[int] = set()
        off: set[int] = set()
        for category in self.categories:
            if TAGS[category] in sent:
                tagging = self.cleaned_data[TAGS[category]]
                before = frozenset(self.initial.get(TAGS[category]) or ())
                on |= tagging.ids - before | make_tags(category, tagging.new, self.user)
                off |= before - tagging.ids
        if on or off:
            exchange_tags(self.record, {pk: (on, off)})

    def refuse(self, error: ValidationError) -> None:
        """Show why saving was refused, unless the form says it by itself by now."""
        if self.is_valid():
            self.add_error(None, error.messages)  # type: ignore[arg-type]


def heading_of(category: Category) -> str:
    if category == Category.DEALS:
        return _("Tags and custom fields")
    return _("Tags and custom fields: %(category)s") % {"category": category.label}


def _texts(data: Any, key: str, *, filled: bool = False) -> list[str]:
    texts = data.getlist(key) if hasattr(data, "getlist") else [data.get(key)]
    return [str(text) for text in texts if text or not filled]


def _sentence_of_a_removed(field: CustomField | None, texts: list[str]) -> str:
    if field is None:
        return _(
            "A field was removed in the meantime, and what was sent for it is not stored. Look at the rest and save "
            "again."
        )
    if field.type not in LEGIBLE:
        return _(
            "The field “%(field)s” was removed in the meantime, and what was sent for it is not stored. Look at the "
            "rest and save again."
        ) % {"field": field.name}
    return _(
        "The field “%(field)s” was removed in the meantime. What you typed there is not stored: “%(text)s”. Look at "
        "the rest and save again."
    ) % {"field": field.name, "text": ", ".join(texts)}


def made_fields(
    fields: Mapping[str, CustomField],
    chosen: Mapping[str, Value],
    *,
    user: Any,
    holder: Holder,
    contact_field: ContactField,
    **more: Any,
) -> dict[str, Any]:
    """The form's fields for these custom fields, by name; at most two statements.

    Left out is one whose contact the user may not see: it could only be taken away.
    """
    ids = [value for name in fields if (value := chosen.get(name)) is not None
           and fields[name].type == FieldType.CONTACT]  # fmt: skip
    seen = holder.names(sorted(ids), user) if ids else {}
    types = {field.type for field in fields.values()}
    people = [chosen.get(name) for name, one in fields.items() if one.type == FieldType.USER]
    offered = people_offered(people) if FieldType.USER in types else None
    return {
        name: form_field(
            field,
            user=user,
            holder=holder,
            chosen=chosen.get(name),
            people=offered,
            contact_field=contact_field,
            **more,
        )
        for name, field in fields.items()
        if field.type != FieldType.CONTACT or chosen.get(name) is None or chosen[name] in seen
    }
