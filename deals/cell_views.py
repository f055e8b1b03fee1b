"""Cells of the list of deals, edited in place."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.urls import reverse

from crm.accounts.doors import editable_or_refuse
from crm.changes import one_change
from crm.lists.cell_views import CellView
from crm.lists.registry import Field
from deals.forms import DealCellForm
from deals.models import Deal


class DealCell(CellView):
    record = "deal"
    rows_template = "deals/_rows.html"

    def form_of(self, record: Deal, data: QueryDict | None) -> Any:
        return DealCellForm(data, instance=record, user=self.request.user)

    def edit_url(self, pk: int) -> str:
        return reverse("deals:edit", args=[pk])

    def save(self, pk: int, field: Field) -> Any:
        with one_change():
            locked = Deal.objects.select_for_update(no_key=True)
            form = self.checked(editable_or_refuse(locked, self.request.user, pk), field)
            if form is not None and form.is_valid():
                form.save()
        return form
