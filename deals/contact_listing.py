"""What deals add to the lists of contacts: sums and dates of the deals that count for each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import DecimalField, Exists, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Round
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contacts.listing import CONTACTS, DEALS
from contacts.models import Contact
from crm.accounts.doors import sees_all
from crm.accounts.levels import Area
from crm.lists import cells
from crm.lists.kinds import Moment
from crm.lists.record_kinds import Amount
from crm.lists.registry import Cell, Condition, Context, Field
from crm.lists.through import Through
from deals.models import Deal, DealParty
from deals.stages import Group

SUM = DecimalField(max_digits=18, decimal_places=2)


def currencies(context: Context) -> list[tuple[str, str]]:
    deals = Deal.objects.visible_to(context.user)
    codes = deals.order_by("currency").values_list("currency", flat=True).distinct()
    return [(code, code) for code in codes] or [("EUR", "EUR")]


def _counting(context: Context, group: str) -> Any:
    """The deals of a group that count for the contact of the outer query, kept wins included."""
    deals = Deal.objects.visible_to(context.user).filter(group=group)
    return DealParty.objects.filter(contact=OuterRef("pk"), deal__in=deals)


def _sum(group: str, field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    number, currency = values[0]
    parties = _counting(context, group).filter(deal__currency=currency)
    # SQLite adds with binary fractions: of 0.10 and 0.20 it makes a little more than 0.30.
    cents = Round(Sum("deal__value"), precision=2)
    total = parties.values("contact").annotate(total=cents).values("total")
    # Nothing sold is a sum of nothing.
    amount = Coalesce(Subquery(total), Value(Decimal(0)), output_field=SUM)
    lookup = GreaterThanOrEqual if op == "least" else LessThanOrEqual
    return Q(lookup(amount, number))


def _expected(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    """Any of the active deals is expected to close then; empty: none of them says when."""
    parties = _counting(context, Group.ACTIVE)
    if op == "empty":
        return ~Q(Exists(parties.filter(deal__estimated_close_date__isnull=False)))
    assert isinstance(field.kind, Moment)
    found = Q()
    for value in values:
        found |= field.kind.one(field, op, value, context)
    return Exists(parties.filter(found))


def totals(
    rows: Sequence[Any], context: Context, fields: Sequence[Field]
) -> dict[int, dict[str, Any]]:
    """For the contacts of a page what their deals come to, in one query: sums by group and currency, and the
    earliest expected close of an active one.
    """
    deals = DealParty.objects.filter(
        contact__in=[row.pk for row in rows],
        deal__in=Deal.objects.visible_to(context.user).exclude(group=Group.LOST),
    )
    found: dict[int, dict[str, Any]] = {}
    for contact, group, currency, total, closes in (
        deals.values_list("contact", "deal__group", "deal__currency")
        .annotate(total=Sum("deal__value"), closes=Min("deal__estimated_close_date"))
        .order_by("deal__currency")
    ):
        one = found.setdefault(contact, {Group.ACTIVE: [], Group.WON: [], "closes": []})
        if total is not None:
            one[group].append((currency, total))
        if closes and group == Group.ACTIVE:
            one["closes"].append(closes)
    return found


def _earliest(found: dict[str, Any]) -> Cell:
    days = found["closes"]
    return Cell(date_format(min(days), "SHORT_DATE_FORMAT")) if days else cells.NOTHING


def _of_last(group: Group, path: str) -> Through:
    """The contacts of which a user may know when a deal of theirs was last won, or lost: when they see that deal."""

    def seen(user: Any) -> QuerySet | None:
        if sees_all(user, Area.DEALS):
            return None
        deals = Deal.objects.visible_to(user).filter(group=group)
        parties = DealParty.objects.filter(
            contact=OuterRef("pk"), deal__in=deals, deal__closed_at=OuterRef(path)
        )
        return Contact.objects.filter(Exists(parties))

    return Through("pk", seen)


def _sum_field(name: str, label: Any, group: str) -> Field:
    return Field(
        name=name,
        label=label,
        kind=Amount(currencies),
        section=DEALS,
        where=partial(_sum, group),
        cell=cells.found(lambda found: cells.sums(found[group])),
        loader=totals,
        css="num amount",
    )


CONTACTS.add(
    _sum_field("won_value", _("Value won"), Group.WON.value),
    _sum_field("open_value", _("Open value"), Group.ACTIVE.value),
    Field(
        name="expected_close",
        label=_("Expected close"),
        kind=Moment(nullable=True, dates=True),
        section=DEALS,
        path="deal__estimated_close_date",
        where=_expected,
        cell=cells.found(_earliest),
        loader=totals,
        css="num",
    ),
)
CONTACTS.amend("last_won", through=_of_last(Group.WON, "last_won_at"))
CONTACTS.amend("last_lost", through=_of_last(Group.LOST, "last_lost_at"))
