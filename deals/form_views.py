"""A deal and everybody on it in one form, with a look at what saving it would do."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from contacts.models import Contact
from crm.accounts.doors import editable_or_refuse
from crm.changes import one_change
from crm.retry import retrying
from deals.access import back_to, creators_only
from deals.effects import Effects, effects_of
from deals.forms import DealForm
from deals.models import Deal, Stage
from deals.notices import tell
from deals.services import preview
from settings.catalogue import forget

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
@retrying
def new(request: HttpRequest) -> HttpResponse:
    creators_only(request.user)
    if request.method == "POST":
        form = DealForm(request.POST, user=request.user)
        if _only_looks(request):
            return _look(request, None)
        if form.is_valid():
            try:
                with one_change() as change:
                    deal = form.save()
            except ValidationError as error:
                return _show_refused(request, None, error)
            tell(request, _("“%(deal)s” is saved.") % {"deal": deal.name}, change)
            return back_to(request, deal)
    else:
        form = DealForm(user=request.user, star=_star(request), initial=_beginning(request))
    return _show(request, form, None)


def _star(request: HttpRequest) -> Contact | None:
    pk = request.GET.get("contact", "")
    contacts = Contact.objects.editable_by(request.user)
    return contacts.filter(pk=pk).first() if pk.isdecimal() else None


def _beginning(request: HttpRequest) -> dict[str, Any]:
    return {"stage": Stage.objects.first_open(), "owner": request.user.pk, "star": "0"}


@get_or_post
@retrying
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    deal = _edited(request, pk)
    if request.method != "POST":
        return _show(request, DealForm(instance=deal, user=request.user), deal)
    if _only_looks(request):
        return _look(request, deal)
    try:
        with one_change() as change:
            form = DealForm(request.POST, instance=_locked(request, pk), user=request.user)
            saved = form.is_valid()
            if saved:
                form.save()
    except ValidationError as error:
        return _show_refused(request, _edited(request, pk), error)
    if not saved:
        return _show(request, form, deal)
    tell(request, _("“%(deal)s” is saved.") % {"deal": form.instance.name}, change)
    return back_to(request, form.instance)


def _show_refused(request: HttpRequest, deal: Deal | None, error: ValidationError) -> HttpResponse:
    """The form after a tag or field was removed between checking and saving, as there are others by now."""
    forget()
    form = DealForm(request.POST, instance=deal, user=request.user)
    form.refuse(error)
    return _show(request, form, deal)


def _edited(request: HttpRequest, pk: int) -> Deal:
    deal: Deal = editable_or_refuse(Deal.objects.for_card(), request.user, pk)
    return deal


def _locked(request: HttpRequest, pk: int) -> Deal:
    locked = Deal.objects.select_for_update(no_key=True)
    deal: Deal = editable_or_refuse(locked, request.user, pk)
    return deal


def _only_looks(request: HttpRequest) -> bool:
    return "preview" in request.POST or "add_row" in request.POST


def _look(request: HttpRequest, deal: Deal | None) -> HttpResponse:
    """The form again, with what saving it would do, or with one more row."""
    if "add_row" in request.POST:
        data = request.POST.copy()
        total = data.get("rows-TOTAL_FORMS", "0")
        data["rows-TOTAL_FORMS"] = str(int(total) + 1 if total.isdecimal() else 1)
        form = DealForm(data, instance=deal, user=request.user)
        return _show(request, form, deal)
    form = DealForm(request.POST, instance=deal, user=request.user)
    effects = _effects(request, deal) if form.is_valid() else None
    return _show(request, form, deal, effects)


def _effects(request: HttpRequest, deal: Deal | None) -> Effects:
    # A form of its own: saving changes the instance, and that is not taken back.
    stored = Deal.objects.get(pk=deal.pk) if deal else None
    form = DealForm(request.POST, instance=stored, user=request.user)
    form.is_valid()
    form.stores_labels = False
    with preview() as seen:
        form.save()
    return effects_of(seen, request.user)


@require_POST
@retrying
def preview_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Whose statuses saving the sent form would change: a fragment. Stores nothing."""
    if pk is None:
        creators_only(request.user)
    deal = None if pk is None else editable_or_refuse(Deal, request.user, pk)
    form = DealForm(request.POST, instance=deal, user=request.user)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        context["effects"] = _effects(request, deal)
    return render(request, "deals/_form_preview.html", context)


def _show(
    request: HttpRequest, form: DealForm, deal: Deal | None, effects: Effects | None = None
) -> HttpResponse:
    # The form may have put what was typed into the deal: headings show what is stored.
    name = Deal.objects.filter(pk=deal.pk).values_list("name", flat=True).first() if deal else ""
    # A new form has its main contact in the first row; a sent one says which.
    star = str(form["star"].value() or "") if form.is_bound or deal is None else "0"
    context = {"form": form, "deal": deal, "name": name, "effects": effects, "star": star}
    return render(request, "deals/form.html", context)
