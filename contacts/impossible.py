"""Filters that no contact can ever pass, found by trying them on every standing that the law knows.

“Lost Prospect with a won deal” is not a list without rows today: there can be none. Statuses depend on marks and on
whether there are deals of each group, not on how many. So the chips about statuses are tried on each of these
standings, those about numbers apart, on each number of deals that may make a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

from contacts.statuses import CUSTOMER_MARKS, PROSPECT_MARKS, Standing
from crm.lists.conditions import Chip
from crm.lists.registry import Context

NUMBERS = ("active_deals", "won_deals", "lost_deals")
CODES = ("prospect_status", "customer_status", "prospect_how", "customer_how")
EARLIER, LATER = datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)


def never_together(chips: Sequence[Chip], context: Context) -> bool:
    """Whether no contact can pass all of ``chips``. Chips about anything else are taken as passable."""
    codes = [chip for chip in chips if chip.field in CODES]
    if not codes and not any(chip.field in NUMBERS for chip in chips):
        return False
    some_or_none = {
        name: _some_or_none([chip for chip in chips if chip.field == name]) for name in NUMBERS
    }
    return not any(
        all(seen[name] in passing for name, passing in some_or_none.items())
        and all((seen[chip.field] in chip.values) != chip.negated for chip in codes)
        for seen in _standings()
    )


def _some_or_none(chips: Sequence[Chip]) -> set[bool]:
    """Whether any number above zero passes these chips about one number (True), and whether zero does (False)."""
    asked = [(chip, {int(Decimal(value.strip())) for value in chip.values}) for chip in chips]
    tried = {0, 1}
    for _chip, numbers in asked:
        for number in numbers:
            tried |= {number - 1, number, number + 1}
    return {
        number > 0
        for number in tried
        if number >= 0 and all(_passes(chip, numbers, number) for chip, numbers in asked)
    }


def _passes(chip: Chip, numbers: set[int], number: int) -> bool:
    if chip.op == "least":
        passed = number >= min(numbers)
    elif chip.op == "most":
        passed = number <= max(numbers)
    else:
        passed = number in numbers
    return passed != chip.negated


@cache
def _standings() -> list[dict[str, Any]]:
    found = []
    counts = product((0, 1), repeat=3)
    marks = product(("", *PROSPECT_MARKS), ("", *CUSTOMER_MARKS), (True, False))
    for (active, won, lost), (prospect_mark, customer_mark, held) in product(counts, marks):
        closed_at = EARLIER if held else LATER
        one = Standing(active, won, lost, closed_at if won else None, closed_at if lost else None)
        one.prospect_mark, one.prospect_marked_at = prospect_mark, EARLIER
        one.customer_mark, one.customer_marked_at = customer_mark, EARLIER
        found.append(_seen(one))
    return found


def _seen(standing: Standing) -> dict[str, Any]:
    alone = standing.by_deals_alone()
    return {
        "active_deals": standing.active > 0,
        "won_deals": standing.won > 0,
        "lost_deals": standing.lost > 0,
        "prospect_status": standing.prospect,
        "customer_status": standing.customer,
        "prospect_how": "deals" if standing.prospect == alone.prospect else "selected",
        "customer_how": "deals" if standing.customer == alone.customer else "selected",
    }
