"""What the page of an action asks before it is done. The rooms above say it for their records."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.accounts.access import level_of
from crm.accounts.levels import Area, Level
from crm.bulk.actions import BulkAction, action_of, may_start
from crm.bulk.forms import ActionForm
from crm.lists.registry import registry_of

# Above this many, what cannot be undone is confirmed by typing the number.
TYPED_ABOVE = 1_000
# Among more than this, what would be left out is not counted beforehand.
LOOKED_AT_MOST = 20_000


class ActionPage:
    """The page that asks: a form, and words. One instance serves all requests."""

    key: ClassVar[str]
    # What its button in the list says and shows.
    label: ClassVar[str | Promise]
    icon: ClassVar[str]
    # Where it stands among the others.
    place: ClassVar[int] = 50
    form: ClassVar[type[ActionForm]] = ActionForm
    # What the button says that does it, if not the label.
    button: ClassVar[str | Promise] = ""
    # It asks for the number to be typed when there are many, and warns with its colour.
    dangerous: ClassVar[bool] = False
    # Whether the form chooses contacts or deals by name, which takes scripts of its own.
    picks: ClassVar[bool] = False

    @property
    def action(self) -> BulkAction:
        return action_of(self.key)

    def question(self, counted: str) -> str:
        """The title, as in “Owner of 12 contacts”."""
        return f"{self.label}: {counted}"

    def left_out(self, records: QuerySet, user: Any) -> list[str]:
        """Sentences about records that this will refuse, where that is known beforehand."""
        return []

    def hint(self) -> str:
        """What follows from it, in a sentence."""
        return ""


_pages: dict[str, ActionPage] = {}


def register_page(page: type[ActionPage]) -> type[ActionPage]:
    """Decorator: offer this action in the lists of its records."""
    _pages[page.key] = page()
    return page


def pages_of(record: str) -> list[ActionPage]:
    found = [page for page in _pages.values() if page.action.record == record]
    return sorted(found, key=lambda page: page.place)


def pages_for(record: str, user: Any, *areas: Area) -> list[ActionPage]:
    """Those that ``user`` may enter; none for who may edit nothing in these areas. No statement."""
    if all(level_of(user, area, "edit") == Level.NONE for area in areas):
        return []
    return [page for page in pages_of(record) if may_start(page.action, user)]


def page_of(record: str, key: str) -> ActionPage:
    """The page of an action on these records; ``Http404`` if there is none."""
    page = _pages.get(key)
    if page is None or page.action.record != record:
        raise Http404
    return page


def check_typed(page: ActionPage, count: int, typed: str) -> str:
    """Why what was typed is not the number asked for; empty if it is, or none is asked for."""
    digits = "".join(char for char in typed if char.isdigit())
    if not page.dangerous or count <= TYPED_ABOVE or digits == str(count):
        return ""
    return _("Type %(number)s to confirm.") % {"number": intcomma(count)}


def list_url(request: HttpRequest, record: str) -> str:
    """Where the selection was made: the list and its state, as they were posted."""
    slug = slugify(request.POST.get("list", ""))
    url = reverse(registry_of(record).list_view, args=[slug] if slug else [])
    query = request.POST.get("state", "").removeprefix("?")
    return f"{url}?{quote(query, safe='=&%+~.,-')}" if query else url
