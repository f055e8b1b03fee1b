"""Dates and numbers of another country than the language's: words in German, dates as the British write them.

A user's language and formats make a locale together ("de-gb"), for which Django looks here; words come from the
language alone. Where Django knows the locale itself (British English) or it is the language's own, nothing is here.
"""

from __future__ import annotations

# The formats that each language has by itself.
OWN = {"en": "US", "de": "DE", "fr": "FR"}


def locale_of(language: str, formats: str) -> str:
    """The language code under which words are in ``language``, dates and numbers as ``formats`` has them."""
    plain = language.partition("-")[0]
    return language if not formats or OWN.get(plain) == formats else f"{plain}-{formats.lower()}"
