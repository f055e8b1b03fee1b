"""Addresses that would be too long, kept under eight letters."""

from __future__ import annotations

import base64
import hashlib

from django.http import QueryDict

from crm.lists.models import ListAddress

LONG = 1_500


def long_address(query: str) -> bool:
    return len(query) > LONG


def kept_under(params: QueryDict) -> str:
    """A short query string that stands for these. The same state has the same letters, so that asking twice keeps
    one row, and nothing that anybody could see changes.
    """
    kept = params.copy()
    page = kept.pop("page", [])
    query = kept.urlencode()
    digest = hashlib.sha256(query.encode()).digest()
    key = base64.b32encode(digest).decode()[:8].lower()
    stored, _created = ListAddress.objects.get_or_create(key=key, defaults={"query": query})
    if stored.query != query:
        # Two states in a million million share their letters: the later one takes the next ones.
        key = base64.b32encode(digest[::-1]).decode()[:8].lower()
        ListAddress.objects.get_or_create(key=key, defaults={"query": query})
    return f"s={key}&page={page[0]}" if page else f"s={key}"


def query_under(key: str) -> str | None:
    """The query string kept under these letters."""
    if len(key) != 8 or not key.isascii() or not key.isalnum():
        return None
    return ListAddress.objects.filter(pk=key).values_list("query", flat=True).first()
