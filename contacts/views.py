"""The list of contacts. Their cards are in `card_views`."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.accounts.levels import Area
from crm.bulk.pages import pages_for
from crm.lists.acting import Act
from crm.lists.views import RecordListView


class ContactList(RecordListView):
    record = "contact"
    title = _("Contacts")
    search_label = _("Search name, company, e-mail or phone")
    actions_template = "contacts/_list_actions.html"
    rows_template = "contacts/_rows.html"
    empty_template = "contacts/_list_empty.html"

    def acts(self) -> Sequence[Act]:
        return pages_for(self.record, self.request.user, Area.CONTACTS, Area.CUSTOMERS)

    def count_sentence(self, count: int, shown: str) -> str:
        return ngettext("%(count)s contact", "%(count)s contacts", count) % {"count": shown}
