"""The list of contacts. Their cards are in `card_views`."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contacts.filters import ContactFilterSet
from contacts.models import Contact
from contacts.statuses import CustomerStatus, ProspectStatus
from contacts.tables import ContactTable
from crm.lists.views import RecordListView, Tab


class ContactList(RecordListView):
    model = Contact
    filterset_class = ContactFilterSet
    table_class = ContactTable
    title = _("Contacts")
    search_label = _("Search name, e-mail or number")
    actions_template = "contacts/_list_actions.html"
    empty_template = "contacts/_list_empty.html"
    tabs = [
        Tab("all", _("All")),
        Tab("prospects", _("Prospects"), "prospect_status", ProspectStatus.CURRENT.value),
        Tab("customers", _("Customers"), "customer_status", CustomerStatus.CURRENT.value),
    ]

    def count_sentence(self, count: int) -> str:
        return ngettext("%(count)s contact", "%(count)s contacts", count) % {
            "count": intcomma(count)
        }
