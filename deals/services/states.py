"""What a sync knows of the deals and contacts it has locked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from contacts.statuses import CustomerStatus, ProspectStatus, Standing, StatusKind


@dataclass(slots=True)
class DealState:
    """A locked deal; ``group_before`` is its group when the change began."""

    id: int
    name: str
    star_id: int
    company_id: int | None
    group: str
    opened_at: datetime
    closed_at: datetime | None
    category: str
    stage_name: str
    group_before: str = ""
    is_new: bool = False
    # Its group followed its stage's category, not the deal a stage.
    stage_changed: bool = False


@dataclass(slots=True)
class Event:
    """What a deal was to a contact and is now; ``deal`` is None when it is gone."""

    deal_id: int
    deal: DealState | None
    was_party: bool
    is_party: bool


@dataclass(slots=True)
class Counts:
    """What the deals of one contact add up to, and since when they give what they give."""

    active: int
    won: int
    lost: int
    last_won_at: datetime | None
    last_lost_at: datetime | None
    active_since: datetime | None
    lost_since: datetime | None
    won_since: datetime | None


@dataclass(slots=True)
class ContactState:
    """A locked contact, its standing as stored and as counted."""

    id: int
    is_organization: bool
    company_id: int | None
    prospect: str
    customer: str
    prospect_since: datetime | None
    customer_since: datetime | None
    before: Standing
    after: Standing = field(default_factory=Standing)
    counts: Counts | None = None

    def count(self, counts: Counts | None) -> None:
        """Take over what was counted; None means no deals."""
        self.counts = counts
        if counts is None:
            counts = Counts(0, 0, 0, None, None, None, None, None)
        self.after = replace(
            self.before,
            active=counts.active,
            won=counts.won,
            lost=counts.lost,
            last_won_at=counts.last_won_at,
            last_lost_at=counts.last_lost_at,
        )

    @property
    def differs(self) -> bool:
        return self.after != self.before

    def take_marks(self, marks: dict[str, Any]) -> None:
        """Set marks, by field of ``Standing``."""
        for name, value in marks.items():
            setattr(self.after, name, value)

    def drop_marks_of_deals(self) -> dict[str, Any]:
        """Drop the marks that were set while the contact had a deal; returns them by field."""
        dropped: dict[str, Any] = {}
        for kind in StatusKind.values:
            mark = {
                name: getattr(self.after, f"{kind}_{name}")
                for name in ("mark", "marked_at", "marked_by", "mark_had_deal")
            }
            if mark["mark"] and mark["mark_had_deal"]:
                dropped |= {f"{kind}_{name}": value for name, value in mark.items()}
                self.after.remove_mark(kind)
        return dropped

    def date_changes(self, now: datetime) -> None:
        """Set since when the new statuses hold, where they are new."""
        if self.after.prospect != self.prospect:
            since = _latest(self._prospect_given_at(), self.prospect_since)
            self.prospect_since = min(since or now, now)
        if self.after.customer != self.customer:
            since = _latest(self._customer_given_at(), self.customer_since)
            self.customer_since = min(since or now, now)

    def _prospect_given_at(self) -> datetime | None:
        """When the deals began to give the new prospect status; None for by this change."""
        if self.counts is None:
            return None
        if self.after.prospect == ProspectStatus.CURRENT:
            return self.counts.active_since
        by_deals = self.after.by_deals_alone().prospect == self.after.prospect
        if self.after.prospect == ProspectStatus.LOST and by_deals:
            # Ending an active deal otherwise than by a loss leaves older losses: lost from now.
            return self.counts.lost_since if self.counts.lost > self.before.lost else None
        return None

    def _customer_given_at(self) -> datetime | None:
        if self.counts is None or self.after.customer != CustomerStatus.CURRENT:
            return None
        return self.counts.won_since if self.after.won else None


def _latest(*moments: datetime | None) -> datetime | None:
    """The latest of ``moments``; None if the first, the wish, is missing."""
    if moments[0] is None:
        return None
    return max(moment for moment in moments if moment is not None)
