"""Single cells."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from imports import cells

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["a@b.example", "first.last+tag@sub.example.com", "o'neil@example.org", "a@ümlaut.example"],
)
def test_email_addresses_that_are_some(text: str) -> None:
    assert cells.email(text) == text


@pytest.mark.parametrize(
    "text", ["a", "a@b", "a b@c.example", "a@b..example", "@b.example", "x" * 250 + "@b.example"]
)
def test_email_addresses_that_are_none(text: str) -> None:
    with pytest.raises(cells.BadCell, match="no e-mail address"):
        cells.email(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1054", "1054.00"), ("-3.5", "-3.50"), ("1475.3000000000002", "1475.30"), ("0.005", "0.01")],
)
def test_numbers(text: str, value: str) -> None:
    assert cells.number(".", "")(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["1,054", "1 054", "EUR 5", "NaN", "inf", "1e5", "٣", "1.2.3", "-", "9" * 15, "9" * 400]
)
def test_numbers_that_are_none_or_too_large(text: str) -> None:
    with pytest.raises(cells.BadCell):
        cells.number(".", "")(text)


def test_misplaced_thousands_mark_is_no_number() -> None:
    assert cells.number(",", ".")("1.234.567,8") == Decimal("1234567.80")
    with pytest.raises(cells.BadCell):
        cells.number(",", ".")("1.23")


@pytest.mark.parametrize("text", ["01/02/2017", "2017-02-30", "0017-01-01", "yesterday", "2017"])
def test_dates_that_are_none_or_not_sure(text: str) -> None:
    with pytest.raises(cells.BadCell):
        cells.ending("", NOW)(text)


def test_day_begins_and_ends() -> None:
    assert cells.beginning("", NOW)("2017-03-01") == datetime(2017, 3, 1, tzinfo=UTC)
    assert cells.ending("", NOW)("2017-03-01").date().isoformat() == "2017-03-01"
    assert cells.ending("", NOW)("2026-05-05") == NOW


def test_moment_keeps_its_zone() -> None:
    read = cells.beginning("", NOW)("2017-10-10T08:38:20.000+0200")
    assert read.astimezone(UTC) == datetime(2017, 10, 10, 6, 38, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "ftp://x.example", "http://", "a b.example", "x"]
)
def test_addresses_that_are_none_of_the_web(text: str) -> None:
    with pytest.raises(cells.BadCell):
        cells.url(text)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("Yes", True), ("0", False), ("no", False)]
)
def test_yes_and_no(text: str, value: bool) -> None:
    assert cells.boolean(text) is value


def test_anything_else_is_neither_yes_nor_no() -> None:
    with pytest.raises(cells.BadCell):
        cells.boolean("maybe")
