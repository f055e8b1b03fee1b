"""The list of deals. Their cards are in `card_views`."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.accounts.levels import Area
from crm.bulk.pages import pages_for
from crm.lists.acting import Act
from crm.lists.views import RecordListView


class DealList(RecordListView):
    record = "deal"
    title = _("Deals")
    search_label = _("Search deal or main contact")
    actions_template = "deals/_list_actions.html"
    rows_template = "deals/_rows.html"
    empty_template = "deals/_list_empty.html"

    def acts(self) -> Sequence[Act]:
        return pages_for(self.record, self.request.user, Area.DEALS)

    def count_sentence(self, count: int, shown: str) -> str:
        return ngettext("%(count)s deal", "%(count)s deals", count) % {"count": shown}
