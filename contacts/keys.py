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
MATCH_NAME_LENGTH = 200
MATCH_EMAIL_LENGTH = 254
MATCH_PHONE_LENGTH = 9
# Letters that Unicode does not decompose although people type them without their stroke.
_STROKES = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
)
_NOT_DIGITS = re.compile(r"\D+")
# What says how a company is owned, and not which one it is.
_LEGAL_FORMS = frozenset((
    "ab", "ag", "aps", "as", "asa", "bv", "co", "company", "corp", "corporation", "cv", "eg",
    "ek", "ev", "gbr", "gesmbh", "ggmbh", "gmbh", "inc", "incorporated", "kg", "kgaa",
    "limited", "llc", "llp", "lp", "ltd", "mbh", "nv", "ohg", "oy", "oyj", "pc", "plc", "pte",
    "pty", "rl", "sa", "sarl", "sas", "sasu", "scs", "se", "sl", "snc", "spa", "spol", "srl",
    "srls", "srlu", "ug",
))  # fmt: skip


def fold(text: str) -> str:
    """``text`` without accents, case and doubled blanks: "Äpfel  Straße" -> "apfel strasse"."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Twice: what compatibility spells out has case again ("™" is "TM").
    for _turn in range(2):
        text = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(bare.translate(_STROKES).split())


class _Separators(dict[int, int | str | None]):
    """What becomes of each character when a folded text is parted into words."""

    def __missing__(self, code: int) -> int | str | None:
        category = unicodedata.category(chr(code))
        found: int | str | None = code
        if category == "Cf" or 0xFE00 <= code <= 0xFE0F:
            # Invisible: soft hyphens, joiners, and which picture of an emoji is meant.
            found = None
        elif category[0] in "PZ" or category in ("Sm", "Sk", "Cc", "Co", "Cs"):
            found = " "
        self[code] = found
        return found


_SEPARATORS = _Separators()


def words(text: str) -> str:
    """The words of ``text``, folded, one blank between: "O'Neil & Söhne" -> "o neil sohne".

    Punctuation and mathematical signs part words; letters, digits and pictures make them.
    """
    return " ".join(fold(text).translate(_SEPARATORS).split())


def digits(text: str) -> str:
    """The digits of a telephone number, which is how numbers are searched."""
    if text.isascii():
        return _NOT_DIGITS.sub("", text)
    # Of every script, written as ours.
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())


def person_name(first_name: str, last_name: str) -> str:
    return f"{first_name} {last_name}".strip()


def contact_sort_key(*, is_organization: bool, name: str, first_name: str, last_name: str) -> str:
    """Companies sort by name, people by last name, then first name."""
    text = name if is_organization else f"{last_name} {first_name}"
    return fold(text)[:SORT_KEY_LENGTH]


def contact_search_key(*, name: str, email: str, phone: str, mobile: str) -> str:
    parts = (fold(name), email.casefold(), digits(phone), digits(mobile))
    return " ".join(part for part in parts if part)


def match_name(name: str, *, is_organization: bool) -> str:
    """By which a contact of the same name is found, whatever the order of its words.

    A company's legal form does not count, unless its name is nothing else.
    """
    if is_organization:
        # Dots as in "S.A.R.L." part no words here.
        parts = words(name.replace(".", "")).split()
        parts = [part for part in parts if part not in _LEGAL_FORMS] or parts
    else:
        parts = words(name).split()
    return " ".join(sorted(parts))[:MATCH_NAME_LENGTH]


def match_phone(phone: str, mobile: str) -> str:
    """The last nine digits of the first number that has at least six, or nothing.

    Nine leave out how the country or the trunk line was dialled: +49 30 1234567 is 030 1234567.
    """
    for number in (digits(phone), digits(mobile)):
        if len(number) >= 6:
            return number[-MATCH_PHONE_LENGTH:]
    return ""


def match_email(email: str) -> str:
    return email.strip().casefold()[:MATCH_EMAIL_LENGTH]


def match_keys(
    *, is_organization: bool, name: str, email: str, phone: str, mobile: str
) -> dict[str, str]:
    """By which duplicates are looked up: each is empty or worth comparing."""
    return {
        "match_name": match_name(name, is_organization=is_organization),
        "match_phone": match_phone(phone, mobile),
        "match_email": match_email(email),
    }


class KeyField(models.CharField):
    """A ``CharField`` that every database compares byte by byte."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
