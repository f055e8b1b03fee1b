"""The page of a list. Saving lists, tabs and columns: `saved_views`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.views import View

from crm.lists.addresses import kept_under, long_address, query_under
from crm.lists.conditions import Conditions
from crm.lists.editor import Editor, editor_of, entered, sections, with_part
from crm.lists.pages import RecordPaginator
from crm.lists.registry import Context, Registry, registry_of
from crm.lists.saved import found_list, preference_of, tabs_of
from crm.lists.state import Listed, ListState, SmartList
from crm.lists.tables import RecordTable
from crm.lists.why import reasons_for

TEMPLATE = "lists/list.html"
# Which part of the page htmx asked for, by the id of the element that it will replace.
PARTS = {
    "list": f"{TEMPLATE}#exchange",
    "results": f"{TEMPLATE}#answer",
    "editor": "lists/_editor.html",
    "why": "lists/_why.html",
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

    @cached_property
    def registry(self) -> Registry:
        return registry_of(self.record)

    def get(self, request: HttpRequest, slug: str = "") -> HttpResponse:
        listed = found_list(self.registry, request.user, slug) if slug else None
        if slug and listed is None:
            raise Http404
        params = self._params(request)
        preference = preference_of(request.user, self.record)
        context = Context.of(request.user)
        editor = None
        if "set" in params:
            base = ListState(
                self.registry, context, QueryDict(params.get("base", "")), listed, preference
            )
            target, editor = entered(self.registry, base, params)
            if target:
                return redirect(request.path if target == "." else request.path + target)
            state = base
        else:
            if long_address(request.GET.urlencode()):
                return redirect(f"{request.path}?{kept_under(request.GET)}")
            state = ListState(self.registry, context, params, listed, preference)
            editor = editor_of(self.registry, state, params)
        return self._answer(request, state, editor)

    def _params(self, request: HttpRequest) -> QueryDict:
        key = request.GET.get("s", "")
        if not key:
            return request.GET
        query = query_under(key)
        if query is None:
            raise Http404
        params = QueryDict(query, mutable=True)
        for name in ("page", "edit", "add", "choose", "why"):
            if name in request.GET:
                params[name] = request.GET[name]
        return params

    def _answer(
        self, request: HttpRequest, state: ListState, editor: Editor | None
    ) -> HttpResponse:
        part = request.htmx.target or "" if request.htmx else ""  # type: ignore[attr-defined]
        context = self._frame(request, state, editor)
        if part in ("editor", "why"):
            return render(request, PARTS[part], context)
        paginator = RecordPaginator(state.queryset(), RecordTable(state).rows(), state.per_page)
        if part == "count":
            paginator.exact = True
            context["count_text"] = self.count_sentence(paginator.count, intcomma(paginator.count))
            return render(request, PARTS[part], context)
        context |= self._rows(state, paginator)
        return render(request, PARTS.get(part, TEMPLATE), context)

    def _frame(
        self, request: HttpRequest, state: ListState, editor: Editor | None
    ) -> dict[str, Any]:
        """What stands around the rows."""
        tabs = tabs_of(self.registry, request.user, state.preference)  # type: ignore[arg-type]
        return {
            "list": self,
            "state": state,
            "editor": editor,
            "editor_sections": self._sections(state),
            "tabs": [self._tab(one, state) for one in tabs],
            "title": self._title(state),
            "chips": self._chips(state),
            "add_url": with_part(state.address(), "choose=0"),
            "or_url": with_part(state.address(), f"choose={len(state.conditions.groups)}"),
            "never": bool(state.never) and len(state.never) == len(state.conditions.groups),
            "some_never": bool(state.never),
            "clear": self._clear(state),
            "reset": "." if state.listed else "",
            "editable_list": self._may_change(request, state),
            "why": self._why(request, state),
            "why_url": with_part(state.address(), "why="),
        }

    def _sections(self, state: ListState) -> list[Any]:
        choose = self.request.GET.get("choose", "")
        if not choose.isdigit() or len(choose) > 2:
            return []
        return sections(self.registry, state, int(choose))

    def _tab(self, listed: Listed, state: ListState) -> dict[str, Any]:
        current = state.listed is not None and state.listed.slug == listed.slug
        if state.listed is None and listed.slug == "all":
            current = not state.conditions
        return {
            "slug": listed.slug,
            "label": listed.name if isinstance(listed, SmartList) else listed.label,
            "url": self.list_url(listed.slug),
            "current": current,
            "changed": current and state.changed,
            "shared": isinstance(listed, SmartList) and listed.shared,
        }

    def list_url(self, slug: str) -> str:
        return reverse(self.registry.list_view, args=[slug])

    def _title(self, state: ListState) -> str:
        if state.listed is None:
            return str(self.title)
        name = state.listed.name if isinstance(state.listed, SmartList) else state.listed.label
        return f"{name} · {self.title}"

    def _chips(self, state: ListState) -> list[dict[str, Any]]:
        """The chips by group, each with its sentence in parts and its addresses."""
        groups: dict[int, list[dict[str, Any]]] = {}
        for one in state.bound:
            before, values, after = one.parts(state.context)
            without = state.conditions.replaced(one.group, one.index, None)
            chip = {
                "id": f"{one.group}-{one.index}",
                "before": before,
                "values": values,
                "after": after,
                "sentence": f"{before}{values}{after}",
                "problem": one.problem,
                "unavailable": one.unavailable,
                "edit": with_part(state.address(), f"edit={one.group}.{one.index}"),
                "without": state.address(conditions=without),
            }
            groups.setdefault(one.group, []).append(chip)
        return [
            {
                "chips": chips,
                "add": with_part(state.address(), f"choose={number}"),
                "never": number in state.never,
            }
            for number, chips in groups.items()
        ]

    def _clear(self, state: ListState) -> str:
        """The address of the list without filters; its order stays, unless that is what is wrong."""
        if state.problems:
            return "."
        return state.address(conditions=Conditions(), text="")

    def _may_change(self, request: HttpRequest, state: ListState) -> bool:
        saved = state.listed
        if not isinstance(saved, SmartList):
            return False
        return saved.owner_id == request.user.pk or (saved.shared and request.user.is_superuser)

    def _why(self, request: HttpRequest, state: ListState) -> Any:
        pk = request.GET.get("why", "")
        if not pk.isdigit() or len(pk) > 18:
            return None
        return reasons_for(state, int(pk))

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
            "count": paginator.count,
            "open_ended": paginator.open_ended,
        }

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
