"""How somebody reads a list: columns, order, height of rows, size of pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.lists.registry import Field, Registry, registry_of
from crm.lists.saved import found_list, preference_of, remember
from crm.lists.state import DENSITIES, PAGE_SIZES, SORTED_BY_AT_MOST, ListState


@dataclass(frozen=True)
class Section:
    label: str
    fields: list[Field]


@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: HttpRequest, record: str) -> HttpResponse:
    """The panel of a list's columns. What is chosen goes into the list's address, and is remembered for the user."""
    registry = _registry(record)
    given = request.POST if request.method == "POST" else request.GET
    state = _state(registry, request.user, given)
    list_url = _list_url(registry, state)
    if state.faults:
        # Its address said again would leave out what is not understood, and show more than was asked for.
        return redirect(f"{list_url}?{given.get('state', '')}")
    if request.method == "POST" and "reset" in given:
        remember(request.user, record, columns=[])
        return redirect(_joined(list_url, state.address(columns=None)))
    names = _names(registry, given.getlist("column"))
    if request.method == "POST" and "move" not in given:
        return redirect(_joined(list_url, _applied(request, state, names)))
    if request.method != "POST":
        names = state.column_names
    shown = [registry.fields[name] for name in _moved(names, given.get("move", ""))]
    context = {
        "state": state,
        "list_url": _joined(list_url, state.address()),
        "fixed": [registry.fields[name] for name in registry.fixed_columns],
        "shown": shown,
        "sections": _sections(registry, shown),
        "orders": _orders(registry, state),
        "densities": [(DENSITIES[0], _("Comfortable")), (DENSITIES[1], _("Compact"))],
        "sizes": PAGE_SIZES,
    }
    part = "lists/_columns.html" if request.htmx else "lists/columns.html"  # type: ignore[attr-defined]
    return render(request, part, context)


def _registry(record: str) -> Registry:
    try:
        return registry_of(record)
    except KeyError:
        raise Http404 from None


def _state(registry: Registry, user: Any, given: QueryDict) -> ListState:
    slug = given.get("list", "")
    listed = found_list(registry, user, slug) if slug else None
    if slug and listed is None:
        raise Http404
    params = QueryDict(given.get("state", "").removeprefix("?"))
    return ListState.of(registry, user, params, listed, preference_of(user, registry.record))


def _list_url(registry: Registry, state: ListState) -> str:
    return reverse(registry.list_view, args=[state.listed.slug] if state.listed else [])


def _joined(list_url: str, address: str) -> str:
    return list_url if address == "." else list_url + address


def _names(registry: Registry, given: Sequence[str]) -> list[str]:
    """Columns that there are, once each; the fixed ones are always there."""
    known = {one.name for one in registry.columns()} - set(registry.fixed_columns)
    return [name for name in dict.fromkeys(given) if name in known]


def _moved(names: list[str], move: str) -> list[str]:
    """With one of them a place up or down, as in “email.up”."""
    name, _dot, direction = move.partition(".")
    if name in names:
        place = names.index(name)
        target = place + (-1 if direction == "up" else 1)
        if 0 <= target < len(names):
            names.insert(target, names.pop(place))
    return names


def _applied(request: HttpRequest, state: ListState, names: list[str]) -> str:
    """Remember what was sent, and give the address of the list with it."""
    registry, sent = state.registry, request.POST
    habits: dict[str, Any] = {"columns": names or list(registry.fixed_columns)}
    if sent.get("density") in DENSITIES:
        habits["density"] = sent["density"]
    if (size := sent.get("per_page", "")) in map(str, PAGE_SIZES):
        habits["per_page"] = int(size)
    # In the address they stay only where it says something of them already.
    changes = {name: value for name, value in habits.items() if name in state.params}
    if sort := _sort(registry, sent.getlist("by"), sent.getlist("down")):
        changes["sort"] = sort
    address = state.address(**changes | {"columns": names})
    remember(request.user, registry.record, **habits)
    return address


def _sort(registry: Registry, names: Sequence[str], directions: Sequence[str]) -> str:
    found: dict[str, str] = {}
    for name, direction in zip(names, directions, strict=False):
        field = registry.get(name)
        if field and field.order:
            found.setdefault(name, ("-" if direction == "1" else "") + name)
    return ",".join(list(found.values())[:SORTED_BY_AT_MOST])


def _sections(registry: Registry, shown: Sequence[Field]) -> list[Section]:
    """The columns that are not shown, under their headings."""
    found: dict[str, Section] = {}
    for field in registry.columns():
        if field not in shown and field.name not in registry.fixed_columns:
            label = str(field.section)
            found.setdefault(label, Section(label, [])).fields.append(field)
    return list(found.values())


def _orders(registry: Registry, state: ListState) -> list[dict[str, Any]]:
    """What the list is sorted by, one after the other, and room for one more."""
    fields = [one for one in registry.columns() if one.order]
    chosen: list[tuple[Field | None, bool]] = [*state.sort]
    while len(chosen) < min(max(3, len(state.sort) + 1), SORTED_BY_AT_MOST):
        chosen.append((None, False))
    return [
        {"fields": fields, "field": field, "down": down, "first": not place}
        for place, (field, down) in enumerate(chosen)
    ]
