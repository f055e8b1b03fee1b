"""Pipelines and their stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.changes import one_change
from deals.querysets import StageQuerySet
from deals.stages import GROUP_OF, Category


class Pipeline(models.Model):
    """A named, ordered row of stages."""

    name = models.CharField(_("name"), max_length=120)
    position = models.PositiveIntegerField(_("position"), default=0)
    is_default = models.BooleanField(_("default pipeline"), default=False)
    archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        verbose_name = _("pipeline")
        verbose_name_plural = _("pipelines")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="pipeline_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Stage(models.Model):
    """A step of a pipeline. What it means for statuses is its category."""

    pipeline = models.ForeignKey(
        Pipeline, verbose_name=_("pipeline"), on_delete=models.CASCADE, related_name="stages"
    )
    name = models.CharField(_("name"), max_length=120)
    category = models.CharField(_("category"), max_length=12, choices=Category.choices)
    position = models.PositiveIntegerField(_("position"), default=0)
    likelihood = models.PositiveSmallIntegerField(_("likelihood in percent"), default=0)
    # Deals that are in it stay; none is moved into it.
    archived = models.BooleanField(_("archived"), default=False)

    objects = StageQuerySet.as_manager()

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering = ["pipeline", "position", "pk"]
        constraints = [
            models.CheckConstraint(
                name="stage_category", condition=Q(category__in=Category.values)
            ),
            models.CheckConstraint(
                name="stage_likelihood",
                condition=Q(likelihood__lte=100),
                violation_error_message=_("A likelihood lies between 0 and 100 percent."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def group(self) -> str:
        return GROUP_OF[self.category]

    @classmethod
    def deals_out_of_step(cls, stage_ids: Sequence[int]) -> list[int]:
        """Ids of the deals in these stages whose group is not that of the stage's category."""
        stages = cls.objects.filter(pk__in=stage_ids, deals__isnull=False).order_by()
        rows = stages.values_list("deals", "deals__group", "category")
        return [pk for pk, group, category in rows.iterator() if GROUP_OF[category] != group]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; the deals in this stage follow its category in the same transaction."""
        with one_change():
            super().save(*args, **kwargs)
