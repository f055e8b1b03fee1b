"""What is stored of a deal's name so that it can be searched, filtered and sorted by."""

from __future__ import annotations

from contacts.keys import SORT_KEY_LENGTH, fold, part, search_key

KEYS = ("search_key", "sort_key", "folded_name")


def deal_keys(name: str) -> dict[str, str]:
    """The keys of a deal, by column; see ``contacts.keys``."""
    folded = fold(name)
    return {
        "search_key": search_key(part(folded)),
        "sort_key": folded[:SORT_KEY_LENGTH],
        "folded_name": folded,
    }
