"""What a change would do, found out by doing it and taking it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import transaction

from contacts.models import Contact, StatusChange
from crm.changes import one_change


@dataclass
class Preview:
    """Filled when the block ends: the status changes, and who would keep a win."""

    changes: list[StatusChange] = field(default_factory=list)
    newly_kept: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def preview() -> Iterator[Preview]:
    """Take the steps of the block, see what follows, and roll everything back.

    Exact by construction: it is the change itself. Each ``StatusChange`` has its ``contact``
    loaded. Not for use inside an open change. What the block raises is raised.
    """
    seen = Preview()
    with transaction.atomic():
        with one_change() as change:
            yield seen
        contacts = Contact.objects.in_bulk({row.contact_id for row in change.status_changes})
        for row in change.status_changes:
            if row.contact_id in contacts:
                row.contact = contacts[row.contact_id]
                seen.changes.append(row)
        seen.newly_kept = list(change.newly_kept)
        transaction.set_rollback(True)
