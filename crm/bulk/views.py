"""Asking before many records are changed, and starting the run. Runs: ``run_views``."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from crm.bulk.actions import action_of, may_start
from crm.bulk.models import BulkRun
from crm.bulk.pages import (
    LOOKED_AT_MOST,
    TYPED_ABOVE,
    ActionForm,
    ActionPage,
    check_typed,
    list_url,
    page_of,
)
from crm.bulk.services import CountMoved, start, why_not_undo
from crm.lists.registry import registry_of
from crm.lists.selection import Selection
from crm.retry import retrying


@require_POST
@retrying
def act(request: HttpRequest, record: str) -> HttpResponse:
    """First the page that asks, then, sent with ``confirmed``, the run."""
    page = page_of(record, request.POST.get("action", ""))
    if not may_start(page.action, request.user):
        raise PermissionDenied
    try:
        selection = Selection.of(registry_of(record), request.user, request.POST)
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)
        return redirect(list_url(request, record))
    if "confirmed" not in request.POST:
        return _ask(request, page, selection, page.form(user=request.user))
    form = page.form(request.POST, user=request.user)
    expected = _number(request.POST.get("expected", ""))
    typed_wrong = check_typed(page, expected, request.POST.get("typed", ""))
    if not form.is_valid() or typed_wrong:
        return _ask(request, page, selection, form, typed_wrong=typed_wrong, status=422)
    try:
        run = start(
            page.action,
            user=request.user,
            params=form.params(),
            selection=selection.queryset,
            expected=expected,
            token=_token(request),
            sentence=selection.sentence,
            origin=f"{request.scheme}://{request.get_host()}",
        )
    except CountMoved as moved:
        return _ask(request, page, selection, form, moved=moved, status=409)
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return _ask(request, page, selection, form, status=422)
    return after_start(request, run, list_url(request, record))


def _ask(
    request: HttpRequest,
    page: ActionPage,
    selection: Selection,
    form: ActionForm,
    *,
    typed_wrong: str = "",
    moved: CountMoved | None = None,
    status: int = 200,
) -> HttpResponse:
    count = moved.count if moved else selection.count
    counted = page.action.counted(count)
    context: dict[str, Any] = {
        "page": page,
        "form": form,
        "question": page.question(counted),
        "counted": counted,
        "count": count,
        "fewer": selection.seen - count if not moved and not selection.everything else 0,
        "sentence": selection.sentence,
        "fields": [one for one in selection.fields if one[0] != "count"],
        "left_out": page.left_out(selection.queryset, request.user)
        if 0 < count <= LOOKED_AT_MOST
        else [],
        "moved": moved,
        "typed_wrong": typed_wrong,
        "ask_number": page.dangerous and count > TYPED_ABOVE,
        "token": secrets.token_urlsafe(24),
        "back": list_url(request, page.action.record),
    }
    return render(request, "bulk/confirm.html", context, status=status)


def _token(request: HttpRequest) -> str:
    return request.POST.get("token", "")[:64] or secrets.token_urlsafe(24)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def after_start(request: HttpRequest, run: BulkRun, back: str) -> HttpResponse:
    """Back to where it was asked for if all is done, with the outcome; else to the run's page."""
    if run.is_on:
        # Pages look for runs that are on only while somebody has some.
        request.session["runs"] = True
        return redirect(run)
    tell_outcome(request, run)
    return redirect(back)


def tell_outcome(request: HttpRequest, run: BulkRun) -> None:
    """A message with what a run did, its details, and its undo if there is one."""
    if run.state == BulkRun.State.FAILED:
        messages.error(request, run.problem, extra_tags=f"run-{run.pk}")
        return
    tags = f"undo-{run.pk}" if not why_not_undo(run) else f"run-{run.pk}"
    level = messages.SUCCESS if run.done or not run.refused else messages.WARNING
    messages.add_message(request, level, action_of(run.action).told(run), extra_tags=tags)
