"""Quiet customers, proposed as Past Customers: everybody who may edit contacts confirms or keeps them."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from contacts.models import Contact
from crm.accounts.doors import editable_or_refuse
from crm.accounts.guards import administrators_only, is_administrator
from crm.bulk import services as bulk
from crm.bulk.actions import action_of
from crm.bulk.among import among
from crm.bulk.views import after_start
from crm.retry import retrying
from deals.access import edits_all_contacts
from deals.quiet_actions import ConfirmQuiet
from deals.services import quiet as service
from deals.settings_forms import QuietForm, UntilForm
from settings.catalogue import catalogue
from settings.services.account import change_account

PAGE = 50
PAST, KEEP = "past", "keep"


@require_http_methods(["GET", "HEAD", "POST"])
@retrying
def quiet(request: HttpRequest) -> HttpResponse:
    """Who is proposed, or (``?show=kept``) who is kept; posting acts on those ticked, or on all."""
    if request.method != "POST":
        return _page(request)
    rows = service.quiet_customers(Contact.objects.editable_by(request.user))
    ticked = _ticked(request)
    if request.POST.get("scope") != "all":
        rows = rows.filter(among(ticked))
        if not ticked:
            messages.error(request, _("Nothing is chosen. Tick some rows first."))
            return redirect("deals:quiet")
    if request.POST.get("do") == KEEP:
        return _keep(request, rows)
    return _confirm(request, rows, ticked)


def _confirm(request: HttpRequest, rows: Any, ticked: list[int]) -> HttpResponse:
    everybody = request.POST.get("scope") == "all"
    try:
        run = bulk.start(
            action_of(ConfirmQuiet.key),
            user=request.user,
            params={},
            selection=rows,
            expected=_number(request.POST.get("count", "")) if everybody else len(ticked),
            token=request.POST.get("token", "")[:64] or secrets.token_urlsafe(24),
            sentence=_("quiet customers"),
            origin=f"{request.scheme}://{request.get_host()}",
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("deals:quiet")
    return after_start(request, run, request.path)


def _keep(request: HttpRequest, rows: Any) -> HttpResponse:
    form = UntilForm(request.POST)
    if not form.is_valid():
        return _page(request, until=form, status=422)
    until = form.cleaned_data["until"]
    kept = service.keep_quiet(rows, until)
    text = ngettext(
        "%(number)d customer is kept until %(day)s.",
        "%(number)d customers are kept until %(day)s.",
        kept,
    )
    messages.success(request, text % {"number": kept, "day": date_format(until)})
    return redirect("deals:quiet")


def _page(
    request: HttpRequest, until: UntilForm | None = None, form: Any = None, status: int = 200
) -> HttpResponse:
    account = catalogue().account
    contacts = Contact.objects.editable_by(request.user).select_related("company")
    kept = request.GET.get("show") == "kept"
    rows = service.kept_customers(contacts) if kept else service.quiet_customers(contacts)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    administrator = is_administrator(request.user)
    if administrator and form is None:
        form = QuietForm(account=account)
    context = {
        "account": account,
        "page": page,
        "kept": kept,
        "rows": service.evidence_of(list(page.object_list), request.user),
        "count": page.paginator.count,
        "edits_all": edits_all_contacts(request.user),
        "until": until or UntilForm(),
        "ticked": _ticked(request) if until else [],
        "token": secrets.token_urlsafe(24),
        "administrator": administrator,
        "form": form,
    }
    return render(request, "deals/settings/quiet.html", context, status=status)


@require_POST
@administrators_only
@retrying
def quiet_settings(request: HttpRequest) -> HttpResponse:
    """After how many months customers are proposed, and who never is."""
    form = QuietForm(request.POST, account=catalogue().account)
    if form.is_valid():
        change_account(**form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("deals:quiet")
    return _page(request, form=form, status=422)


@require_POST
@retrying
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a customer no longer: it is proposed again while it is quiet."""
    contact = editable_or_refuse(Contact, request.user, pk)
    if service.propose_again([contact.pk]):
        text = _("%(name)s is proposed again while it is quiet.")
        messages.success(request, text % {"name": contact.name})
    return redirect(f"{request.path.rsplit('/', 3)[0]}/?show=kept")


def _ticked(request: HttpRequest) -> list[int]:
    numbers = [_number(text) for text in request.POST.getlist("row")[:PAGE]]
    return list(dict.fromkeys(one for one in numbers if one > 0))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
