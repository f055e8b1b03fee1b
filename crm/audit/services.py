"""Writing the audit log. Written in the transaction of what it tells of: both are there, or neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model

from crm.actor import current_actor, current_trace
from crm.audit.cleaning import cleaned, visible
from crm.audit.models import Entry

_UNSET: Any = object()


def record(
    action: str,
    of: Model | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    actor: Any = _UNSET,
    **details: Any,
) -> Entry:
    """Add one entry: ``action`` (see ``Action``), the record it was done to, and what changed of it.

    ``before``, ``after`` and ``details`` hold what JSON can; never passwords, tokens or codes, which are withheld where
    their name tells them. ``actor`` is whoever acts now unless given; None is the product itself.
    """
    one = entry(action, of, before=before, after=after, actor=actor, **details)
    one.save(force_insert=True)
    return one


def record_many(entries: Iterable[Entry]) -> None:
    """Add entries made by ``entry``, in one statement for many."""
    Entry.objects.bulk_create(list(entries), batch_size=500)


def entry(
    action: str,
    of: Model | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    actor: Any = _UNSET,
    **details: Any,
) -> Entry:
    """An unsaved entry, as ``record`` would add it."""
    who = current_actor() if actor is _UNSET else actor
    trace = current_trace()
    return Entry(
        action=action,
        actor_id=who.pk if who is not None else None,
        actor_name=visible(str(who))[:200] if who is not None else "",
        record=of._meta.label_lower if of is not None else "",
        record_id=of.pk if of is not None else None,
        record_name=visible(str(of))[:255] if of is not None else "",
        before=cleaned(dict(before or {})),
        after=cleaned(dict(after or {})),
        details=cleaned(details),
        request_id=trace.request_id,
        address=trace.address,
        source=trace.source,
    )


def about(label: str, pk: int | None, name: str, action: str, **more: Any) -> Entry:
    """An unsaved entry about a record that there is no instance of: its model as in "contacts.contact"."""
    one = entry(action, **more)
    one.record, one.record_id, one.record_name = label, pk, visible(name)[:255]
    return one
