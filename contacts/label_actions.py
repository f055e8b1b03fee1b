"""Tags and custom fields of many contacts."""

from __future__ import annotations

from contacts.actions import ContactAction
from crm.bulk.actions import register
from settings.bulk_actions import ChangeTags, SetCustomValues


@register
class ChangeContactTags(ChangeTags, ContactAction):
    key = "contact.tags"


@register
class SetContactValues(SetCustomValues, ContactAction):
    key = "contact.values"
