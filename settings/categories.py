"""What tags and custom fields belong to, and what kinds of values fields hold."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Category(models.TextChoices):
    """Prospects & Customers is a subcategory of contacts: those with a status other than Non."""

    CONTACTS = "contacts", _("Contacts")
    CUSTOMERS = "customers", _("Prospects & Customers")
    DEALS = "deals", _("Deals")

    @property
    def record(self) -> str:
        """The record type that carries its tags and values."""
        return "deal" if self == Category.DEALS else "contact"

    @classmethod
    def of_record(cls, record: str) -> list[Category]:
        return [one for one in cls if one.record == record]


class FieldType(models.TextChoices):
    TEXT = "text", _("Text")
    LONG_TEXT = "long_text", _("Long text")
    WHOLE = "whole", _("Whole number")
    NUMBER = "number", _("Number")
    MONEY = "money", _("Money")
    YES_NO = "yes_no", _("Yes or no")
    DATE = "date", _("Date")
    MOMENT = "moment", _("Date and time")
    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")
    URL = "url", _("Web address")
    ADDRESS = "address", _("Address")
    CHOICE = "choice", _("Single choice")
    CHOICES = "choices", _("Several choices")
    USER = "user", _("Person of the team")
    CONTACT = "contact", _("Contact")


CHOOSING = (FieldType.CHOICE, FieldType.CHOICES)


class AppliesTo(models.TextChoices):
    """Which contacts have a field."""

    ALL = "", _("People and companies")
    PEOPLE = "person", _("People")
    COMPANIES = "company", _("Companies")


class Color(models.TextChoices):
    GRAY = "gray", pgettext_lazy("color", "Gray")
    BLUE = "blue", pgettext_lazy("color", "Blue")
    CYAN = "cyan", pgettext_lazy("color", "Cyan")
    TEAL = "teal", pgettext_lazy("color", "Teal")
    GREEN = "green", pgettext_lazy("color", "Green")
    LIME = "lime", pgettext_lazy("color", "Lime")
    YELLOW = "yellow", pgettext_lazy("color", "Yellow")
    ORANGE = "orange", pgettext_lazy("color", "Orange")
    RED = "red", pgettext_lazy("color", "Red")
    PINK = "pink", pgettext_lazy("color", "Pink")
    PURPLE = "purple", pgettext_lazy("color", "Purple")
    INDIGO = "indigo", pgettext_lazy("color", "Indigo")
