"""Tags and custom fields, what of them was removed, and the account."""

from settings.models.account import Account, Currency
from settings.models.fields import CustomField, Option
from settings.models.labels import Label, Removal
from settings.models.tags import Tag, TagLink
from settings.models.values import FieldValue, RecordChange

__all__ = [
    "Account",
    "Currency",
    "CustomField",
    "FieldValue",
    "Label",
    "Option",
    "RecordChange",
    "Removal",
    "Tag",
    "TagLink",
]
