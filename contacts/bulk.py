"""The pages that ask before something is done to many contacts."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.actions import SETTABLE
from contacts.fields import ContactChoiceField, contact_fields
from contacts.models import Contact
from contacts.statuses import CustomerStatus, ProspectStatus, StatusKind
from crm.bulk.forms import ActionForm, FieldsForm, OwnerForm
from crm.bulk.pages import ActionPage, register_page
from deals.models import Deal
from settings.fields import ContactField
from settings.label_pages import CustomValuesForm, CustomValuesPage, TagsForm, TagsPage

LEAVE = ("", gettext_lazy("Leave it as it is"))


class StatusesForm(ActionForm):
    """A status to select, or two. Current Prospects are made by deals alone."""

    prospect = forms.ChoiceField(
        label=StatusKind.PROSPECT.label,
        required=False,
        choices=[LEAVE, *(c for c in ProspectStatus.choices if c[0] != ProspectStatus.CURRENT)],
    )
    customer = forms.ChoiceField(
        label=StatusKind.CUSTOMER.label, required=False, choices=[LEAVE, *CustomerStatus.choices]
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not any(cleaned.values()):
            raise ValidationError(_("Choose a status."))
        return cleaned

    def params(self) -> dict[str, Any]:
        return {kind: value for kind, value in self.cleaned_data.items() if value}


@register_page
class StatusPage(ActionPage):
    key = "contact.status"
    label = gettext_lazy("Select status")
    icon = "target"
    place = 10
    form = StatusesForm

    def question(self, counted: str) -> str:
        return _("Select a status for %(records)s") % {"records": counted}

    def hint(self) -> str:
        return _("A status that the deals of a contact rule out is refused, with the deals named.")

    def left_out(self, records: QuerySet, user: Any) -> list[str]:
        found = records.order_by().aggregate(
            active=Count("pk", filter=Q(active_deals__gt=0)),
            won=Count("pk", filter=Q(active_deals=0, won_deals__gt=0)),
        )
        sentences = []
        if found["active"]:
            text = ngettext(
                "%(number)d has an active deal: it stays a Current Prospect.",
                "%(number)d have active deals: they stay Current Prospects.",
                found["active"],
            )
            sentences.append(text % {"number": found["active"]})
        if found["won"]:
            text = ngettext(
                "%(number)d bought: it cannot be a Lost Prospect, nor a Non Customer while the deal "
                "counts for it.",
                "%(number)d bought: they cannot be Lost Prospects, nor Non Customers while the "
                "deals count for them.",
                found["won"],
            )
            sentences.append(text % {"number": found["won"]})
        return sentences


@register_page
class OwnerPage(ActionPage):
    key = "contact.owner"
    label = gettext_lazy("Set owner")
    icon = "user"
    place = 20
    form = OwnerForm

    def question(self, counted: str) -> str:
        return _("Set the owner of %(records)s") % {"records": counted}


class ContactFieldsForm(FieldsForm):
    model = Contact
    names = SETTABLE


@register_page
class FieldsPage(ActionPage):
    key = "contact.set"
    label = gettext_lazy("Set fields")
    icon = "pencil"
    place = 30
    form = ContactFieldsForm

    def question(self, counted: str) -> str:
        return _("Set fields of %(records)s") % {"records": counted}

    def hint(self) -> str:
        return _("A job title is refused for companies, an industry for people.")


class ContactTagsForm(TagsForm):
    record = "contact"


@register_page
class ContactTagsPage(TagsPage):
    key = "contact.tags"
    form = ContactTagsForm


class ContactValuesForm(CustomValuesForm):
    record = "contact"

    def contact_field(self) -> ContactField:
        return contact_fields(self.user, self.contact_ids())


@register_page
class ContactValuesPage(CustomValuesPage):
    key = "contact.values"
    form = ContactValuesForm
    picks = True


class CompanyForm(ActionForm):
    company = ContactChoiceField(
        kind="company", act="edit", label=gettext_lazy("Company"), required=False
    )
    none = forms.BooleanField(label=gettext_lazy("No company"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(ContactChoiceField, self.fields["company"]).offer(self.user)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and bool(cleaned.get("company")) == bool(cleaned.get("none")):
            raise ValidationError(_("Choose a company, or “No company”."))
        return cleaned

    def params(self) -> dict[str, Any]:
        company = self.cleaned_data["company"]
        return {"company": company.pk if company else None}


@register_page
class CompanyPage(ActionPage):
    key = "contact.company"
    label = gettext_lazy("Set company")
    icon = "building"
    place = 50
    form = CompanyForm
    picks = True

    def question(self, counted: str) -> str:
        return _("Set the company of %(records)s") % {"records": counted}

    def hint(self) -> str:
        return _("Deals that are won stay where they are; whoever bought remains a customer.")

    def left_out(self, records: QuerySet, user: Any) -> list[str]:
        number = records.order_by().filter(is_organization=True).count()
        text = ngettext(
            "%(number)d is a company, which has no employer.",
            "%(number)d are companies, which have no employer.",
            number,
        )
        return [text % {"number": number}] if number else []


@register_page
class DeletePage(ActionPage):
    key = "contact.delete"
    label = gettext_lazy("Delete")
    icon = "trash"
    place = 90
    dangerous = True

    def question(self, counted: str) -> str:
        return _("Delete %(records)s?") % {"records": counted}

    def hint(self) -> str:
        return _("They go to the trash, from which an administrator can restore them for 30 days.")

    def left_out(self, records: QuerySet, user: Any) -> list[str]:
        starred = Exists(Deal.objects.filter(primary_contact=OuterRef("pk")))
        number = records.order_by().filter(starred).count()
        text = ngettext(
            "%(number)d is the main contact of a deal, and stays.",
            "%(number)d are main contacts of deals, and stay.",
            number,
        )
        return [text % {"number": number}] if number else []
