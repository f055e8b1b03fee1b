"""From the text of a cell to a value: plain functions, one a column, made once for a load.

Each takes the stripped, non-empty text of a cell and returns the value, or raises ``BadCell`` with
the reason. Values repeat down a column (dates, words), so that the dear ones remember.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from deals.stages import as_moment

Convert = Callable[[str], Any]

_EMAIL = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*\.)+[A-Za-z]{2,24}"
)
_URL = re.compile(r"https?://[^\s/?#.][^\s]*", re.IGNORECASE)
_BARE_URL = re.compile(r"[^\s/?#:.][^\s/?#:]*\.[^\s/?#:]+(?:[:/?#]\S*)?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CENT = Decimal("0.01")
_REMEMBERED = 100_000
# Whoever sold before that kept other books; a year such as 17 or 201 is a slip of the pen.
EARLIEST = 1900


class BadCell(ValueError):
    """What is wrong with a cell, in words for whoever mends the file."""


def remembering(convert: Convert, most: int = _REMEMBERED) -> Convert:
    """``convert``, which looks at the same text once only, up to ``most`` texts; refusals are not remembered."""
    known: dict[str, Any] = {}

    def convert_once(text: str) -> Any:
        try:
            return known[text]
        except KeyError:
            value = convert(text)
            if len(known) < most:
                known[text] = value
            return value

    return convert_once


def text_of(max_length: int | None) -> Convert:
    def convert(text: str) -> str:
        if max_length is not None and len(text) > max_length:
            raise BadCell(
                _("is %(length)d characters long, at most %(most)d fit")
                % {"length": len(text), "most": max_length}
            )
        return text

    return convert


def email(text: str) -> str:
    # Django's validator costs thirty times as much, and finds nothing wrong with these.
    if len(text) <= 254 and text.find("@") <= 64 and _EMAIL.fullmatch(text):
        return text
    try:
        if len(text) > 254:
            raise ValidationError("")
        validate_email(text)
    except ValidationError as error:
        raise BadCell(_("“%(text)s” is no e-mail address") % {"text": shortened(text)}) from error
    return text


def url(text: str) -> str:
    """An address of the web; one without ``https://`` gets it, any other scheme is refused."""
    found = text if _URL.fullmatch(text) else ""
    if not found and _BARE_URL.fullmatch(text):
        found = f"https://{text}"
    if not found or len(found) > 500:
        raise BadCell(_("“%(text)s” is no web address") % {"text": shortened(text)})
    return found


def currency(text: str) -> str:
    code = text.upper()
    if not _CURRENCY.fullmatch(code):
        raise BadCell(
            _("“%(text)s” is no currency; give three letters, such as EUR")
            % {"text": shortened(text)}
        )
    return code


def plain_number(decimal: str, thousands: str) -> Callable[[str], str]:
    """Numbers written with these marks, as Python writes them."""
    group = re.escape(thousands) if thousands else None
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)" if group else r"\d+"
    pattern = re.compile(rf"[+-]?{whole}(?:{re.escape(decimal)}\d+)?")

    def convert(text: str) -> str:
        if not pattern.fullmatch(text) or not text.isascii():
            raise BadCell(
                _("“%(text)s” is no number such as %(example)s")
                % {"text": shortened(text), "example": f"1{thousands}234{decimal}50"}
            )
        plain = text.replace(thousands, "") if thousands else text
        return plain.replace(decimal, ".")

    return convert


def number(decimal: str, thousands: str) -> Convert:
    """Numbers written with these marks, rounded to cents."""
    plain = plain_number(decimal, thousands)

    def convert(text: str) -> Decimal:
        written = plain(text)
        try:
            value = Decimal(written).quantize(_CENT, ROUND_HALF_UP)
        except InvalidOperation:
            value = Decimal("1e14")
        if abs(value) >= Decimal("1e14"):
            raise BadCell(_("“%(text)s” is too large") % {"text": shortened(text)})
        return value

    return remembering(convert)


def boolean(text: str) -> bool:
    word = text.casefold()
    if word in {"1", "true", "yes", "y", "x", "t"}:
        return True
    if word in {"0", "false", "no", "n", "f"}:
        return False
    raise BadCell(
        _("“%(text)s” is neither yes nor no; give 1 or 0, or words in the mapping")
        % {"text": shortened(text)}
    )


def language(text: str) -> str:
    """One of the languages that mails are written in, by its code (``de``, ``de-AT``) or its own name."""
    word = text.casefold().replace("_", "-")
    for code, name in settings.LANGUAGES:
        if word in (code, name.casefold()) or word.startswith(f"{code}-"):
            return code
    known = ", ".join(code for code, _name in settings.LANGUAGES)
    raise BadCell(
        _("“%(text)s” is no language that mails are written in; give one of %(known)s")
        % {"text": shortened(text), "known": known}
    )


def day_or_moment(form: str) -> Callable[[str], date | datetime]:
    """Dates and times in this form of ``strptime``; ISO 8601 when it is empty."""
    has_time = any(code in form for code in ("%H", "%I", "%X", "%c"))

    def convert(text: str) -> date | datetime:
        try:
            read: date | datetime
            if form:
                moment = datetime.strptime(text, form)  # noqa: DTZ007
                read = moment if has_time else moment.date()
            elif len(text) <= 10:
                read = date.fromisoformat(text)
            else:
                read = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadCell(
                _("“%(text)s” is no date as in %(form)s; see date_format in the mapping")
                % {"text": shortened(text), "form": form or "2026-01-31"}
            ) from error
        if read.year < EARLIEST:
            raise BadCell(_("“%(text)s” is too long ago") % {"text": shortened(text)})
        return read

    return convert


def beginning(form: str, now: datetime) -> Convert:
    """Moments; a date is the beginning of that day. Refuses the future."""
    read = day_or_moment(form)

    def convert(text: str) -> datetime:
        value = read(text)
        if not isinstance(value, datetime):
            value = datetime.combine(value, time.min)
        if timezone.is_naive(value):
            value = timezone.make_aware(value)
        if value > now:
            raise BadCell(_("“%(text)s” lies in the future") % {"text": shortened(text)})
        return value

    return remembering(convert)


def ending(form: str, now: datetime) -> Convert:
    """Moments; a date is the end of that day, or now if that is earlier. Refuses the future."""
    read = day_or_moment(form)

    def convert(text: str) -> datetime | None:
        try:
            return as_moment(read(text), now)
        except ValidationError as error:
            raise BadCell(_("“%(text)s” lies in the future") % {"text": shortened(text)}) from error

    return remembering(convert)


def day(form: str) -> Convert:
    read = day_or_moment(form)

    def convert(text: str) -> date:
        value = read(text)
        return value.date() if isinstance(value, datetime) else value

    return remembering(convert)


def translated(words: Mapping[str, str], convert: Convert, *, closed: bool) -> Convert:
    """``convert`` behind a list of words. Words not in it are refused if the list is closed."""
    folded = {word.casefold(): meaning for word, meaning in words.items()}

    def convert_word(text: str) -> Any:
        meaning = folded.get(text.casefold())
        if meaning is None:
            if closed:
                raise BadCell(_("“%(text)s” is not in the mapping") % {"text": shortened(text)})
            meaning = text
        return convert(meaning) if meaning else None

    return remembering(convert_word)


def shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
