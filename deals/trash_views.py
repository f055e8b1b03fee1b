"""The trash: what was deleted in the last 30 days, for administrators to bring back."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.guards import administrators_only
from crm.changes import one_change
from crm.retry import retrying
from crm.trash.models import TrashedRecord
from crm.trash.services import KEPT_FOR
from deals.notices import tell
from deals.services import restore as restore_record

PAGE = 50


@require_GET
@administrators_only
def trash(request: HttpRequest) -> HttpResponse:
    entries = TrashedRecord.objects.select_related("deleted_by").defer("data")
    page = Paginator(entries, PAGE).get_page(request.GET.get("page"))
    for entry in page.object_list:
        entry.gone_at = entry.deleted_at + KEPT_FOR  # type: ignore[attr-defined]
    return render(request, "trash/list.html", {"page": page, "days": KEPT_FOR.days})


@require_POST
@administrators_only
@retrying
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring one record back; a refusal is shown above the list."""
    entry = get_object_or_404(TrashedRecord, pk=pk)
    try:
        with one_change() as change:
            restored = restore_record(entry)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("deals:trash")
    tell(request, _("%(name)s is back.") % {"name": restored}, change)
    return redirect(restored)
