"""A run as its pages show it: in words, with what may be done with it, and row by row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.bulk.actions import BulkAction, action_of
from crm.bulk.models import BulkRow, BulkRun
from crm.bulk.services import undone_by, why_not_undo

PAGE = 50
State = BulkRun.State


class Result:
    """``run`` for ``user``, who may see it."""

    def __init__(self, run: BulkRun, user: Any) -> None:
        self.run = run
        self.user = user

    @cached_property
    def action(self) -> BulkAction | None:
        try:
            return action_of(self.run.action)
        except ValidationError:
            # Of a version that had other actions.
            return None

    @property
    def title(self) -> str:
        return self.action.summary(self.run) if self.action else self.run.action

    @property
    def told(self) -> str:
        """What it did so far."""
        if self.action is None or not self.run.at:
            return ""
        return self.action.told(self.run)

    @property
    def counted(self) -> str:
        return self.action.counted(self.run.total) if self.action else str(self.run.total)

    @cached_property
    def undone_by(self) -> BulkRun | None:
        return undone_by(self.run)

    @cached_property
    def why_not_undo(self) -> str:
        return why_not_undo(self.run) if self.action else _("There is no such action any more.")

    @property
    def may_undo(self) -> bool:
        return not self.why_not_undo

    @property
    def may_pause(self) -> bool:
        return self.run.is_on

    @property
    def may_cancel(self) -> bool:
        return self.run.is_on or self.run.state in (State.PAUSED, State.FAILED)

    @property
    def may_resume(self) -> bool:
        halted = self.run.state in (State.PAUSED, State.FAILED) or self.run.is_abandoned
        return halted and not self.undone_by

    @property
    def rate(self) -> str:
        """As in “1,200 a second”; empty while nobody knows."""
        if not self.run.rate:
            return ""
        rate = max(round(self.run.rate), 1)
        return ngettext("%(number)d a second", "%(number)d a second", rate) % {"number": rate}

    @property
    def time_left(self) -> str:
        seconds = self.run.seconds_left
        if seconds is None or not self.run.is_on:
            return ""
        if seconds < 60:
            return _("less than a minute left")
        minutes = round(seconds / 60)
        text = ngettext("about %(number)d minute left", "about %(number)d minutes left", minutes)
        return text % {"number": minutes}

    @property
    def icon(self) -> str:
        if self.run.undo_of_id:
            return "arrow-back-up"
        return {
            State.DONE: "circle-check",
            State.FAILED: "alert-triangle",
            State.CANCELLED: "ban",
        }.get(self.run.state, "clock")  # type: ignore[call-overload]


@dataclass(frozen=True)
class Row:
    """A row with the record's name and address; both empty if it is gone or not to be seen."""

    record_id: int
    reason: str
    name: str
    url: str


@dataclass(frozen=True)
class Rows:
    """A page of the rows of one outcome, and how many there are of each."""

    shown: str
    choices: list[tuple[str, str, int]]
    page: Page


def results_of(run: BulkRun, user: Any, query: QueryDict) -> Rows | None:
    """The rows asked for with ``show``, those refused first; None if the run keeps none."""
    counts = {"refused": run.refused, "done": run.done, "unchanged": run.unchanged}
    try:
        action = action_of(run.action)
    except ValidationError:
        return None
    if not action.keeps_rows:
        counts = {"refused": run.refused}
    kept = {state: number for state, number in counts.items() if number and run.rows_are_kept}
    if not kept or run.is_on:
        return None
    asked = query.get("show", "")
    shown = asked if asked in kept else next(iter(kept))
    rows = run.rows.filter(state=shown).order_by("position").values_list("record_id", "reason")
    page: Any = Paginator(rows, PAGE).get_page(query.get("page"))
    page.object_list = _named(action, user, list(page.object_list))
    choices = [(state, str(BulkRow.State(state).label), number) for state, number in kept.items()]
    return Rows(shown, choices, page)


def _named(action: BulkAction, user: Any, rows: list[tuple[int, str]]) -> list[Row]:
    visible: Any = action.model._default_manager
    records = visible.visible_to(user).in_bulk([pk for pk, _reason in rows])
    return [
        Row(pk, reason, str(records[pk]), records[pk].get_absolute_url())
        if pk in records
        else Row(pk, reason, "", "")
        for pk, reason in rows
    ]
