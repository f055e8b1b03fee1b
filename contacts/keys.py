"""Search and sort keys: one folded form of a text, the same on every database.

SQLite folds ASCII only and neither database sorts ``Ä`` beside ``a`` by default, so that both
keys are computed here, stored, and compared byte by byte (``KeyField``).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.db import models

SORT_KEY_LENGTH = 200
# Letters that Unicode does not decompose although people type them without their stroke.
_STROKES = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
)
_NOT_DIGITS = re.compile(r"\D+")


def fold(text: str) -> str:
    """``text`` without accents, case and doubled blanks: "Äpfel  Straße" -> "apfel strasse"."""
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(bare.translate(_STROKES).split())


def digits(text: str) -> str:
    """The digits of a telephone number, which is how numbers are searched."""
    return _NOT_DIGITS.sub("", text)


def person_name(first_name: str, last_name: str) -> str:
    return f"{first_name} {last_name}".strip()


def contact_sort_key(*, is_organization: bool, name: str, first_name: str, last_name: str) -> str:
    """Companies sort by name, people by last name, then first name."""
    text = name if is_organization else f"{last_name} {first_name}"
    return fold(text)[:SORT_KEY_LENGTH]


def contact_search_key(*, name: str, email: str, phone: str, mobile: str) -> str:
    parts = (fold(name), email.casefold(), digits(phone), digits(mobile))
    return " ".join(part for part in parts if part)


class KeyField(models.CharField):
    """A ``CharField`` that every database compares byte by byte."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
