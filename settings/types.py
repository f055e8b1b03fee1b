"""What the types of custom fields hold: how a value is checked, stored, read back and put in words.

A value is, by type: a ``str`` for texts (an address: five lines, see ``ADDRESS_PARTS``); ``int`` for whole numbers;
``Decimal`` for numbers and money; ``bool``; ``date``; an aware ``datetime``; the number of an option, a user or a
contact; a sorted tuple of the numbers of options for several choices. None is no value, for every type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.folding import digits, fold
from crm.money import format_money
from crm.names import name_key
from settings.categories import FieldType
from settings.joining import joined, parted
from settings.models import CustomField, Option
from settings.models.values import KEY_LENGTH

Value = Any
TEXT_AT_MOST, LONG_AT_MOST = 500, 10_000
ADDRESS_PARTS = ("street", "postal_code", "city", "state", "country")
PART_LABELS = {
    "street": gettext_lazy("Street"),
    "postal_code": gettext_lazy("Postal code"),
    "city": gettext_lazy("City"),
    "state": gettext_lazy("State or region"),
    "country": gettext_lazy("Country"),
}
YES_WORDS = frozenset(("yes", "y", "true", "1", "ja", "oui"))
NO_WORDS = frozenset(("no", "n", "false", "0", "nein", "non"))
# What both databases keep to the last digit: SQLite has fifteen of them.
WHOLE_BELOW, NUMBER_BELOW = Decimal(10) ** 15, Decimal(10) ** 11


@dataclass
class Names:
    """How the numbers in values are called; what is missing is somebody the reader may not see, or gone."""

    contacts: Mapping[int, str] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)
    # The account's own, for money in no other currency.
    currency: str = "EUR"


class Type:
    """Base of the types. ``column`` is where a list looks for its values, and fills every one of its rows."""

    column = "key"
    # What a row is read from, with its slot.
    reads: Sequence[str] = ()
    several = False
    sortable = True

    def clean(self, field: CustomField, value: Value) -> Value:
        """``value`` as it is kept, or None; raises ``ValidationError`` with a sentence."""
        raise NotImplementedError

    def from_text(self, field: CustomField, text: str) -> Value:
        """The value that a text of a file or of another type means; raises ``ValidationError``. People and contacts
        are given by number.
        """
        return self.clean(field, text)

    def to_text(self, field: CustomField, value: Value) -> str:
        """As a file for machines holds it, and as ``from_text`` reads it."""
        return str(value)

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        """In words, as the reader's language writes them."""
        return self.to_text(field, value)

    def rows(self, field: CustomField, value: Value) -> list[dict[str, Any]]:
        """The columns of the rows that hold ``value``, with their slots."""
        return [{"slot": 0, self.column: value}]

    def value(self, rows: Sequence[Mapping[str, Any]]) -> Value:
        """What rows of a field and record, of which there is at least one, hold."""
        return rows[0][self.column]


class Text(Type):
    reads = ("text",)
    longest = TEXT_AT_MOST
    lines = False

    def clean(self, field: CustomField, value: Value) -> Value:
        text = str(value or "").replace("\r\n", "\n").replace("\r", "\n").strip()
        if not self.lines:
            text = " ".join(text.split("\n")) if "\n" in text else text
        if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise ValidationError(_("It holds a character that no text can hold."))
        if len(text) > self.longest:
            raise ValidationError(
                _("It has at most %(number)d characters; this has %(length)d.")
                % {"number": self.longest, "length": len(text)}
            )
        return self.checked(text) if text else None

    def checked(self, text: str) -> str:
        return text

    def fold(self, text: str) -> str:
        return fold(text)

    def rows(self, field: CustomField, value: Value) -> list[dict[str, Any]]:
        folded = self.fold(value)
        longer = folded if len(folded) > KEY_LENGTH else None
        return [{"slot": 0, "text": value, "key": folded[:KEY_LENGTH], "folded": longer}]

    def value(self, rows: Sequence[Mapping[str, Any]]) -> Value:
        return rows[0]["text"]


class LongText(Text):
    longest = LONG_AT_MOST
    lines = True


def _held_to(validator: Callable[[str], None], text: str, message: str) -> str:
    """``text`` as it is. Validators would format a message of ours once more, with the percent signs of the text."""
    try:
        validator(text)
    except ValidationError:
        raise ValidationError(message % {"text": text[:80]}) from None
    return text


class Email(Text):
    longest = 254

    def checked(self, text: str) -> str:
        return _held_to(EmailValidator(), text, _("“%(text)s” is no e-mail address."))


class Phone(Text):
    longest = 60

    def checked(self, text: str) -> str:
        if not digits(text):
            raise ValidationError(_("“%(text)s” has no digit in it.") % {"text": text[:80]})
        return text

    def fold(self, text: str) -> str:
        return digits(text)


class Url(Text):
    def checked(self, text: str) -> str:
        text = text if "://" in text else f"https://{text}"
        validator = URLValidator(schemes=["http", "https"])
        return _held_to(validator, text, _("“%(text)s” is no web address."))


