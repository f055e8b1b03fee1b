"""What a value of one type is in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from copy import copy
from decimal import Decimal, InvalidOperation
from itertools import batched
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.folding import fold
from crm.names import name_key, validate_name
from settings.catalogue import catalogue
from settings.categories import CHOOSING, FieldType
from settings.holders import Holder
from settings.joining import joined, parted
from settings.models import CustomField, Option
from settings.models.labels import NAME_LENGTH
from settings.services.reading import names_for, values_of
from settings.types import Names, Value, type_of

OPTIONS_AT_MOST = 100
# How many records are read and written together.
CHUNK = 1_000


class TooManyOptions(ValidationError):
    """More options would be needed than anybody could choose from."""


class OptionNames:
    """The options of a field by name, and those that values need besides.

    ``known`` are pairs of number and name, if not those that are stored. With ``make`` the missing ones are stored,
    else they get negative numbers.
    """

    def __init__(
        self,
        field: CustomField,
        known: Iterable[tuple[int, str]] | None = None,
        *,
        make: bool = False,
    ) -> None:
        self.field, self.make = field, make
        stored = Option.objects.filter(field=field.pk)
        self.last = 0
        if known is None:
            known = [(option.pk, option.name) for option in stored]
            self.last = stored.aggregate(last=Max("position"))["last"] or 0
        self.names: dict[int, str] = dict(known)
        self.by_key = {name_key(name): pk for pk, name in self.names.items()}
        self.new: list[int] = []

    def number_of(self, text: str) -> int:
        """The option of this name; raises ``ValidationError`` for what cannot be one."""
        name = " ".join(text.split())
        if (found := self.by_key.get(name_key(name))) is not None:
            return found
        validate_option_name(name)
        if len(self.new) == OPTIONS_AT_MOST:
            raise TooManyOptions(
                _(
                    "Its values are so different that over %(number)d new options would be needed. "
                    "Change the values first, or keep the type."
                )
                % {"number": OPTIONS_AT_MOST}
            )
        pk = -len(self.new) - 1
        if self.make:
            position = self.last + len(self.new) + 1
            pk = Option.objects.create(field_id=self.field.pk, name=name, position=position).pk
        self.new.append(pk)
        self.names[pk] = name
        self.by_key[name_key(name)] = pk
        return pk

    def put_in_order(self) -> None:
        """The stored new ones by name, numbers by size."""
        if not self.new:
            return
        made = Option.objects.in_bulk(self.new)
        ordered = sorted(made.values(), key=lambda option: _natural(option.name))
        for number, option in enumerate(ordered, self.last + 1):
            option.position = number
        Option.objects.bulk_update(ordered, ["position"])


def _natural(name: str) -> tuple[int, Decimal, str]:
    try:
        number = Decimal(name)
    except InvalidOperation:
        number = Decimal("NaN")
    return (0, number, "") if number.is_finite() else (1, Decimal(0), fold(name))


def validate_option_name(name: str) -> None:
    """Refuse what no option may be called, whoever names it."""
    if not name:
        raise ValidationError(_("An option has a name."))
    if len(name) > NAME_LENGTH:
        raise ValidationError(
            _("The name of an option has at most %(number)d characters; this has %(length)d.")
            % {"number": NAME_LENGTH, "length": len(name)}
        )
    validate_name(name)


class Converter:
    """Converts values of ``field``, one by one: it is as if it were of the type ``old`` and became one of ``new``.

    ``prepare`` is given some of the values before they are converted. Moments and dates are converted in the active
    time zone. ``user`` is who must be able to see a contact for a name to mean it; None for the system.
    """

    def __init__(
        self,
        holder: Holder,
        field: CustomField,
        old: str,
        new: str,
        *,
        options: OptionNames,
        user: User | None,
    ) -> None:
        self.holder, self.options, self.user = holder, options, user
        self.source, self.target = copy(field), copy(field)
        self.source.type, self.target.type = old, new
        self.names = Names()
        self.called: Mapping[str, set[int]] = {}

    def prepare(self, values: Iterable[Value]) -> None:
        """Look up the people and contacts that these values are or may mean; at most two statements."""
        given = [value for value in values if value is not None]
        self.names = names_for(
            self.holder, [self.source], [{self.source.pk: value} for value in given], None
        )
        if self.target.type == FieldType.USER:
            self.called = self.called or _people()
        elif self.target.type == FieldType.CONTACT:
            self.called = self._contacts({self.text_of(value) for value in given})

    def _contacts(self, texts: set[str]) -> dict[str, set[int]]:
        values: Any = self.holder.values
        seen = values._meta.get_field("record").related_model.objects
        seen = seen.all() if self.user is None else seen.visible_to(self.user)
        found: dict[str, set[int]] = {}
        rows = seen.filter(name__in=texts).order_by().values_list("pk", "name")
        for pk, name in rows:
            found.setdefault(fold(name), set()).add(pk)
        return found

    def text_of(self, value: Value) -> str:
        """A value of the old type as a text, alike for readers of every language."""
        kind = self.source.type
        if kind == FieldType.USER:
            return self.names.users.get(value, "")
        if kind == FieldType.CONTACT:
            return self.names.contacts.get(value, "")
        if kind in CHOOSING:
            if not isinstance(value, tuple):
                return self.options.names.get(value, "")
            return joined(name for pk, name in self.options.names.items() if pk in value)
        if kind == FieldType.ADDRESS and self.target.type == FieldType.LONG_TEXT:
            return str(value.rstrip("\n"))
        if kind == FieldType.MOMENT:
            return str(timezone.localtime(value).isoformat(sep=" "))
        return type_of(self.source).to_text(self.source, value)

    def convert(self, value: Value) -> Value:
        """The value in the new type; raises ``ValidationError`` with a sentence where there is none."""
        new = self.target.type
        if self.source.type in CHOOSING and new in CHOOSING:
            return self._rechosen(value)
        text = self.text_of(value)
        if new == FieldType.CHOICE:
            found: Value = self.options.number_of(text)
        elif new == FieldType.CHOICES:
            parts = [part for line in text.split("\n") for part in parted(line) if part]
            found = tuple(sorted({self.options.number_of(part) for part in parts})) or None
        elif new in (FieldType.USER, FieldType.CONTACT):
            found = self._called(text)
        else:
            found = type_of(self.target).from_text(self.target, text)
        if found is None:
            raise ValidationError(_("There is nothing in it to convert."))
        return found

    def _rechosen(self, value: Value) -> Value:
        if self.target.type == FieldType.CHOICES:
            return value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and len(value) > 1:
            raise ValidationError(
                _("%(number)d options are chosen, and there can be one.") % {"number": len(value)}
            )
        return value[0] if isinstance(value, tuple) else value

    def _called(self, text: str) -> int:
        found = self.called.get(fold(text), set())
        if len(found) == 1:
            return next(iter(found))
        words = {"text": text[:80]}
        if found:
            raise ValidationError(_("Several are called “%(text)s”.") % words)
        raise ValidationError(_("Nobody is called “%(text)s”.") % words)


def _people() -> dict[str, set[int]]:
    """Everybody of the team by full name, user name and e-mail address."""
    found: dict[str, set[int]] = {}
    for user in User.objects.order_by():
        for name in (str(user), user.username, user.email):
            if name:
                found.setdefault(fold(name), set()).add(user.pk)
    return found


# -- the values of a field


class Result(NamedTuple):
    """What comes of the value of one record: the new one, or why there is none."""

    record_id: int
    old: Value
    new: Value = None
    reason: str = ""


def refuse_type(field: CustomField, type: str) -> None:
    """Raise ``ValidationError`` for what is no other type of this field."""
    if type not in FieldType.values:
        raise ValidationError(_("Choose one of the types."))
    if type == field.type:
        raise ValidationError(
            _("“%(name)s” is of the type %(type)s already.")
            % {"name": field.name, "type": FieldType(type).label}
        )


def rows_of(holder: Holder, field: CustomField) -> QuerySet:
    return holder.values._default_manager.filter(field=field.pk)


def chunks_of(holder: Holder, rows: QuerySet) -> Iterator[list[int]]:
    """The numbers of the records that these values belong to, a thousand at a time."""
    # All numbers at once: no cursor stays open on the table that is written to.
    ids = list(rows.order_by(holder.key_id).values_list(holder.key_id, flat=True).distinct())
    yield from map(list, batched(ids, CHUNK))


def results_of(converter: Converter, source: CustomField) -> Iterator[list[Result]]:
    """What comes of the values of ``source``, unseen ones included, a thousand records at a time; at most four
    statements for each thousand. Raises ``TooManyOptions``.
    """
    holder = converter.holder
    for ids in chunks_of(holder, rows_of(holder, source)):
        values = values_of(holder, ids, [source], unseen=True)
        olds = {pk: one[source.pk] for pk, one in values.items()}
        converter.prepare(olds.values())
        yield [result_of(converter, pk, old) for pk, old in olds.items()]


def result_of(converter: Converter, record_id: int, value: Value) -> Result:
    try:
        return Result(record_id, value, converter.convert(value))
    except TooManyOptions:
        raise
    except ValidationError as error:
        return Result(record_id, value, reason=" ".join(error.messages))


def account_zone() -> str:
    """Whoever changes a type or undoes it finds the same day in a moment."""
    return catalogue().account.time_zone or timezone.get_default_timezone_name()


def in_zone(name: str) -> AbstractContextManager[None]:
    return timezone.override(ZoneInfo(name))
