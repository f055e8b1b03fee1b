"""The end of entries that are older than they are kept."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from crm.audit import gate
from crm.audit.models import Action, Entry
from crm.audit.services import record

# Nobody makes the log forget what happened lately, whatever the account was made to say.
LEAST = 30
# In one transaction each, so that no other writer waits long.
CHUNK = 10_000


def remove_older(days: int) -> int:
    """Remove entries older than so many days, thirty at least, and note that; returns how many."""
    days = max(days, LEAST)
    end = timezone.now() - timedelta(days=days)
    old = Entry.objects.filter(at__lt=end)
    removed = 0
    while ids := list(old.order_by("at", "pk").values_list("pk", flat=True)[:CHUNK]):
        with gate.opened():
            gone = gate.remove(Entry.objects.filter(pk__in=ids))
            record(Action.RETENTION, removed=gone, days=days)
        removed += gone
    return removed
