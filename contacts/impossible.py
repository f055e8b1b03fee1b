"""Filters that no contact can ever pass, found by trying them on every standing that the law knows.

“Lost Prospect with a won deal” is not a list without rows today: there can be none. The chips about statuses and
numbers of deals are tried on each combination of facts and marks; if none passes them all, none ever will.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Any

from contacts.statuses import CUSTOMER_MARKS, PROSPECT_MARKS, Standing
from crm.lists.conditions import Chip
from crm.lists.registry import Context

NUMBERS = ("active_deals", "won_deals", "lost_deals")
NAMES = (
    *NUMBERS,
    "prospect_status",
    "customer_status",
    "prospect_how",
    "customer_how",
)
# More different numbers than this are asked for by nobody, and would take long to try.
TRIED_AT_MOST = 12
EARLIER, LATER = datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)


def never_together(chips: Sequence[Chip], context: Context) -> bool:
    """Whether no contact can pass all of ``chips``. Chips about anything else are taken as passable."""
    asked = [chip for chip in chips if chip.field in NAMES]
    if len(asked) < 2:
        return False
    axes = [_numbers(asked, name) for name in NUMBERS]
    if any(len(axis) > TRIED_AT_MOST for axis in axes):
        return False
    return not any(all(_passes(chip, one) for chip in asked) for one in _standings(axes))


def _numbers(chips: Sequence[Chip], name: str) -> list[int]:
    """None, one, two, and around each number that is asked for."""
    found = {0, 1, 2}
    for chip in chips:
        if chip.field == name:
            for value in map(int, chip.values):
                found |= {value - 1, value, value + 1}
    return sorted(number for number in found if number >= 0)


def _standings(axes: Sequence[Sequence[int]]) -> Iterator[dict[str, Any]]:
    for active, won, lost in product(*axes):
        for prospect_mark, customer_mark, held in product(
            ("", *PROSPECT_MARKS), ("", *CUSTOMER_MARKS), (True, False)
        ):
            standing = Standing(active, won, lost)
            standing.last_won_at = EARLIER if won else None
            standing.last_lost_at = EARLIER if lost else None
            if not held:
                standing.last_won_at = LATER if won else None
                standing.last_lost_at = LATER if lost else None
            standing.prospect_mark, standing.prospect_marked_at = prospect_mark, EARLIER
            standing.customer_mark, standing.customer_marked_at = customer_mark, EARLIER
            yield _seen(standing)


def _seen(standing: Standing) -> dict[str, Any]:
    alone = standing.by_deals_alone()
    return {
        "active_deals": standing.active,
        "won_deals": standing.won,
        "lost_deals": standing.lost,
        "prospect_status": standing.prospect,
        "customer_status": standing.customer,
        "prospect_how": "deals" if standing.prospect == alone.prospect else "selected",
        "customer_how": "deals" if standing.customer == alone.customer else "selected",
    }


def _passes(chip: Chip, seen: dict[str, Any]) -> bool:
    value = seen[chip.field]
    if chip.field not in NUMBERS:
        passed = value in chip.values
    else:
        numbers = list(map(int, chip.values))
        passed = {
            "": value in numbers,
            "is": value in numbers,
            "least": value >= numbers[0],
            "most": value <= numbers[0],
        }[chip.op]
    return passed != chip.negated
