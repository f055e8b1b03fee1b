"""Periods of days in words: ``last-30-days``, ``this-quarter``, ``2026-01-01..2026-03-31``.

Days are those of the reader's time zone. Weeks begin on Monday. The last N units reach from the day that lies N units
back to the end of today, so that a day is either in them or, as `before_span` says, more than N units ago.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

UNITS = ("day", "week", "month", "quarter", "year")
SPAN = re.compile(r"(?P<number>[1-9][0-9]{0,3})-(?P<unit>day|week|month|quarter|year)s?")
RELATIVE = re.compile(r"(?P<which>last|next)-(?P<span>[0-9]+-[a-z]+)")
CALENDAR = re.compile(r"(?P<which>this|previous|next)-(?P<unit>week|month|quarter|year)")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Days:
    """From `first` to the day before `end`; None is open."""

    first: date | None
    end: date | None

    def moments(self, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
        """The same as moments, the end excluded."""
        return midnight(self.first, zone), midnight(self.end, zone)


def midnight(day: date | None, zone: tzinfo) -> datetime | None:
    """When a day begins; raises ``ValueError`` for days that begin outside the calendar elsewhere."""
    if day is None:
        return None
    moment = datetime.combine(day, time.min, tzinfo=zone)
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(_too_far(day.isoformat())) from None
    return moment


def days_before(today: date, number: int) -> date:
    """The day ``number`` days before today; a day that no record can have where the calendar has none."""
    earliest, latest = date.min.toordinal() + 400, date.max.toordinal() - 400
    return date.fromordinal(max(earliest, min(today.toordinal() - number, latest)))


def read_day(text: str) -> date:
    """Raises ``ValueError`` with a sentence."""
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(_("“%(text)s” is no date. Write it as 2026-12-31.") % {"text": text[:80]})


def read_period(text: str, today: date) -> Days:
    """The days of a period code; raises ``ValueError`` with a sentence for anything else."""
    try:
        if text in ("today", "yesterday", "tomorrow"):
            first = today + timedelta(days={"today": 0, "yesterday": -1, "tomorrow": 1}[text])
            return Days(first, first + timedelta(days=1))
        if found := RELATIVE.fullmatch(text):
            edge = shifted(today, found["span"], -1 if found["which"] == "last" else 1)
            tomorrow = today + timedelta(days=1)
            if found["which"] == "last":
                return Days(edge, tomorrow)
            return Days(today, edge + timedelta(days=1))
        if found := CALENDAR.fullmatch(text):
            return _calendar(found["which"], found["unit"], today)
    except OverflowError:
        raise ValueError(_too_far(text)) from None
    if ".." in text:
        first_text, _dots, last_text = text.partition("..")
        began = read_day(first_text) if first_text else None
        last = read_day(last_text) if last_text else None
        if began and last and last < began:
            raise ValueError(_("“%(text)s” ends before it begins.") % {"text": text[:80]})
        if began or last:
            return Days(began, _after(last) if last else None)
    if DAY.fullmatch(text):
        day = read_day(text)
        return Days(day, _after(day))
    raise ValueError(
        _("“%(text)s” is no period. Give dates such as 2026-01-01..2026-03-31, or last-30-days.")
        % {"text": text[:80]}
    )


def shifted(day: date, span: str, direction: int) -> date:
    """``day`` moved by a span such as ``6-months``; raises ``ValueError`` with a sentence.

    A month has no 31st as often as not: then it is its last day.
    """
    found = SPAN.fullmatch(span)
    if found is None:
        raise ValueError(
            _("“%(text)s” is no span of time. Write it as 30-days or 6-months.")
            % {"text": span[:80]}
        )
    number = int(found["number"]) * direction
    try:
        if found["unit"] in ("day", "week"):
            return day + timedelta(days=number * (7 if found["unit"] == "week" else 1))
        return _months_on(day, number * {"month": 1, "quarter": 3, "year": 12}[found["unit"]])
    except (OverflowError, ValueError):
        raise ValueError(_too_far(span)) from None


def _months_on(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    return first + timedelta(days=min(day.day, _length(first)) - 1)


def _length(first: date) -> int:
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return (following - first).days


def _calendar(which: str, unit: str, today: date) -> Days:
    if unit == "week":
        first = today - timedelta(days=today.weekday())
        step = "1-week"
    else:
        months = {"month": 1, "quarter": 3, "year": 12}[unit]
        first = date(today.year, (today.month - 1) // months * months + 1, 1)
        step = f"{months}-months"
    if which != "this":
        first = shifted(first, step, 1 if which == "next" else -1)
    return Days(first, shifted(first, step, 1))


def _after(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise ValueError(_too_far(day.isoformat())) from None


def _too_far(text: str) -> str:
    return _("“%(text)s” is too far away.") % {"text": text[:80]}


# -- in words


def span_words(span: str) -> str:
    """“6 months”."""
    found = SPAN.fullmatch(span)
    if found is None:
        return span
    number = int(found["number"])
    words = {
        "day": ngettext("%(number)d day", "%(number)d days", number),
        "week": ngettext("%(number)d week", "%(number)d weeks", number),
        "month": ngettext("%(number)d month", "%(number)d months", number),
        "quarter": ngettext("%(number)d quarter", "%(number)d quarters", number),
        "year": ngettext("%(number)d year", "%(number)d years", number),
    }
    return words[found["unit"]] % {"number": number}


def day_words(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


def period_words(text: str) -> str:
    """A period as it is said after “in”: “the last 30 days”, “this quarter”."""
    if found := RELATIVE.fullmatch(text):
        words = _("the last %(span)s") if found["which"] == "last" else _("the next %(span)s")
        return words % {"span": span_words(found["span"])}
    if text in FIXED:
        return str(FIXED[text]())
    first, dots, last = text.partition("..")
    try:
        days = [day_words(read_day(one)) if one else "" for one in (first, last)]
    except ValueError:
        return text
    if not dots:
        return days[0]
    if not days[0]:
        return _("the time up to %(day)s") % {"day": days[1]}
    if not days[1]:
        return _("the time from %(day)s on") % {"day": days[0]}
    return _("%(first)s to %(last)s") % {"first": days[0], "last": days[1]}


# In the order in which they are offered.
FIXED = {
    "today": lambda: _("today"),
    "yesterday": lambda: _("yesterday"),
    "tomorrow": lambda: _("tomorrow"),
    "this-week": lambda: _("this week"),
    "this-month": lambda: _("this month"),
    "this-quarter": lambda: _("this quarter"),
    "this-year": lambda: _("this year"),
    "previous-week": lambda: _("last week"),
    "previous-month": lambda: _("last month"),
    "previous-quarter": lambda: _("last quarter"),
    "previous-year": lambda: _("last year"),
    "next-week": lambda: _("next week"),
    "next-month": lambda: _("next month"),
    "next-quarter": lambda: _("next quarter"),
    "next-year": lambda: _("next year"),
}