class Address(Text):
    """Five lines, in the order of ``ADDRESS_PARTS``, some of them empty."""

    longest = 1_000

    def clean(self, field: CustomField, value: Value) -> Value:
        given = str(value or "").replace("\r", "").split("\n")
        given = [" ".join(part.split()) for part in given]
        if len(given) > len(ADDRESS_PARTS):
            given = [part for part in given if part]
            # What is no part of its own belongs to the street.
            extra = max(len(given) - len(ADDRESS_PARTS) + 1, 1)
            given = [", ".join(given[:extra]), *given[extra:]]
        parts = given + [""] * (len(ADDRESS_PARTS) - len(given))
        if not any(parts):
            return None
        super().clean(field, " ".join(parts))
        return "\n".join(parts)

    def from_text(self, field: CustomField, text: str) -> Value:
        """In a file its parts stand side by side, parted by semicolons; lines are read as well."""
        return self.clean(field, text if "\n" in text else "\n".join(parted(text)))

    def to_text(self, field: CustomField, value: Value) -> str:
        return joined(value.rstrip("\n").split("\n"))

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return ", ".join(part for part in value.split("\n") if part)

    def fold(self, text: str) -> str:
        return fold(text)


class Number(Type):
    column = "number"
    reads = ("number",)
    places = 4
    below = NUMBER_BELOW

    def clean(self, field: CustomField, value: Value) -> Value:
        if value in (None, ""):
            return None
        text = str(value).strip()
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or "_" in text:
            raise ValidationError(_("“%(text)s” is no number.") % {"text": text[:80]})
        if abs(number) >= self.below:
            raise ValidationError(_("“%(text)s” is too large.") % {"text": text[:80]})
        rounded = number.quantize(Decimal(1).scaleb(-self.places), ROUND_HALF_EVEN)
        if rounded != number:
            raise ValidationError(self.too_fine() % {"text": text[:80], "number": self.places})
        return self.kept(rounded)

    def too_fine(self) -> str:
        return _("“%(text)s” has more than %(number)d decimal places.")

    def kept(self, number: Decimal) -> Any:
        return number

    def value(self, rows: Sequence[Mapping[str, Any]]) -> Value:
        return self.kept(rows[0]["number"])

    def to_text(self, field: CustomField, value: Value) -> str:
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return str(number_format(self.to_text(field, value), use_l10n=True, force_grouping=True))


class Whole(Number):
    places = 0
    below = WHOLE_BELOW

    def too_fine(self) -> str:
        return _("“%(text)s” is no whole number.")

    def kept(self, number: Decimal) -> int:
        return int(number)

    def to_text(self, field: CustomField, value: Value) -> str:
        return str(value)


class Money(Number):
    places = 2

    def kept(self, number: Decimal) -> Decimal:
        return number.quantize(Decimal("0.01"))

    def to_text(self, field: CustomField, value: Value) -> str:
        return f"{value:.2f}"

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return format_money(value, field.currency or names.currency)


class YesNo(Type):
    column = "yes"
    reads = ("yes",)

    def clean(self, field: CustomField, value: Value) -> Value:
        if value is None or value == "":
            return None
        if isinstance(value, bool):
            return value
        word = str(value).strip().casefold()
        if word not in YES_WORDS | NO_WORDS:
            raise ValidationError(
                _("“%(text)s” is neither yes nor no.") % {"text": str(value)[:80]}
            )
        return word in YES_WORDS

    def to_text(self, field: CustomField, value: Value) -> str:
        return "yes" if value else "no"

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return _("yes") if value else _("no")


class Date(Type):
    column = "date"
    reads = ("date",)

    def clean(self, field: CustomField, value: Value) -> Value:
        if value in (None, ""):
            return None
        if isinstance(value, datetime):
            return timezone.localdate(value) if timezone.is_aware(value) else value.date()
        if isinstance(value, date):
            return value
        text = str(value).strip()
        try:
            found = parse_date(text)
            if found is None and (moment := parse_datetime(text)):
                return self.clean(field, moment)
        except ValueError:
            found = None
        if found is None:
            raise ValidationError(
                _("“%(text)s” is no date. Write it as 2026-11-23.") % {"text": text[:80]}
            )
        return found

    def to_text(self, field: CustomField, value: Value) -> str:
        return str(value.isoformat())

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return date_format(value, "SHORT_DATE_FORMAT")


