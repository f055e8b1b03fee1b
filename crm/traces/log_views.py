"""The audit log; for administrators."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.accounts.guards import administrators_only
from crm.traces.asking import Asked, LogForm
from crm.traces.log import LogPage, Mark, page_of
from crm.traces.words import lines_of


@require_safe
@administrators_only
def log(request: HttpRequest) -> HttpResponse:
    """Newest first, page by page without counting; filtered by the address."""
    form = LogForm(request.GET)
    behind = request.GET.get("behind", "")
    mark = Mark.of(behind) if behind else None
    found = LogPage([], None)
    if form.is_valid() and (mark or not behind):
        found = page_of(Asked.of(form.cleaned_data), mark)
    chosen = {name: value for name, value in request.GET.items() if name in form.fields and value}
    context = {
        "form": form,
        "lines": lines_of(found.rows),
        "filtered": bool(chosen),
        "newest": f"?{urlencode(chosen)}" if behind else "",
        "older": f"?{urlencode({**chosen, 'behind': str(found.older)})}" if found.older else "",
    }
    return render(request, "audit/log.html", context)
