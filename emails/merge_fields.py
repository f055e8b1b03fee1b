"""What merge fields there are: an allow-list. What does not stand here is in no mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from contacts.statuses import StatusKind
from crm.accounts.access import level_of
from crm.accounts.levels import Area, Level
from settings.catalogue import catalogue
from settings.categories import Category, FieldType

if TYPE_CHECKING:
    from settings.models import CustomField

CONTACT, COMPANY, OWNER = _("Contact"), _("Company"), _("Owner")
STATUS, COUNTING, DEAL = _("Status"), _("Deals that count"), _("Deal")


@dataclass(frozen=True, slots=True)
class MergeField:
    """One that may be written as ``{{ name }}``; names never change. ``is_link``: it may be a whole link."""

    name: str
    label: str
    group: str
    is_link: bool = False


# Name, where it stands, what people call it.
OF_CONTACT = {
    "first_name": ("first_name", _("First name")),
    "last_name": ("last_name", _("Last name")),
    "name": ("name", _("Name")),
    "job_title": ("title", _("Job title")),
    "email": ("email", _("E-mail")),
    "phone": ("phone", _("Phone")),
    "mobile": ("mobile", _("Mobile")),
    "website": ("website", _("Website")),
    "street": ("street", _("Street")),
    "postal_code": ("postal_code", _("Postal code")),
    "city": ("city", _("City")),
    "state": ("state", _("State or region")),
    "country": ("country", _("Country")),
    "industry": ("industry", _("Industry")),
}
OF_COMPANY = {
    "company_name": ("name", _("Company’s name")),
    "company_website": ("website", _("Company’s website")),
    "company_phone": ("phone", _("Company’s phone")),
    "company_city": ("city", _("Company’s city")),
    "company_country": ("country", _("Company’s country")),
    "company_industry": ("industry", _("Company’s industry")),
}
OF_OWNER = {
    "owner_name": _("Owner’s name"),
    "owner_first_name": _("Owner’s first name"),
    "owner_email": _("Owner’s e-mail"),
}
OF_STATUS = {
    "prospect_status": (StatusKind.PROSPECT, _("Prospect Status")),
    "customer_status": (StatusKind.CUSTOMER, _("Customer Status")),
}
COUNTS = {"active_deals": _("Active deals"), "won_deals": _("Won deals")}
LAST_WON = {
    "last_won_deal": _("Deal last won"),
    "last_won_date": _("Last won on"),
    "last_won_value": _("Value of the deal last won"),
}
OF_DEAL = {
    "deal_name": _("Deal’s name"),
    "deal_value": _("Deal’s value"),
    "deal_stage": _("Deal’s stage"),
    "deal_expected_close": _("Deal’s expected close"),
    "deal_closed": _("Deal closed on"),
}
LINKS = frozenset(("website", "company_website"))
# What everybody has who is mailed.
ALWAYS = frozenset(("name", "email", *OF_STATUS, *COUNTS, "deal_name", "deal_stage"))
# What no recipient has itself: the address of its own way out.
RESERVED = frozenset(("unsubscribe_link",))


def merge_fields(record: str, user: Any) -> list[MergeField]:
    """What may stand in a mailing of ``user``, to a list of these records: “contact” or “deal”."""
    found = _listed({name: label for name, (_path, label) in OF_CONTACT.items()}, CONTACT)
    found += _listed({name: label for name, (_path, label) in OF_COMPANY.items()}, COMPANY)
    found += _listed(OF_OWNER, OWNER)
    found += _listed({name: label for name, (_kind, label) in OF_STATUS.items()}, STATUS)
    found += _listed(COUNTS, COUNTING)
    if level_of(user, Area.DEALS, "view") != Level.NONE:
        found += _listed(LAST_WON, COUNTING)
        found += _listed(OF_DEAL, DEAL) if record == "deal" else []
    found += [
        MergeField(
            f"custom_{one.pk}",
            one.name,
            str(Category(one.category).label),
            one.type == FieldType.URL,
        )
        for one in custom_fields(record, user)
    ]
    return found


def _listed(labels: Mapping[str, Any], group: Any) -> list[MergeField]:
    return [
        MergeField(name, str(label), str(group), name in LINKS) for name, label in labels.items()
    ]


def known_names(record: str, user: Any) -> set[str]:
    return {one.name for one in merge_fields(record, user)} | RESERVED


def custom_fields(record: str, user: Any) -> list[CustomField]:
    """Those of the categories of which the user sees anything at all."""
    areas = {
        Category.CONTACTS: Area.CONTACTS,
        Category.CUSTOMERS: Area.CUSTOMERS,
        **({Category.DEALS: Area.DEALS} if record == "deal" else {}),
    }
    seen = [one for one, area in areas.items() if level_of(user, area, "view") != Level.NONE]
    # What everybody who sees Contacts may know, those know too who only see prospects and customers.
    if Category.CUSTOMERS in seen and Category.CONTACTS not in seen:
        seen.insert(0, Category.CONTACTS)
    return catalogue().fields(*seen)
