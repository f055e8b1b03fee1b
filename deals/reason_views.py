"""Loss reasons, unqualified reasons and sources, for administrators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.accounts.guards import administrators_only
from crm.retry import retrying
from deals.models import Reason
from deals.services import reason_lists as service
from deals.settings_forms import ReasonForm, SwitchesForm
from settings.catalogue import catalogue
from settings.services.account import change_account

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
TITLES = {
    "loss_reason": gettext_lazy("Loss reasons"),
    "unqualified_reason": gettext_lazy("Unqualified reasons"),
    "source": gettext_lazy("Sources"),
}


def _page(kind: str) -> str:
    return reverse("deals:sources" if kind == "source" else "deals:reasons")


def _shown(
    request: HttpRequest, kinds: Sequence[str], refused: dict[str, ReasonForm]
) -> list[dict[str, Any]]:
    """The lists of a page, each with its uses and the form that adds to it."""
    found = []
    for kind in kinds:
        rows: list[Any] = list(service.LISTS[kind]._default_manager.all())
        uses = service.uses_of(kind, request.user)
        for one in rows:
            one.number = uses.get(one.pk, 0)
        found.append(
            {
                "kind": kind,
                "title": TITLES[kind],
                "live": [one for one in rows if not one.archived],
                "archived": [one for one in rows if one.archived],
                "form": refused.get(kind) or ReasonForm(auto_id=f"id_{kind}_%s"),
            }
        )
    return found


def _render(
    request: HttpRequest, kind: str, refused: dict[str, ReasonForm] | None = None
) -> HttpResponse:
    kinds = [one for one in TITLES if (one == "source") == (kind == "source")]
    context: dict[str, Any] = {"lists": _shown(request, kinds, refused or {})}
    if kind == "source":
        return render(request, "deals/settings/sources.html", context)
    account = catalogue().account
    names = SwitchesForm.base_fields
    context["switches"] = SwitchesForm(initial={name: getattr(account, name) for name in names})
    return render(request, "deals/settings/reasons.html", context)


@require_GET
@administrators_only
def reasons(request: HttpRequest) -> HttpResponse:
    return _render(request, "loss_reason")


@require_GET
@administrators_only
def sources(request: HttpRequest) -> HttpResponse:
    return _render(request, "source")


@require_POST
@administrators_only
@retrying
def switches(request: HttpRequest) -> HttpResponse:
    """Whether moving a deal asks for the reason."""
    form = SwitchesForm(request.POST)
    if form.is_valid():
        change_account(**form.cleaned_data)
        messages.success(request, _("Saved."))
    return redirect("deals:reasons")


@require_POST
@administrators_only
@retrying
def reason_new(request: HttpRequest, kind: str) -> HttpResponse:
    _list_or_404(kind)
    form = ReasonForm(request.POST, auto_id=f"id_{kind}_%s")
    if form.is_valid():
        try:
            added = service.add_reason(kind, form.cleaned_data["name"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("“%(name)s” is added.") % {"name": added.name})
            return redirect(f"{_page(kind)}#id_{kind}_name")
    return _render(request, kind, {kind: form})


@get_or_post
@administrators_only
@retrying
def reason(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Another name."""
    found = _reason_or_404(kind, pk)
    form = ReasonForm(request.POST or None, reason=found)
    if request.method == "POST" and form.is_valid():
        try:
            service.rename_reason(found, form.cleaned_data["name"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect(_at(kind, pk))
    context = {
        "form": form,
        "title": _("Rename “%(name)s”") % {"name": found.name},
        "button": _("Save"),
        "back": _at(kind, pk),
        "settings_here": _page(kind),
    }
    return render(request, "deals/settings/form.html", context)


TURNS: dict[str, Callable[[Reason], None]] = {
    "up": lambda one: service.move_reason(one, up=True),
    "down": lambda one: service.move_reason(one, up=False),
    "archive": service.archive_reason,
    "unarchive": lambda one: service.archive_reason(one, archived=False),
    "delete": service.delete_reason,
}


@require_POST
@administrators_only
@retrying
def reason_turn(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    found = _reason_or_404(kind, pk)
    do = request.POST.get("do", "")
    turn = TURNS.get(do)
    if turn is not None:
        try:
            turn(found)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            if do == "delete":
                messages.success(request, _("“%(name)s” is deleted.") % {"name": found.name})
                return redirect(_page(kind))
    return redirect(_at(kind, pk))


def _at(kind: str, pk: int) -> str:
    return f"{_page(kind)}#{kind}-{pk}"


def _list_or_404(kind: str) -> Any:
    if kind not in service.LISTS:
        raise Http404
    return service.LISTS[kind]


def _reason_or_404(kind: str, pk: int) -> Reason:
    found: Reason = get_object_or_404(_list_or_404(kind), pk=pk)
    return found
