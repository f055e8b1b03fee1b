"""Runs: which there were, how far one is, what it refused, and halting and undoing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.access import may
from crm.accounts.levels import Right
from crm.attachments import as_attachment
from crm.bulk import services
from crm.bulk.models import BulkRun
from crm.bulk.results import Result, results_of
from crm.bulk.views import tell_outcome
from crm.retry import retrying

PAGE = 30
# How long to wait before looking again, in seconds: a short run is watched closely.
WAITS = (1, 1, 1, 2, 2, 3, 4, 5)


@require_GET
def runs(request: HttpRequest) -> HttpResponse:
    """Recent changes, one's own; an administrator may ask for everybody's."""
    user: Any = request.user
    everybody = user.is_superuser and "everybody" in request.GET
    found = BulkRun.objects.visible_to(user).select_related("user").prefetch_related("undos")
    if not everybody:
        found = found.filter(user=user)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    shown = [Result(run, request.user) for run in page.object_list]
    context = {"page": page, "results": shown, "everybody": everybody}
    return render(request, "bulk/runs.html", context)


@never_cache
@require_GET
def run(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(BulkRun.objects.visible_to(request.user), pk=pk)
    return render(request, "bulk/run.html", _shown(request, found))


@never_cache
@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """What of a run's page changes while it is on: a fragment that asks for itself again."""
    found = get_object_or_404(BulkRun.objects.visible_to(request.user), pk=pk)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(found)
    return render(request, "bulk/run.html#progress", _shown(request, found))


def _shown(request: HttpRequest, run: BulkRun) -> dict[str, Any]:
    looked = _looked(request)
    return {
        "run": run,
        "result": Result(run, request.user),
        "rows": results_of(run, request.user, request.GET),
        "looked": looked + 1,
        "wait": WAITS[min(looked, len(WAITS) - 1)],
        "was_on": "n" in request.GET,
    }


def _looked(request: HttpRequest) -> int:
    """How often the page has looked, as it says itself."""
    text = request.GET.get("n", "")
    return min(int(text), 1000) if text.isascii() and text.isdigit() and len(text) < 6 else 0


STEPS: dict[str, Callable[[BulkRun], bool]] = {
    "pause": services.pause,
    "resume": services.resume,
    "cancel": services.cancel,
}


@require_POST
@retrying
def turn(request: HttpRequest, pk: int, step: str) -> HttpResponse:
    """Pause, resume or cancel a run, or undo it."""
    found = get_object_or_404(BulkRun.objects.editable_by(request.user), pk=pk)
    if step == "undo":
        return _undo(request, found)
    if step not in STEPS:
        raise Http404
    if not STEPS[step](found):
        messages.warning(request, _("It is too late for that: see how it stands now."))
    elif found.is_on:
        request.session["runs"] = True
    return redirect(found)


def _undo(request: HttpRequest, run: BulkRun) -> HttpResponse:
    try:
        undoing = services.undo(run, user=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(run)
    if undoing.is_on:
        request.session["runs"] = True
        return redirect(undoing)
    tell_outcome(request, undoing)
    page = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(page if ours else undoing)


@require_GET
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file that a run wrote, to be saved and never shown; for who has by now the right to export."""
    found = get_object_or_404(BulkRun.objects.visible_to(request.user), pk=pk)
    if not found.file or found.state != BulkRun.State.DONE:
        raise Http404
    if not may(request.user, Right.EXPORT):
        raise PermissionDenied
    name = found.file_name or "export"
    return as_attachment(FileResponse(found.file.open("rb"), filename=name), name)


@never_cache
@require_GET
def indicator(request: HttpRequest) -> HttpResponse:
    """The runs of the user that are on, for the frame of every page."""
    found = list(BulkRun.objects.visible_to(request.user).filter(user=request.user).on())  # type: ignore[misc]
    if not found:
        request.session.pop("runs", None)
    looked = _looked(request)
    context = {
        "runs": [Result(one, request.user) for one in found],
        "looked": looked + 1,
        "wait": WAITS[min(looked, len(WAITS) - 1)],
    }
    return render(request, "bulk/_on.html", context)
