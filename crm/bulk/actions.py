"""What an action on many records is, and which there are."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.accounts.access import may
from crm.accounts.levels import Right
from crm.audit.models import Action
from crm.bulk.among import among
from crm.bulk.models import BulkRow, BulkRun

State = BulkRow.State


class Outcome(NamedTuple):
    """What became of one record; ``before`` and ``after`` as ``put_back`` wants them."""

    record_id: int
    state: str
    reason: str = ""
    before: str = ""
    after: str = ""


class Left(NamedTuple):
    """A row to be put back: as it was, and as the run left it."""

    record_id: int
    before: str
    after: str


def done(record_id: int, before: str = "", after: str = "") -> Outcome:
    return Outcome(record_id, State.DONE.value, "", before, after)


def unchanged(record_id: int) -> Outcome:
    return Outcome(record_id, State.UNCHANGED.value)


def refused(record_id: int, reason: str) -> Outcome:
    return Outcome(record_id, State.REFUSED.value, str(reason))


def edited_since(record_id: int) -> Outcome:
    return refused(record_id, _("It was edited since, and stays as it is."))


def as_text(value: Any) -> str:
    """``value`` as compact JSON, alike for what is alike: two texts may be compared."""
    return _encoder.encode(value)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


_encoder = json.JSONEncoder(separators=(",", ":"), sort_keys=True, default=_plain)


class BulkAction:
    """An action on many records of one kind. One instance serves all runs.

    ``act`` and ``put_back`` are called inside the transaction of a chunk, as the user of the run,
    with records that exist and that the user may act on; they give every record one outcome, in
    a number of statements that does not depend on how many there are. What statuses rest on is
    written inside ``one_change()``. They raise ``ValidationError`` for what stops the whole run.
    """

    key: ClassVar[str]
    # “contact” or “deal”.
    record: ClassVar[str]
    model: ClassVar[type[models.Model]]
    label: ClassVar[str | Promise]
    # At most so many rows in one transaction: about a quarter of a second's work.
    chunk: ClassVar[int] = 1_000
    undoable: ClassVar[bool] = True
    # Which records of the user's: a method of the model's queryset.
    rights: ClassVar[str] = "editable_by"
    # What users must be allowed besides, whosever the records are.
    needs: ClassVar[Right | None] = None
    # What the audit log calls it.
    audited_as: ClassVar[str] = Action.BULK
    # Rows are worked off in the order of the list instead of their numbers'.
    in_list_order: ClassVar[bool] = False
    # Whether each row's outcome is kept. Without, only refusals are, and there is no undo.
    keeps_rows: ClassVar[bool] = True

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        """Raise ``ValidationError`` for parameters that nothing can be done with."""

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        """What the parameters' records are called as the run starts, kept as ``params["names"]``.

        Pages tell of runs by it, without looking anything up and whatever is gone by then.
        """
        return {}

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        """Act on these records, in the order given."""
        raise NotImplementedError

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        """Put rows back that an earlier run left so; refuse those edited since.

        The outcomes carry ``before`` and ``after`` of this, so that it can be undone in turn.
        """
        raise NotImplementedError

    def finish(self, run: BulkRun) -> None:
        """After the last row, before the run counts as done; again if the worker dies here."""

    def for_audit(self, run: BulkRun) -> dict[str, Any]:
        """What the audit log keeps of a run that starts, besides how many records it is about."""
        found = {"what": self.key, "selected": run.sentence}
        return found | {"undo_of": run.undo_of_id} if run.undo_of_id else found

    # -- in words, for whoever reads

    def counted(self, number: int) -> str:
        """As in “12 contacts”."""
        raise NotImplementedError

    def said(self, run: BulkRun) -> str:
        """What was done, as in “Owner of 12 contacts set”."""
        raise NotImplementedError

    def told(self, run: BulkRun) -> str:
        """What the run did, as in “Owner of 12 contacts set · 2 refused”."""
        text = self.said(run)
        if run.undo_of_id:
            text = _("%(records)s put back as before") % {"records": self.counted(run.done)}
        parts = [text if run.done else _("Nothing was changed")]
        if run.unchanged:
            parts.append(_("%(number)s unchanged") % {"number": intcomma(run.unchanged)})
        if run.refused:
            parts.append(_("%(number)s refused") % {"number": intcomma(run.refused)})
        return " · ".join(parts)

    def summary(self, run: BulkRun) -> str:
        """What the run is about: the label, and what its parameters say."""
        if run.undo_of_id:
            return _("Undo: %(action)s") % {"action": self.labelled(run.params)}
        return self.labelled(run.params)

    def labelled(self, params: Mapping[str, Any]) -> str:
        """The label, and what these parameters add to it, as in “Owner: Ann”."""
        return str(self.label)

    def named(self, params: Mapping[str, Any], name: str) -> str:
        return str(params.get("names", {}).get(name, ""))


_actions: dict[str, BulkAction] = {}


def register(action: type[BulkAction]) -> type[BulkAction]:
    """Decorator: offer this action under its key."""
    if action.key in _actions:
        raise ValueError(f"There is an action {action.key} already.")
    _actions[action.key] = action()
    return action


def action_of(key: str) -> BulkAction:
    """The action of this key; ``ValidationError`` if there is none."""
    try:
        return _actions[key]
    except KeyError:
        raise ValidationError(
            _("There is no action “%(key)s”.") % {"key": key[:60]}, code="unknown_action"
        ) from None


def may_start(action: BulkAction, user: Any) -> bool:
    """Whether ``user`` has the right that the action asks for, if it asks for one."""
    return action.needs is None or may(user, action.needs)


def check_right(action: BulkAction, user: Any) -> None:
    """Raise ``ValidationError`` unless ``user`` has by now the right that the action asks for."""
    if action.needs is not None and not may(user, action.needs):
        problem = _("You lack the right “%(right)s”. An administrator grants it.")
        raise ValidationError(problem % {"right": action.needs.label})


def visible_among(action: BulkAction, ids: Collection[int], user: Any) -> set[int]:
    rows = action.model._default_manager.visible_to(user).filter(among(ids))  # type: ignore[attr-defined]
    return set(rows.order_by().values_list("pk", flat=True))


def allowed_among(action: BulkAction, ids: Collection[int], user: Any) -> set[int]:
    """Those of ``ids`` that ``user`` may act on now."""
    rows = getattr(action.model._default_manager.all(), action.rights)(user).filter(among(ids))
    return set(rows.order_by().values_list("pk", flat=True))
