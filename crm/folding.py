"""Texts as they are stored to be searched, filtered, sorted and compared, alike on every database.

SQLite folds ASCII only and neither database sorts ``Ä`` beside ``a`` by default, so that texts are folded here,
stored, and compared byte by byte.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.models import Func, TextField

# Letters that Unicode does not decompose although people type them without their stroke.
_STROKES = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
)
_NOT_DIGITS = dict.fromkeys({*range(128)} - {*range(ord("0"), ord("9") + 1)})


def fold(text: str) -> str:
    """``text`` without accents, case and doubled blanks: "Äpfel  Straße" -> "apfel strasse"."""
    if not text.isascii():
        # Names of towns come again and again, descriptions do not.
        return _folded_again(text) if len(text) < 50 else _folded(text)
    return " ".join(text.lower().split())


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKD", text.casefold())
    if (spelt_out := text.casefold()) != text:
        # What compatibility spells out may have case: "™" is "TM".
        text = unicodedata.normalize("NFKD", spelt_out)
    return " ".join(text.translate(_BARE).split())


_folded_again = lru_cache(maxsize=4_096)(_folded)


class _Bare(dict[int, int | str | None]):
    """What is left of each character without accents and strokes."""

    def __missing__(self, code: int) -> int | str | None:
        found: int | str | None = _STROKES.get(code, code)
        if unicodedata.combining(chr(code)):
            found = None
        self[code] = found
        return found


_BARE = _Bare()


def digits(text: str) -> str:
    """The digits of a telephone number, which is how numbers are searched."""
    if text.isascii():
        return text.translate(_NOT_DIGITS)
    # Of every script, written as ours.
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())


def _byte_by_byte(parameters: dict[str, Any], connection: Any) -> dict[str, Any]:
    return parameters | ({"collation": "C"} if connection.vendor == "postgresql" else {})


class KeyField(models.CharField):
    """A ``CharField`` that every database compares byte by byte."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return _byte_by_byte(super().db_parameters(connection), connection)


class KeyTextField(models.TextField):
    """A ``TextField`` that every database compares byte by byte."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return _byte_by_byte(super().db_parameters(connection), connection)


class Bytewise(Func):
    """A text that every database compares byte by byte."""

    template = "%(expressions)s"
    arity = 1
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template='(%(expressions)s) COLLATE "C"')
