"""Texts that a spreadsheet would take for a formula, and the apostrophe that keeps it from it.

A formula begins with one of ``= + - @``, wide forms and blanks before it included, at the beginning of a cell, or
behind a separator for a program that takes another one than the comma for it. There the guard puts an apostrophe. A
text that already has one there gets another, so that taking one away gives back exactly what was written, whatever it
was: ``unguarded(guarded(text)) == text``, and a text that needs no guard is left as it is by both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# Also what nobody sees: control characters, marks of direction, joiners.
_BLANK = (
    r"\s\x00-\x1f\x7f-\xa0\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
)
_SIGN = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212\u207a\u207b"
_FORMULA = rf"(?=['\"{_BLANK}]*[{_SIGN}])"
_BEHIND = r"(?<![^;\t\r\n])"
_ODD = r"(?='*[\t\r\n\x00])"
_PLACE = re.compile(rf"{_BEHIND}{_FORMULA}|\A{_ODD}")
_GUARD = re.compile(rf"{_BEHIND}'{_FORMULA}|\A'{_ODD}")
# Looking for places is dear, and names and towns have none: they begin like a word and hold no separator.
_FIRST = re.compile(rf"['\"{_BLANK}{_SIGN}]")
_PLAIN_SIGNS = frozenset("=+-@")
_SUSPECT = frozenset(
    char for char in map(chr, (*range(0x3001), *range(0xFE00, 0x10000))) if _FIRST.match(char)
)


def guarded(text: str) -> str:
    """``text`` as it may stand in a cell of a file for spreadsheets."""
    if text[:1] in _PLAIN_SIGNS and ";" not in text and text.isprintable():
        # Telephone numbers, mostly.
        return f"'{text}"
    return _PLACE.sub("'", text)


def guarded_all(values: Sequence[Any]) -> list[Any]:
    """`guarded` for each text among ``values``."""
    return [
        guarded(value)
        if value
        and value.__class__ is str
        and (value[0] in _SUSPECT or ";" in value or not value.isprintable())
        else value
        for value in values
    ]


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return _GUARD.sub("", text) if "'" in text else text


def looks_like_formula(text: str) -> bool:
    return text[:1] in _SUSPECT and _PLACE.match(text) is not None
