"""Kinds of fields that lean on what a record type stores: folded texts, other records, histories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.db.models import Expression, Q, Value
from django.db.models.lookups import Contains, Exact, StartsWith
from django.utils.translation import gettext as _

from crm.lists.kinds import EMPTY, VALUE_AT_MOST, Choice, Choices, Kind, Number, operator
from crm.lists.periods import day_words, period_words, read_day, read_period
from crm.lists.registry import Condition, Context, Field
from crm.money import format_money


class Text(Kind):
    """A text, compared without accents and case.

    ``folded`` gives the stored folded text of a field as an expression that is never NULL, ``fold`` folds a value.
    """

    operators = [
        operator("contains", "text"),
        operator("is", "text"),
        operator("starts", "text"),
        EMPTY,
    ]

    def __init__(self, folded: Callable[[Field], Expression], fold: Callable[[str], str]) -> None:
        self.folded = folded
        self.fold = fold

    def value(self, field: Field, op: str, value: str, context: Context) -> str:
        folded = self.fold(value)
        if not folded:
            # Every text contains nothing.
            raise ValueError(_("“%(text)s” has nothing to look for.") % {"text": value[:80]})
        if len(folded) > VALUE_AT_MOST:
            # Some letters fold to a whole sentence; SQLite refuses patterns that are longer.
            raise ValueError(
                _("A value has at most %(number)d characters.") % {"number": VALUE_AT_MOST}
            )
        return folded

    def condition(
        self, field: Field, op: str, values: Sequence[Any], context: Context
    ) -> Condition:
        if op == "empty":
            return Q(Exact(self.folded(field), Value("")))
        lookup = {"contains": Contains, "is": Exact, "starts": StartsWith}[op]
        found = Q()
        for value in values:
            found |= Q(lookup(self.folded(field), value))
        return found


class Record(Kind):
    """Another record, by its number. ``names`` gives the names of those that the user may see; ``find`` those that a
    typed name could mean, with something that tells them apart.
    """

    def __init__(
        self,
        names: Callable[[Sequence[int], Any], Mapping[int, str]],
        *,
        find: Callable[[str, Any], Sequence[tuple[int, str, str]]],
        nullable: bool = True,
    ) -> None:
        self.names = names
        self.find = find
        self.operators = [operator("is", "record"), *([EMPTY] if nullable else [])]

    def read(self, field: Field, op: str, values: Sequence[str], context: Context) -> list[Any]:
        read = super().read(field, op, values, context)
        if op == "is" and set(read) - self._names(read, context).keys():
            raise ValueError(_("A record is gone, or not available to you."))
        return read

    def value(self, field: Field, op: str, value: str, context: Context) -> int:
        if not _is_number(value):
            raise ValueError(_("“%(text)s” is no record.") % {"text": value[:80]})
        return int(value)

    def condition(
        self, field: Field, op: str, values: Sequence[Any], context: Context
    ) -> Condition:
        if op == "empty":
            return super().condition(field, op, values, context)
        return Q(**{f"{field.path}__in": list(values)})

    def words(
        self, field: Field, op: str, values: Sequence[str], context: Context
    ) -> list[tuple[str, str]]:
        ids = [int(value) for value in values if _is_number(value)]
        names = self._names(ids, context)
        return [(one, names.get(int(one), "?") if _is_number(one) else one) for one in values]

    def _names(self, ids: Sequence[int], context: Context) -> Mapping[int, str]:
        key = ("names", self.names, tuple(ids))
        found: Mapping[int, str] = context.once(key, lambda: self.names(ids, context.user))
        return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


class History(Kind):
    """What a status was or became. A value is ``code@days``: ``current@last-30-days``, ``lost@2026-01-31``."""

    def __init__(
        self,
        choices: Choices,
        became: Callable[[str, Any, Any], Condition] | None = None,
        was: Callable[[str, Any], Condition] | None = None,
    ) -> None:
        """``became`` takes a code and two moments (or None), ``was`` a code and the moment at which the day ends."""
        self.codes = Choice(choices)
        self.became = became
        self.was = was
        self.operators = [operator("became", "history") if became else operator("was", "history")]

    def choices(self, field: Field, context: Context) -> Sequence[tuple[str, str]]:
        return self.codes.choices(field, context)

    def value(self, field: Field, op: str, value: str, context: Context) -> Any:
        code, at, days = value.partition("@")
        self.codes.value(field, "is", code, context)
        if not at or not days:
            raise ValueError(_("It takes a status and a time, as in current@last-30-days."))
        if op == "became":
            return code, *read_period(days, context.today).moments(context.zone)
        return code, read_period(read_day(days).isoformat(), context.today).moments(context.zone)[1]

    def condition(
        self, field: Field, op: str, values: Sequence[Any], context: Context
    ) -> Condition:
        found = Q()
        for value in values:
            made = self.became(*value) if self.became else self.was(*value)  # type: ignore[misc]
            found |= made if isinstance(made, Q) else Q(made)
        return found

    def word(self, field: Field, op: str, value: str, context: Context) -> str:
        code, _at, days = value.partition("@")
        label = dict(self.choices(field, context)).get(code, code)
        if self.became:
            return _("%(status)s in %(period)s") % {"status": label, "period": period_words(days)}
        with suppress(ValueError):
            days = day_words(read_day(days))
        return _("%(status)s on %(day)s") % {"status": label, "day": days}


class Amount(Kind):
    """A sum of money in one currency. A value is ``1000 EUR``."""

    def __init__(self, currencies: Choices) -> None:
        self.currencies = Choice(currencies)
        self.operators = [
            operator("least", "amount", several=False),
            operator("most", "amount", several=False),
        ]

    def choices(self, field: Field, context: Context) -> Sequence[tuple[str, str]]:
        return self.currencies.choices(field, context)

    def value(self, field: Field, op: str, value: str, context: Context) -> Any:
        number, _blank, currency = value.strip().rpartition(" ")
        if len(currency) != 3 or not currency.isascii() or not currency.isupper():
            raise ValueError(
                _("“%(text)s” is no sum. Write it as 1000 EUR.") % {"text": value[:80]}
            )
        return Number(whole=False).value(field, op, number, context), currency

    def word(self, field: Field, op: str, value: str, context: Context) -> str:
        try:
            number, currency = self.value(field, op, value, context)
        except ValueError:
            return value
        return format_money(number, currency)
