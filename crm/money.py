"""Amounts of money as people read them."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import number_format

NO_BREAK = "\u00a0"


def format_money(value: Decimal | None, currency: str) -> str:
    """“12,500 EUR” in the reader's language; cents only where there are some. Empty for None.

    The code, not a symbol: three currencies are written $, and a list may hold all of them.
    """
    if value is None:
        return ""
    places = 0 if value == value.to_integral_value() else 2
    number = number_format(value, decimal_pos=places, use_l10n=True, force_grouping=True)
    return f"{number}{NO_BREAK}{currency}"
