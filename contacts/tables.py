from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.statuses import CustomerStatus, ProspectStatus
from crm.lists.tables import CardLink, Column, RecordTable, names_of_owners


class ContactTable(RecordTable):
    columns = [
        Column("name", gettext_lazy("Name"), ["sort_key"]),
        Column("company", gettext_lazy("Company"), ["company__sort_key"], nullable=True),
        Column("prospect", gettext_lazy("Prospect Status"), ["prospect_status", "sort_key"]),
        Column("customer", gettext_lazy("Customer Status"), ["customer_status", "sort_key"]),
        Column(
            "owner",
            gettext_lazy("Owner"),
            ["owner__last_name", "owner__first_name", "owner__username"],
            nullable=True,
            css="wider-only",
        ),
        Column(
            "updated",
            gettext_lazy("Updated"),
            ["updated_at"],
            descends=True,
            css="widest-only",
        ),
    ]
    default_sort = "name"
    rows_template = "contacts/_rows.html"
    fields = [
        "is_organization",
        "name",
        "title",
        "prospect_status",
        "customer_status",
        "updated_at",
        "company__name",
        "owner__username",
        "owner__first_name",
        "owner__last_name",
    ]

    def prepare(self, rows: Iterable[Any]) -> list[Any]:
        prospect_badges = badges("prospect", ProspectStatus)
        customer_badges = badges("customer", CustomerStatus)
        kinds = {True: (_("company"), "is-company"), False: (_("person"), "is-person")}
        link = CardLink("contacts:card")
        shown = list(rows)
        owners = names_of_owners(shown)
        for contact in shown:
            contact.url = link.to(contact.pk)
            contact.company_url = link.to(contact.company_id)
            contact.kind, contact.kind_css = kinds[contact.is_organization]
            contact.prospect_badge = prospect_badges[contact.prospect_status]
            contact.customer_badge = customer_badges[contact.customer_status]
            contact.owner_name = owners[contact.owner_id]
        return shown


def badges(kind: str, statuses: type[ProspectStatus | CustomerStatus]) -> dict[str, SafeString]:
    """The badge of each status, drawn once for all rows."""
    return {
        status.value: render_to_string(
            "_status.html", {"kind": kind, "value": status.value, "label": status.label}
        )
        for status in statuses
    }
