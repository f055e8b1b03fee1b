"""Making, renaming, colouring and ordering tags; fields are put in order alike."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts.guards import administrators_only
from crm.retry import retrying
from settings.categories import Category
from settings.forms import MakersForm, TagForm
from settings.models import CustomField, Removal, Tag
from settings.overview_views import show_category
from settings.picking import gone, home_of, picked
from settings.services.making import change_tag, create_tag, let_make_tags, shift


@require_POST
@administrators_only
@retrying
def new(request: HttpRequest, category: Category) -> HttpResponse:
    form = TagForm(request.POST)
    if form.is_valid():
        try:
            tag = create_tag(category, **form.cleaned_data)
        except ValidationError as error:
            form.add_error("name", error.messages)
        else:
            messages.success(request, _("The tag “%(name)s” is made.") % {"name": tag.name})
            return redirect("settings:category", category)
    return show_category(request, category, form)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
@retrying
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    tag = picked("tag", pk)
    if tag.deleted_at:
        return gone(request, tag)
    form = TagForm(request.POST or None, initial={"name": tag.name, "color": tag.color})
    if request.method == "POST" and form.is_valid():
        try:
            changed = change_tag(tag, **form.cleaned_data)
        except ValidationError as error:
            form.add_error("name", error.messages)
        else:
            messages.success(request, _("The tag “%(name)s” is saved.") % {"name": changed.name})
            return redirect("settings:category", tag.category)
    context = {"tag": tag, "category": Category(tag.category), "form": form}
    context["settings_here"] = home_of(tag)
    return render(request, "settings/tag.html", context, status=422 if form.errors else 200)


@require_POST
@administrators_only
@retrying
def order(request: HttpRequest, category: Category, kind: str) -> HttpResponse:
    """One place up (``earlier``) or down (``later``); what is posted is the number of the tag or field."""
    by = -1 if "earlier" in request.POST else 1
    number = request.POST.get("earlier") or request.POST.get("later") or ""
    model: Any = Tag if kind == Removal.Kind.TAG else CustomField
    found = (
        model.objects.live().filter(category=category, pk=number).first()
        if number.isascii() and number.isdigit() and len(number) < 19
        else None
    )
    try:
        if found is None:
            raise ValidationError(_("It was removed or moved meanwhile."))
        shift(found, by)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    if request.htmx:  # type: ignore[attr-defined]
        return show_category(request, category, only=f"{kind}s_exchange")
    return redirect("settings:category", category)


@require_POST
@administrators_only
@retrying
def makers(request: HttpRequest, category: Category) -> HttpResponse:
    """Who may create tags, which holds for all categories."""
    form = MakersForm(request.POST)
    if form.is_valid():
        let_make_tags(form.cleaned_data["makers"])
        messages.success(request, _("Saved."))
    else:
        messages.error(request, _("Choose who may create tags."))
    return redirect("settings:category", category)
