"""Why a record is in a list, or not: chip by chip, with the value seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Case, Value, When
from django.utils.translation import gettext as _

from crm.lists.editor import with_part
from crm.lists.kinds import YesNo
from crm.lists.registry import Context, Field
from crm.lists.state import BoundChip, ListState
from crm.lists.through import unseen

FOUND_AT_MOST = 10


@dataclass(frozen=True)
class Verdict:
    """One chip for one record."""

    chip: BoundChip
    sentence: str
    passed: bool
    seen: str


@dataclass(frozen=True)
class Reasons:
    """Why ``record`` is in the list or not. It is if it passes all of one group, and the text where there is one."""

    record: Any
    listed: bool
    groups: list[list[Verdict]]
    # None without a text to search for.
    text_passed: bool | None


def reasons_for(state: ListState, pk: int) -> Reasons | None:
    """None for a record that the user may not see. A chip that is not understood passes nobody."""
    rows = state.registry.visible(state.context.user).filter(pk=pk)
    tried = {f"chip_{n}": one for n, one in enumerate(state.bound) if one.condition is not None}
    flags = {
        name: Case(When(one.condition, then=Value(True)), default=Value(False), output_field=BooleanField())
        for name, one in tried.items()
    }  # fmt: skip
    record = rows.annotate(**flags).first()
    if record is None:
        return None
    groups: dict[int, list[Verdict]] = {}
    for n, one in enumerate(state.bound):
        passed = bool(getattr(record, f"chip_{n}", False))
        seen = seen_of(one.field, record, state.context, passed) if one.field else ""
        verdict = Verdict(one, one.sentence(state.context), passed, seen)
        groups.setdefault(one.group, []).append(verdict)
    listed = state.matching().filter(pk=pk).exists()
    text_passed = None
    if state.text:
        # Among all that may be seen: a text forgives a wrong letter where nothing matches exactly.
        seen_rows: Any = state.registry.visible(state.context.user)
        text_passed = listed or seen_rows.matching(state.text).filter(pk=pk).exists()
    return Reasons(record, listed, list(groups.values()), text_passed)


def found_by_name(state: ListState, text: str) -> list[dict[str, Any]]:
    """Some records that a typed name could mean, each with the address that asks about it."""
    rows: Any = state.registry.visible(state.context.user)
    found = rows.matching(text)[:FOUND_AT_MOST]
    return [{"name": one.name, "url": with_part(state.address(), f"why={one.pk}")} for one in found]


def seen_of(field: Field, record: Any, context: Context, passed: bool) -> str:
    """The value that a chip's field has in a record, in words."""
    if unseen([field], [record], context).get(field.through.seen if field.through else None):
        return _("empty")
    if field.seen:
        return field.seen(record, context)
    if isinstance(field.kind, YesNo) and not field.cell:
        return _("yes") if passed else _("no")
    if field.cell:
        found = field.loader([record], context, [field]).get(record.pk) if field.loader else None
        return field.cell(context)(record, found).text or _("empty")
    value: Any = record
    for step in field.path.split("__"):
        value = getattr(value, step, None)
    return str(value) if value not in (None, "") else _("empty")
