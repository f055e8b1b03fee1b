"""The list of deals. Their cards are in `card_views`."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from crm.lists.views import RecordListView, Tab
from deals.filters import DealFilterSet
from deals.models import Deal
from deals.stages import Group
from deals.tables import DealTable


class DealList(RecordListView):
    model = Deal
    filterset_class = DealFilterSet
    table_class = DealTable
    title = _("Deals")
    search_label = _("Search deal or main contact")
    actions_template = "deals/_list_actions.html"
    empty_template = "deals/_list_empty.html"
    tabs = [
        Tab("open", pgettext_lazy("deals", "Open"), "group", Group.ACTIVE.value),
        Tab("won", pgettext_lazy("deals", "Won"), "group", Group.WON.value),
        Tab("lost", pgettext_lazy("deals", "Lost"), "group", Group.LOST.value),
        Tab("all", _("All")),
    ]

    def count_sentence(self, count: int) -> str:
        return ngettext("%(count)s deal", "%(count)s deals", count) % {"count": intcomma(count)}
