"""The employees of a company: as its card shows them, and what marking them all would meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Contact
from contacts.statuses import StatusKind, label_of
from deals.models import Deal, DealParty
from deals.services.select import refusal, stored_names

DEALS_NAMED = 3
MARKED_AT_MOST = 500


@dataclass
class Employee:
    """An employee as its company's card shows it; ``deals`` are the newest that count for both."""

    contact: Contact
    differences: Sequence[str] = ()
    deals: list[Deal] = field(default_factory=list)
    more_deals: int = 0
    hidden_deals: int = 0


def with_deals(
    people: Sequence[Contact], company: Contact, deals: QuerySet[Deal], *, all_deals: bool
) -> list[Employee]:
    """``people`` with those of ``deals``, which the reader may see, that count for them and their company.

    ``all_deals`` says that no others exist, so that hidden ones need not be counted. Two statements at most.
    """
    employees = {person.pk: Employee(person, differences(person, company)) for person in people}
    parties = (
        DealParty.objects.filter(contact__in=employees, deal__company=company, deal__in=deals)
        .annotate(
            place=Window(
                RowNumber(), partition_by="contact_id", order_by=F("deal__opened_at").desc()
            )
        )
        .filter(place__lte=DEALS_NAMED + 1)
        .select_related("deal__stage")
        .order_by("contact_id", "place")
    )
    for party in parties if employees else ():
        employee = employees[party.contact_id]
        if len(employee.deals) < DEALS_NAMED:
            employee.deals.append(party.deal)
        else:
            person = employee.contact
            counted = person.active_deals + person.won_deals + person.lost_deals
            employee.more_deals = counted - DEALS_NAMED
    if employees and not all_deals:
        hidden = DealParty.objects.filter(contact__in=employees, deal__company=company)
        hidden = hidden.exclude(deal__in=deals).order_by()
        for pk, number in hidden.values_list("contact").annotate(number=Count("pk")):
            employees[pk].hidden_deals = number
            employees[pk].more_deals -= number
    return list(employees.values())


def differences(person: Contact, company: Contact) -> list[str]:
    """In words, where the person stands otherwise than the company."""
    found = []
    for kind in StatusKind.values:
        name = f"{kind}_status"
        if getattr(person, name) != getattr(company, name):
            found.append(label_of(kind, getattr(person, name)))
    return found


@dataclass
class Marking:
    """An employee who may get the status selected for the company, or why not."""

    contact: Contact
    refusal: str = ""
    already: bool = False

    @property
    def possible(self) -> bool:
        return not self.refusal and not self.already


def markings(company: Contact, user: Any, kind: str, value: str) -> list[Marking]:
    """What selecting ``value`` for each employee of ``company`` that ``user`` may edit would meet, the first 500."""
    people = Contact.objects.editable_by(user).filter(company=company).order_by("sort_key", "pk")
    found = []
    for person in people[:MARKED_AT_MOST]:
        already = getattr(person, f"{kind}_status") == value
        reason = ""
        if not already:
            reason = refusal(person, person.standing, kind, value, stored_names(person, user))
        found.append(Marking(person, reason, already))
    return found


def summary_of_markings(found: Sequence[Marking]) -> str:
    """In a sentence: how many would change, are so already, or are refused."""
    possible = sum(1 for one in found if one.possible)
    refused = sum(1 for one in found if one.refusal)
    text = ngettext(
        "%(number)d employee can be marked.", "%(number)d employees can be marked.", possible
    ) % {"number": possible}
    if refused:
        more = ngettext(
            "%(number)d is left out, with the reason beside the name.",
            "%(number)d are left out, each with the reason beside the name.",
            refused,
        ) % {"number": refused}
        text = _("%(first)s %(second)s") % {"first": text, "second": more}
    return text
