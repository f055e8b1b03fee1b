"""Starting and ending a preview; what happens in between is in ``crm.accounts.preview``."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from crm.accounts import preview
from crm.accounts.guards import administrators_only
from crm.accounts.models import User


@require_POST
@administrators_only
def start(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    try:
        preview.start(request, user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("people:user", pk)
    return redirect("home")


@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """For whoever previews, who is for this request somebody else; for others it does nothing."""
    pk = preview.stop(request)
    return redirect("people:user", pk) if pk else redirect("home")
