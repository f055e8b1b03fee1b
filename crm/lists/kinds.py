"""Kinds of fields: what can be asked of each, how values are read, put in words and looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Q
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from crm.lists.periods import (
    midnight,
    period_words,
    read_period,
    shifted,
    span_words,
)
from crm.lists.registry import Condition, Context, Field

VALUE_AT_MOST = 10_000
Choices = Callable[[Context], Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Operator:
    """What a chip says of its values; sentences take ``field`` and ``values``."""

    name: str
    label: str | Promise
    sentence: str | Promise
    negated: str | Promise
    # How a value is asked for: "choices", "text", "number", "range", "period", "span", "record", "history", "day",
    # "yes".
    widget: str = "text"
    several: bool = True


def operator(name: str, widget: str, *, several: bool = True) -> Operator:
    label, sentence, negated = _SENTENCES[name]
    return Operator(name, label, sentence, negated, widget, several)


_SENTENCES: dict[str, tuple[Any, Any, Any]] = {
    "is": (
        gettext_lazy("is"),
        gettext_lazy("%(field)s is %(values)s"),
        gettext_lazy("%(field)s is not %(values)s"),
    ),
    "contains": (
        gettext_lazy("contains"),
        gettext_lazy("%(field)s contains %(values)s"),
        gettext_lazy("%(field)s does not contain %(values)s"),
    ),
    "starts": (
        gettext_lazy("starts with"),
        gettext_lazy("%(field)s starts with %(values)s"),
        gettext_lazy("%(field)s does not start with %(values)s"),
    ),
    "empty": (
        gettext_lazy("is empty"),
        gettext_lazy("%(field)s is empty"),
        gettext_lazy("%(field)s is not empty"),
    ),
    "least": (
        gettext_lazy("is at least"),
        gettext_lazy("%(field)s is at least %(values)s"),
        gettext_lazy("%(field)s is not at least %(values)s"),
    ),
    "most": (
        gettext_lazy("is at most"),
        gettext_lazy("%(field)s is at most %(values)s"),
        gettext_lazy("%(field)s is not at most %(values)s"),
    ),
    "in": (
        pgettext_lazy("period", "is in"),
        pgettext_lazy("period", "%(field)s is in %(values)s"),
        pgettext_lazy("period", "%(field)s is not in %(values)s"),
    ),
    "over": (
        gettext_lazy("is more than … ago"),
        gettext_lazy("%(field)s is more than %(values)s ago"),
        gettext_lazy("%(field)s is not more than %(values)s ago"),
    ),
    "became": (
        gettext_lazy("became"),
        gettext_lazy("%(field)s became %(values)s"),
        gettext_lazy("%(field)s did not become %(values)s"),
    ),
    "was": (
        gettext_lazy("was"),
        gettext_lazy("%(field)s was %(values)s"),
        gettext_lazy("%(field)s was not %(values)s"),
    ),
}
EMPTY = operator("empty", "yes", several=False)


class Kind:
    """Base of the kinds. The first of ``operators`` is meant where a chip names none."""

    operators: Sequence[Operator] = ()

    def operator(self, name: str) -> Operator:
        """Raises ``ValueError`` with a sentence."""
        for one in self.operators:
            if name in ("", one.name):
                return one
        raise ValueError(_("It has no comparison “%(name)s”.") % {"name": name[:80]})

    def read(self, field: Field, op: str, values: Sequence[str], context: Context) -> list[Any]:
        """The values as the database compares them; raises ``ValueError`` with a sentence."""
        found = self.operator(op)
        if not values:
            raise ValueError(_("A value is missing."))
        if len(values) > 1 and not found.several:
            raise ValueError(_("It takes one value only."))
        return [self._read(field, found, _clean(value), context) for value in values]

    def _read(self, field: Field, op: Operator, value: str, context: Context) -> Any:
        if op.widget == "yes":
            if value != "yes":
                raise ValueError(_("“%(text)s” is neither yes nor no.") % {"text": value[:80]})
            return True
        return self.value(field, op.name, value, context)

    def value(self, field: Field, op: str, value: str, context: Context) -> Any:
        raise NotImplementedError

    def condition(
        self, field: Field, op: str, values: Sequence[Any], context: Context
    ) -> Condition:
        if op == "empty":
            return Q(**{f"{field.path}__isnull": True})
        found = Q()
        for value in values:
            found |= self.one(field, op, value, context)
        return found

    def one(self, field: Field, op: str, value: Any, context: Context) -> Q:
        raise NotImplementedError

    def holds_of_none(self, op: str, values: Sequence[Any]) -> bool:
        """Whether it is true of a record that lacks the other one which the field tells of."""
        return op == "empty"

    def words(
        self, field: Field, op: str, values: Sequence[str], context: Context
    ) -> list[tuple[str, str]]:
        """For each value how it is shown, as (value, words)."""
        return [(value, self.word(field, op, value, context)) for value in values]

    def word(self, field: Field, op: str, value: str, context: Context) -> str:
        return _("“%(text)s”") % {"text": value}

    def choices(self, field: Field, context: Context) -> Sequence[tuple[str, str]]:
        return ()


def _clean(value: str) -> str:
    if len(value) > VALUE_AT_MOST:
        raise ValueError(
            _("A value has at most %(number)d characters.") % {"number": VALUE_AT_MOST}
        )
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        # PostgreSQL stores neither, so that no record can hold one.
        raise ValueError(_("It holds a character that no text can hold."))
    return value


def _there(field: Field) -> Q:
    """Said of what stands on another record: Django leaves it out of a negation whose join another group of chips has
    used before, and rows without that record would be in neither the list nor its negation.
    """
    return Q(**{f"{field.path}__isnull": False}) if "__" in field.path else Q()


class Choice(Kind):
    """One of a few values, stored as their codes."""

    def __init__(self, choices: Choices, *, nullable: bool = False) -> None:
        self.offered = choices
        self.operators = [operator("is", "choices"), *([EMPTY] if nullable else [])]

    def choices(self, field: Field, context: Context) -> Sequence[tuple[str, str]]:
        found: Sequence[tuple[str, str]] = context.once(
            ("choices", self.offered),
            lambda: [(str(key), str(label)) for key, label in self.offered(context)],
        )
        return found

    def value(self, field: Field, op: str, value: str, context: Context) -> str:
        if value not in dict(self.choices(field, context)):
            raise ValueError(
                _("“%(text)s” is none of its values, or not available to you.")
                % {"text": value[:80]}
            )
        return value

    def condition(
        self, field: Field, op: str, values: Sequence[Any], context: Context
    ) -> Condition:
        if op == "empty":
            return super().condition(field, op, values, context)
        # Equality, so that an index on it can give the order as well.
        if len(values) == 1:
            return Q(**{field.path: values[0]}) & _there(field)
        return Q(**{f"{field.path}__in": list(values)}) & _there(field)

    def word(self, field: Field, op: str, value: str, context: Context) -> str:
        return dict(self.choices(field, context)).get(value, value)


class Person(Choice):
    """A user; “me” is whoever looks at the list, “none” nobody."""

    def condition(
        self, field: Field, op: str, values: Sequence[Any], context: Context
    ) -> Condition:
        ids = [
            context.user.pk if value == "me" else int(value) for value in values if value != "none"
        ]
        condition = Q(**{f"{field.path}__in": ids}) if len(ids) != 1 else Q(**{field.path: ids[0]})
        condition &= _there(field)
        if "none" not in values:
            return condition
        nobody = Q(**{f"{field.path}__isnull": True})
        return condition | nobody if ids else nobody

    def holds_of_none(self, op: str, values: Sequence[Any]) -> bool:
        return super().holds_of_none(op, values) or "none" in values


class YesNo(Kind):
    operators = [operator("is", "choices", several=False)]

    def choices(self, field: Field, context: Context) -> Sequence[tuple[str, str]]:
        return [("yes", _("yes")), ("no", _("no"))]

    def value(self, field: Field, op: str, value: str, context: Context) -> bool:
        if value not in ("yes", "no"):
            raise ValueError(_("“%(text)s” is neither yes nor no.") % {"text": value[:80]})
        return value == "yes"

    def one(self, field: Field, op: str, value: Any, context: Context) -> Q:
        return Q(**{field.path: value})

    def word(self, field: Field, op: str, value: str, context: Context) -> str:
        return _("yes") if value == "yes" else _("no")


class Number(Kind):
    """A number; ``nullable`` where there may be none, ``places`` how many decimals are stored of one not whole."""

    def __init__(self, *, nullable: bool = False, whole: bool = True, places: int = 2) -> None:
        self.whole = whole
        self.places = places
        self.operators = [
            operator("is", "number"),
            operator("least", "number", several=False),
            operator("most", "number", several=False),
            *([EMPTY] if nullable else []),
        ]

    def value(self, field: Field, op: str, value: str, context: Context) -> Any:
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or "_" in value:
            raise ValueError(_("“%(text)s” is no number.") % {"text": value[:80]})
        if abs(number) >= Decimal(10) ** 14:
            raise ValueError(_("“%(text)s” is too large.") % {"text": value[:80]})
        if not self.whole:
            return _as_stored(number, value, self.places)
        if number != number.to_integral_value():
            raise ValueError(_("“%(text)s” is no whole number.") % {"text": value[:80]})
        return int(number)

    def one(self, field: Field, op: str, value: Any, context: Context) -> Q:
        suffix = {"is": "", "least": "__gte", "most": "__lte"}[op]
        return Q(**{f"{field.path}{suffix}": value})

    def word(self, field: Field, op: str, value: str, context: Context) -> str:
        try:
            return str(number_format(self.value(field, op, value, context), use_l10n=True))
        except ValueError:
            return value


def _as_stored(number: Decimal, text: str, places: int) -> Decimal:
    """One database would round what has more decimals than are stored, the other not."""
    rounded = number.quantize(Decimal(1).scaleb(-places))
    if rounded != number:
        problem = ngettext(
            "“%(text)s” has more than %(number)d decimal place.",
            "“%(text)s” has more than %(number)d decimal places.",
            places,
        )
        raise ValueError(problem % {"text": text[:80], "number": places})
    return rounded


class Moment(Kind):
    """A point in time, asked for by days of the reader's time zone; ``dates`` where whole days are stored."""

    def __init__(self, *, nullable: bool = False, dates: bool = False) -> None:
        self.dates = dates
        self.operators = [
            operator("in", "period"),
            operator("over", "span", several=False),
            *([EMPTY] if nullable else []),
        ]

    def value(self, field: Field, op: str, value: str, context: Context) -> Any:
        if op == "over":
            return shifted(context.today, value, -1)
        return read_period(value, context.today)

    def one(self, field: Field, op: str, value: Any, context: Context) -> Q:
        if op == "over":
            return self.between(field.path, None, value, context)
        return self.between(field.path, value.first, value.end, context)

    def between(self, path: str, first: Any, end: Any, context: Context) -> Q:
        """From the day ``first`` to the day before ``end``."""
        if not self.dates:
            first, end = midnight(first, context.zone), midnight(end, context.zone)
        found = Q(**{f"{path}__gte": first}) if first else Q()
        return found & Q(**{f"{path}__lt": end}) if end else found

    def word(self, field: Field, op: str, value: str, context: Context) -> str:
        return span_words(value) if op == "over" else period_words(value)
