"""From the text of a cell to tags and values of custom fields. What repeats is looked at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.actor import current_actor
from crm.names import name_key, validate_name
from imports import bulk, cells
from imports.cells import BadCell, shortened
from imports.fields import Entity
from imports.mapping import FieldMap, Section
from settings.catalogue import catalogue
from settings.categories import CHOOSING, AppliesTo, Category, FieldType
from settings.joining import parted
from settings.models import CustomField, Option, Tag
from settings.models.labels import NAME_LENGTH
from settings.models.values import COLUMNS, KEY_LENGTH
from settings.services.locks import live_and_shared
from settings.types import LONG_AT_MOST, TEXT_AT_MOST, TYPES, Text

if TYPE_CHECKING:
    from imports.loading import Loading

# A row of a value from its slot on, as it is written.
Tail = tuple[Any, ...]
HELD = ("slot", "text", "folded",
        *(f"{one}_id" if one in ("option", "user", "record") else one for one in COLUMNS))  # fmt: skip
# Dates and words come again and again; of texts that do not, only so many are kept.
_REMEMBERED = 4_000
_NUMBERS = (FieldType.WHOLE, FieldType.NUMBER, FieldType.MONEY)
_DATES = (FieldType.DATE, FieldType.MOMENT)


def maker_of(field: CustomField) -> Callable[[Any], Tail]:
    """From what a cell of ``field`` gives to the row that holds it, as `settings.types` would write it."""
    kind = TYPES[field.type]
    if isinstance(kind, Text):
        fold_text, nothing = kind.fold, (None,) * (len(COLUMNS) - 1)

        def make_text(text: str) -> Tail:
            folded = fold_text(text)
            longer = folded if len(folded) > KEY_LENGTH else None
            return (0, text, longer, folded[:KEY_LENGTH], *nothing)

        return make_text
    place = 3 + COLUMNS.index(kind.column)
    before = (0, "", None, *(None,) * (place - 3))
    after = (None,) * (len(COLUMNS) - 1 - (place - 3))
    if field.type in CHOOSING and kind.several:
        return lambda value: (value, *before[1:], value, *after)
    return lambda value: (*before, value, *after)


def storing(field: CustomField) -> Callable[[Any], Any]:
    """How a value is written past the models, and told apart in digests."""
    if field.type in _NUMBERS:
        return str
    if field.type == FieldType.DATE:
        return date.isoformat
    if field.type == FieldType.MOMENT and not bulk.is_postgresql():
        return connection.ops.adapt_datetimefield_value
    return lambda value: value


# What the dear checks of texts would find nothing wrong with, and leave as it is.
_EMAIL = re.compile(r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,24}", re.I)
_URL = re.compile(
    r"https?://([a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?\.)+[a-z]{2,24}(/[!-~]*)?", re.IGNORECASE
)
_PLAIN: dict[str, Callable[[str], Any]] = {
    FieldType.TEXT: lambda text: len(text) <= TEXT_AT_MOST and text.isprintable(),
    FieldType.LONG_TEXT: lambda text: len(text) <= LONG_AT_MOST and text.isprintable(),
    FieldType.EMAIL: lambda text: len(text) <= 64 and text.isascii() and _EMAIL.fullmatch(text),
    FieldType.URL: lambda text: len(text) <= 200 and text.isascii() and _URL.fullmatch(text),
}


def cell_of(
    mapped: FieldMap, convert: Callable[[str], Any], most: int = _REMEMBERED
) -> Callable[[str], Any]:
    """``convert`` behind the words of the mapping, with its refusals as those of cells."""

    def checked(text: str) -> Any:
        try:
            return convert(text)
        except ValidationError as error:
            raise BadCell(" ".join(error.messages).rstrip(".")) from error

    if mapped.words:
        return cells.translated(mapped.words, checked, closed=False)
    return cells.remembering(checked, most) if most else checked


def name_of(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > NAME_LENGTH:
        raise BadCell(
            _("“%(text)s” is longer than %(most)d characters")
            % {"text": shortened(name), "most": NAME_LENGTH}
        )
    validate_name(name)
    return name


class TagWords:
    """The tags of a category by their keys; those that lack are made once a record is to carry them."""

    def __init__(self, category: Category) -> None:
        self.category = category
        self.ids = {tag.key: tag.pk for tag in catalogue().tags(category)}
        self._names: dict[str, str] = {}
        self._locked: set[int] = set()

    def read(self, text: str) -> tuple[str, ...] | None:
        names = [name_of(part) for part in parted(text) if part]
        keys = {name_key(name): name for name in reversed(names)}
        self._names |= keys
        return tuple(sorted(keys)) or None

    def live(self) -> Collection[int]:
        return self.ids.values()

    def know(self, keys: Collection[str]) -> None:
        known = {self.ids[key] for key in keys if key in self.ids} - self._locked
        live = live_and_shared(Tag, known) if known else set()
        self._locked |= live
        # Somebody removed it since this was begun.
        self.ids = {key: pk for key, pk in self.ids.items() if pk not in known - live}
        lacking = sorted(key for key in keys if key not in self.ids)
        if not lacking:
            return
        there = Tag.objects.live().filter(category=self.category)
        last = there.aggregate(last=Max("position"))["last"]
        first = 0 if last is None else last + 1
        for number, key in enumerate(lacking):
            tag = Tag(category=self.category, name=self._names[key], position=first + number)
            tag.created_by = current_actor()
            tag.full_clean()
            tag.save()
            self.ids[key] = tag.pk


class OptionWords:
    """The options of a field by their keys; made, where they may be, once a record is to have them."""

    def __init__(self, field: CustomField, *, make: bool) -> None:
        self.field, self.make = field, make
        self.ids = {option.key: option.pk for option in field.options.all()}
        self._several = field.type == FieldType.CHOICES
        self._make = maker_of(field)
        self._names: dict[str, str] = {}
        self._tails: dict[Any, list[Tail]] = {}

    def read(self, text: str) -> Any:
        names = [name_of(part) for part in parted(text) if part] if self._several else [text]
        keys = tuple(sorted({self._key(name) for name in names}))
        if not keys:
            return None
        return keys if self._several else keys[0]

    def _key(self, text: str) -> str:
        key = name_key(text)
        if key not in self.ids:
            if not self.make:
                raise BadCell(
                    _(
                        "“%(text)s” is none of the options of “%(field)s”; add it in the settings, or say make_options "
                        "in the mapping"
                    )
                    % {"text": shortened(text), "field": self.field.name}
                )
            self._names.setdefault(key, name_of(text))
        return key

    def know(self, keys: Collection[str]) -> None:
        lacking = sorted(key for key in keys if key not in self.ids)
        last = Option.objects.filter(field=self.field).aggregate(last=Max("position"))["last"]
        for position, key in enumerate(lacking, 0 if last is None else last + 1):
            option = Option(field=self.field, name=self._names[key], position=position)
            option.full_clean()
            option.save()
            self.ids[key] = option.pk

    def tails(self, keys: Any) -> list[Tail]:
        """The rows of a value as ``read`` gave it."""
        if keys not in self._tails:
            some = (keys,) if isinstance(keys, str) else keys
            self._tails[keys] = [self._make(self.ids[key]) for key in some]
        return self._tails[keys]


class Converts:
    """How the cells of custom fields of one section are read."""

    def __init__(self, loading: Loading, section: Section) -> None:
        self.loading, self.section = loading, section

    def options(self, field: CustomField, *, make: bool) -> OptionWords | None:
        return OptionWords(field, make=make) if field.type in CHOOSING else None

    def of(
        self, field: CustomField, mapped: FieldMap, words: OptionWords | None
    ) -> Callable[[str], Any]:
        """From the text of a cell to what stands for it: the value as it is written, keys of options, or whom it
        names.
        """
        if refuse := self._not_for_these(field):
            return refuse
        if words is not None:
            return cell_of(mapped, words.read)
        if field.type == FieldType.CONTACT:
            return str
        read, stored = self._reader(field, mapped), storing(field)

        def convert(text: str) -> Any:
            value = read(text)
            return None if value is None else stored(value)

        if field.type in _PLAIN and not mapped.words:
            plain = _PLAIN[field.type]
            careful = cell_of(mapped, convert, most=0)
            return lambda text: text if plain(text) else careful(text)
        return cell_of(mapped, convert)

    def _not_for_these(self, field: CustomField) -> Callable[[str], Any] | None:
        kinds = {Entity.COMPANIES: AppliesTo.COMPANIES, Entity.PEOPLE: AppliesTo.PEOPLE}
        if not field.applies_to or kinds.get(self.section.entity) == field.applies_to:
            return None

        def refuse(text: str) -> Any:
            if field.applies_to == AppliesTo.PEOPLE:
                raise BadCell(_("“%(field)s” is for people") % {"field": field.name})
            raise BadCell(_("“%(field)s” is for companies") % {"field": field.name})

        return refuse

    def _reader(self, field: CustomField, mapped: FieldMap) -> Callable[[str], Any]:
        kind = TYPES[field.type]
        if field.type == FieldType.USER:
            return self.loading.user
        if field.type in _NUMBERS:
            plain = cells.plain_number(self.section.decimal, self.section.thousands)
            return lambda text: kind.from_text(field, plain(text))
        form = self.section.date_format if mapped.form is None else mapped.form
        if field.type in _DATES and form:
            read = cells.day_or_moment(form)
            return lambda text: kind.clean(field, read(text))
        return lambda text: kind.from_text(field, text)
