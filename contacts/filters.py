from __future__ import annotations

from typing import Any

import django_filters
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.lists.filters import RecordFilterSet
from crm.lists.owners import owned, owner_choices

KINDS = [("person", gettext_lazy("Person")), ("company", gettext_lazy("Company"))]


class ContactFilterSet(RecordFilterSet):
    # distinct=False: a status is a column of the contact, and DISTINCT over whole rows forbids every index.
    prospect_status = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("Prospect Status"), choices=ProspectStatus.choices, distinct=False
    )
    customer_status = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("Customer Status"), choices=CustomerStatus.choices, distinct=False
    )
    kind = django_filters.ChoiceFilter(
        label=gettext_lazy("Kind"),
        choices=KINDS,
        empty_label=gettext_lazy("People and companies"),
        method="of_kind",
    )
    owner = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("Owner"), method="owned_by", distinct=False
    )
    q = django_filters.CharFilter(label=gettext_lazy("Text"), method="with_text", max_length=200)

    class Meta:
        model = Contact
        fields: list[str] = []

    def __init__(self, data: QueryDict, queryset: ContactQuerySet, **more: Any) -> None:
        super().__init__(data, queryset, **more)
        self.filters["owner"].extra["choices"] = owner_choices()

    def of_kind(self, contacts: ContactQuerySet, name: str, value: str) -> ContactQuerySet:
        return contacts.companies() if value == "company" else contacts.people()

    def owned_by(self, contacts: ContactQuerySet, name: str, values: list[str]) -> ContactQuerySet:
        return contacts.filter(owned(values)) if values else contacts

    def with_text(self, contacts: ContactQuerySet, name: str, value: str) -> ContactQuerySet:
        return contacts.matching(value)

    def sentence(self, name: str, values: list[str]) -> str:
        if name == "q":
            return _("Name, e-mail or number holds “%(text)s”") % {"text": values[0]}
        return super().sentence(name, values)
