"""Settings › Addresses not mailed, and what came back; for administrators."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts.guards import administrators_only
from crm.retry import retrying
from crm.suppression.models import Suppression
from emails.models import Address, Report
from emails.reasons import Suppressed
from emails.settings_forms import AddressesForm, BlockForm, LiftForm
from emails.standing import lift, suppress

PAGE = 50


@require_safe
@administrators_only
def addresses(request: HttpRequest) -> HttpResponse:
    return _addresses(request, BlockForm())


def _addresses(request: HttpRequest, adding: BlockForm) -> HttpResponse:
    form = AddressesForm(request.GET)
    rows = Address.objects.exclude(suppressed="").order_by("-suppressed_at", "-pk")
    if not form.is_valid():
        rows = rows.none()
    else:
        asked = form.cleaned_data
        if asked["q"]:
            rows = rows.filter(address__contains=asked["q"])
        if asked["why"]:
            rows = rows.filter(suppressed=asked["why"])
    chosen = {name: value for name, value in request.GET.items() if name in form.fields and value}
    context = {
        "form": form,
        "adding": adding,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "filtered": bool(chosen),
        "query": f"{urlencode(chosen)}&" if chosen else "",
        "erased": Suppression.objects.count(),
    }
    template = "emails/settings/addresses.html"
    return render(request, template, context, status=422 if adding.is_bound else 200)


@require_POST
@administrators_only
@retrying
def block(request: HttpRequest) -> HttpResponse:
    """Add an address by hand."""
    form = BlockForm(request.POST)
    if form.is_valid():
        sent = form.cleaned_data
        details = {"reason": sent["reason"]} if sent["reason"] else None
        if suppress([sent["address"]], Suppressed.BLOCKED, actor=request.user, details=details):
            messages.success(request, _("%(address)s is not mailed any more.") % sent)
        else:
            messages.info(request, _("%(address)s was not mailed before either.") % sent)
        return redirect(f"{reverse('emails:addresses')}?{urlencode({'q': sent['address']})}")
    return _addresses(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
@retrying
def lift_one(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Address, pk=pk)
    form = LiftForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            lift(found.address, actor=request.user, reason=form.cleaned_data["reason"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("%(address)s may be mailed again.") % {"address": found})
            return redirect("emails:addresses")
    context = {"address": found, "form": form, "settings_here": reverse("emails:addresses")}
    return render(request, "emails/settings/lift.html", context)


@require_safe
@administrators_only
def reports(request: HttpRequest) -> HttpResponse:
    """The latest, or those of which it was not found out which mail they are about."""
    unmatched = request.GET.get("show") == "unmatched"
    rows: Any = Report.objects.filter(mailing_id=None) if unmatched else Report.objects.all()
    context = {
        "unmatched": unmatched,
        "query": "show=unmatched&" if unmatched else "",
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "emails/settings/reports.html", context)
