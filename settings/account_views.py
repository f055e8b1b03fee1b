"""The account's own page, and the currencies that deals are made in; for administrators."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts.guards import administrators_only
from crm.retry import retrying
from settings.account_forms import AccountForm, CurrencyForm
from settings.models import Account, Currency
from settings.services import account as service

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
@administrators_only
@retrying
def account(request: HttpRequest) -> HttpResponse:
    form = AccountForm(request.POST or None, account=Account.current())
    if request.method == "POST" and form.is_valid():
        try:
            service.change_account(**form.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("settings:account")
    return render(request, "settings/account.html", {"form": form})


@get_or_post
@administrators_only
@retrying
def currencies(request: HttpRequest) -> HttpResponse:
    """Which are offered, in their order; posting adds one."""
    form = CurrencyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = service.add_currency(form.cleaned_data["code"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("%(code)s is offered.") % {"code": added.code})
            return redirect(_to(added))
    found = service.listed_currencies()
    context = {
        "form": form,
        "offered": [one for one in found if not one.archived],
        "archived": [one for one in found if one.archived],
        "own": Account.current().currency,
    }
    return render(request, "settings/currencies.html", context)


TURNS: dict[str, Callable[[Currency], None]] = {
    "up": lambda one: service.move_currency(one, up=True),
    "down": lambda one: service.move_currency(one, up=False),
    "archive": service.archive_currency,
    "unarchive": lambda one: service.archive_currency(one, archived=False),
}


@require_POST
@administrators_only
@retrying
def currency_turn(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Currency, pk=pk)
    turn = TURNS.get(request.POST.get("do", ""))
    if turn is not None:
        try:
            turn(found)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
    return redirect(_to(found))


def _to(currency: Currency) -> str:
    return f"{reverse('settings:currencies')}#currency-{currency.pk}"
