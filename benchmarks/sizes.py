"""How much of everything, quick or in full."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    # Contacts; there are half as many deals.
    recount: int
    small: int
    large: int
    load: int
    # Pairs of runs for what takes milliseconds and for what takes seconds.
    short_pairs: int
    long_pairs: int
    # How long a crowd is at work.
    crowd_seconds: int
    # Recipients of a mailing, and how long somebody looks around beside one.
    mails: int
    beside_seconds: int


def sizes(vendor: str, *, full: bool) -> Sizes:
    """The sizes that the limits are set for, or a tenth of them."""
    if not full:
        return Sizes(20_000, 10_000, 100_000, 10_000, 15, 3, 30, 1_000, 3)
    recount = 1_000_000 if vendor == "postgresql" else 100_000
    pairs = 5 if vendor == "sqlite" else 3
    return Sizes(recount, 100_000, 1_000_000, 100_000, 40, pairs, 300, 10_000, 8)


def shown(number: int) -> str:
    return f"{number:,}"
