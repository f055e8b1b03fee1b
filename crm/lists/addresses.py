"""Addresses that would be too long, kept under eight letters."""

from __future__ import annotations

import base64
import hashlib

from django.http import QueryDict

from crm.lists.models import ListAddress

LONG = 1_500
# What an address says beside the state: the page, and which panel is open.
BESIDE = ("page", "edit", "add", "choose", "why", "find")


def long_address(query: str) -> bool:
    return len(query) > LONG


def kept_under(params: QueryDict) -> str:
    """A short query string that stands for these. The same state has the same letters, so that asking twice keeps
    one row, and nothing that anybody could see changes.
    """
    kept = params.copy()
    beside = QueryDict(mutable=True)
    for name in BESIDE:
        if name in kept:
            # None of them is long, unless somebody plays with it.
            beside[name] = kept.pop(name)[-1][:200]
    query = kept.urlencode()
    digest = hashlib.sha256(query.encode()).digest()
    key = base64.b32encode(digest).decode()[:8].lower()
    stored, _created = ListAddress.objects.get_or_create(key=key, defaults={"query": query})
    if stored.query != query:
        # Two states in a million million share their letters: the later one takes the next ones.
        key = base64.b32encode(digest[::-1]).decode()[:8].lower()
        ListAddress.objects.get_or_create(key=key, defaults={"query": query})
    return f"s={key}&{beside.urlencode()}" if beside else f"s={key}"


def query_under(key: str) -> str | None:
    """The query string kept under these letters."""
    if len(key) != 8 or not key.isascii() or not key.isalnum():
        return None
    return ListAddress.objects.filter(pk=key).values_list("query", flat=True).first()


def expanded(params: QueryDict) -> QueryDict | None:
    """These with what short letters among them stand for; None for letters that nobody kept anything under.

    What is asked beside the letters counts too: left out, it would leave a list wider than was asked for.
    """
    if "s" not in params:
        return params
    query = query_under(params.get("s", ""))
    if query is None:
        return None
    found = QueryDict(query, mutable=True)
    for name, values in params.lists():
        if name != "s":
            found.setlist(name, values)
    return found
