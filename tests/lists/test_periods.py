"""What each code of a period means, against a table written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.lists.periods import FIXED, Days, period_words, read_day, read_period, shifted
from tests.lists.oracle import in_period, span_on
from tests.lists.worlds import PERIODS, SPANS


def day(text: str) -> date:
    return date.fromisoformat(text)


# (code, today, first day, last day)
TABLE = """
today             2024-02-29  2024-02-29  2024-02-29
yesterday         2024-03-01  2024-02-29  2024-02-29
yesterday         2024-01-01  2023-12-31  2023-12-31
tomorrow          2023-02-28  2023-03-01  2023-03-01
tomorrow          2024-02-28  2024-02-29  2024-02-29
tomorrow          2024-12-31  2025-01-01  2025-01-01
this-week         2024-12-31  2024-12-30  2025-01-05
this-week         2025-01-05  2024-12-30  2025-01-05
this-week         2025-01-06  2025-01-06  2025-01-12
previous-week     2025-01-01  2024-12-23  2024-12-29
next-week         2024-12-24  2024-12-30  2025-01-05
this-month        2024-02-29  2024-02-01  2024-02-29
this-month        2023-02-01  2023-02-01  2023-02-28
previous-month    2024-03-31  2024-02-01  2024-02-29
previous-month    2024-01-31  2023-12-01  2023-12-31
next-month        2024-01-31  2024-02-01  2024-02-29
next-month        2024-12-31  2025-01-01  2025-01-31
this-quarter      2024-01-01  2024-01-01  2024-03-31
this-quarter      2024-03-31  2024-01-01  2024-03-31
this-quarter      2024-05-31  2024-04-01  2024-06-30
this-quarter      2024-12-31  2024-10-01  2024-12-31
previous-quarter  2024-02-29  2023-10-01  2023-12-31
previous-quarter  2024-05-31  2024-01-01  2024-03-31
next-quarter      2024-11-30  2025-01-01  2025-03-31
next-quarter      2024-06-30  2024-07-01  2024-09-30
this-year         2024-12-31  2024-01-01  2024-12-31
previous-year     2024-01-01  2023-01-01  2023-12-31
next-year         2024-02-29  2025-01-01  2025-12-31
last-1-days       2024-03-01  2024-02-29  2024-03-01
last-1-day        2024-03-01  2024-02-29  2024-03-01
last-30-days      2024-03-30  2024-02-29  2024-03-30
last-1-weeks      2025-01-01  2024-12-25  2025-01-01
last-1-months     2024-03-31  2024-02-29  2024-03-31
last-1-months     2023-03-31  2023-02-28  2023-03-31
last-1-months     2024-01-15  2023-12-15  2024-01-15
last-6-months     2024-08-31  2024-02-29  2024-08-31
last-12-months    2024-02-29  2023-02-28  2024-02-29
last-1-quarters   2024-05-31  2024-02-29  2024-05-31
last-1-years      2024-02-29  2023-02-28  2024-02-29
last-4-years      2024-02-29  2020-02-29  2024-02-29
next-1-days       2024-02-28  2024-02-28  2024-02-29
next-1-months     2024-01-31  2024-01-31  2024-02-29
next-1-months     2024-12-31  2024-12-31  2025-01-31
next-2-weeks      2024-12-25  2024-12-25  2025-01-08
next-1-years      2024-02-29  2024-02-29  2025-02-28
2024-02-29        2020-01-01  2024-02-29  2024-02-29
2024-01-31..2024-03-01  2020-01-01  2024-01-31  2024-03-01
2024-01-31..2024-01-31  2020-01-01  2024-01-31  2024-01-31
2024-01-31..      2020-01-01  2024-01-31  -
..2024-02-29      2020-01-01  -           2024-02-29
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_period_has_these_days(line: str) -> None:
    code, today, first, last = line.split()
    found = read_period(code, day(today))
    assert found.first == (None if first == "-" else day(first))
    assert found.end == (None if last == "-" else date.fromordinal(day(last).toordinal() + 1))


@given(
    st.sampled_from(PERIODS), st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(-800, 800)
)
def test_period_has_the_days_that_counting_finds(code: str, today: date, distance: int) -> None:
    found = read_period(code, today)
    one = date.fromordinal(today.toordinal() + distance)
    assert (found.first <= one < found.end) is in_period(one, code, today)


