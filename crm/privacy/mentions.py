"""Where else somebody is named: in texts of other records, which are theirs and are not changed."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from contacts.models import Contact
from contacts.models.labels import ContactValue
from crm.privacy.subjects import Subject
from deals.models import Deal, DealValue

SHOWN = 20


def mentions_of(subject: Subject) -> list[Any]:
    """At most 20 contacts and deals with a full name, or an address, of the person in a text of theirs."""
    texts = [one for one in subject.names if " " in one] + subject.addresses
    if not texts:
        return []
    others = Contact.objects.exclude(pk=subject.pk)
    values = ContactValue.objects.filter(_any("text", texts)).values("contact")
    of_deals = DealValue.objects.filter(_any("text", texts)).values("deal")
    contacts = others.filter(_any("description", texts) | _any("email", texts) | Q(pk__in=values))
    deals = Deal.objects.filter(
        (_any("name", texts) & ~Q(pk__in=subject.deal_ids)) | Q(pk__in=of_deals)
    )
    return [*contacts[:SHOWN], *deals[:SHOWN]][:SHOWN]


def _any(column: str, texts: list[str]) -> Q:
    return reduce(or_, (Q((f"{column}__icontains", one)) for one in texts))
