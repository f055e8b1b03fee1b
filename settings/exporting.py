"""Tags and custom fields as columns of files.

Machines know a column by its category and name, ``contacts:Budget`` and ``contacts:tags``, which other installations
understand as well; people by the label of the list. All columns of a kind are filled by one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from django.utils.functional import Promise, lazy
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.exports.columns import Convert, ExportColumn, Kind
from crm.exports.fields import Exports, names_of_users
from crm.lists.registry import Context
from settings.catalogue import catalogue, known_once
from settings.categories import Category, FieldType
from settings.holders import Holder
from settings.joining import joined
from settings.listing import TAG_LABELS, TAGS
from settings.models import CustomField, Tag
from settings.services.reading import tags_of, values_of
from settings.types import Value, type_of

_KINDS: dict[str, Kind] = {
    FieldType.WHOLE: "number",
    FieldType.NUMBER: "number",
    FieldType.MONEY: "money",
    FieldType.DATE: "date",
    FieldType.MOMENT: "datetime",
}


class Found(NamedTuple):
    """The values of a record by field, and what the people and contacts in them are called."""

    values: Mapping[int, Value]
    usernames: Mapping[int, str]
    contacts: Mapping[int, str]


def tags_column_name(category: Category) -> str:
    return f"{category.value}:tags"


def column_name(field: CustomField) -> str:
    r"""What machines call the column of a field. One that is itself called “tags” has a backslash before it."""
    name = f"\\{field.name}" if field.name == "tags" else field.name
    return f"{field.category}:{name}"


def made_columns(
    holder: Holder, exports: Exports, names: Sequence[str], context: Context
) -> dict[str, ExportColumn]:
    """The columns among ``names``, as lists call them, that are tags and custom fields."""
    wanted = set(names)
    categories = [one for one in Category.of_record(holder.record) if TAGS[one] in wanted]
    asked = any(name.startswith("field") for name in wanted)
    fields = catalogue().fields(*Category.of_record(holder.record)) if asked else []
    fields = [one for one in fields if one.form_name in wanted]
    title = partial(_title, holder, exports, context)
    tags, values = _tags_loader(holder, categories), _values_loader(holder, fields, context)
    found = {
        TAGS[one]: ExportColumn(
            tags_column_name(one), title(TAGS[one]), "pk", _named, look_up=tags, part=_tags_of(one)
        )
        for one in categories
    }
    for field in fields:
        found[field.form_name] = _value_column(field, title(field.form_name), values, context)
    return found


# -- headers


def _title(holder: Holder, exports: Exports, context: Context, name: str) -> Promise:
    """In the language of whoever looks at it: a file is read in others than it was written in."""
    header = lambda: context.once(  # noqa: E731
        ("titles", exports.record, get_language()), lambda: titles_of(holder, exports.titles())
    ).get(name, name)
    return lazy(header, str)()


def titles_of(holder: Holder, taken: Iterable[str]) -> dict[str, str]:
    """What people call the columns of tags and fields, by the names of lists; each once, whatever they are called."""
    claimed = {_alike(title) for title in taken}
    found = {}
    for category in Category.of_record(holder.record):
        fields = catalogue().fields(category)
        shown = [(TAGS[category], str(TAG_LABELS[category]))]
        for name, title in [*shown, *((one.form_name, one.name) for one in fields)]:
            while _alike(title) in claimed:
                title = _("%(field)s (%(category)s)") % {
                    "field": title,
                    "category": category.label,
                }
            claimed.add(_alike(title))
            found[name] = title
    return found


def _alike(title: str) -> str:
    return capfirst(title).casefold()


# -- tags


def _tags_loader(
    holder: Holder, categories: Sequence[Category]
) -> Callable[[Sequence[Any]], Mapping[Any, list[Tag]]]:
    def look_up(keys: Sequence[Any]) -> Mapping[Any, list[Tag]]:
        with known_once():
            return tags_of(holder, keys, categories)

    return look_up


def _tags_of(category: Category) -> Convert:
    return lambda found: [tag for tag in found or () if tag.category == category]


def _named(tags: Sequence[Tag]) -> str:
    return joined(tag.name for tag in tags)


def mailchimp_tags(holder: Holder, header: str) -> ExportColumn:
    """The tags of all categories of these records in one cell, as the import of an audience parts them."""
    look_up = _tags_loader(holder, Category.of_record(holder.record))
    return ExportColumn(header, header, "pk", _for_mailchimp, look_up=look_up)


def _for_mailchimp(tags: Sequence[Tag] | None) -> str:
    """With commas between; a name that has one in it stands in quotation marks. One of both categories counts once."""
    names: dict[str, str] = {}
    for tag in tags or ():
        names.setdefault(tag.key, tag.name)
    return ",".join(map(_quoted, names.values()))


def _quoted(name: str) -> str:
    if "," not in name and '"' not in name:
        return name
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


# -- custom fields


def _values_loader(
    holder: Holder, fields: Sequence[CustomField], context: Context
) -> Callable[[Sequence[Any]], Mapping[Any, Found]]:
    people = [one.pk for one in fields if one.type == FieldType.USER]
    contacts = [one.pk for one in fields if one.type == FieldType.CONTACT]

    def look_up(keys: Sequence[Any]) -> Mapping[Any, Found]:
        values = values_of(holder, keys, fields)
        users, named = _in(values, people), _in(values, contacts)
        usernames = dict(User.objects.filter(pk__in=users).values_list("pk", "username"))
        names = holder.names(sorted(named), context.user) if named else {}
        return {pk: Found(one, usernames, names) for pk, one in values.items()}

    return look_up


def _in(values: Mapping[int, Mapping[int, Value]], fields: Sequence[int]) -> set[int]:
    return {one[field] for one in values.values() for field in fields if field in one}


def _value_column(
    field: CustomField, title: Promise, look_up: Any, context: Context
) -> ExportColumn:
    column = partial(
        ExportColumn, column_name(field), title, "pk", look_up=look_up, kind=_KINDS.get(field.type, "text")
    )  # fmt: skip
    if field.type == FieldType.YES_NO:
        words = lambda: {"yes": _("yes"), "no": _("no")}  # noqa: E731
        return column(part=_part(field), convert=_written(field), words=words, read_back=True)
    if field.type == FieldType.USER:
        return column(part=_part(field, "usernames"), words=lambda: names_of_users(context))
    if field.type == FieldType.CONTACT:
        return column(part=_part(field, "contacts"), convert=_first, shown=_second)
    return column(part=_part(field), convert=_CONVERTS.get(field.type, _written)(field))


def _part(field: CustomField, called: str = "") -> Convert:
    """Of what was found for a record its value of this field; of a person the user name, of a contact number and
    name.
    """
    pk = field.pk

    def part(found: Found | None) -> Any:
        value = None if found is None else found.values.get(pk)
        if value is None or not called:
            return value
        if called == "usernames":
            return found.usernames.get(value)  # type: ignore[union-attr]
        # None for a contact that the reader may not see.
        name = found.contacts.get(value)  # type: ignore[union-attr]
        return None if name is None else (value, name)

    return part


def _first(pair: tuple[int, str] | None) -> int | None:
    return pair and pair[0]


def _second(pair: tuple[int, str] | None) -> str | None:
    return pair and pair[1]


def _written(field: CustomField) -> Convert:
    kind = type_of(field)
    return lambda value: None if value is None else kind.to_text(field, value)


def _as_it_is(field: CustomField) -> None:
    return None


def _shortest(field: CustomField) -> Convert:
    """The number without the zeros that a database gives it."""
    kind = type_of(field)
    return lambda value: None if value is None else Decimal(kind.to_text(field, value))


# What becomes of the values that files have types for.
_CONVERTS: dict[str, Callable[[CustomField], Convert | None]] = {
    FieldType.WHOLE: _as_it_is,
    FieldType.NUMBER: _shortest,
    FieldType.MONEY: _as_it_is,
    FieldType.DATE: _as_it_is,
    FieldType.MOMENT: _as_it_is,
}
