"""The limit of the contacts list: the same queries, and a plain loop in the same page frame."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q
from django.db.models.query import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from contacts.models import Contact
from crm.lists.models import ListPreference, ListTab

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
ROWS = 50
# As the product does, it counts so far and no further.
COUNTED = 10_000


def contacts(request: HttpRequest) -> HttpResponse:
    """How one likes to read, tabs, count, ids in order, and their rows; for chips on statuses and kind."""
    user: Any = request.user
    preference = ListPreference.objects.filter(user=user, record="contact").first()
    tabs = ListTab.objects.filter(user=None, record="contact").select_related("saved")
    number = int(request.GET.get("page", 1))
    start = (number - 1) * ROWS
    rows: QuerySet[Contact] = QuerySet(Contact)
    found = rows.filter(*_asked(request))
    most = -(-(start + ROWS) // COUNTED) * COUNTED
    count = found.order_by()[: most + 1].values("pk").count()
    ordered = found.order_by(F("sort_key"), F("pk")).values_list("pk", flat=True)
    if count <= most and start > count // 2:
        last = min(start + ROWS, count)
        ids = list(ordered.reverse()[count - last : count - start])[::-1]
    else:
        ids = list(ordered[start : start + ROWS])
    by_id = rows.select_related("company", "owner").only(*FIELDS).in_bulk(ids)
    context = {
        "count": count,
        "contacts": [by_id[pk] for pk in ids],
        "preference": preference,
        "tabs": list(tabs),
    }
    return render(request, "plain.html", context)


def count(request: HttpRequest) -> HttpResponse:
    """How many contacts fit the same chips."""
    return HttpResponse(str(QuerySet(Contact).filter(*_asked(request)).count()))


def _asked(request: HttpRequest) -> list[Q]:
    asked = []
    for name in ("customer_status", "prospect_status"):
        if statuses := request.GET.getlist(name):
            asked.append(Q(**{f"{name}__in": statuses}))
    if status := request.GET.get("not.prospect_status"):
        asked.append(~Q(prospect_status=status))
    if kind := request.GET.get("kind"):
        asked.append(Q(is_organization=kind == "company"))
    return asked
