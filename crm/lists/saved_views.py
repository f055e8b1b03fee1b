"""Pages that keep lists: saving one, naming it, deleting it. Tabs and the menu of lists: `tab_views`."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from crm.lists.addresses import expanded
from crm.lists.frames import address_of, label_of
from crm.lists.models import SmartList
from crm.lists.registry import Registry, registry_of
from crm.lists.saved import (
    ALONE,
    Audience,
    ChangedMeanwhile,
    audiences,
    chosen_audience,
    create_list,
    found_list,
    preference_of,
    rename_list,
    save_list,
    whole_query,
)
from crm.lists.state import ListState
from crm.lists.tabs import pin, pinned_by
from crm.retry import retrying

DIALOG = "list-dialog"
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


def known_registry(record: str) -> Registry:
    try:
        return registry_of(record)
    except KeyError:
        raise Http404 from None


def in_dialog(request: HttpRequest) -> bool:
    return bool(request.htmx) and request.htmx.target == DIALOG  # type: ignore[attr-defined]


def show(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """The page, or for the dialog of a list its form alone."""
    if in_dialog(request):
        template += "#dialog"
    return render(request, template, {**context, "in_dialog": in_dialog(request)}, status=status)


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if in_dialog(request) else redirect(url)


def _own_list(request: HttpRequest, record: str, slug: str) -> tuple[Registry, SmartList]:
    registry = known_registry(record)
    own = SmartList.objects.editable_by(request.user)
    return registry, get_object_or_404(own, record=registry.record, slug=slug)


def _state(request: HttpRequest, registry: Registry, text: str) -> ListState:
    params = expanded(QueryDict(text))
    if params is None:
        raise Http404
    preference = preference_of(request.user, registry.record)
    return ListState.of(registry, request.user, params, None, preference)


# -- saving


@get_or_post
@retrying
def new(request: HttpRequest, record: str) -> HttpResponse:
    """“Save as”: the state that was sent, under a name."""
    registry = known_registry(record)
    given = request.POST if request.method == "POST" else request.GET
    state = _state(request, registry, given.get("state", ""))
    offered = audiences(request.user)
    came_from = found_list(registry, request.user, given.get("list", ""))
    problems: dict[str, list[str]] = {}
    if request.method == "POST":
        try:
            saved = _create(request, state, offered)
        except ValidationError as error:
            problems = _by_field(error)
        else:
            messages.success(request, _("The list “%(name)s” is saved.") % {"name": saved.name})
            return go_to(request, address_of(registry, saved))
    context = {
        "registry": registry,
        "state": state,
        "whole": given.get("state", ""),
        "came_from": came_from,
        "back": address_of(registry, came_from) if came_from else reverse(registry.list_view),
        "name": given.get("name", ""),
        "offered": offered,
        "audience": given.get("shared", ALONE),
        "problems": problems,
    }
    return show(request, "lists/saved_new.html", context, 422 if problems else 200)


def _create(request: HttpRequest, state: ListState, offered: list[Audience]) -> SmartList:
    posted, user = request.POST, request.user
    chosen = chosen_audience(offered, posted.get("shared", ""))
    with transaction.atomic():
        saved = create_list(
            state, user, name=posted.get("name", ""), shared=chosen.shared, team=chosen.team
        )
        pin(state.registry, user, saved, whose=user)
    return saved


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    if hasattr(error, "error_dict"):
        return dict(error.message_dict)
    return {"": list(error.messages)}


@require_POST
@retrying
def save(request: HttpRequest, record: str, slug: str) -> HttpResponse:
    """The state that was sent becomes the list, unless somebody saved it since it was read."""
    registry, saved = _own_list(request, record, slug)
    state = _state(request, registry, request.POST.get("state", ""))
    try:
        saved = save_list(saved, state, version=request.POST.get("version", ""))
    except ChangedMeanwhile as conflict:
        return _show_conflict(request, conflict.stored, state)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The list “%(name)s” is saved.") % {"name": saved.name})
    return redirect(address_of(registry, saved))


def _show_conflict(request: HttpRequest, stored: SmartList, mine: ListState) -> HttpResponse:
    """Both versions side by side; neither is lost."""
    registry = mine.registry
    theirs = ListState.of(registry, request.user, QueryDict(), stored, mine.preference)
    context = {
        "registry": registry,
        "saved": stored,
        "versions": [("theirs", theirs), ("mine", mine)],
        "whole": whole_query(mine),
        "version": stored.updated_at.isoformat(),
        "back": address_of(registry, stored),
    }
    return render(request, "lists/saved_conflict.html", context, status=409)


# -- the list itself


@get_or_post
@retrying
def rename(request: HttpRequest, record: str, slug: str) -> HttpResponse:
    """Its name, and who sees it."""
    registry, saved = _own_list(request, record, slug)
    problems: dict[str, list[str]] = {}
    offered = audiences(request.user, saved)
    name, audience = saved.name, Audience.of(saved).value
    if request.method == "POST":
        name, audience = request.POST.get("name", ""), request.POST.get("shared", "")
        try:
            chosen = chosen_audience(offered, audience)
            rename_list(saved, name=name, shared=chosen.shared, team=chosen.team)
        except ValidationError as error:
            problems = _by_field(error)
        else:
            messages.success(request, _("The list “%(name)s” is saved.") % {"name": saved.name})
            return go_to(request, _address_for(request, registry, saved))
    context = {
        "registry": registry,
        "saved": saved,
        "back": address_of(registry, saved),
        "name": name,
        "offered": offered,
        "audience": audience,
        "others": pinned_by(saved, besides=saved.owner_id),
        "problems": problems,
    }
    return show(request, "lists/saved_rename.html", context, 422 if problems else 200)


def _address_for(request: HttpRequest, registry: Registry, saved: SmartList) -> str:
    """Of the list, unless whoever shared it otherwise does not see it any more."""
    seen = SmartList.objects.visible_to(request.user).filter(pk=saved.pk).exists()
    return address_of(registry, saved) if seen else reverse(registry.list_view)


@get_or_post
@retrying
def delete(request: HttpRequest, record: str, slug: str) -> HttpResponse:
    registry, saved = _own_list(request, record, slug)
    if request.method == "POST":
        saved.delete()
        messages.success(request, _("The list “%(name)s” is deleted.") % {"name": saved.name})
        return go_to(request, reverse(registry.list_view))
    context = {
        "registry": registry,
        "saved": saved,
        "label": label_of(saved),
        "back": address_of(registry, saved),
        "others": pinned_by(saved, besides=request.user),
    }
    return show(request, "lists/saved_delete.html", context)
