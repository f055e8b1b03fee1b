"""What lists of contacts know about the two statuses: what they are, since when, how they came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from django.db.models import (
    CharField,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    TextChoices,
    Value,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from contacts.models import StatusChange
from contacts.statuses import CustomerStatus, ProspectStatus, StatusKind
from crm.accounts.models import User
from crm.lists import cells
from crm.lists.kinds import Choice, Moment, Number, Person
from crm.lists.owners import people
from crm.lists.periods import day_words, days_before, midnight
from crm.lists.record_kinds import History
from crm.lists.registry import Cell, Condition, Context, Field

SECTION = _("Statuses")
HOW = [("deals", _("by deals")), ("selected", pgettext_lazy("status", "selected"))]


def status_fields() -> list[Field]:
    return [
        *_fields(
            StatusKind.PROSPECT,
            ProspectStatus,
            {
                "since": _("Prospect status since"),
                "days": _("Days in prospect status"),
                "how": _("Prospect status comes about"),
                "by": _("Prospect status changed by"),
                "why": _("Prospect status changed through"),
                "became": _("Prospect status in the past"),
                "was": _("Prospect status on a day"),
            },
        ),
        *_fields(
            StatusKind.CUSTOMER,
            CustomerStatus,
            {
                "since": _("Customer status since"),
                "days": _("Days in customer status"),
                "how": _("Customer status comes about"),
                "by": _("Customer status changed by"),
                "why": _("Customer status changed through"),
                "became": _("Customer status in the past"),
                "was": _("Customer status on a day"),
            },
        ),
    ]


def _fields(
    kind: StatusKind, statuses: type[TextChoices], labels: dict[str, Any]
) -> Iterator[Field]:
    name = kind.value
    status, since = f"{name}_status", f"{name}_since"
    section = SECTION

    def codes(context: Context) -> Sequence[tuple[str, str]]:
        return [(one.value, str(one.label)) for one in statuses]

    yield Field(
        name=status,
        label=kind.label,
        kind=Choice(codes),
        section=section,
        path=status,
        cell=cells.status(status, name, {one.value: one.label for one in statuses}),
        needs=[status],
        order=[status, "sort_key"],
    )
    yield Field(
        name=since,
        label=labels["since"],
        kind=Moment(nullable=True),
        section=section,
        path=since,
        cell=cells.moment(since),
        needs=[since],
        order=[since],
        nullable=True,
        descends=True,
        css="num",
    )
    yield Field(
        name=f"{name}_days",
        label=labels["days"],
        kind=Number(nullable=True),
        section=section,
        path=since,
        where=_days_in,
        cell=cells.days_since(since),
        needs=[since],
        css="num",
        convert=_days_of,
    )
    yield Field(
        name=f"{name}_how",
        label=labels["how"],
        kind=Choice(lambda context: [(code, str(label)) for code, label in HOW]),
        section=section,
        where=partial(_how, kind),
        seen=partial(_how_seen, kind),
    )
    yield from _history_fields(kind, codes, labels)


def _history_fields(
    kind: StatusKind, codes: Callable[[Context], Sequence[tuple[str, str]]], labels: dict[str, Any]
) -> Iterator[Field]:
    name = kind.value
    causes = [(one.value, one.label) for one in StatusChange.Cause]
    yield Field(
        name=f"{name}_by",
        label=labels["by"],
        kind=Person(people),
        section=SECTION,
        where=partial(_changed_by, kind),
        cell=cells.found(lambda latest: _actor_cell(latest.get(name))),
        loader=latest_changes,
        source=_last(kind, "actor__username"),
    )
    yield Field(
        name=f"{name}_why",
        label=labels["why"],
        kind=Choice(lambda context: [(code, str(label)) for code, label in causes]),
        section=SECTION,
        where=partial(_changed_through, kind),
        cell=cells.found(lambda latest: _cause_cell(latest.get(name))),
        loader=latest_changes,
        source=_last(kind, "cause"),
    )
    yield Field(
        name=f"{name}_became",
        label=kind.label,
        offered_as=labels["became"],
        kind=History(codes, became=partial(_became, kind)),
        section=SECTION,
        seen=partial(_history_seen, kind),
    )
    yield Field(
        name=f"{name}_was",
        label=kind.label,
        offered_as=labels["was"],
        kind=History(codes, was=partial(_was, kind)),
        section=SECTION,
        seen=partial(_history_seen, kind),
    )


# -- conditions


def _days_in(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    """Whole days between the day a status began and today."""
    if op == "empty":
        return Q(**{f"{field.path}__isnull": True})
    found = Q()
    for number in values:
        first = midnight(days_before(context.today, number), context.zone)
        end = midnight(days_before(context.today, number - 1), context.zone)
        began = Q()
        if op in ("is", "most"):
            began &= Q(**{f"{field.path}__gte": first})
        if op in ("is", "least"):
            began &= Q(**{f"{field.path}__lt": end})
        found |= began
    return found


def _days_of(context: Context) -> Callable[[Any], Any]:
    def days(value: Any) -> Any:
        return (
            (context.today - timezone.localtime(value, context.zone).date()).days if value else None
        )

    return days


# A status is selected where it is not what the deals alone would give; statuses.Standing says the same of one contact.
SELECTED = {
    StatusKind.PROSPECT: Q(active_deals=0, won_deals=0)
    & (
        Q(lost_deals__gt=0, prospect_status=ProspectStatus.NONE.value)
        | Q(lost_deals=0, prospect_status=ProspectStatus.LOST.value)
    ),
    StatusKind.CUSTOMER: Q(won_deals__gt=0, customer_status=CustomerStatus.PAST.value)
    | Q(won_deals=0) & ~Q(customer_status=CustomerStatus.NONE.value),
}


def _how(
    kind: StatusKind, field: Field, op: str, values: Sequence[Any], context: Context
) -> Condition:
    found = Q(pk__in=[])
    if "selected" in values:
        found |= SELECTED[kind]
    if "deals" in values:
        found |= ~SELECTED[kind]
    return found


def _history_of(kind: StatusKind) -> Any:
    return StatusChange.objects.filter(contact=OuterRef("pk"), status=kind.value)


def _last(kind: StatusKind, column: str) -> Subquery:
    latest = _history_of(kind).order_by("-recorded_at", "-pk")
    return Subquery(latest.values(column)[:1])


def _changed_by(
    kind: StatusKind, field: Field, op: str, values: Sequence[Any], context: Context
) -> Condition:
    actor = Coalesce(_last(kind, "actor"), Value(0), output_field=IntegerField())
    found = Q()
    for value in values:
        ids = {"me": context.user.pk, "none": 0}
        found |= Q(Exact(actor, ids[value] if value in ids else int(value)))
    return found


def _changed_through(
    kind: StatusKind, field: Field, op: str, values: Sequence[Any], context: Context
) -> Condition:
    cause = Coalesce(_last(kind, "cause"), Value(""), output_field=CharField())
    found = Q()
    for value in values:
        found |= Q(Exact(cause, value))
    return found


def _became(kind: StatusKind, code: str, first: Any, end: Any) -> Condition:
    changes = _history_of(kind).filter(new=code)
    changes = changes.filter(effective_at__gte=first) if first else changes
    return Exists(changes.filter(effective_at__lt=end) if end else changes)


def _was(kind: StatusKind, code: str, end: Any) -> Condition:
    """What held when the day ended: whoever has no change before that was, and is, a regular contact."""
    before = _history_of(kind).filter(effective_at__lt=end)
    latest = before.order_by("-effective_at", "-recorded_at", "-pk").values("new")[:1]
    return Q(Exact(Coalesce(Subquery(latest), Value("none"), output_field=CharField()), code))


# -- columns


def latest_changes(
    rows: Sequence[Any], context: Context, fields: Sequence[Field]
) -> dict[int, dict[str, StatusChange]]:
    """The latest recorded change of each status of the contacts of a page, in one query."""
    found: dict[int, dict[str, StatusChange]] = {}
    changes = StatusChange.objects.filter(contact__in=[row.pk for row in rows])
    for change in changes.select_related("actor").order_by("recorded_at", "pk"):
        found.setdefault(change.contact_id, {})[change.status] = change
    return found


def _actor_cell(change: StatusChange | None) -> Cell:
    actor: User | None = change.actor if change else None
    return Cell(str(actor)) if actor else cells.NOTHING


def _cause_cell(change: StatusChange | None) -> Cell:
    return Cell(change.get_cause_display()) if change else cells.NOTHING  # type: ignore[attr-defined]


# -- what a contact has, where no column says it

SEEN_AT_MOST = 5


def _how_seen(kind: StatusKind, contact: Any, context: Context) -> str:
    standing = contact.standing
    alone = getattr(standing.by_deals_alone(), kind.value)
    return str(dict(HOW)["deals" if getattr(standing, kind.value) == alone else "selected"])


def _history_seen(kind: StatusKind, contact: Any, context: Context) -> str:
    """The latest values with the days on which they began, newest first."""
    changes = StatusChange.objects.filter(contact=contact.pk, status=kind.value)
    newest = changes.order_by("-effective_at", "-recorded_at", "-pk")[:SEEN_AT_MOST]
    values = [
        gettext("%(status)s since %(date)s")
        % {
            "status": one.new_label,
            "date": day_words(timezone.localdate(one.effective_at, context.zone)),
        }
        for one in newest
    ]
    return "; ".join(values) or gettext("never changed")
