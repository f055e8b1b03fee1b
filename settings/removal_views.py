"""Deleting, merging and moving tags and custom fields: what it would mean first, and then the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.accounts.guards import administrators_only
from crm.changes import one_change
from crm.retry import retrying
from settings import outcomes
from settings.categories import Category
from settings.forms import OtherForm
from settings.models import CustomField, Removal
from settings.picking import gone, home_of, picked
from settings.services import (
    counterpart,
    delete_everywhere,
    delete_label,
    merge_labels,
    move_label,
)

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
HERE, BOTH = "here", "both"


@get_or_post
@administrators_only
@retrying
def delete(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    label = picked(kind, pk)
    if label.deleted_at:
        return gone(request, label)
    choices = _ways_to_delete(label, request.user)
    where = request.POST.get("where") or request.GET.get("where") or HERE
    if where not in [choice["value"] for choice in choices]:
        where = HERE
    if request.method == "POST":
        work = delete_everywhere if where == BOTH else delete_label
        return _done(request, label, lambda: work(label))
    context = {"choices": choices, "chosen": where}
    return _ask(request, "settings/delete.html", kind, label, context)


def _ways_to_delete(label: Any, user: Any) -> list[dict[str, Any]]:
    """In its category or in both. One of Prospects & Customers without another of its name is nowhere else."""
    other = counterpart(label)
    here = outcomes.of_deleting(label)
    found = [
        {"value": HERE, "outcome": here, "naming": outcomes.lists_naming([label], user)},
    ]
    if label.category == Category.CONTACTS or other is not None:
        labels = [label, other] if other is not None else [label]
        both = outcomes.of_deleting_everywhere(label)
        naming = outcomes.lists_naming(labels, user)
        found.append({"value": BOTH, "outcome": both, "naming": naming})
    return found


@get_or_post
@administrators_only
@retrying
def merge(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Two steps: which two, then which of them stays."""
    label = picked(kind, pk)
    if label.deleted_at:
        return gone(request, label)
    asked = request.POST if request.method == "POST" else request.GET
    form = OtherForm(asked if "other" in asked else None, label=label)
    if not form.is_valid():
        context: dict[str, Any] = {"form": form}
        status = 422 if form.errors else 200
        return _ask(request, "settings/merge.html", kind, label, context, status)
    other = form.others[form.cleaned_data["other"]]
    survivors = {str(one.pk): (lost, one) for lost, one in ((label, other), (other, label))}
    if request.POST.get("survivor") in survivors:
        lost, into = survivors[request.POST["survivor"]]
        return _done(request, lost, lambda: merge_labels(lost, into))
    choices = [
        {
            "value": value,
            "into": into,
            "outcome": outcomes.of_merging(lost, into),
            "naming": outcomes.lists_naming([lost], request.user),
        }
        for value, (lost, into) in survivors.items()
    ]
    context = {"form": form, "other": other, "choices": choices, "chosen": str(other.pk)}
    return _ask(request, "settings/merge_pair.html", kind, label, context)


@get_or_post
@administrators_only
@retrying
def move(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    label = picked(kind, pk)
    if label.deleted_at:
        return gone(request, label)
    if label.category == Category.DEALS:
        return redirect("settings:category", label.category)
    if request.method == "POST":
        return _done(request, label, lambda: move_label(label))
    context = {
        "outcome": outcomes.of_moving(label),
        "to": outcomes.other_category(label),
        "naming": _naming_after_move(request, label),
    }
    return _ask(request, "settings/move.html", kind, label, context)


def _naming_after_move(request: HttpRequest, label: Any) -> outcomes.Naming:
    """A field keeps its number when it moves, and lists find it; a tag is another field of lists there."""
    if isinstance(label, CustomField) and counterpart(label) is None:
        return outcomes.Naming()
    return outcomes.lists_naming([label], request.user)


def _ask(
    request: HttpRequest,
    template: str,
    kind: str,
    label: Any,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    given = {
        "kind": kind,
        "label": label,
        "category": Category(label.category),
        "settings_here": home_of(label),
    }
    return render(request, template, {**given, **context}, status=status)


def _done(request: HttpRequest, label: Any, work: Any) -> HttpResponse:
    """Do it, tell what came of it and offer the way back; a refusal is shown on the page it stands on."""
    seen = request.POST.get("category", label.category)
    try:
        with one_change():
            _refuse_moved(label, seen)
            result = work()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(home_of(label))
    removals: Sequence[Removal] = result if isinstance(result, list) else [result]
    text = " ".join(outcomes.told(removal) for removal in removals)
    numbers = "-".join(str(removal.pk) for removal in removals)
    messages.success(request, text, extra_tags=f"removed-{numbers}")
    return redirect(home_of(label))


def _refuse_moved(label: Any, category: str) -> None:
    """What was said is about the category it was in: a second click must not move it back."""
    rows = type(label).objects.select_for_update(no_key=True).filter(pk=label.pk)
    now = rows.values_list("category", flat=True).first()
    if now != category:
        where = {"name": label.name, "category": Category(now).label if now else ""}
        raise ValidationError(
            _("“%(name)s” was moved to %(category)s meanwhile. Nothing was changed.") % where
        )
