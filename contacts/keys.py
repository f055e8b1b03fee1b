"""What is stored of a contact's texts so that they can be searched, filtered, sorted and compared.

SQLite folds ASCII only and neither database sorts ``Ä`` beside ``a`` by default, so that texts are
folded here, stored, and compared byte by byte: the same answers on every database.

search_key   the words of name and e-mail and the digits of both numbers, one blank between,
             before and after: every word that people type is somewhere in it. Behind two blanks
             follow those of the company, which not everybody who sees the contact may see
sort_key     the name to sort by
folded       what else lists filter by: each text by the name of its field, see ``folded_text``
match_...    by which another contact of the same name, number or address is found
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.models import Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from crm.folding import Bytewise, KeyField, KeyTextField, digits, fold

__all__ = ["Bytewise", "KeyField", "KeyTextField", "digits", "fold"]

SORT_KEY_LENGTH = 200
MATCH_NAME_LENGTH = 200
MATCH_EMAIL_LENGTH = 254
MATCH_PHONE_LENGTH = 9
KEYS = ("search_key", "sort_key", "folded", "match_name", "match_phone", "match_email")
FOLDED = (
    "name", "first_name", "last_name", "title", "email", "industry", "website", "street",
    "postal_code", "city", "state", "country", "description",
)  # fmt: skip
NUMBERS = ("phone", "mobile")
# What the keys of a contact are computed from, besides the name of its company.
SOURCES = ("is_organization", *FOLDED, *NUMBERS)
# What says how a company is owned, and not which one it is.
_LEGAL_FORMS = frozenset((
    "ab", "ag", "aps", "as", "asa", "bv", "co", "company", "corp", "corporation", "cv", "eg",
    "ek", "ev", "gbr", "gesmbh", "ggmbh", "gmbh", "inc", "incorporated", "kg", "kgaa",
    "limited", "llc", "llp", "lp", "ltd", "mbh", "nv", "ohg", "oy", "oyj", "pc", "plc", "pte",
    "pty", "rl", "sa", "sarl", "sas", "sasu", "scs", "se", "sl", "snc", "spa", "spol", "srl",
    "srls", "srlu", "ug",
))  # fmt: skip


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
    return part(fold(text))


# Those of a company, for each of its employees.
_words_again = lru_cache(maxsize=4_096)(words)


def part(folded: str) -> str:
    """The words of a text that is folded already."""
    return " ".join(folded.translate(_SEPARATORS).split())


def person_name(first_name: str, last_name: str) -> str:
    return f"{first_name} {last_name}".strip()


def search_key(*texts: str) -> str:
    """One text of several, each of them in words, with a blank at either end."""
    filled = " ".join(text for text in texts if text)
    return f" {filled} " if filled else ""


def with_company(own: str, company: str) -> str:
    """A search key with the words of a company behind it."""
    return f"{own or ' '} {company} " if company else own


class OwnWords(models.Func):
    """A search key without the words of the company."""

    output_field = models.TextField()

    def __init__(self, key: Any, **extra: Any) -> None:
        super().__init__(key, **extra)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # type: ignore[override]
        key, parameters = compiler.compile(self.source_expressions[0])
        return f"(SPLIT_PART({key}, '  ', 1) || ' ')", parameters

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        key, parameters = compiler.compile(self.source_expressions[0])
        # With a third blank behind it, it has two somewhere.
        return f"SUBSTR({key}, 1, INSTR({key} || '  ', '  '))", (*parameters, *parameters)


def match_name(name: str, *, is_organization: bool) -> str:
    """By which a contact of the same name is found, whatever the order of its words.

    A company's legal form does not count, unless its name is nothing else.
    """
    # Dots as in "S.A.R.L." part no words here.
    parts = words(name.replace(".", "") if is_organization else name).split()
    if is_organization:
        parts = [part for part in parts if part not in _LEGAL_FORMS] or parts
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


def contact_keys(values: Mapping[str, Any], company: str = "") -> dict[str, Any]:
    """The keys of a contact, by column. ``values`` has a value for each of ``SOURCES``.

    ``company`` is the name of the company that a person works for.
    """
    folded = {name: fold(text) for name in FOLDED if (text := values[name])}
    folded |= {name: digits(text) for name in NUMBERS if (text := values[name])}
    folded = {name: text for name, text in folded.items() if text}
    is_organization = values["is_organization"]
    if is_organization:
        sort_key = folded.get("name", "")
    else:
        # People by last name, then first name.
        sort_key = f"{folded.get('last_name', '')} {folded.get('first_name', '')}".strip()
    phone, mobile = folded.get("phone", ""), folded.get("mobile", "")
    return {
        "search_key": with_company(
            search_key(part(folded.get("name", "")), part(folded.get("email", "")), phone, mobile),
            _words_again(company) if company else "",
        ),
        "sort_key": sort_key[:SORT_KEY_LENGTH],
        "folded": folded,
        "match_name": match_name(values["name"], is_organization=is_organization),
        "match_phone": match_phone(phone, mobile),
        "match_email": match_email(values["email"]),
    }


class SearchIndex(models.Index):
    """Leads to whatever is somewhere in the first of its fields.

    PostgreSQL looks its trigrams up. SQLite reads all there are; an index of them, and of what
    they are filtered by, is read several times as fast as the rows.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        if schema_editor.connection.vendor != "postgresql":
            return super().create_sql(model, schema_editor, using=using, **kwargs)
        trigrams = models.Index(fields=self.fields[:1], name=self.name, opclasses=["gin_trgm_ops"])
        return trigrams.create_sql(model, schema_editor, using=" USING gin", **kwargs)


class FoldedText(KeyTextTransform):
    """A text out of ``folded``, where all values are texts."""

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        # Django's own looks at the kind of each value too, which takes as long again.
        column, parameters = compiler.compile(self.lhs)
        return f"JSON_EXTRACT({column}, %s)", (*parameters, f"$.{self.key_name}")


def folded_text(name: str, prefix: str = "") -> Bytewise:
    """A text of a contact as it is stored folded, to filter and to sort by; never NULL.

    ``name`` is one of ``FOLDED`` or of ``NUMBERS``, which are stored as their digits; ``prefix``
    leads to the contact, as in ``"company__"``. Compare with ``fold(text)`` or ``digits(text)``,
    by ``exact``, ``contains`` and ``startswith``: all of these tell case apart on PostgreSQL and
    not on SQLite, and what is folded has none.
    """
    if name not in (*FOLDED, *NUMBERS):
        raise ValueError(f"{name} is not stored folded.")
    return Bytewise(Coalesce(FoldedText(name, f"{prefix}folded"), Value("")))
