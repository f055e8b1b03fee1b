"""Taking a selection of a list along: choosing the format, the file, and addresses to copy."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ValidationError
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from crm.accounts.guards import needs
from crm.accounts.levels import Right
from crm.attachments import as_attachment
from crm.bulk.actions import action_of
from crm.exports import services
from crm.exports.fields import Exports, exports_of
from crm.exports.formats import FORMATS, format_of
from crm.exports.services import Wanted
from crm.lists.models import SmartList
from crm.lists.registry import registry_of
from crm.lists.selection import Selection


@require_POST
@needs(Right.EXPORT)
def export(request: HttpRequest, record: str) -> HttpResponseBase:
    """Without a ``format`` the page to choose one on; with one the file, or the run that writes it."""
    exports = exports_of(record)
    selection = None
    try:
        selection = _selection(request, record)
        if not request.POST.get("format"):
            return _choose(request, exports, selection)
        return _take_along(request, exports, selection)
    except ValidationError as error:
        return _choose(request, exports, selection, error.messages)


@require_POST
@needs(Right.EXPORT, Right.MAIL)
def copy_addresses(request: HttpRequest, record: str) -> HttpResponse:
    """The e-mail addresses of at most 200 rows, to be copied: a fragment for htmx, else a page."""
    exports = exports_of(record)
    context: dict[str, Any] = {"exports": exports, "back": _list_url(request, exports)}
    status = 200
    try:
        selection = _selection(request, record)
        context["addresses"] = services.addresses_of(exports, selection.queryset)
    except ValidationError as error:
        context["errors"], status = error.messages, 400
    template = "exports/addresses.html"
    part = f"{template}#panel" if request.htmx else template  # type: ignore[attr-defined]
    return render(request, part, context, status=status)


def _selection(request: HttpRequest, record: str) -> Selection:
    return Selection.of(registry_of(record), request.user, request.POST)


def _choose(
    request: HttpRequest,
    exports: Exports,
    selection: Selection | None,
    errors: list[str] | None = None,
) -> HttpResponse:
    context = {
        "exports": exports,
        "errors": errors or [],
        "back": _list_url(request, exports),
        "action": request.path,
    }
    if selection is not None:
        context |= {
            "selection": selection,
            "counted": action_of(exports.action).counted(selection.count),
            "formats": [
                one for one in FORMATS.values() if one.key != "mailchimp" or exports.mailchimp
            ],
            "chosen": request.POST.get("format") or "xlsx",
            "complete": request.POST.get("columns") == "complete",
            "large": selection.count > services.AT_ONCE,
            "token": secrets.token_urlsafe(24),
        }
    return render(request, "exports/choose.html", context, status=400 if errors else 200)


def _take_along(request: HttpRequest, exports: Exports, selection: Selection) -> HttpResponseBase:
    wanted = _wanted(request, exports, selection)
    count = selection.count
    services.check_export(exports, wanted, count)
    if count > services.AT_ONCE:
        run = services.start_export(
            exports,
            wanted,
            user=request.user,
            selection=selection.queryset,
            count=count,
            sentence=selection.sentence,
            token=request.POST.get("token", "")[:64] or secrets.token_urlsafe(24),
            origin=f"{request.scheme}://{request.get_host()}",
        )
        return redirect(run)
    encoder = wanted.format.encoder(wanted.sheet(exports, request.user))
    services.record_export(
        exports, wanted, user=request.user, count=count, sentence=selection.sentence
    )
    response: HttpResponseBase
    if wanted.format.streams:
        response = StreamingHttpResponse(services.streamed(selection.queryset, encoder))
    else:
        response = FileResponse(services.whole_file(selection.queryset, encoder))
    return as_attachment(response, wanted.file_name(), wanted.format.content_type)


def _wanted(request: HttpRequest, exports: Exports, selection: Selection) -> Wanted:
    chosen = format_of(request.POST["format"])
    state = selection.state
    names = [field.name for field in state.columns]
    if request.POST.get("columns") == "complete":
        names = exports.everything()
    listed = state.listed
    title = listed.name if isinstance(listed, SmartList) else str(listed.label) if listed else ""
    return Wanted(chosen, names, title or str(exports.title))


def _list_url(request: HttpRequest, exports: Exports) -> str:
    """Where the selection was made."""
    slug = slugify(request.POST.get("list", ""))
    url = reverse(registry_of(exports.record).list_view, args=[slug] if slug else [])
    query = request.POST.get("state", "").removeprefix("?")
    return f"{url}?{quote(query, safe='=&%+~.,-')}" if query else url
