"""Settings › Users › a user: helping who lost a password or a second factor. Asks administrators for theirs again."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts import lost
from crm.accounts.guards import administrators_only
from crm.accounts.models import User
from crm.retry import retrying


@require_POST
@administrators_only
@reauthentication_required
@retrying
def password_link(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    try:
        link = lost.new_password_link(user, request.build_absolute_uri("/").rstrip("/"))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("people:user", pk)
    context = {"one": user, "link": link, "settings_here": reverse("people:users")}
    return render(request, "people/link.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
@reauthentication_required
@retrying
def remove_factors(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    if request.method == "POST":
        try:
            lost.remove_factors(user)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            text = _("%(name)s signs in without a second factor now.")
            messages.success(request, text % {"name": user})
        return redirect("people:user", pk)
    context = {"one": user, "settings_here": reverse("people:users")}
    return render(request, "people/remove_factors.html", context)
