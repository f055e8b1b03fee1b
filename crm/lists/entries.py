"""What the widgets of a chip's form send, put together as the values of a chip.

A period, for one, is entered as one of a few words, as a number of units, or as two dates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lists.kinds import Operator
from crm.lists.periods import CALENDAR, DAY, FIXED, RELATIVE, SPAN

BLANKS = re.compile("[\\s\u00a0\u202f]")
WHOLE = re.compile("[1-9][0-9]{0,3}")
UNIT_LABELS = {
    "day": gettext_lazy("days"),
    "week": gettext_lazy("weeks"),
    "month": gettext_lazy("months"),
    "quarter": gettext_lazy("quarters"),
    "year": gettext_lazy("years"),
}


@dataclass
class Period:
    """A period as its form shows it."""

    mode: str = "fixed"
    fixed: str = "this-month"
    which: str = "last"
    number: str = "30"
    unit: str = "day"
    first: str = ""
    last: str = ""

    @classmethod
    def of(cls, code: str) -> Period:
        if code in FIXED or CALENDAR.fullmatch(code):
            return cls(fixed=code)
        if relative := RELATIVE.fullmatch(code):
            which, found = relative["which"], SPAN.fullmatch(relative["span"])
            if found:
                return cls("relative", which=which, number=found["number"], unit=found["unit"])
        first, dots, last = code.partition("..")
        if DAY.fullmatch(first) or DAY.fullmatch(last):
            return cls("dates", first=first, last=last if dots else first)
        return cls()

    @classmethod
    def typed(cls, params: QueryDict) -> Period:
        names = ("mode", "fixed", "which", "number", "unit", "first", "last")
        return cls(**{name: str(params.get(name, "")) for name in names})

    @property
    def code(self) -> str:
        if self.mode == "relative":
            return f"{self.which}-{self.number.strip()}-{self.unit}s"
        if self.mode == "dates":
            return f"{self.first}..{self.last}" if self.first or self.last else ""
        return self.fixed


def entered_values(
    operator: Operator, params: QueryDict, found: Sequence[tuple[str, str, str]]
) -> tuple[str, ...]:
    """``found`` are the records that a typed name could mean: number, name, and more about each.

    Raises ``ValueError`` with a sentence.
    """
    values = _values(operator, params)
    if operator.widget == "record":
        values += _named(params, found)
    found_values = tuple(dict.fromkeys(value for value in values if value.strip()))
    if not found_values and operator.widget in ("choices", "history", "record"):
        raise ValueError(_("Choose at least one."))
    return found_values


def _values(operator: Operator, params: QueryDict) -> list[str]:
    widget, given = operator.widget, params.getlist("value")
    if widget == "yes":
        return ["yes"]
    if widget == "period":
        return [_period(params), *params.getlist("keep")]
    if widget == "span":
        return [f"{_whole(params.get('number', ''))}-{params.get('unit', '')}s"]
    if widget == "amount":
        number = _number(params.get("value", ""))
        return [f"{number} {params.get('currency', '')}"] if number else []
    if widget == "history":
        days = _day(params) if operator.name == "was" else _period(params)
        return [*(f"{code}@{days}" for code in given), *params.getlist("keep")]
    if widget == "number":
        return [_number(value) for value in given]
    return given


def _named(params: QueryDict, found: Sequence[tuple[str, str, str]]) -> list[str]:
    """The record with the typed name, unless one of those that it could mean was ticked."""
    text = params.get("find", "").strip()
    if not text or {pk for pk, _name, _more in found} & set(params.getlist("value")):
        return []
    if not found:
        raise ValueError(_("Nobody is called “%(typed)s”.") % {"typed": text[:80]})
    exact = [pk for pk, name, _more in found if name.casefold() == text.casefold()]
    if len(exact) == 1 or len(found) == 1:
        return [*exact, found[0][0]][:1]
    raise ValueError(_("Several match “%(typed)s”: choose among them.") % {"typed": text[:80]})


def _period(params: QueryDict) -> str:
    period = Period.typed(params)
    if period.mode == "relative":
        _whole(period.number)
    elif period.mode == "dates" and not period.code:
        raise ValueError(_("Give the first day, the last one, or both."))
    return period.code


def _day(params: QueryDict) -> str:
    if not params.get("day"):
        raise ValueError(_("Choose a day."))
    return str(params["day"])


def _whole(text: str) -> str:
    if not WHOLE.fullmatch(text.strip()):
        raise ValueError(_("“%(text)s” is no whole number from 1 to 9999.") % {"text": text[:80]})
    return text.strip()


def _number(text: str) -> str:
    """A number as people of this language write it, as the address does. Groups are of three digits: in English
    “1,000” is a thousand and “1,5” no number.
    """
    text = BLANKS.sub("", text)
    decimal, group = str(get_format("DECIMAL_SEPARATOR")), str(get_format("THOUSAND_SEPARATOR"))
    if re.fullmatch(
        rf"-?\d{{1,3}}(?:{re.escape(group)}\d{{3}})+(?:{re.escape(decimal)}\d*)?", text
    ):
        text = text.replace(group, "")
    return text.replace(decimal, ".")


def localized(number: str) -> str:
    """A number of an address as people of this language write it, without groups."""
    return number.replace(".", str(get_format("DECIMAL_SEPARATOR")))
