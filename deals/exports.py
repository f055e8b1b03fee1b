"""Files of deals: what they have besides the columns of lists."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contacts.listing import through
from crm.bulk.actions import register as register_action
from crm.exports.action import ExportAction
from crm.exports.columns import ExportColumn
from crm.exports.fields import Exports, register
from deals.models import Deal
from deals.models.labels import HOLDER
from settings.exporting import made_columns

DEALS = register(
    Exports(
        record="deal",
        action="deal.export",
        stem="deals",
        title=_("Deals"),
        first=[ExportColumn("id", _("ID"), "pk", kind="number")],
        own={
            "contact_id": ExportColumn(
                "contact_id", _("Main contact ID"), "primary_contact_id", kind="number",
                through=through("primary_contact"),
            ),
            "company_id": ExportColumn(
                "company_id", _("Company ID"), "company_id", kind="number", through=through("company")
            ),
        },
        # A number of what.
        beside={"value": "currency"},
        complete=[
            "name", "contact", "contact_id", "company", "company_id", "pipeline", "stage",
            "category", "value", "currency", "opened", "stage_since", "closed", "expected_close",
            "source", "loss_reason", "unqualified_reason", "hot", "owner", "created",
        ],
        made=lambda exports, names, context: made_columns(HOLDER, exports, names, context),
    )
)  # fmt: skip


@register_action
class ExportDeals(ExportAction):
    key = "deal.export"
    record = "deal"
    model = Deal

    def counted(self, number: int) -> str:
        text = ngettext("%(number)s deal", "%(number)s deals", number)
        return text % {"number": intcomma(number)}
