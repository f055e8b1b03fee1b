from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Case, F, When
from django.utils.translation import gettext_lazy

from crm.lists.tables import CardLink, Column, RecordTable, names_of_owners
from crm.money import format_money

# Values sort within their currency, since 100 of one may be less than 90 of another; where there is no value, the
# currency says nothing either.
CURRENCY_OF_VALUE = Case(When(value__isnull=False, then=F("currency")))


class DealTable(RecordTable):
    columns = [
        Column("name", gettext_lazy("Deal"), ["sort_key"]),
        Column("contact", gettext_lazy("Main contact"), ["primary_contact__sort_key"]),
        Column("company", gettext_lazy("Company"), ["company__sort_key"], nullable=True),
        Column(
            "stage",
            gettext_lazy("Stage"),
            ["stage__pipeline__position", "stage__pipeline_id", "stage__position", "stage_id"],
        ),
        Column(
            "value",
            gettext_lazy("Value"),
            [CURRENCY_OF_VALUE, "value"],
            nullable=True,
            descends=True,
            css="amount",
        ),
        Column(
            "owner",
            gettext_lazy("Owner"),
            ["owner__last_name", "owner__first_name", "owner__username"],
            nullable=True,
            css="widest-only",
        ),
        Column("opened", gettext_lazy("Opened"), ["opened_at"], descends=True, css="wider-only"),
    ]
    default_sort = "-opened"
    rows_template = "deals/_rows.html"
    fields = [
        "name",
        "group",
        "value",
        "currency",
        "hot",
        "opened_at",
        "stage__name",
        "primary_contact__name",
        "company__name",
        "owner__username",
        "owner__first_name",
        "owner__last_name",
    ]

    def prepare(self, rows: Iterable[Any]) -> list[Any]:
        deal_card, contact_card = CardLink("deals:card"), CardLink("contacts:card")
        shown = list(rows)
        owners = names_of_owners(shown)
        for deal in shown:
            deal.url = deal_card.to(deal.pk)
            deal.contact_url = contact_card.to(deal.primary_contact_id)
            deal.company_url = contact_card.to(deal.company_id)
            deal.money = format_money(deal.value, deal.currency)
            deal.owner_name = owners[deal.owner_id]
        return shown
