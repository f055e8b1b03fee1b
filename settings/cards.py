"""Tags, custom fields and their history as the card of a record shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.doors import sees_all
from crm.accounts.levels import Area
from crm.changes import one_change
from settings.catalogue import catalogue, forget
from settings.categories import Category, FieldType
from settings.fields import tags_called
from settings.holders import Holder
from settings.listing import TAGS
from settings.models import CustomField, RecordChange, Tag
from settings.services import change_tags
from settings.services.making import make_tags, may_make_tags
from settings.services.reading import Seen, belongs, fields_seen
from settings.types import Names, type_of

# What is longer is folded.
FOLDED_FROM = 300
# Whose values history keeps as machines write them.
RETOLD = frozenset(
    (FieldType.WHOLE, FieldType.NUMBER, FieldType.MONEY, FieldType.YES_NO, FieldType.DATE,
     FieldType.MOMENT)
)  # fmt: skip


@dataclass(frozen=True)
class ShownTag:
    """A tag on a card, with the list of those who carry it."""

    tag: Tag
    href: str


@dataclass(frozen=True)
class ShownValue:
    """A custom field on a card that has a value, and where that leads."""

    field: CustomField
    text: str
    href: str = ""

    @property
    def folded(self) -> bool:
        return len(self.text) > FOLDED_FROM


@dataclass(frozen=True)
class Section:
    """What a record carries of one category. ``offered`` are names of tags that it does not carry."""

    category: Category
    tags: Sequence[ShownTag]
    values: Sequence[ShownValue]
    empty: Sequence[CustomField]
    offered: Sequence[Tag]
    may_make: bool

    @property
    def label(self) -> Any:
        return self.category.label

    @property
    def takes_tags(self) -> bool:
        return bool(self.offered) or self.may_make

    @property
    def anything(self) -> bool:
        return bool(self.tags or self.values or self.empty or self.takes_tags)


def sections_of(
    holder: Holder, record: Any, user: Any, *, tag_list: str, card_of: Callable[[Any], str]
) -> list[Section]:
    """For each category that the record belongs to what it carries; at most seven statements.

    ``tag_list`` is the address of the list of such records, ``card_of`` gives that of a contact by number.
    """
    belonging = [one for one in Category.of_record(holder.record) if belongs(holder, record, one)]
    fields = fields_seen(holder, record, belonging, user)
    # Those it carries and those it could, in one statement.
    links = holder.links._default_manager.filter(Q((holder.key, record.pk)), tag=OuterRef("pk"))
    tags = list(Tag.objects.live().filter(category__in=belonging).annotate(carried=Exists(links)))
    may_make = may_make_tags(user)
    found = []
    for category in belonging:
        own = [tag for tag in tags if tag.category == category]
        found.append(
            Section(
                category=category,
                tags=[_shown_tag(tag, tag_list) for tag in own if tag.carried],
                values=[_shown(one, card_of) for one in fields[category] if _has(one)],
                empty=[one.field for one in fields[category] if one.value is None],
                offered=[tag for tag in own if not tag.carried],
                may_make=may_make,
            )
        )
    return [one for one in found if one.anything]


def _shown_tag(tag: Tag, tag_list: str) -> ShownTag:
    return ShownTag(tag, f"{tag_list}?{urlencode({TAGS[Category(tag.category)]: tag.pk})}")


def _has(seen: Seen) -> bool:
    return bool(seen.text) or (seen.field.type == FieldType.CONTACT and seen.value is not None)


def _shown(seen: Seen, card_of: Callable[[Any], str]) -> ShownValue:
    text = seen.text
    if seen.field.type == FieldType.CONTACT and not text:
        return ShownValue(seen.field, _("a contact you cannot see"))
    if seen.field.type == FieldType.ADDRESS:
        text = "\n".join(part for part in seen.value.split("\n") if part)
    return ShownValue(seen.field, text, _address(seen, card_of))


def _address(seen: Seen, card_of: Callable[[Any], str]) -> str:
    if seen.field.type == FieldType.EMAIL:
        return f"mailto:{seen.value}"
    if seen.field.type == FieldType.PHONE:
        return "tel:" + "".join(char for char in seen.value if char in "+0123456789")
    if seen.field.type == FieldType.CONTACT:
        return card_of(seen.value)
    return str(seen.value) if seen.field.type == FieldType.URL else ""


class QuickTagForm(forms.Form):
    """One tag put on a record by name, or taken off by number, from its card."""

    category = forms.ChoiceField(
        choices=Category.choices,
        error_messages={"invalid_choice": gettext_lazy("There are no such tags.")},
    )
    name = forms.CharField(required=False, max_length=1_000)
    off = forms.IntegerField(required=False, min_value=1, max_value=10**18)

    def __init__(self, *args: Any, holder: Holder, record: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.holder = holder
        self.record = record
        self.user = user

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "category" not in cleaned:
            return cleaned
        category = cleaned["category"] = Category(cleaned["category"])
        if category.record != self.holder.record:
            raise ValidationError(_("There are no such tags."))
        if not belongs(self.holder, self.record, category):
            raise ValidationError(
                _("%(name)s is neither prospect nor customer any more, and has no such tags.")
                % {"name": self.record.name}
            )
        if not cleaned.get("off"):
            if not cleaned.get("name"):
                raise ValidationError(_("Type the name of a tag."))
            tags = catalogue().tags(category)
            found = tags_called(cleaned["name"], tags, may_make_tags(self.user))
            cleaned["found"], cleaned["new"] = found
        return cleaned

    def said(self) -> str:
        """Do what was sent and tell it in a sentence, which is empty where it is refused."""
        if not self.is_valid():
            return ""
        try:
            return self.save()
        except ValidationError as error:
            forget()
            self.add_error(None, error.messages)  # type: ignore[arg-type]
            return ""

    def refused(self) -> dict[str, Any]:
        """What the card shows of a refusal: why, by category, and what was typed."""
        if not self.errors:
            return {}
        reasons = [reason for many in self.errors.values() for reason in many]
        there = Category.of_record(self.holder.record)
        shown = [one.value for one in there if belongs(self.holder, self.record, one)]
        category = self.data.get("category", "")
        # Where the category is not on the card, the first one tells it.
        refused = {category if category in shown else "": reasons}
        return {"refused_tags": refused, "typed_tag": self.data.get("name", "")}

    @property
    def status(self) -> int:
        return 422 if self.errors else 200

    def save(self) -> str:
        """Put the tag on or take it off; returns what was done, in a sentence. Raises ``ValidationError``."""
        sent, name = self.cleaned_data, self.record.name
        pk = self.record.pk
        if sent.get("off"):
            tag = catalogue().tags_by_id.get(sent["off"])
            if tag is None or tag.category != sent["category"]:
                return _("This tag is gone.")
            change_tags(self.holder.record, [pk], off=[tag.pk])
            return _("“%(tag)s” is taken off %(name)s.") % {"tag": tag.name, "name": name}
        with one_change():
            on = sent["found"] | make_tags(sent["category"], sent["new"], self.user)
            change_tags(self.holder.record, [pk], on=on)
        known = catalogue().tags_by_id
        names = ", ".join(sorted(known[one].name for one in on if one in known))
        return _("%(name)s carries “%(tags)s”.") % {"name": name, "tags": names}


@dataclass(frozen=True)
class LabelRow:
    """A change of a tag or custom field in a history, with what it was and became in words."""

    label: RecordChange
    old: str
    new: str


def label_row(change: RecordChange, user: Any) -> LabelRow:
    """In the reader's language, as far as the field is still there and of a kind that could mean it.

    History keeps contacts by name alone: their names are for who sees all contacts. Of a field that is gone nobody
    knows whether it held contacts.
    """
    field = catalogue().fields_by_id.get(change.label_id)
    if change.kind == RecordChange.Kind.FIELD and not sees_all(user, Area.CONTACTS, Area.CUSTOMERS):
        if field is None:
            return LabelRow(change, *_veiled(change, _("a value you cannot see")))
        if field.type == FieldType.CONTACT:
            return LabelRow(change, *_veiled(change, _("a contact you cannot see")))
    if change.kind != RecordChange.Kind.FIELD or field is None or field.type not in RETOLD:
        return LabelRow(change, change.old, change.new)
    return LabelRow(change, _retold(field, change.old), _retold(field, change.new))


def _veiled(change: RecordChange, words: str) -> tuple[str, str]:
    return words if change.old else "", words if change.new else ""


def _retold(field: CustomField, text: str) -> str:
    try:
        value = type_of(field).from_text(field, text)
    except ValidationError:
        return text
    if value is None:
        return text
    names = Names(currency=catalogue().account.currency)
    return str(type_of(field).show(field, value, names))


def changes_of(holder: Holder, record: Any) -> Any:
    """The history of the tags and fields of a record, newest first, without that of a category it is not in."""
    changes = holder.changes._default_manager.filter((holder.key, record.pk))
    categories = Category.of_record(holder.record)
    outside = [one for one in categories if not belongs(holder, record, one)]
    if outside:
        changes = changes.exclude(category__in=outside)
    return changes.order_by("-recorded_at", "-pk")
