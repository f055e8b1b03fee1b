"""One change: steps that are taken together and settled once, in the transaction they belong to.

Whoever writes what statuses rest on opens a change (or joins the one that is open), notes what
it touched, and leaves. When the outermost block ends, the settler brings everything derived in
step, inside the same transaction: it is committed with the change or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction


@dataclass
class Change:
    """What has been touched since the last settling. Ids throughout."""

    deals: set[int] = field(default_factory=set)
    # Deals that did not exist before this change.
    new_deals: set[int] = field(default_factory=set)
    # Deal id -> the group it was in when this change began.
    groups_before: dict[int, str] = field(default_factory=dict)
    deleted_contacts: set[int] = field(default_factory=set)
    # Parties, as (deal, contact), that came to a contact by a merge: of these it keeps no win.
    merged_parties: set[tuple[int, int]] = field(default_factory=set)
    # Marks to set with the settling: contact id -> values by field of ``Standing``.
    marks: dict[int, dict[str, Any]] = field(default_factory=dict)
    # What is to go to the trash: (kind, id) -> its entry, filled in as rows are deleted.
    trash: dict[tuple[str, int], Any] = field(default_factory=dict)
    # What came of it, for whoever made the change to be told: kept wins as (deal, contact), and
    # the history rows written. Not forgotten by settling.
    newly_kept: list[tuple[int, int]] = field(default_factory=list)
    status_changes: list[Any] = field(default_factory=list)
    # What was settled before the end, for a step that needed the statuses of by then. If that
    # step fails, a savepoint may take the settling back, and these are noted again.
    early: Change | None = None
    # Contacts whose company changes: the deals they are on are looked up again when settling.
    moved_contacts: set[int] = field(default_factory=set)
    # Contacts to be counted although no deal of this change concerns them.
    recounted_contacts: set[int] = field(default_factory=set)
    # Why it happens, if not for what the deals themselves show; a cause of the status history.
    cause: str = ""
    keep_wins: bool = True

    def is_settled(self) -> bool:
        return not (
            self.deals
            or self.deleted_contacts
            or self.moved_contacts
            or self.recounted_contacts
            or self.marks
            or self.trash
        )

    def clear(self) -> None:
        """Forget what was noted, once it is settled; why it happens stays."""
        for noted in (
            self.deals,
            self.new_deals,
            self.groups_before,
            self.deleted_contacts,
            self.moved_contacts,
            self.recounted_contacts,
            self.merged_parties,
            self.marks,
            self.trash,
        ):
            noted.clear()

    def remember_settled(self) -> None:
        """Keep which rows were noted, before settling ahead of the end."""
        early = self.early = self.early or Change()
        early.deals |= self.deals
        early.new_deals |= self.new_deals
        early.groups_before = self.groups_before | early.groups_before
        early.deleted_contacts |= self.deleted_contacts
        early.moved_contacts |= self.moved_contacts
        early.recounted_contacts |= self.recounted_contacts

    def note_again(self) -> None:
        """Note what was settled early once more: settling twice changes nothing."""
        early, self.early = self.early, None
        if early is not None:
            self.deals |= early.deals
            self.new_deals |= early.new_deals
            self.groups_before |= early.groups_before
            self.deleted_contacts |= early.deleted_contacts
            self.moved_contacts |= early.moved_contacts
            self.recounted_contacts |= early.recounted_contacts


_current: ContextVar[Change | None] = ContextVar("standing_change", default=None)
_settlers: list[Callable[[Change], Any]] = []


def settled_by(settler: Callable[[Change], Any]) -> Callable[[Change], Any]:
    """Decorator: call ``settler`` with each change that is about to be committed."""
    _settlers.append(settler)
    return settler


def settle(change: Change) -> None:
    """Bring everything in step with what ``change`` has noted so far."""
    if not change.is_settled():
        for settler in _settlers:
            settler(change)
        change.clear()


def open_change() -> Change | None:
    return _current.get()


@contextmanager
def one_change(*, cause: str = "") -> Iterator[Change]:
    """Take the steps of the block as one change, in one transaction.

    Inside an open change the block joins it. ``cause`` counts where the change is opened.
    """
    change = _current.get()
    if change is not None:
        cause = change.cause
        try:
            yield change
        except BaseException:
            change.cause = cause
            change.note_again()
            raise
        return
    with transaction.atomic():
        change = Change(cause=cause)
        token = _current.set(change)
        try:
            yield change
            # A savepoint around an early settling may have been rolled back.
            change.note_again()
            settle(change)
        finally:
            _current.reset(token)
