"""Pipelines and their stages: making, naming, ordering and archiving them.

What a pipeline that takes deals always has: a stage for open deals (incoming or in progress), one
for won and one for lost ones. Without them no deal could begin, be won or be lost there. A stage
for unqualified deals it may do without: the pages offer one only where it is.
What moves deals or changes what their stages mean stands in ``restaging``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.audit.models import Action
from crm.audit.services import record
from crm.changes import one_change
from crm.folding import fold
from crm.names import validate_name
from deals.models import Deal, Pipeline, Stage
from deals.stages import GROUP_OF, Category, Group

# What a pipeline needs a stage for, and how it is called.
NEEDED = {
    "open": gettext_lazy("open deals"),
    "won": gettext_lazy("won deals"),
    "lost": gettext_lazy("lost deals"),
}
# What a new pipeline begins with.
USUAL_STAGES = [
    (gettext_lazy("Incoming"), Category.INCOMING, 10),
    (gettext_lazy("Qualified"), Category.IN_PROGRESS, 30),
    (gettext_lazy("Quote"), Category.IN_PROGRESS, 50),
    (gettext_lazy("Closure"), Category.IN_PROGRESS, 80),
    (Category.WON.label, Category.WON, 100),
    (Category.LOST.label, Category.LOST, 0),
    (Category.UNQUALIFIED.label, Category.UNQUALIFIED, 0),
]


def need_of(category: str) -> str:
    """Which of ``NEEDED`` a stage of this category meets; empty for unqualified."""
    if GROUP_OF[category] == Group.ACTIVE:
        return "open"
    return category if category in NEEDED else ""


def missing_in(stages: Iterable[Stage]) -> list[str]:
    """What these stages of a pipeline, the archived ones aside, leave unmet; keys of ``NEEDED``."""
    met = {need_of(stage.category) for stage in stages if not stage.archived}
    return [need for need in NEEDED if need not in met]


def named_needs(needs: Iterable[str]) -> str:
    return get_text_list([str(NEEDED[need]) for need in needs], _("and"))


@contextmanager
def changing(pipeline_id: int) -> Iterator[Pipeline]:
    """One change of a pipeline, in which nobody else changes it.

    Raises ``ValidationError``, and takes everything back, if a stage that it needs is gone
    afterwards, or if the pipeline itself is.
    """
    with one_change():
        pipeline = locked(pipeline_id)
        before = missing_in(pipeline.stages.all())
        yield pipeline
        if not pipeline.archived:
            check_needs(pipeline, before)


def check_needs(pipeline: Pipeline, before: Sequence[str] = ()) -> None:
    """Refuse a pipeline that lacks a stage it needs, other than those it lacked ``before``."""
    stages = Stage.objects.filter(pipeline=pipeline)
    gone = [need for need in missing_in(stages) if need not in before]
    if gone:
        raise ValidationError(_no_stage_left(pipeline, gone))


def why_needed(stage: Stage, category: str = "") -> str:
    """Why the pipeline cannot do without this stage, or with another category for it; else empty."""
    if stage.archived or stage.pipeline.archived:
        return ""
    stages = list(Stage.objects.filter(pipeline=stage.pipeline_id).order_by("pk"))
    before = missing_in(stages)
    others = [one for one in stages if one.pk != stage.pk]
    if category:
        others.append(Stage(category=category))
    gone = [need for need in missing_in(others) if need not in before]
    return _no_stage_left(stage.pipeline, gone) if gone else ""


def _no_stage_left(pipeline: Pipeline, needs: Iterable[str]) -> str:
    return _("“%(pipeline)s” would have no stage for %(needs)s. Add another one first.") % {
        "pipeline": pipeline.name,
        "needs": named_needs(needs),
    }


def locked(pipeline_id: int) -> Pipeline:
    rows = Pipeline.objects.select_for_update(no_key=True)
    pipeline = rows.filter(pk=pipeline_id).first()
    if pipeline is None:
        raise ValidationError(_("This pipeline does not exist any more."))
    return pipeline


def locked_stage(stage_id: int) -> Stage:
    """The stage as it is by now, and so until the change ends. Lock its pipeline first."""
    stage = Stage.objects.select_for_update(no_key=True).filter(pk=stage_id).first()
    if stage is None:
        raise ValidationError(_("This stage does not exist any more."))
    return stage


def clean_name(name: str, others: models.QuerySet, refusal: Any) -> str:
    """``name`` without doubled blanks; raises ``ValidationError`` if it is none, or one of them has it."""
    name = " ".join(name.split())
    try:
        validate_name(name)
    except ValidationError as refused:
        raise ValidationError({"name": refused}) from None
    if fold(name) in {fold(one) for one in others.values_list("name", flat=True)}:
        raise ValidationError({"name": refusal})
    return name


# -- pipelines


def add_pipeline(name: str) -> Pipeline:
    """A pipeline with the usual stages, after all others. Raises ``ValidationError``."""
    with one_change():
        others = list(Pipeline.objects.select_for_update(no_key=True).order_by("pk"))
        pipeline = Pipeline(
            name=_pipeline_name(name, Pipeline.objects.all()),
            position=1 + max((one.position for one in others), default=-1),
            is_default=not any(one.is_default for one in others),
        )
        pipeline.full_clean()
        pipeline.save()
        add_usual_stages(pipeline)
    return pipeline


def add_usual_stages(pipeline: Pipeline) -> None:
    Stage.objects.bulk_create(
        Stage(
            pipeline=pipeline,
            name=str(name),
            category=category,
            position=position,
            likelihood=likelihood,
        )
        for position, (name, category, likelihood) in enumerate(USUAL_STAGES)
    )


def _pipeline_name(name: str, others: models.QuerySet) -> str:
    return clean_name(name, others, _("There is a pipeline of this name already."))


def rename_pipeline(pipeline: Pipeline, name: str) -> None:
    with changing(pipeline.pk) as stored:
        stored.name = _pipeline_name(name, Pipeline.objects.exclude(pk=stored.pk))
        stored.full_clean()
        stored.save(update_fields=["name"])


def make_default(pipeline: Pipeline) -> None:
    """New deals begin here from now on. Raises ``ValidationError`` for an archived one."""
    with one_change():
        list(Pipeline.objects.select_for_update(no_key=True).order_by("pk"))
        stored = locked(pipeline.pk)
        if stored.archived:
            raise ValidationError(
                _("“%(pipeline)s” is archived: it takes no new deals. Bring it back first.")
                % {"pipeline": stored.name}
            )
        Pipeline.objects.exclude(pk=stored.pk).filter(is_default=True).update(is_default=False)
        Pipeline.objects.filter(pk=stored.pk).update(is_default=True)
        if not stored.is_default:
            _note(stored, "is_default", True)


def open_deals_in(pipeline: Pipeline) -> int:
    return Deal.objects.active().filter(stage__pipeline=pipeline).count()


def archive_pipeline(pipeline: Pipeline) -> None:
    """It takes no deals any more; those in it stay. Raises ``ValidationError`` for the default one."""
    with one_change():
        # All of them, so that of the last two in use two people cannot archive one each.
        pipelines = list(Pipeline.objects.select_for_update(no_key=True).order_by("pk"))
        stored = locked(pipeline.pk)
        check_archivable(stored, pipelines)
        Pipeline.objects.filter(pk=stored.pk).update(archived=True)
        _note(stored, "archived", True)


def check_archivable(pipeline: Pipeline, pipelines: Iterable[Pipeline]) -> None:
    if pipeline.is_default:
        raise ValidationError(
            _("“%(pipeline)s” is the default pipeline. Make another one the default first.")
            % {"pipeline": pipeline.name}
        )
    if all(one.archived or one.pk == pipeline.pk for one in pipelines):
        raise ValidationError(_("It is the only pipeline in use. Add another one first."))


def unarchive_pipeline(pipeline: Pipeline) -> None:
    """It takes deals again. Raises ``ValidationError`` while it lacks a stage that it needs."""
    with one_change():
        stored = locked(pipeline.pk)
        missing = missing_in(stored.stages.all())
        if missing:
            raise ValidationError(
                _("“%(pipeline)s” has no stage for %(needs)s. Add one first.")
                % {"pipeline": stored.name, "needs": named_needs(missing)}
            )
        Pipeline.objects.filter(pk=stored.pk).update(archived=False)
        _note(stored, "archived", False)


def move_pipeline(pipeline: Pipeline, *, up: bool) -> None:
    with one_change():
        rows = list(Pipeline.objects.select_for_update(no_key=True).order_by("pk"))
        rows.sort(key=lambda one: (one.position, one.pk))
        put_in_order(Pipeline, rows, pipeline.pk, up=up)


def _note(changed: Pipeline | Stage, name: str, value: bool) -> None:
    """For the audit log, which signals tell of what is saved."""
    record(Action.SETTING_CHANGED, changed, before={name: not value}, after={name: value})


def put_in_order(model: Any, rows: list[Any], pk: int, *, up: bool) -> None:
    """Let one of ``rows`` change places with its neighbour, and number them.

    Those that are archived are listed apart, so that they are passed over.
    """
    at = next((number for number, one in enumerate(rows) if one.pk == pk), None)
    if at is not None:
        step = -1 if up else 1
        to = at + step
        while 0 <= to < len(rows) and rows[to].archived != rows[at].archived:
            to += step
        if 0 <= to < len(rows):
            rows.insert(to, rows.pop(at))
    differing = [one for number, one in enumerate(rows) if one.position != number]
    for number, one in enumerate(rows):
        one.position = number
    if differing:
        model.objects.bulk_update(differing, ["position"])


# -- stages


def add_stage(pipeline: Pipeline, *, name: str, category: str, likelihood: int) -> Stage:
    """A stage behind the last one whose category comes no later. Raises ``ValidationError``."""
    with changing(pipeline.pk) as stored:
        rows = list(stored.stages.order_by("position", "pk"))
        stage = Stage(
            pipeline=stored,
            name=_stage_name(name, stored.stages.all()),
            category=category,
            likelihood=likelihood,
            position=len(rows),
        )
        stage.full_clean()
        stage.save()
        order = Category.values
        before = [
            n for n, one in enumerate(rows) if order.index(one.category) <= order.index(category)
        ]
        rows.insert(1 + max(before, default=-1), stage)
        for number, one in enumerate(rows):
            one.position = number
        Stage.objects.bulk_update(rows, ["position"])
    return stage


def _stage_name(name: str, others: models.QuerySet) -> str:
    return clean_name(name, others, _("There is a stage of this name in this pipeline already."))


def edit_stage(stage: Stage, *, name: str, likelihood: int) -> None:
    """Another name or likelihood, on which no status rests. Raises ``ValidationError``."""
    with changing(stage.pipeline_id) as pipeline:
        stored = locked_stage(stage.pk)
        stored.name = _stage_name(name, pipeline.stages.exclude(pk=stored.pk))
        stored.likelihood = likelihood
        stored.full_clean()
        stored.save(update_fields=["name", "likelihood"])


def move_stage(stage: Stage, *, up: bool) -> None:
    with changing(stage.pipeline_id) as pipeline:
        rows = list(pipeline.stages.order_by("position", "pk"))
        put_in_order(Stage, rows, stage.pk, up=up)


def archive_stage(stage: Stage) -> None:
    """Offer the stage no more. Raises ``ValidationError`` while deals are in it, or it is needed."""
    with changing(stage.pipeline_id):
        stored = locked_stage(stage.pk)
        check_empty(stored)
        Stage.objects.filter(pk=stored.pk).update(archived=True)
        _note(stored, "archived", True)


def unarchive_stage(stage: Stage) -> None:
    with changing(stage.pipeline_id):
        stored = locked_stage(stage.pk)
        Stage.objects.filter(pk=stored.pk).update(archived=False)
        _note(stored, "archived", False)


def delete_stage(stage: Stage) -> None:
    """Delete a stage without deals. Raises ``ValidationError`` for one with, or that is needed."""
    with changing(stage.pipeline_id):
        # Not as the others lock: nobody may put a deal into it while it goes.
        stored = Stage.objects.select_for_update().filter(pk=stage.pk).first()
        if stored is not None:
            check_empty(stored)
            stored.delete()


def check_empty(stage: Stage) -> None:
    number = Deal.objects.filter(stage=stage).count()
    if number:
        text = ngettext(
            "%(number)d deal is in “%(stage)s”. Move it to another stage first.",
            "%(number)d deals are in “%(stage)s”. Move them to another stage first.",
            number,
        )
        raise ValidationError(text % {"number": number, "stage": stage.name}, code="not_empty")
