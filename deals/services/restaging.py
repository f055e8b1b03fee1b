"""Giving a stage another category, or its deals another stage; and whose statuses that changes.

Foreseen in SQL, by the law's own expressions as the database has them: asking writes nothing,
locks nobody out, and takes two statements for ten deals and for a hundred thousand. A test holds
what is foreseen to what the change then does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Contact, StatusChange
from contacts.statuses import StatusKind, label_of
from crm.changes import one_change
from deals.models import Deal, Stage
from deals.services.pipelines import changing, locked, locked_stage
from deals.services.recount import generated_law
from deals.services.sql import whole_tables
from deals.stages import Category, Group

NAMED_AT_MOST = 20


class Outdated(ValidationError):
    """What was confirmed is not what would be done by now."""


@dataclass(frozen=True)
class Movement:
    """How many contacts go from one value of a status to another."""

    kind: str
    old: str
    new: str
    number: int

    @property
    def old_label(self) -> str:
        return label_of(self.kind, self.old)

    @property
    def new_label(self) -> str:
        return label_of(self.kind, self.new)


@dataclass(frozen=True)
class Foreseen:
    """What would follow: ``deals`` are in the stage, ``regrouped`` of them enter ``group``.

    ``changes`` are the changes, unsaved, of the first ``NAMED_AT_MOST`` of ``contacts``, by name.
    """

    deals: int
    regrouped: int
    group: str
    contacts: int
    movements: Sequence[Movement]
    changes: Sequence[StatusChange]

    @property
    def more(self) -> int:
        return self.contacts - self.named

    @property
    def named(self) -> int:
        return len({row.contact_id for row in self.changes})

    @property
    def opens(self) -> bool:
        """Whether close dates are cleared; else the deals that enter a group get one."""
        return self.group == Group.ACTIVE


def foresee(stage: Stage, group: str, user: Any) -> Foreseen:
    """What follows if every deal in ``stage`` enters ``group``; with names that ``user`` may see."""
    in_stage = Deal.objects.filter(stage=stage)
    regrouped = in_stage.exclude(group=group).count()
    statement, parameters = _foreseen(stage.pk, group)
    deals = in_stage.count()
    if not regrouped:
        return Foreseen(deals, 0, group, 0, (), ())
    with whole_tables(deals), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT prospect_old, prospect_new, customer_old, customer_new, COUNT(*)
            FROM ({statement}) AS r GROUP BY 1, 2, 3, 4""",
            parameters,
        )
        counted = cursor.fetchall()
        cursor.execute(
            f"""SELECT id, prospect_old, prospect_new, customer_old, customer_new
            FROM ({statement}) AS r ORDER BY sort_key, id LIMIT {NAMED_AT_MOST}""",
            parameters,
        )
        first = cursor.fetchall()
    return Foreseen(
        deals,
        regrouped,
        group,
        sum(row[-1] for row in counted),
        _movements(counted),
        _changes(first, user),
    )


def _movements(counted: Sequence[tuple[Any, ...]]) -> list[Movement]:
    numbers: dict[tuple[str, str, str], int] = {}
    for prospect_old, prospect_new, customer_old, customer_new, number in counted:
        for key in (
            (StatusKind.PROSPECT.value, prospect_old, prospect_new),
            (StatusKind.CUSTOMER.value, customer_old, customer_new),
        ):
            if key[1] != key[2]:
                numbers[key] = numbers.get(key, 0) + number
    order = StatusKind.values
    found = [Movement(*key, number) for key, number in numbers.items()]
    return sorted(found, key=lambda one: (order.index(one.kind), -one.number, one.old, one.new))


def _changes(rows: Sequence[tuple[Any, ...]], user: Any) -> list[StatusChange]:
    contacts = Contact.objects.visible_to(user).in_bulk([row[0] for row in rows])
    return [
        StatusChange(contact=contacts[pk], status=kind, old=old, new=new)
        for pk, *statuses in rows
        if pk in contacts
        for kind, old, new in zip(StatusKind.values, statuses[::2], statuses[1::2], strict=True)
        if old != new
    ]


