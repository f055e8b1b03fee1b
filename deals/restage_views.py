"""Another category for a stage, another stage for its deals: what follows is shown before it is done."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.guards import administrators_only
from crm.changes import one_change
from crm.retry import retrying
from deals.models import Stage
from deals.notices import tell
from deals.pipeline_views import ENDS, ended, get_or_post, stage_or_404
from deals.services import restaging
from deals.services.pipelines import why_needed
from deals.settings_forms import MoveDealsForm
from deals.stages import GROUP_OF, Category


@get_or_post
@administrators_only
@retrying
def stage_category(request: HttpRequest, pk: int) -> HttpResponse:
    stage = stage_or_404(pk)
    sent = request.POST if request.method == "POST" else request.GET
    category = sent.get("category", "")
    if category not in Category.values or (request.method != "POST" and category == stage.category):
        messages.error(request, _("Choose another category."))
        return redirect("deals:stage", pk)
    refused, status = why_needed(stage, category), 200
    if request.method == "POST":
        # As whoever confirms it saw it.
        stage.category = request.POST.get("was", stage.category)
        try:
            with one_change() as change:
                restaging.change_category(stage, category, seen=_number(request, "seen"))
        except ValidationError as refusal:
            refused = " ".join(refusal.messages)
            status = 409 if isinstance(refusal, restaging.Outdated) else 422
            stage = stage_or_404(pk)
            possible = status == 409 and stage.category != category
        else:
            names = {"stage": stage.name, "category": Category(category).label}
            tell(request, _("“%(stage)s” means “%(category)s” now.") % names, change)
            return redirect(_at(stage))
    else:
        possible = not refused
    context = {
        "stage": stage,
        "category": Category(category),
        "was": Category(stage.category),
        "refused": refused,
        "possible": possible,
        "same": stage.category == category,
        "foreseen": restaging.foresee(stage, GROUP_OF[category], request.user),
        "back": reverse("deals:stage", args=[pk]),
    }
    return render(request, "deals/settings/stage_category.html", context, status=status)


@get_or_post
@administrators_only
@retrying
def stage_move_deals(request: HttpRequest, pk: int) -> HttpResponse:
    """Move every deal out of a stage, and then perhaps archive or delete it (``then``)."""
    stage = stage_or_404(pk)
    posted = request.method == "POST"
    sent = request.POST if posted else request.GET
    then = sent.get("then", "")
    then = then if then in ENDS else ""
    form = MoveDealsForm(sent if posted or "to" in sent else None, stage=stage)
    target = form.cleaned_data["to"] if form.is_bound and form.is_valid() else None
    refused, status = "", 200
    if posted and target is not None:
        try:
            return _move(request, stage, target, then)
        except ValidationError as refusal:
            refused = " ".join(refusal.messages)
            status = 409 if isinstance(refusal, restaging.Outdated) else 422
    foreseen = None
    if target is not None:
        foreseen = restaging.foresee(stage, target.group, request.user)
    context: dict[str, Any] = {
        "stage": stage,
        "target": target,
        "then": then,
        "form": form,
        "refused": refused,
        "foreseen": foreseen,
        "deals": stage.deals.count() if foreseen is None else foreseen.deals,
        "back": reverse("deals:stage", args=[pk]),
    }
    return render(request, "deals/settings/stage_move_deals.html", context, status=status)


def _move(request: HttpRequest, stage: Stage, target: Stage, then: str) -> HttpResponse:
    with one_change() as change:
        moved = restaging.move_deals(stage, target, seen=_number(request, "seen"))
        if then:
            ENDS[then](stage)
    text = ngettext(
        "%(number)d deal moved from “%(stage)s” to “%(target)s”.",
        "%(number)d deals moved from “%(stage)s” to “%(target)s”.",
        moved,
    )
    done = text % {"number": moved, "stage": stage.name, "target": target.name}
    tell(request, f"{done} {ended(then, stage)}" if then else done, change)
    return redirect(_at(target if then == "delete" else stage))


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def _at(stage: Stage) -> str:
    return f"{reverse('deals:pipelines')}#stage-{stage.pk}"
