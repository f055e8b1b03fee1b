"""Making and changing custom fields and their options, and giving a field another type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts.guards import administrators_only
from crm.changes import one_change
from crm.retry import retrying
from settings.categories import CHOOSING, AppliesTo, Category, FieldType
from settings.field_forms import HINTS, FieldForm, TypeForm
from settings.forms import TagForm
from settings.models import CustomField, Option, Removal
from settings.picking import gone, home_of, picked
from settings.services.converting import convert_field
from settings.services.fields import (
    OptionTaken,
    Uses,
    add_options,
    change_option,
    delete_option,
    option_uses,
    retire_option,
    save_field,
    shift_option,
    values_out_of_sight,
)
from settings.services.previewing import preview_conversion

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
# Said where a conversion is confirmed: beyond it stays as it is.
DIGITS_AT_MOST = 18


# -- the field


@get_or_post
@administrators_only
@retrying
def new(request: HttpRequest, category: Category) -> HttpResponse:
    """First its type, then the rest."""
    type = request.POST.get("type") or request.GET.get("type", "")
    home = reverse("settings:category", args=[category])
    if type not in FieldType.values:
        types = [(key, label, HINTS[FieldType(key)]) for key, label in FieldType.choices]
        context = {"category": category, "types": types, "settings_here": home}
        return render(request, "settings/field_types.html", context)
    field = CustomField(category=category, type=type)
    form = FieldForm(
        request.POST if request.method == "POST" else None, instance=field, user=request.user
    )
    if request.method == "POST" and _saved(form):
        messages.success(request, _("The custom field “%(name)s” is made.") % {"name": field.name})
        return redirect("settings:field_edit", field.pk) if type in CHOOSING else redirect(home)
    return _show_field(request, field, form)


@get_or_post
@administrators_only
@retrying
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    field = picked(Removal.Kind.FIELD, pk)
    if field.deleted_at:
        return gone(request, field)
    if request.method != "POST":
        return _show_field(request, field, FieldForm(instance=field, user=request.user))
    with one_change():
        locked = CustomField.objects.live().select_for_update(no_key=True)
        field = get_object_or_404(locked, pk=pk)
        before = field.applies_to
        form = FieldForm(request.POST, instance=field, user=request.user)
        saved = _saved(form)
    if not saved:
        return _show_field(request, field, form)
    messages.success(request, _("The custom field “%(name)s” is saved.") % {"name": field.name})
    if field.applies_to not in (before, AppliesTo.ALL):
        _tell_unseen(request, field)
    return redirect(home_of(field))


def _saved(form: FieldForm) -> bool:
    if not form.is_valid():
        return False
    try:
        save_field(
            form.instance,
            options=form.cleaned_data.get("options", ()),
            required_at=form.cleaned_data.get("required_at"),
        )
    except ValidationError as error:
        form.add_error(None, error)
        return False
    return True


def _tell_unseen(request: HttpRequest, field: CustomField) -> None:
    """What is not shown any more is not lost."""
    if number := values_out_of_sight(field):
        text = ngettext(
            "%(number)d contact of the other kind has a value, which is kept and not shown.",
            "%(number)d contacts of the other kind have a value, which is kept and not shown.",
            number,
        )
        messages.info(request, text % {"number": number})


def _show_field(
    request: HttpRequest,
    field: CustomField,
    form: FieldForm,
    option_form: TagForm | None = None,
) -> HttpResponse:
    # The form may have put something else into the field.
    name = form.initial.get("name", "")
    context = {**_context(field), "form": form, "name": name}
    if field.pk and field.type in CHOOSING:
        context |= _options_of(field, option_form)
    refused = bool(form.errors or (option_form and option_form.errors))
    return render(request, "settings/field.html", context, status=422 if refused else 200)


def _context(field: CustomField) -> dict[str, Any]:
    return {
        "field": field,
        "name": field.name,
        "type": FieldType(field.type).label,
        "category": Category(field.category),
        "settings_here": home_of(field),
    }


# -- its options


def _options_of(field: CustomField, form: TagForm | None = None) -> dict[str, Any]:
    uses = option_uses(field)
    rows = [
        (option, uses.get(option.pk, Uses()), _list_of(field, option))
        for option in field.options.all()
    ]
    return {"options": rows, "option_form": form or TagForm(prefix="option")}


def _list_of(field: CustomField, option: Option) -> str:
    """The address of the list of the records that have chosen it; empty where lists are not filtered by the field."""
    if not field.filterable:
        return ""
    name = "deals:list" if field.category == Category.DEALS else "contacts:list"
    return f"{reverse(name)}?{urlencode({field.form_name: option.pk})}"


@require_POST
@administrators_only
@retrying
def new_option(request: HttpRequest, pk: int) -> HttpResponse:
    field = picked(Removal.Kind.FIELD, pk)
    if field.deleted_at:
        return gone(request, field)
    form: TagForm | None = TagForm(request.POST, prefix="option")
    assert form is not None
    if form.is_valid():
        try:
            add_options(field, [form.cleaned_data["name"]], color=form.cleaned_data["color"])
        except ValidationError as error:
            form.add_error("name", error.messages)
        else:
            text = _("The option “%(name)s” is made.")
            messages.success(request, text % {"name": form.cleaned_data["name"]})
            form = None
    if request.htmx:  # type: ignore[attr-defined]
        return _exchange(request, field, form)
    if form is None:
        return _to_options(field)
    return _show_field(request, field, FieldForm(instance=field, user=request.user), form)


@require_POST
@administrators_only
@retrying
def options(request: HttpRequest, pk: int) -> HttpResponse:
    """One thing done with one option: the name of the button says what, its value is the number of the option."""
    field = picked(Removal.Kind.FIELD, pk)
    if field.deleted_at:
        return gone(request, field)
    act = next((name for name in ACTS if name in request.POST), "")
    number = request.POST.get(act, "")
    if act and number.isascii() and number.isdigit() and len(number) <= DIGITS_AT_MOST:
        option = Option.objects.select_related("field").filter(field=field, pk=number).first()
        if option is None:
            messages.error(request, _("This option is deleted already."))
        else:
            _act(request, option, act)
    if request.htmx:  # type: ignore[attr-defined]
        return _exchange(request, field)
    return _to_options(field)


ACTS: dict[str, Callable[[Option], Any]] = {
    "earlier": lambda option: shift_option(option, -1),
    "later": lambda option: shift_option(option, 1),
    "retire": lambda option: retire_option(option, True),
    "offer": lambda option: retire_option(option, False),
    "delete": delete_option,
}


def _act(request: HttpRequest, option: Option, act: str) -> None:
    words = {"name": option.name}
    try:
        ACTS[act](option)
    except OptionTaken as refused:
        messages.error(request, _with_list(option, refused))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        if act == "retire":
            text = _(
                "“%(name)s” is retired: it stays where it is chosen and is not offered any more."
            )
            messages.success(request, text % words)
        elif act == "offer":
            messages.success(request, _("“%(name)s” is offered again.") % words)
        elif act == "delete":
            messages.success(request, _("The option “%(name)s” is deleted.") % words)


def _with_list(option: Option, refused: OptionTaken) -> str:
    """Why an option cannot be deleted, and where to look at those who have it."""
    text = " ".join(refused.messages)
    number = refused.uses.seen
    if not number:
        hidden = _("Nobody shows it: values that are unseen or can still be brought back have it.")
        return f"{text} {hidden}"
    count = ngettext("%(number)d record has it.", "%(number)d records have it.", number)
    count = count % {"number": number}
    address = _list_of(option.field, option)
    if not address:
        return f"{text} {count}"
    return format_html('{} <a href="{}">{}</a>', text, address, count)


def _to_options(field: CustomField) -> HttpResponse:
    return redirect(f"{reverse('settings:field_edit', args=[field.pk])}#options")


def _exchange(
    request: HttpRequest, field: CustomField, form: TagForm | None = None
) -> HttpResponse:
    field = CustomField.objects.get(pk=field.pk)
    context = {**_context(field), **_options_of(field, form)}
    return render(request, "settings/field.html#options_exchange", context)


@get_or_post
@administrators_only
@retrying
def edit_option(request: HttpRequest, pk: int) -> HttpResponse:
    option = get_object_or_404(Option.objects.select_related("field"), pk=pk)
    field = option.field
    if field.deleted_at:
        return gone(request, field)
    if field.type not in CHOOSING:
        return redirect("settings:field_edit", field.pk)
    was = option.name, option.color
    form = TagForm(request.POST or None, initial=dict(zip(("name", "color"), was, strict=True)))
    if request.method == "POST" and form.is_valid():
        shown = request.POST.get("was_name", was[0]), request.POST.get("was_color", was[1])
        try:
            changed = change_option(option, **form.cleaned_data, was=shown)
        except ValidationError as error:
            form.add_error("name", error.messages)
        else:
            messages.success(request, _("The option “%(name)s” is saved.") % {"name": changed.name})
            return _to_options(field)
    context = {**_context(field), "option": option, "form": form}
    return render(request, "settings/option.html", context, status=422 if form.errors else 200)


# -- another type


@get_or_post
@administrators_only
@retrying
def change_type(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose a type, look at what it would mean, and confirm it."""
    field = picked(Removal.Kind.FIELD, pk)
    if field.deleted_at:
        return gone(request, field)
    asked = request.POST if request.method == "POST" else request.GET
    form = TypeForm(asked if "type" in asked else None, field=field)
    context = {**_context(field), "form": form}
    status = 200
    if form.is_bound and form.is_valid():
        wanted = form.cleaned_data["type"]
        if request.method == "POST" and (lost := _number(request.POST.get("lost", ""))) is not None:
            try:
                removal = convert_field(field, wanted, lost=lost)
            except ValidationError as error:
                context["refused"], status = error.messages, 409
            else:
                return _converted(request, field, removal)
        try:
            context["preview"] = preview_conversion(field, wanted, request.user)  # type: ignore[arg-type]
            context["wanted"] = FieldType(wanted).label
        except ValidationError as error:
            context["impossible"] = error.messages
    elif form.is_bound:
        status = 422
    return render(request, "settings/field_type.html", context, status=status)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_AT_MOST else None


def _converted(request: HttpRequest, field: CustomField, removal: Removal) -> HttpResponse:
    words = {"name": field.name, "type": FieldType(removal.data["to"]).label}
    text = _("“%(name)s” is of the type %(type)s now.") % words
    if removal.lost:
        lost = ngettext(
            "%(number)d record lost its value.",
            "%(number)d records lost their values.",
            removal.lost,
        )
        text = f"{text} {lost % {'number': removal.lost}}"
    messages.success(request, text, extra_tags=f"removed-{removal.pk}")
    return redirect("settings:field_edit", field.pk)