def _foreseen(stage_id: int, group: str) -> tuple[str, list[Any]]:
    """Contacts whose statuses change when the deals in a stage enter another group."""
    prospect, with_prospect = generated_law("prospect_status")
    customer, with_customer = generated_law("customer_status")
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    closed = "NULL" if group == Group.ACTIVE else "%s"
    statement = f"""
        WITH moving AS (SELECT id FROM deals_deal WHERE stage_id = %s AND "group" <> %s),
        afterwards AS ({_PARTIES_AFTERWARDS}{_PARTIES_BY_OPENING if group == Group.ACTIVE else ""}),
        concerned AS (
            SELECT contact_id FROM deals_dealparty WHERE deal_id IN (SELECT id FROM moving)
            UNION SELECT contact_id FROM afterwards),
        counted AS (
            SELECT contact_id,
                COUNT(*) FILTER (WHERE "group" = 'active') AS active_deals,
                COUNT(*) FILTER (WHERE "group" = 'won') AS won_deals,
                COUNT(*) FILTER (WHERE "group" = 'lost') AS lost_deals,
                MAX(closed_at) FILTER (WHERE "group" = 'won') AS last_won_at,
                MAX(closed_at) FILTER (WHERE "group" = 'lost') AS last_lost_at
            FROM (
                SELECT p.contact_id, d."group", d.closed_at
                FROM deals_dealparty p JOIN deals_deal d ON d.id = p.deal_id
                WHERE p.contact_id IN (SELECT contact_id FROM concerned)
                    AND p.deal_id NOT IN (SELECT id FROM moving)
                UNION ALL SELECT contact_id, %s, {closed} FROM afterwards
            ) AS parties GROUP BY contact_id)
        SELECT * FROM (
            SELECT q.id, q.sort_key, q.prospect_old, q.customer_old,
                {prospect} AS prospect_new, {customer} AS customer_new
            FROM (
                SELECT c.id, c.sort_key, c.prospect_status AS prospect_old,
                    c.customer_status AS customer_old, c.prospect_mark, c.prospect_marked_at,
                    c.customer_mark, c.customer_marked_at,
                    COALESCE(f.active_deals, 0) AS active_deals,
                    COALESCE(f.won_deals, 0) AS won_deals,
                    COALESCE(f.lost_deals, 0) AS lost_deals, f.last_won_at, f.last_lost_at
                FROM concerned JOIN contacts_contact c ON c.id = concerned.contact_id
                LEFT JOIN counted f ON f.contact_id = c.id
            ) AS q
        ) AS found
        WHERE prospect_old <> prospect_new OR customer_old <> customer_new"""
    dated = [] if group == Group.ACTIVE else [now]
    return statement, [stage_id, group, group, *dated, *with_prospect, *with_customer]


# A win kept of a deal that is won no more is none.
_PARTIES_AFTERWARDS = """
    SELECT p.contact_id, p.deal_id FROM deals_dealparty p
    WHERE p.deal_id IN (SELECT id FROM moving) AND NOT p.kept"""
# An active deal without a company takes its star's, which then counts with its people on the deal.
_PARTIES_BY_OPENING = """
    UNION SELECT star.company_id, d.id FROM deals_deal d
    JOIN contacts_contact star ON star.id = d.primary_contact_id
    WHERE d.id IN (SELECT id FROM moving) AND d.company_id IS NULL
        AND star.company_id IS NOT NULL
    UNION SELECT l.contact_id, l.deal_id FROM deals_dealcontact l
    JOIN deals_deal d ON d.id = l.deal_id AND d.company_id IS NULL
    JOIN contacts_contact star ON star.id = d.primary_contact_id
    JOIN contacts_contact w ON w.id = l.contact_id
        AND w.company_id = CASE WHEN star.is_organization THEN star.id ELSE star.company_id END
    WHERE l.deal_id IN (SELECT id FROM moving)"""


# -- doing it


def change_category(stage: Stage, category: str, *, seen: int | None = None) -> int:
    """Let the stage mean something else; its deals and everybody's statuses follow.

    Returns how many deals are in it. ``stage`` is as whoever confirmed it saw it, ``seen`` how
    many deals it had. Raises ``Outdated`` if either is otherwise by now, and ``ValidationError``
    if the pipeline needs the stage as it is.
    """
    if category not in Category.values:
        raise ValidationError(_("There is no such category."))
    with changing(stage.pipeline_id):
        ids = _lock_deals(stage.pk)
        stored = locked_stage(stage.pk)
        if stored.category != stage.category:
            raise Outdated(
                _(
                    "“%(stage)s” was given the category “%(category)s” meanwhile. Nothing was changed."
                )
                % {"stage": stored.name, "category": Category(stored.category).label}
            )
        _check_seen(len(ids), seen)
        stored.category = category
        stored.save(update_fields=["category"])
    return len(ids)


def move_deals(stage: Stage, target: Stage, *, seen: int | None = None) -> int:
    """Move every deal in ``stage`` to ``target``; statuses follow. Returns how many.

    Raises ``Outdated`` if they are not ``seen`` by now, and ``ValidationError`` for a target that
    takes no deals.
    """
    with one_change():
        for pipeline in sorted({stage.pipeline_id, target.pipeline_id}):
            locked(pipeline)
        ids = _lock_deals(stage.pk)
        check_target(stage, target.pk)
        _check_seen(len(ids), seen)
        Deal.objects.filter(stage=stage).update(stage=target)
    return len(ids)


def check_target(stage: Stage, target_id: int) -> None:
    found = Stage.objects.live().filter(pk=target_id).exclude(pk=stage.pk)
    if not found.exists():
        raise ValidationError(_("Choose another stage that takes deals."))


def _lock_deals(stage_id: int) -> list[int]:
    """Lock the deals in a stage, ahead of it, as everybody does who moves deals."""
    rows = Deal.objects.filter(stage=stage_id).order_by("pk").select_for_update(no_key=True)
    return list(rows.values_list("pk", flat=True))


def _check_seen(number: int, seen: int | None) -> None:
    if seen is not None and number != seen:
        text = ngettext(
            "By now %(number)d deal is in it. Nothing was changed.",
            "By now %(number)d deals are in it. Nothing was changed.",
            number,
        )
        raise Outdated(text % {"number": number})
