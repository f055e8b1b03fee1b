"""The limit of the contacts list: the same queries, and a plain loop in the same page frame."""

from __future__ import annotations

from django.db.models import F
from django.db.models.query import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from contacts.models import Contact
from crm.accounts.models import User

FIELDS = (
    "is_organization",
    "name",
    "title",
    "prospect_status",
    "customer_status",
    "updated_at",
    "company__name",
    "owner__username",
    "owner__first_name",
    "owner__last_name",
)


def contacts(request: HttpRequest) -> HttpResponse:
    """First page only: count, ids in order, their rows, and the owners to choose from."""
    rows: QuerySet[Contact] = QuerySet(Contact)
    found = rows.filter(customer_status__in=request.GET.getlist("customer_status"))
    count = found.count()
    ids = list(found.order_by(F("sort_key"), F("pk")).values_list("pk", flat=True)[:50])
    by_id = rows.select_related("company", "owner").only(*FIELDS).in_bulk(ids)
    context = {
        "count": count,
        "contacts": [by_id[pk] for pk in ids],
        "owners": list(User.objects.only("first_name", "last_name")),
    }
    return render(request, "plain.html", context)
