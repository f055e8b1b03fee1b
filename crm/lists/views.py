from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views import View

from crm.lists.filters import RecordFilterSet
from crm.lists.pages import RecordPaginator
from crm.lists.tables import RecordTable, address

TEMPLATE = "lists/list.html"
# Which part of the page htmx asked for, by the id of the element that it will replace.
PARTS = {"list": f"{TEMPLATE}#exchange", "results": f"{TEMPLATE}#answer"}


@dataclass(frozen=True)
class Tab:
    """A tab above the list: it sets one filter, `name`, to `value` (empty: to nothing)."""

    key: str
    label: str | Promise
    name: str = ""
    value: str = ""


class RecordListView(View):
    """A list of records: filters, columns, pages and tabs, the whole page or what htmx asked for of it.

    The same address gives the same list either way, and everything works without scripts. At most a handful of
    queries, whatever the number of rows.
    """

    model: ClassVar[type[Model]]
    filterset_class: ClassVar[type[RecordFilterSet]]
    table_class: ClassVar[type[RecordTable]]
    tabs: ClassVar[Sequence[Tab]] = ()
    page_size: ClassVar[int] = 50
    # Templates of the buttons beside the title and of what an empty list says.
    actions_template: ClassVar[str]
    empty_template: ClassVar[str]
    title: ClassVar[str | Promise]
    search_label: ClassVar[str | Promise]
    http_method_names = ["get", "head", "options"]

    def get_queryset(self) -> QuerySet:
        return self.model._default_manager.visible_to(self.request.user)  # type: ignore[attr-defined]

    def count_sentence(self, count: int) -> str:
        """As in “1,234 contacts”."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        visible = self.get_queryset()
        table = self.table_class(request.GET)
        filterset = self.filterset_class(request.GET, visible, request=request)
        if table.problem:
            filterset.problems.append(table.problem)
        rows = visible.for_list().only(*table.fields)  # type: ignore[attr-defined]
        paginator = RecordPaginator(table.in_order(filterset.qs), rows, self.page_size)
        page = paginator.get_page(request.GET.get("page"))
        tabs = self._tabs()
        context = {
            "list": self,
            "table": table,
            "filterset": filterset,
            "page": page,
            "rows": table.prepare(page.object_list),
            "pages": self._pages(page),
            "previous_url": self.page_url(page.number - 1),
            "next_url": self.page_url(page.number + 1),
            "tabs": tabs,
            "title": self._title(tabs),
            "summary": self._summary(page, filterset),
            "clear": self._clear(filterset),
        }
        part = PARTS.get(request.htmx.target or "") if request.htmx else None  # type: ignore[attr-defined]
        return render(request, part or TEMPLATE, context)

    def _tabs(self) -> list[dict[str, Any]]:
        names = {tab.name for tab in self.tabs if tab.name}
        now = {name: self.request.GET.getlist(name) for name in names}
        shown = []
        for tab in self.tabs:
            wanted: dict[str, list[str]] = {name: [] for name in names}
            if tab.name:
                wanted[tab.name] = [tab.value]
            current = {k: [v for v in values if v] for k, values in now.items()} == wanted
            url = address(self.request.GET, **wanted)
            shown.append(
                {
                    "key": tab.key,
                    "label": tab.label,
                    "url": url,
                    "current": current,
                    "narrows": bool(tab.name),
                }
            )
        return shown

    def _title(self, tabs: list[dict[str, Any]]) -> str:
        current = next((tab for tab in tabs if tab["current"] and tab["narrows"]), None)
        return f"{current['label']} · {self.title}" if current else str(self.title)

    def _summary(self, page: Any, filterset: RecordFilterSet) -> str:
        if filterset.problems:
            return _("Nothing is shown.")
        count = page.paginator.count
        if count <= self.page_size:
            return self.count_sentence(count)
        return _("%(first)s to %(last)s of %(count)s") % {
            "first": intcomma(page.start_index()),
            "last": intcomma(page.end_index()),
            "count": self.count_sentence(count),
        }

    def _clear(self, filterset: RecordFilterSet) -> str:
        """The address of the list without filters; tab and order stay, unless they are what is wrong."""
        kept = ("sort", *filterset.in_tabs) if not filterset.problems else ()
        dropped = {name: "" for name in self.request.GET if name not in kept}
        return address(self.request.GET, **dropped)

    def _pages(self, page: Any) -> list[dict[str, Any]]:
        """Page numbers with their addresses; a gap has neither."""
        if page.paginator.num_pages < 2:
            return []
        numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
        return [
            {"number": n, "url": self.page_url(n)} if isinstance(n, int) else {} for n in numbers
        ]

    def page_url(self, number: int) -> str:
        query = self.request.GET.copy()
        query["page"] = str(number)
        return f"?{query.urlencode()}"
