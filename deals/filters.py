from __future__ import annotations

from typing import Any

import django_filters
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lists.filters import RecordFilterSet
from crm.lists.owners import owned, owner_choices
from deals.models import Deal, Stage
from deals.querysets import DealQuerySet
from deals.stages import Group


class DealFilterSet(RecordFilterSet):
    group = django_filters.ChoiceFilter(label=gettext_lazy("Deals"), choices=Group.choices)
    # distinct=False: these are columns of the deal, and DISTINCT over whole rows forbids every index.
    stage = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("Stage"), distinct=False, method="in_stage"
    )
    pipeline = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("Pipeline"), distinct=False, method="in_pipeline"
    )
    owner = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("Owner"), distinct=False, method="owned_by"
    )
    q = django_filters.CharFilter(label=gettext_lazy("Text"), method="with_text", max_length=200)

    in_tabs = ("group",)

    class Meta:
        model = Deal
        fields: list[str] = []

    def __init__(self, data: QueryDict, queryset: DealQuerySet, **more: Any) -> None:
        super().__init__(data, queryset, **more)
        stages = list(Stage.objects.in_order())
        pipelines = {str(stage.pipeline_id): stage.pipeline.name for stage in stages}
        # Two pipelines may both have a stage “Quote”: then only its pipeline tells which.
        several = len(pipelines) > 1
        self.filters["stage"].extra["choices"] = [
            (str(stage.pk), f"{stage.pipeline.name}: {stage.name}" if several else stage.name)
            for stage in stages
        ]
        self.filters["pipeline"].extra["choices"] = list(pipelines.items())
        self.filters["owner"].extra["choices"] = owner_choices()

    def in_stage(self, deals: DealQuerySet, name: str, values: list[str]) -> DealQuerySet:
        return deals.filter(stage__in=ids(values)) if values else deals

    def in_pipeline(self, deals: DealQuerySet, name: str, values: list[str]) -> DealQuerySet:
        # By the ids of its stages, which are few, and not by a join over all deals.
        stages = Stage.objects.filter(pipeline__in=ids(values)).values("pk")
        return deals.filter(stage__in=stages) if values else deals

    def owned_by(self, deals: DealQuerySet, name: str, values: list[str]) -> DealQuerySet:
        return deals.filter(owned(values)) if values else deals

    def with_text(self, deals: DealQuerySet, name: str, value: str) -> DealQuerySet:
        return deals.matching(value)

    def sentence(self, name: str, values: list[str]) -> str:
        if name == "q":
            return _("Name or main contact holds “%(text)s”") % {"text": values[0]}
        return super().sentence(name, values)


def ids(values: list[str]) -> list[int]:
    return [int(value) for value in values]
