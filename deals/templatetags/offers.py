"""``{% offers %}``: what the law offers after the change that was just made."""

from __future__ import annotations

from typing import Any

from django import template

from deals.notices import take_offers

register = template.Library()


@register.inclusion_tag("deals/_offers.html", takes_context=True)
def offers(context: dict[str, Any]) -> dict[str, Any]:
    request = context.get("request")
    found = take_offers(request) if request is not None and hasattr(request, "session") else []
    return {"offers": found, "csrf_token": context.get("csrf_token"), "request": request}