@given(st.sampled_from(SPANS), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_a_day_lies_in_the_last_units_or_more_than_them_ago(span: str, today: date) -> None:
    edge = shifted(today, span, -1)
    assert edge == span_on(today, span, -1)
    # “More than N units ago” is before the first of the last N units.
    assert read_period(f"last-{span}", today).first == edge


NONSENSE = [
    "", " ", "30", "30-days", "last", "last-", "last--days", "last-0-days", "last-00-days",
    "last-01-days", "last--1-days", "last-1.5-days", "last-10000-days", "last-30-dayss", "last-30-Days",
    "last-30-fortnights", "last-30-days ", " last-30-days", "last-٣-days", "this-day", "this-30-days",
    "previous-2-weeks", "next", "this week", "2024-13-01", "2024-02-30", "2023-02-29", "2024-2-3",
    "24-02-03", "20240203", "2024-W05-1", "2024-02-03T00:00", "٢٠٢٤-٠١-٠١", "0000-01-01", "10000-01-01",
    "..", "...", "2024-01-01...2024-02-01", "2024-02-01..2024-01-01", "..x", "x..", "2024-01-01..x",
    "2024-01-01..2024-02-01..2024-03-01", "-2024-01-01", "TODAY", "last-30-days..", "None", "null",
    "last-" + "9" * 5000 + "-days", "2024-01-01\n",
]  # fmt: skip


@pytest.mark.parametrize("code", NONSENSE, ids=lambda code: code[:30])
def test_what_is_no_period_is_refused_in_a_sentence(code: str) -> None:
    with pytest.raises(ValueError, match=r"[.]$") as refused:
        read_period(code, date(2024, 2, 29))
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("code", "today"),
    [
        ("last-9999-years", "2024-01-01"), ("next-9999-years", "2024-01-01"),
        ("last-2024-years", "2024-01-01"), ("next-7976-years", "2024-01-01"),
        ("last-9999-quarters", "2024-01-01"), ("yesterday", "0001-01-01"), ("tomorrow", "9999-12-31"),
        ("today", "9999-12-31"), ("last-1-days", "9999-12-31"), ("this-year", "9999-12-31"),
        ("this-month", "9999-12-31"), ("next-year", "9999-01-01"), ("previous-year", "0001-06-01"),
        ("previous-week", "0001-01-03"), ("this-week", "9999-12-31"), ("next-1-days", "9999-12-31"),
        ("9999-12-31", "2024-01-01"), ("2024-01-01..9999-12-31", "2024-01-01"),
    ],
)  # fmt: skip
def test_what_lies_beyond_the_calendar_is_refused(code: str, today: str) -> None:
    with pytest.raises(ValueError, match="too far away"):
        read_period(code, day(today))


@pytest.mark.parametrize(
    "span", ["0-days", "-1-days", "1", "days", "1-day-s", "1-decades", "", "1 day"]
)
def test_what_is_no_span_is_refused(span: str) -> None:
    with pytest.raises(ValueError, match="no span of time"):
        shifted(date(2024, 1, 1), span, -1)


def test_a_day_is_read_in_one_way_only() -> None:
    assert read_day("2024-02-29") == date(2024, 2, 29)
    for text in ("29.02.2024", "2024-02-30", "2024-060", "2024-W09-4", ""):
        with pytest.raises(ValueError, match="no date"):
            read_day(text)


@pytest.mark.parametrize(
    ("zone", "date_", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", 23), ("Europe/Berlin", "2024-10-27", 25),
        ("America/St_Johns", "2024-03-10", 23), ("America/St_Johns", "2024-11-03", 25),
        ("UTC", "2024-03-31", 24), ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Sao_Paulo", "2018-02-17", 25), ("America/Havana", "2024-11-03", 25),
    ],
)  # fmt: skip
def test_days_are_as_long_as_the_clocks_make_them(zone: str, date_: str, hours: int) -> None:
    first, end = read_period(date_, day(date_)).moments(ZoneInfo(zone))
    assert (end.astimezone(UTC) - first.astimezone(UTC)).total_seconds() == hours * 3600


def test_open_ends_have_no_moments() -> None:
    assert Days(None, None).moments(UTC) == (None, None)
    assert Days(day("2024-01-01"), None).moments(UTC) == (datetime(2024, 1, 1, tzinfo=UTC), None)


@pytest.mark.parametrize("code", [*FIXED, *PERIODS, "2024-01-01", "2024-01-01..", "..2024-01-01"])
def test_every_period_that_is_offered_is_read_and_has_words(code: str) -> None:
    assert read_period(code, date(2024, 2, 29)) != Days(None, None)
    words = period_words(code)
    assert words
    assert code in ("today", "yesterday", "tomorrow") or words != code
