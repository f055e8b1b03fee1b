"""The page of a list. Saving lists, tabs and columns: `saved_views`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Page
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views import View
from django_htmx.http import push_url, reswap, retarget

from crm.lists.acting import Act, Choosing
from crm.lists.addresses import expanded, kept_under, long_address
from crm.lists.editor import Editor, editor_of, entered, sections, with_part
from crm.lists.frames import (
    chips_by_group,
    clear_address,
    label_of,
    may_change,
    saving,
    tabs_around,
)
from crm.lists.pages import RecordPaginator
from crm.lists.registry import Context, Registry, registry_of
from crm.lists.saved import found_list, preference_of
from crm.lists.state import ListState
from crm.lists.tables import RecordTable
from crm.lists.why import found_by_name, reasons_for

TEMPLATE = "lists/list.html"
# Parts that stand beside the rows and ask for none.
PANELS = ("editor", "found", "why", "why-found")
# Which part of the page htmx asked for, by the id of the element that it will replace.
PARTS = {
    "list": f"{TEMPLATE}#exchange",
    "results": f"{TEMPLATE}#answer",
    "editor": "lists/_editor.html",
    "found": "lists/_editor_found.html",
    "why": "lists/_why.html",
    "why-found": "lists/_why_found.html",
    "count": "lists/_count.html",
}


class RecordListView(View):
    """A list of records: search, chips, columns, pages and tabs, the whole page or what htmx asked for of it.

    The same address gives the same list either way, and everything works without scripts. At most a dozen queries,
    whatever the number of rows and whichever columns are chosen.
    """

    record: ClassVar[str]
    title: ClassVar[str | Promise]
    search_label: ClassVar[str | Promise]
    # Templates of the buttons beside the title, of the rows, and of what an empty list says.
    actions_template: ClassVar[str]
    rows_template: ClassVar[str]
    empty_template: ClassVar[str]
    http_method_names = ["get", "head", "options"]

    def count_sentence(self, count: int, shown: str) -> str:
        """As in “1,234 contacts”; ``shown`` is the number as it is written."""
        raise NotImplementedError

    def acts(self) -> Sequence[Act]:
        """What can be done with the rows that are chosen; the first few are in sight."""
        return ()

    @cached_property
    def registry(self) -> Registry:
        return registry_of(self.record)

    def anything(self) -> bool:
        """Whether there is any record that the reader may see; asked only where none is listed."""
        return bool(self.registry.visible(self.request.user).exists())

    def get(self, request: HttpRequest, slug: str = "") -> HttpResponse:
        listed = found_list(self.registry, request.user, slug) if slug else None
        if slug and listed is None:
            raise Http404
        params = self._params(request)
        preference = preference_of(request.user, self.record)
        context = Context.of(request.user)
        editor = None
        if "set" in params:
            base = ListState(self.registry, context, self._base(params), listed, preference)
            target, editor = entered(self.registry, base, params)
            if target:
                return redirect(request.path if target == "." else request.path + target)
            state = base
        else:
            if "s" not in request.GET and long_address(request.GET.urlencode()):
                return redirect(f"{request.path}?{kept_under(request.GET)}")
            state = ListState(self.registry, context, params, listed, preference)
            editor = editor_of(self.registry, state, params)
        return self._answer(request, state, editor)

    def _params(self, request: HttpRequest) -> QueryDict:
        params = expanded(request.GET)
        if params is None:
            raise Http404
        return params

    def _base(self, params: QueryDict) -> QueryDict:
        """The state that the form of a chip was opened in."""
        base = expanded(QueryDict(params.get("base", "")))
        if base is None:
            raise Http404
        return base

    def _answer(
        self, request: HttpRequest, state: ListState, editor: Editor | None
    ) -> HttpResponse:
        part = request.htmx.target or "" if request.htmx else ""  # type: ignore[attr-defined]
        context = self._frame(request, state, editor)
        # Nothing was changed where the form of a chip is refused.
        status = 422 if editor and editor.problem else 200
        if part and status == 422:
            answer = render(request, PARTS["editor"], context, status=status)
            return reswap(push_url(retarget(answer, "#editor"), False), "outerHTML")
        if part in PANELS:
            return render(request, PARTS[part], context)
        paginator = RecordPaginator(state.queryset(), RecordTable(state).rows(), state.per_page)
        if part == "count":
            paginator.exact = True
            return render(request, PARTS[part], context | self._counted(state, paginator))
        context |= self._rows(state, paginator)
        return render(request, PARTS.get(part, TEMPLATE), context, status=status)

    def _frame(
        self, request: HttpRequest, state: ListState, editor: Editor | None
    ) -> dict[str, Any]:
        """What stands around the rows."""
        return {
            "list": self,
            "state": state,
            "editor": editor,
            **self._menu(state),
            "tabs": tabs_around(state),
            "title": self._title(state),
            "chips": chips_by_group(state),
            "or_url": with_part(state.address(), f"choose={len(state.conditions.groups)}"),
            "never": bool(state.never) and len(state.never) == len(state.conditions.groups),
            "clear": clear_address(state),
            "saving": saving(state),
            "editable_list": may_change(state),
            **self._why(request, state),
        }

    def _menu(self, state: ListState) -> dict[str, Any]:
        """The fields to choose from, and the id of what opened their menu."""
        choose = self.request.GET.get("choose", "")
        if not (choose.isascii() and choose.isdigit()) or len(choose) > 2:
            return {}
        group, groups = int(choose), len(state.conditions.groups)
        trigger = "or-filter" if groups and group >= groups else f"add-{group}"
        return {
            "editor_sections": sections(self.registry, state, group),
            "editor_trigger": trigger if groups > 1 or trigger == "or-filter" else "add-filter",
        }

    def _title(self, state: ListState) -> str:
        if state.listed is None:
            return str(self.title)
        return f"{label_of(state.listed)} · {self.title}"

    def _why(self, request: HttpRequest, state: ListState) -> dict[str, Any]:
        """Why one record is in the list or not; without a number, what could be meant by a name."""
        found = {"why_url": with_part(state.address(), "why="), "why_opened": "why" in request.GET}
        pk, text = request.GET.get("why", ""), request.GET.get("find", "").strip()[:200]
        if pk.isascii() and pk.isdigit() and len(pk) <= 18:
            found["why"] = reasons_for(state, int(pk))
            found["why_gone"] = found["why"] is None
        elif text and found["why_opened"]:
            found["why_find"] = text
            found["why_found"] = found_by_name(state, text)
        return found

    def _rows(self, state: ListState, paginator: RecordPaginator) -> dict[str, Any]:
        table = RecordTable(state)
        page = paginator.get_page(self.request.GET.get("page"))
        return {
            "table": table,
            "page": page,
            "rows": table.prepare(page.object_list),
            "pages": self._pages(page, state),
            "previous_url": self.page_url(page.number - 1, state),
            "next_url": self.page_url(page.number + 1, state),
            "summary": self._summary(page, state),
            "open_ended": paginator.open_ended,
            "page_address": self.page_url(page.number, state),
            "display_url": self._display_url(state),
            **self._choosing(state, paginator, [row.pk for row in page.object_list]),
        }

    def _counted(self, state: ListState, paginator: RecordPaginator) -> dict[str, Any]:
        """What the exact number changes on the page, without its rows."""
        number = self.request.GET.get("page", "1")
        page = Page([], int(number) if number.isdecimal() and len(number) < 10 else 1, paginator)
        return {"summary": self._summary(page, state), **self._choosing(state, paginator, [])}

    def _choosing(
        self, state: ListState, paginator: RecordPaginator, ids: list[int]
    ) -> dict[str, Any]:
        count = paginator.count
        shown = intcomma(paginator.counted_to) + "+" if paginator.open_ended else intcomma(count)
        counted = self.count_sentence(count, shown)
        return {"count": count, "choosing": Choosing(state, counted, ids, self.acts())}

    def _display_url(self, state: ListState) -> str:
        query = urlencode({"list": state.listed.slug if state.listed else "", "state": state.query})
        return f"{reverse('lists:columns', args=[self.record])}?{query}"

    def _summary(self, page: Any, state: ListState) -> str:
        if state.faults:
            return _("Nothing is shown.")
        count = page.paginator.count
        shown = intcomma(count)
        if page.paginator.open_ended:
            shown = f"{intcomma(page.paginator.counted_to)}+"
        if count <= state.per_page:
            return self.count_sentence(count, shown)
        return _("%(first)s to %(last)s of %(count)s") % {
            "first": intcomma(page.start_index()),
            "last": intcomma(page.end_index()),
            "count": self.count_sentence(count, shown),
        }

    def _pages(self, page: Any, state: ListState) -> list[dict[str, Any]]:
        """Page numbers with their addresses; a gap has neither. Where the end is not known, nor is its number."""
        if page.paginator.num_pages < 2:
            return []
        numbers = list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1))
        if page.paginator.open_ended:
            numbers = [*numbers[:-1]] if numbers[-1] != page.number else numbers
        return [
            {"number": n, "url": self.page_url(n, state)} if isinstance(n, int) else {}
            for n in numbers
        ]

    def page_url(self, number: int, state: ListState) -> str:
        return with_part(state.address(), f"page={number}")
