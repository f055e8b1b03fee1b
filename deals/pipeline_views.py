"""Pipelines and their stages, for administrators. What touches deals is asked first, with what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.accounts.guards import administrators_only
from crm.retry import retrying
from deals.models import Deal, Pipeline, RequiredAt, Stage
from deals.services import pipelines as service
from deals.settings_forms import WHAT_THEY_MEAN, NameForm, NewStageForm, StageForm
from deals.stages import Category

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
@administrators_only
def pipelines(request: HttpRequest) -> HttpResponse:
    rows = Pipeline.objects.prefetch_related("stages")
    counted = Deal.objects.visible_to(request.user).order_by().values("stage")
    deals = dict(counted.annotate(number=Count("pk")).values_list("stage", "number"))
    shown = [_Shown(one, deals) for one in rows]
    context = {
        "live": [one for one in shown if not one.pipeline.archived],
        "archived": [one for one in shown if one.pipeline.archived],
    }
    return render(request, "deals/settings/pipelines.html", context)


class _Shown:
    """A pipeline as its card shows it: stages with how many deals, and what it lacks."""

    def __init__(self, pipeline: Pipeline, deals: dict[int, int]) -> None:
        self.pipeline = pipeline
        stages: list[Any] = list(pipeline.stages.all())
        for stage in stages:
            stage.number = deals.get(stage.pk, 0)
        self.live = [one for one in stages if not one.archived]
        self.archived = [one for one in stages if one.archived]
        self.deals = sum(one.number for one in stages)
        missing = service.missing_in(stages)
        self.missing = service.named_needs(missing) if missing else ""


def _to(record: Pipeline | Stage) -> str:
    """The page of all pipelines, at this one."""
    return f"{reverse('deals:pipelines')}#{type(record).__name__.lower()}-{record.pk}"


def _pipeline(pk: int) -> Pipeline:
    return get_object_or_404(Pipeline, pk=pk)


def stage_or_404(pk: int) -> Stage:
    return get_object_or_404(Stage.objects.select_related("pipeline"), pk=pk)


# -- pipelines


@get_or_post
@administrators_only
@retrying
def pipeline_new(request: HttpRequest) -> HttpResponse:
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            pipeline = service.add_pipeline(form.cleaned_data["name"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            done = _("The pipeline “%(name)s” has the usual stages: change them as you need.")
            messages.success(request, done % {"name": pipeline.name})
            return redirect(_to(pipeline))
    return _form(request, form, _("New pipeline"), _("Add the pipeline"))


@get_or_post
@administrators_only
@retrying
def pipeline(request: HttpRequest, pk: int) -> HttpResponse:
    found = _pipeline(pk)
    form = NameForm(request.POST or None, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        try:
            service.rename_pipeline(found, form.cleaned_data["name"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect(_to(found))
    title = _("Rename the pipeline “%(name)s”") % {"name": found.name}
    return _form(request, form, title, _("Save"), back=_to(found))


PIPELINE_TURNS: dict[str, Callable[[Pipeline], None]] = {
    "up": lambda one: service.move_pipeline(one, up=True),
    "down": lambda one: service.move_pipeline(one, up=False),
    "default": service.make_default,
    "unarchive": service.unarchive_pipeline,
}


@require_POST
@administrators_only
@retrying
def pipeline_turn(request: HttpRequest, pk: int) -> HttpResponse:
    found = _pipeline(pk)
    return _turn(request, found, PIPELINE_TURNS)


def _turn(request: HttpRequest, record: Any, turns: dict[str, Callable[[Any], None]]) -> Any:
    turn = turns.get(request.POST.get("do", ""))
    if turn is not None:
        try:
            turn(record)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
    return redirect(_to(record))


@get_or_post
@administrators_only
@retrying
def pipeline_archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask with how many deals stay in it; then take it out of use."""
    found = _pipeline(pk)
    if request.method == "POST":
        try:
            service.archive_pipeline(found)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            messages.success(request, _("“%(name)s” is archived.") % {"name": found.name})
        return redirect(_to(found))
    try:
        service.check_archivable(found, Pipeline.objects.all())
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(_to(found))
    context = {"pipeline": found, "open": service.open_deals_in(found), "back": _to(found)}
    return render(request, "deals/settings/pipeline_archive.html", context)


# -- stages


@get_or_post
@administrators_only
@retrying
def stage_new(request: HttpRequest, pk: int) -> HttpResponse:
    found = _pipeline(pk)
    form = NewStageForm(request.POST or None, initial={"likelihood": 50})
    if request.method == "POST" and form.is_valid():
        try:
            stage = service.add_stage(found, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("The stage “%(name)s” is added.") % {"name": stage.name})
            return redirect(_to(stage))
    title = _("New stage in “%(name)s”") % {"name": found.name}
    return _form(request, form, title, _("Add the stage"), back=_to(found))


@get_or_post
@administrators_only
@retrying
def stage(request: HttpRequest, pk: int) -> HttpResponse:
    """Name and likelihood are saved at once; category, deals and the end of it are asked about."""
    found = stage_or_404(pk)
    initial = {"name": found.name, "likelihood": found.likelihood}
    form = StageForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            service.edit_stage(found, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect(_to(found))
    context = {
        "stage": stage_or_404(pk),
        "form": form,
        "number": Deal.objects.visible_to(request.user).filter(stage=found).count(),
        "categories": [(one, WHAT_THEY_MEAN[one], one == found.category) for one in Category],
        "back": _to(found),
    }
    return render(request, "deals/settings/stage.html", context)


STAGE_TURNS: dict[str, Callable[[Stage], None]] = {
    "up": lambda one: service.move_stage(one, up=True),
    "down": lambda one: service.move_stage(one, up=False),
    "unarchive": service.unarchive_stage,
}


@require_POST
@administrators_only
@retrying
def stage_turn(request: HttpRequest, pk: int) -> HttpResponse:
    return _turn(request, stage_or_404(pk), STAGE_TURNS)


ENDS: dict[str, Callable[[Stage], None]] = {
    "archive": service.archive_stage,
    "delete": service.delete_stage,
}


@get_or_post
@administrators_only
@retrying
def stage_end(request: HttpRequest, pk: int, how: str) -> HttpResponse:
    """Archive or delete a stage; one that has deals leads to where they are moved first."""
    found = stage_or_404(pk)
    if how not in ENDS:
        raise Http404
    number = Deal.objects.filter(stage=found).count()
    if number and request.method != "POST":
        return redirect(f"{reverse('deals:stage_move_deals', args=[pk])}?then={how}")
    if request.method == "POST":
        try:
            ENDS[how](found)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect(_to(found))
        messages.success(request, ended(how, found))
        return redirect(_to(found.pipeline))
    required = RequiredAt.objects.filter(stage=found).select_related("field")
    context = {
        "stage": found,
        "how": how,
        "refused": service.why_needed(found),
        "required": [one.field.name for one in required],
        "back": reverse("deals:stage", args=[pk]),
    }
    return render(request, "deals/settings/stage_end.html", context)


def ended(how: str, stage: Stage) -> str:
    text = _("“%(name)s” is archived.") if how == "archive" else _("“%(name)s” is deleted.")
    return text % {"name": stage.name}


def _form(
    request: HttpRequest, form: Any, title: str, button: str, *, back: str = ""
) -> HttpResponse:
    context = {
        "form": form,
        "title": title,
        "button": button,
        "back": back or reverse("deals:pipelines"),
    }
    return render(request, "deals/settings/form.html", context)
