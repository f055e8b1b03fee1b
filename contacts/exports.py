"""Files of contacts: what they have besides the columns of lists, and what Mailchimp takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Case, F, When
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contacts.listing import through
from contacts.models import Contact
from contacts.models.labels import HOLDER
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.bulk.actions import register as register_action
from crm.exports.action import ExportAction
from crm.exports.columns import ExportColumn
from crm.exports.fields import Exports, register
from settings.exporting import made_columns, mailchimp_tags

KIND_WORDS = {"company": _("Company"), "person": _("Person")}


def kind_code(is_organization: bool) -> str:
    return "company" if is_organization else "person"


def kind_words() -> Mapping[Any, Any]:
    return KIND_WORDS


def language_words() -> Mapping[Any, Any]:
    return dict(settings.LANGUAGES)


def prospect_words() -> Mapping[Any, Any]:
    return dict(ProspectStatus.choices)


def customer_words() -> Mapping[Any, Any]:
    return dict(CustomerStatus.choices)


def mailchimp_columns() -> list[ExportColumn]:
    """Under the names that the import of an audience knows by itself.

    A company's name stands where the last name does. Statuses are fields and not among the tags: an import adds tags
    and never takes one away, so that a status there would stay when it is past.
    """
    last_name = Case(When(is_organization=True, then=F("name")), default=F("last_name"))
    phone = Case(When(phone="", then=F("mobile")), default=F("phone"))
    names: dict[str, str | Combinable] = {
        "Email Address": "email",
        "First Name": "first_name",
        "Last Name": last_name,
        "Phone Number": phone,
    }
    columns = [ExportColumn(name, name, source) for name, source in names.items()]
    columns.append(mailchimp_tags(HOLDER, "Tags"))
    statuses = (
        ("Prospect Status", "prospect_status", prospect_words),
        ("Customer Status", "customer_status", customer_words),
    )
    return columns + [ExportColumn(name, name, path, words=words) for name, path, words in statuses]


CONTACTS = register(
    Exports(
        record="contact",
        action="contact.export",
        stem="contacts",
        title=_("Contacts"),
        first=[
            ExportColumn("id", _("ID"), "pk", kind="number"),
            ExportColumn(
                "kind", _("Kind"), "is_organization", kind_code, words=kind_words, read_back=True
            ),
        ],
        own={
            "company_id": ExportColumn(
                "company_id", _("Company ID"), "company_id", kind="number", through=through("company")
            ),
            "parent_company_id": ExportColumn(
                "parent_company_id", _("Parent company ID"), "parent_company_id", kind="number",
                through=through("parent_company"),
            ),
            "language": ExportColumn(
                "language", _("Language"), "language", words=language_words, read_back=True
            ),
        },
        beside={},
        complete=[
            "name", "first_name", "last_name", "title", "company", "company_id", "parent_company",
            "parent_company_id", "email", "phone", "mobile", "website", "language", "street", "postal_code",
            "city", "state", "country", "industry", "description", "prospect_status",
            "prospect_since", "customer_status", "customer_since", "owner", "created",
        ],
        mailchimp=mailchimp_columns,
        made=lambda exports, names, context: made_columns(HOLDER, exports, names, context),
        addresses=("name", "email"),
    )
)  # fmt: skip


@register_action
class ExportContacts(ExportAction):
    key = "contact.export"
    record = "contact"
    model = Contact

    def counted(self, number: int) -> str:
        text = ngettext("%(number)s contact", "%(number)s contacts", number)
        return text % {"number": intcomma(number)}
