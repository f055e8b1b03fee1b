"""Tags and custom fields of many deals."""

from __future__ import annotations

from crm.bulk.actions import register
from deals.actions import DealAction
from settings.bulk_actions import ChangeTags, SetCustomValues


@register
class ChangeDealTags(ChangeTags, DealAction):
    key = "deal.tags"


@register
class SetDealValues(SetCustomValues, DealAction):
    key = "deal.values"
