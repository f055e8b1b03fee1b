"""The limit of the contacts list: the same queries, and a plain loop in the same page frame."""

from __future__ import annotations

from typing import Any

from django.db import connection
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


def labels(request: HttpRequest) -> HttpResponse:
    """The list of ``benchmarks.labels``: the statements are written by hand, the rows are read by a plain loop."""
    user: Any = request.user
    preference = ListPreference.objects.filter(user=user, record="contact").first()
    tabs = ListTab.objects.filter(user=None, record="contact").select_related("saved")
    asked = {name: str(value) for name, value in request.GET.items() if name.startswith("field")}
    [(number, least)] = [(n, v) for n, v in asked.items() if n.endswith(".least")]
    [(choice, option)] = [(n, v) for n, v in asked.items() if "." not in n]
    day = request.GET["sort"].removeprefix("-field")
    with connection.cursor() as cursor:
        given = [
            int(str(request.GET["tags"])), int(number.removesuffix(".least")[5:]), int(least),
            int(choice[5:]), int(option),
        ]  # fmt: skip
        cursor.execute(f"SELECT COUNT(*) FROM (SELECT 1 {LABELS} LIMIT {COUNTED + 1}) AS f", given)
        found = cursor.fetchone()[0]
        cursor.execute(
            f"""SELECT c.id {LABELS} ORDER BY (SELECT s.date FROM contacts_contactvalue s
            WHERE s.contact_id = c.id AND s.field_id = %s AND s.slot = 0) DESC NULLS LAST, c.id DESC
            LIMIT {ROWS}""",
            [*given, int(day)],
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    by_id: dict[int, Any] = (
        QuerySet(Contact).select_related("company", "owner").only(*FIELDS).in_bulk(ids)
    )
    context = {
        "count": found, "contacts": [by_id[pk] for pk in ids], "preference": preference,
        "tabs": list(tabs),
    }  # fmt: skip
    return render(request, "plain.html", context)


LABELS = """
    FROM contacts_contact c
    JOIN contacts_contacttag t ON t.contact_id = c.id AND t.tag_id = %s
    JOIN contacts_contactvalue a ON a.contact_id = c.id AND a.field_id = %s AND a.number >= %s
    JOIN contacts_contactvalue b ON b.contact_id = c.id AND b.field_id = %s AND b.option_id = %s"""


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