class Moment(Type):
    column = "moment"
    reads = ("moment",)

    def clean(self, field: CustomField, value: Value) -> Value:
        if value in (None, ""):
            return None
        if isinstance(value, datetime):
            found: datetime | None = value
        elif isinstance(value, date):
            found = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - made aware below
        else:
            found = self._read(str(value).strip())
        assert found is not None
        try:
            return timezone.make_aware(found) if timezone.is_naive(found) else found
        except (OverflowError, ValueError):
            raise ValidationError(_("There is no such moment.")) from None

    def _read(self, text: str) -> datetime:
        try:
            found = parse_datetime(text)
            if found is None and (day := parse_date(text)):
                found = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - made aware by clean
        except ValueError:
            found = None
        if found is None:
            raise ValidationError(
                _("“%(text)s” is no moment. Write it as 2026-11-23 14:30.") % {"text": text[:80]}
            )
        return found

    def to_text(self, field: CustomField, value: Value) -> str:
        return str(value.isoformat())

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT")


def options_of(field: CustomField) -> list[Option]:
    """The options of a field in their order, retired ones included; prefetched ones cost no statement."""
    return list(field.options.all())


class Choice(Type):
    column = "option"
    reads = ("option_id",)
    sortable = True

    def clean(self, field: CustomField, value: Value) -> Value:
        if value in (None, ""):
            return None
        text = str(value)
        known = {str(option.pk): option.pk for option in options_of(field)}
        if text not in known:
            raise ValidationError(_("“%(text)s” is none of its options.") % {"text": text[:80]})
        return known[text]

    def from_text(self, field: CustomField, text: str) -> Value:
        if not text.strip():
            return None
        by_key = {option.key: option.pk for option in options_of(field)}
        if name_key(text) not in by_key:
            raise ValidationError(_("“%(text)s” is none of its options.") % {"text": text[:80]})
        return by_key[name_key(text)]

    def to_text(self, field: CustomField, value: Value) -> str:
        return next((one.name for one in options_of(field) if one.pk == value), "")

    def rows(self, field: CustomField, value: Value) -> list[dict[str, Any]]:
        return [{"slot": 0, "option_id": value}]

    def value(self, rows: Sequence[Mapping[str, Any]]) -> Value:
        return rows[0]["option_id"]


class Choices(Choice):
    """The names of its options stand side by side in a file, parted by semicolons."""

    several = True
    sortable = False

    def clean(self, field: CustomField, value: Value) -> Value:
        if value in (None, "", (), []):
            return None
        given = [value] if isinstance(value, str | int) else value
        found = {Choice.clean(self, field, one) for one in given}
        return tuple(sorted(found - {None})) or None

    def from_text(self, field: CustomField, text: str) -> Value:
        parts = [part for part in parted(text) if part]
        return tuple(sorted({Choice.from_text(self, field, part) for part in parts})) or None

    def to_text(self, field: CustomField, value: Value) -> str:
        return joined(one.name for one in options_of(field) if one.pk in value)

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return ", ".join(one.name for one in options_of(field) if one.pk in value)

    def rows(self, field: CustomField, value: Value) -> list[dict[str, Any]]:
        return [{"slot": option, "option_id": option} for option in value]

    def value(self, rows: Sequence[Mapping[str, Any]]) -> Value:
        return tuple(sorted(row["option_id"] for row in rows))


class Reference(Type):
    """A row of another table, by its number; whether it is there, and may be named, is for the service to say."""

    def clean(self, field: CustomField, value: Value) -> Value:
        if value in (None, ""):
            return None
        text = str(getattr(value, "pk", value))
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise ValidationError(_("“%(text)s” is no record.") % {"text": text[:80]})
        return int(text)

    def rows(self, field: CustomField, value: Value) -> list[dict[str, Any]]:
        return [{"slot": 0, f"{self.column}_id": value}]

    def value(self, rows: Sequence[Mapping[str, Any]]) -> Value:
        return rows[0][f"{self.column}_id"]


class Person(Reference):
    column = "user"
    reads = ("user_id",)

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return names.users.get(value, "")


class Contact(Reference):
    column = "record"
    reads = ("record_id",)

    def show(self, field: CustomField, value: Value, names: Names) -> str:
        return names.contacts.get(value, "")


TYPES: dict[str, Type] = {
    FieldType.TEXT: Text(),
    FieldType.LONG_TEXT: LongText(),
    FieldType.WHOLE: Whole(),
    FieldType.NUMBER: Number(),
    FieldType.MONEY: Money(),
    FieldType.YES_NO: YesNo(),
    FieldType.DATE: Date(),
    FieldType.MOMENT: Moment(),
    FieldType.EMAIL: Email(),
    FieldType.PHONE: Phone(),
    FieldType.URL: Url(),
    FieldType.ADDRESS: Address(),
    FieldType.CHOICE: Choice(),
    FieldType.CHOICES: Choices(),
    FieldType.USER: Person(),
    FieldType.CONTACT: Contact(),
}
# Every column that some type reads.
READ = ("slot", "text", "number", "date", "moment", "yes", "option_id", "user_id", "record_id")


def type_of(field: CustomField) -> Type:
    return TYPES[field.type]


def default_of(field: CustomField) -> Value:
    """The value that new records begin with; None where there is none, or none that can be read any more."""
    if not field.default:
        return None
    try:
        return type_of(field).from_text(field, field.default)
    except ValidationError:
        return None
