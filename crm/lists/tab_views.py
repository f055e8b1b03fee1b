"""Tabs: their counts, the menu of all lists, and the page that arranges them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.lists.frames import address_of, label_of
from crm.lists.models import SmartList
from crm.lists.pages import COUNTED_AT_ONCE, count_up_to
from crm.lists.registry import Context, Registry
from crm.lists.saved import changing_for_teams, found_list, preference_of
from crm.lists.saved_views import get_or_post, known_registry
from crm.lists.state import Listed, ListState
from crm.lists.tabs import (
    first_tabs,
    forget_own_tabs,
    move_tab,
    order_tabs,
    pin,
    tabs_of,
    unpin,
)
from crm.retry import retrying


@require_GET
def counts(request: HttpRequest, record: str) -> HttpResponse:
    """How many rows each tab has for this reader, in one request after the rows of the list."""
    registry = known_registry(record)
    preference = preference_of(request.user, registry.record)
    context = Context.of(request.user)
    tabs = []
    for listed in tabs_of(registry, request.user, preference):
        state = ListState(registry, context, QueryDict(), listed, preference)
        # A list that asks for what its reader may not see has no number, not even nought.
        count = None if state.faults else count_up_to(state.matching())
        tabs.append({"slug": listed.slug, "count": count, "shown": shown_count(count)})
    return render(request, "lists/_counts.html", {"tabs": tabs})


def shown_count(count: int | None) -> str:
    if count is None:
        return ""
    return f"{intcomma(COUNTED_AT_ONCE)}+" if count > COUNTED_AT_ONCE else str(intcomma(count))


@require_GET
def menu(request: HttpRequest, record: str) -> HttpResponse:
    """All lists there are, for the menu beside the tabs; without scripts the page that arranges them has them too."""
    registry = known_registry(record)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("lists:tabs", record)
    here = found_list(registry, request.user, request.GET.get("list", ""))
    preference = preference_of(request.user, registry.record)
    tabs = tabs_of(registry, request.user, preference)
    context = {
        "registry": registry,
        "groups": _all_lists(registry, request.user, tabs),
        "here": _row(registry, here, request.user, tabs, _teams_of(here, request.user))
        if here
        else None,
    }
    return render(request, "lists/_menu.html", context)


def _teams_of(listed: Listed, user: Any) -> set[int]:
    return changing_for_teams(user, [listed]) if isinstance(listed, SmartList) else set()


def _all_lists(
    registry: Registry, user: Any, tabs: list[Listed]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """One's own lists, those of teams, everybody's, and the ready ones, each under its heading."""
    seen = SmartList.objects.visible_to(user).filter(record=registry.record)
    saved = list(seen.select_related("owner", "team"))
    mine = [one for one in saved if one.owner_id == user.pk]
    others = [one for one in saved if one.owner_id != user.pk]
    of_teams = [one for one in others if one.team_id]
    groups: list[tuple[str, list[Any]]] = [
        (_("My lists"), mine),
        (_("Lists of teams"), of_teams),
        (_("Everybody's lists"), [one for one in others if not one.team_id]),
        (_("Ready lists"), list(registry.ready)),
    ]
    teams = changing_for_teams(user, of_teams)
    return [
        (heading, [_row(registry, one, user, tabs, teams) for one in lists])
        for heading, lists in groups
        if lists
    ]


def _row(
    registry: Registry,
    listed: Listed,
    user: Any,
    tabs: list[Listed],
    teams: Collection[int | None] = (),
) -> dict[str, Any]:
    """``teams`` are those whose lists ``user`` may change."""
    saved = listed if isinstance(listed, SmartList) else None
    own = saved is not None and saved.owner_id == user.pk
    shared = bool(saved and saved.shared)
    return {
        "slug": listed.slug,
        "label": label_of(listed),
        "url": address_of(registry, listed),
        "pinned": listed in tabs,
        "saved": saved,
        "own": own,
        "shared": shared,
        "editable": own or (shared and user.is_superuser) or bool(saved and saved.team_id in teams),
    }


# -- arranging


@get_or_post
@retrying
def arrange(request: HttpRequest, record: str) -> HttpResponse:
    """The tabs, one's own and for administrators those of new users: moved, pinned and taken away."""
    registry = known_registry(record)
    status = 200
    if request.method == "POST":
        try:
            _arrange(request, registry)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            status = 422
        else:
            if request.POST.get("back"):
                found = found_list(registry, request.user, request.POST["back"])
                if found:
                    return redirect(address_of(registry, found))
            if not request.htmx:  # type: ignore[attr-defined]
                return redirect("lists:tabs", record)
    user = request.user
    preference = preference_of(user, registry.record)
    own = tabs_of(registry, user, preference)
    bars = [_bar(registry, user, own, "me")]
    if user.is_superuser:  # type: ignore[union-attr]
        bars.append(_bar(registry, user, first_tabs(registry, user), "everybody"))
    context = {
        "registry": registry,
        "bars": bars,
        "own_tabs": preference.own_tabs,
        "groups": _all_lists(registry, user, own),
        "new_users": [one.slug for one in first_tabs(registry, user)],
    }
    template = "lists/tabs.html"
    if request.htmx and request.htmx.target == "arrange":  # type: ignore[attr-defined]
        template += "#exchange"
    return render(request, template, context, status=status)


def _bar(registry: Registry, user: Any, tabs: list[Listed], whose: str) -> dict[str, Any]:
    return {"whose": whose, "tabs": [_row(registry, one, user, tabs) for one in tabs]}


def _arrange(request: HttpRequest, registry: Registry) -> None:
    posted, user = request.POST, request.user
    whose = None if posted.get("whose") == "everybody" else user
    if "order" in posted:
        order_tabs(registry, user, posted.getlist("tab"), whose=whose)
    elif "earlier" in posted:
        move_tab(registry, user, posted["earlier"], by=-1, whose=whose)
    elif "later" in posted:
        move_tab(registry, user, posted["later"], by=1, whose=whose)
    elif "unpin" in posted:
        unpin(registry, user, posted["unpin"], whose=whose)
    elif "pin" in posted:
        found = found_list(registry, user, posted["pin"])
        if found is None:
            raise ValidationError(_("This list is gone."))
        pin(registry, user, found, whose=whose)
    elif "forget" in posted:
        forget_own_tabs(registry, user)
