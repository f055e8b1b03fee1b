"""What was removed in the last 30 days, and bringing it back."""

from __future__ import annotations

import re

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.guards import administrators_only
from crm.changes import one_change
from crm.retry import retrying
from crm.trash.services import KEPT_FOR
from settings.models import Removal
from settings.outcomes import told
from settings.services import undo_removal

PAGE = 50
NUMBERS = re.compile(r"[0-9]{1,18}(?:-[0-9]{1,18})?")


@require_GET
@administrators_only
def removed(request: HttpRequest) -> HttpResponse:
    since = timezone.now() - KEPT_FOR
    entries = Removal.objects.filter(removed_at__gte=since).select_related("removed_by")
    page = Paginator(entries, PAGE).get_page(request.GET.get("page"))
    rows = [(entry, told(entry), entry.removed_at + KEPT_FOR) for entry in page.object_list]
    return render(
        request, "settings/removed.html", {"page": page, "rows": rows, "days": KEPT_FOR.days}
    )


@require_POST
@administrators_only
@retrying
def undo(request: HttpRequest) -> HttpResponse:
    """Take back one removal, or the two of a deletion in both categories: both or none."""
    posted = request.POST.get("removal", "")
    if not NUMBERS.fullmatch(posted):
        raise Http404
    numbers = sorted((int(number) for number in posted.split("-")), reverse=True)
    found = Removal.objects.in_bulk(numbers)
    if found.keys() != set(numbers):
        raise Http404
    try:
        with one_change():
            labels = [undo_removal(found[number]) for number in numbers]
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        text = _("“%(name)s” is back as it was.")
        messages.success(request, text % {"name": labels[0].name})
    page = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(page if ours else "settings:removed")
