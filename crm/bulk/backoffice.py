"""The same actions in the admin: the same runs, asked for with the same forms."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _

from crm import backoffice
from crm.bulk.actions import action_of
from crm.bulk.forms import ActionForm
from crm.bulk.models import BulkRow, BulkRun
from crm.bulk.pages import ActionPage, page_of
from crm.bulk.services import CountMoved, start


def page_action(record: str, key: str) -> Callable[..., Any]:
    """An action of a changelist that asks with the form of a page, and then starts the run."""
    page = page_of(record, key)

    def act(
        model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet
    ) -> HttpResponse | None:
        form = page.form(request.POST if "confirmed" in request.POST else None, user=request.user)
        count, moved = rows.count(), None
        if form.is_bound and form.is_valid():
            try:
                expected = request.POST.get("expected", "")
                token = request.POST.get("token", "")[:64] or secrets.token_urlsafe(24)
                run = begin(request, rows, key, form.params(), int(expected or -1), token)
            except CountMoved as error:
                moved, count = error, error.count
            except ValidationError as refusal:
                form.add_refusal(refusal)
            else:
                tell(model_admin, request, run, action_of(key).told(run))
                return None
        return _ask(model_admin, request, page, form, count, moved)

    act.__name__ = key.replace(".", "_")
    description = format_lazy("{label} …", label=page.label)
    return admin.action(permissions=["change"], description=description)(act)


def begin(
    request: HttpRequest,
    rows: QuerySet,
    key: str,
    params: Mapping[str, Any],
    expected: int,
    token: str = "",
) -> BulkRun:
    """Start a run over the rows of a changelist; up to a thousand are worked off at once."""
    return start(
        action_of(key),
        user=request.user,
        params=params,
        selection=rows,
        expected=expected,
        token=token or secrets.token_urlsafe(24),
        sentence=_("chosen in the administration"),
        origin=f"{request.scheme}://{request.get_host()}",
        at_once=backoffice.ACTED_ON_AT_MOST,
    )


def tell(model_admin: admin.ModelAdmin, request: HttpRequest, run: BulkRun, done: str) -> None:
    """Tell what a run did, or that it goes on, and log it for each record it changed."""
    if run.is_on:
        request.session["runs"] = True
        text = _(
            "%(action)s: %(records)s, in the background. See “Recent changes” for how far it is."
        )
        action = action_of(run.action)
        values = {"action": action.summary(run), "records": action.counted(run.total)}
        model_admin.message_user(request, text % values, messages.INFO)
        return
    if run.problem:
        model_admin.message_user(request, run.problem, messages.ERROR)
    if run.done:
        model_admin.message_user(request, done, messages.SUCCESS)
        _log(request, run)
    elif not run.problem:
        model_admin.message_user(request, action_of(run.action).told(run), messages.INFO)
    _report(model_admin, request, run)


def _log(request: HttpRequest, run: BulkRun) -> None:
    ids = run.rows.filter(state=BulkRow.State.DONE).values("record_id")
    records = action_of(run.action).model._default_manager.filter(pk__in=ids)
    message = action_of(run.action).summary(run)
    user: Any = request.user
    LogEntry.objects.log_actions(user.pk, records, CHANGE, change_message=message)


def _report(model_admin: admin.ModelAdmin, request: HttpRequest, run: BulkRun) -> None:
    refused = run.rows.filter(state=BulkRow.State.REFUSED).order_by("position")
    rows = list(refused.values_list("record_id", "reason"))
    names = action_of(run.action).model._default_manager.in_bulk([pk for pk, _reason in rows])
    refusals = [(str(names.get(pk, pk)), ValidationError(reason)) for pk, reason in rows]
    backoffice.report_refusals(model_admin, request, refusals)


def _ask(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    page: ActionPage,
    form: ActionForm,
    count: int,
    moved: CountMoved | None,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": page.question(page.action.counted(count)),
        "opts": model_admin.opts,
        "page": page,
        "form": form,
        "count": count,
        "moved": moved,
        "token": secrets.token_urlsafe(24),
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "action": request.POST.get("action", ""),
        "select_across": request.POST.get("select_across", "0"),
    }
    return TemplateResponse(request, "bulk/admin.html", context)
