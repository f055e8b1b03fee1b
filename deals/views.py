"""The list of deals. Their cards are in `card_views`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.lists.acting import Act
from crm.lists.views import RecordListView


class DealList(RecordListView):
    record = "deal"
    title = _("Deals")
    search_label = _("Search deal or main contact")
    actions_template = "deals/_list_actions.html"
    rows_template = "deals/_rows.html"
    empty_template = "deals/_list_empty.html"
    acts = [
        Act("deal.stage", _("Stage"), "layout-kanban"),
        Act("deal.owner", _("Owner"), "user-circle"),
        Act("deal.set", _("Field values"), "pencil"),
        Act("deal.delete", _("Delete"), "trash"),
    ]

    def count_sentence(self, count: int, shown: str) -> str:
        return ngettext("%(count)s deal", "%(count)s deals", count) % {"count": shown}
