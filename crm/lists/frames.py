"""What stands around the rows of a list: its tabs, its chips, and what is offered while it is changed."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from crm.lists.conditions import Conditions
from crm.lists.editor import with_part
from crm.lists.models import SmartList
from crm.lists.registry import ReadyList, Registry
from crm.lists.saved import may_change as saved_may_change
from crm.lists.saved import whole_query
from crm.lists.state import Listed, ListState
from crm.lists.tabs import tabs_of


def label_of(listed: Listed) -> str:
    return listed.name if isinstance(listed, SmartList) else str(listed.label)


def address_of(registry: Registry, listed: Listed) -> str:
    return reverse(registry.list_view, args=[listed.slug])


def tabs_around(state: ListState) -> list[dict[str, Any]]:
    """The pinned lists, and the one under the address where it is not pinned."""
    tabs = tabs_of(state.registry, state.context.user, state.preference)  # type: ignore[arg-type]
    shown = state.listed
    if shown is not None and shown.slug not in [one.slug for one in tabs]:
        return [*(_tab(one, state) for one in tabs), {**_tab(shown, state), "loose": True}]
    return [_tab(one, state) for one in tabs]


def _tab(listed: Listed, state: ListState) -> dict[str, Any]:
    current = state.listed is not None and state.listed.slug == listed.slug
    if state.listed is None and isinstance(listed, ReadyList):
        # The address without a list is the ready list that asks for nothing.
        current = listed.conditions == state.conditions == Conditions() and not listed.sort
    return {
        "slug": listed.slug,
        "label": label_of(listed),
        "url": address_of(state.registry, listed),
        "current": current,
        "changed": current and state.changed,
    }


def chips_by_group(state: ListState) -> list[dict[str, Any]]:
    """The chips, each with its sentence in parts and its addresses."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for one in state.bound:
        before, values, after = one.parts(state.context)
        without = state.conditions.replaced(one.group, one.index, None)
        chip = {
            "id": f"{one.group}-{one.index}",
            "before": before,
            "values": values,
            "after": after,
            "sentence": f"{before}{values}{after}",
            "problem": one.problem,
            "unavailable": one.unavailable,
            "edit": with_part(state.address(), f"edit={one.group}.{one.index}"),
            "without": state.address(conditions=without),
        }
        groups.setdefault(one.group, []).append(chip)
    return [
        {
            "number": number,
            "chips": chips,
            "add": with_part(state.address(), f"choose={number}"),
            "never": number in state.never,
        }
        for number, chips in groups.items()
    ]


def clear_address(state: ListState) -> str:
    """The list without filters; its order stays, unless something is wrong."""
    if state.faults:
        return reverse(state.registry.list_view)
    return state.address(conditions=Conditions(), text="")


def may_change(state: ListState) -> bool:
    """Whether the reader may save over the list under the address."""
    saved, user = state.listed, state.context.user
    if not isinstance(saved, SmartList):
        return False
    found: bool = state.context.once(
        ("may change", saved.pk), lambda: saved_may_change(saved, user)
    )
    return found


def saving(state: ListState) -> dict[str, Any] | None:
    """What a changed list offers: to be saved, saved as another one, or put back as it was."""
    asks = state.listed is None and (state.conditions or state.text or state.params.get("sort"))
    if not (state.changed or asks) or state.faults:
        return None
    record, whole = state.registry.record, whole_query(state)
    listed = state.listed.slug if state.listed else ""
    save_as = reverse("lists:new", args=[record])
    found = {
        "save_as": f"{save_as}?{urlencode({'list': listed, 'state': whole})}",
        "reset": "." if state.listed else "",
        "state": whole,
    }
    if may_change(state) and isinstance(state.listed, SmartList):
        found["save"] = reverse("lists:save", args=[record, listed])
        found["version"] = state.listed.updated_at.isoformat()
    return found
