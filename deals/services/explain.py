"""Why a contact stands where it stands: data first, sentences second. Reading it writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, Subquery

from contacts.models import Contact, StatusChange
from contacts.statuses import WORDS, CustomerStatus, ProspectStatus, StatusKind
from deals.models import Deal, DealParty
from deals.services.explain_words import sentence_of
from deals.services.names import ACTING, deals_unseen, hidden_among, reader_of
from deals.services.select import refusal
from deals.stages import Group


@dataclass(frozen=True)
class DealReference:
    """A deal that counts for the contact; ``kept`` when only its win is left.

    Of one that the reader may not see (``id`` is None) there is its group alone, which the status tells anyway.
    """

    id: int | None
    name: str
    stage: str
    category: str
    group: str
    opened_at: datetime | None
    closed_at: datetime | None
    kept: bool

    @property
    def told(self) -> str | None:
        """The name, as ``names_of`` takes it."""
        return None if self.id is None else self.name


@dataclass(frozen=True)
class Choice:
    """A value of the status, and whether it may be selected now; if not, why not."""

    value: str
    label: str
    current: bool
    allowed: bool
    reason: str


@dataclass(frozen=True)
class StatusExplanation:
    """One status of one contact.

    ``selected`` says that a person's mark gives it; ``by`` is who made it what it is, empty where
    nobody is known. ``deals`` are those that give the value, or, for a mark, that count at all.
    """

    kind: str
    value: str
    label: str
    since: datetime | None
    selected: bool
    by: str
    cause: str
    sentence: str
    deals: list[DealReference] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True)
class Explanation:
    contact_id: int
    prospect: StatusExplanation
    customer: StatusExplanation

    def as_data(self) -> dict[str, Any]:
        """The same as plain dicts and lists; moments stay ``datetime``."""
        return asdict(self)


def explain(contact: Contact, *, reader: Any = ACTING, as_loaded: bool = False) -> Explanation:
    """Explain both statuses of ``contact`` as stored, to ``reader``, else to whoever acts now; None is told all.

    Three queries, however many deals; two with ``as_loaded``, for one that was read just now with who marked it; one
    more for a reader who does not see all deals.
    """
    if not as_loaded:
        contact = Contact.objects.select_related("prospect_marked_by", "customer_marked_by").get(
            pk=contact.pk
        )
    parties = (
        DealParty.objects.filter(contact=contact)
        .select_related("deal__stage")
        .order_by("-deal__opened_at", "-deal_id")
    )
    latest = _latest(contact)
    named = {change.deal_id for change in latest.values() if change.deal_id is not None}
    hidden = hidden_among({*(party.deal_id for party in parties), *named}, reader_of(reader))
    deals = [_reference(party, party.deal_id in hidden) for party in parties]
    # Not where their dates would place them.
    deals.sort(key=lambda deal: deal.id is None)
    prospect, customer = (
        _explain(contact, kind, deals, latest.get(kind), hidden) for kind in StatusKind
    )
    return Explanation(contact.pk, prospect, customer)


def _latest(contact: Contact) -> dict[str, StatusChange]:
    """The latest change of each status that ever changed."""
    changes = contact.status_changes.order_by("-recorded_at", "-pk")
    newest = [Q(pk=Subquery(changes.filter(status=kind).values("pk")[:1])) for kind in StatusKind]
    found = contact.status_changes.filter(newest[0] | newest[1]).select_related("actor")
    return {change.status: change for change in found}


def _reference(party: DealParty, hidden: bool) -> DealReference:
    deal: Deal = party.deal
    if hidden:
        return DealReference(None, deals_unseen(1), "", "", deal.group, None, None, party.kept)
    return DealReference(
        deal.pk,
        deal.name,
        deal.stage.name,
        deal.stage.category,
        deal.group,
        deal.opened_at,
        deal.closed_at,
        party.kept,
    )


def _explain(
    contact: Contact,
    kind: StatusKind,
    deals: list[DealReference],
    change: StatusChange | None,
    hidden: Collection[int],
) -> StatusExplanation:
    value = getattr(contact, f"{kind.value}_status")
    standing = contact.standing
    by_deals = getattr(standing.by_deals_alone(), kind.value)
    # The same value by deals and by a mark: the deals are the reason, the mark only agrees.
    selected = value != by_deals
    giving = _giving(kind, value, deals) if not selected else deals
    words = WORDS[kind]
    since = getattr(contact, f"{kind.value}_since")
    marked_by = getattr(contact, f"{kind.value}_marked_by")
    actor = marked_by
    if not selected:
        # Who works on a deal that the reader may not see is none of their business either.
        actor = change.actor if change and change.deal_id not in hidden else None
    by = str(actor) if actor else ""
    return StatusExplanation(
        kind=kind.value,
        value=value,
        label=str(words(value).label),
        since=since,
        selected=selected,
        by=by,
        cause=change.cause if change else "",
        sentence=sentence_of(kind, value, since, selected, by, giving, change, hidden),
        deals=giving,
        choices=[_choice(contact, kind, option, value, deals) for option in words],
    )


def _giving(kind: StatusKind, value: str, deals: list[DealReference]) -> list[DealReference]:
    """The deals whose group gives ``value``; all of them for a value that absence gives."""
    group = {
        (StatusKind.PROSPECT, ProspectStatus.CURRENT.value): Group.ACTIVE,
        (StatusKind.PROSPECT, ProspectStatus.LOST.value): Group.LOST,
        (StatusKind.PROSPECT, ProspectStatus.NONE.value): Group.WON,
        (StatusKind.CUSTOMER, CustomerStatus.CURRENT.value): Group.WON,
    }.get((kind, value))
    return [deal for deal in deals if deal.group == group] if group else []


def _choice(
    contact: Contact, kind: StatusKind, option: Any, value: str, deals: list[DealReference]
) -> Choice:
    def names(group: str, kept: bool | None = None) -> list[str | None]:
        return [d.told for d in deals if d.group == group and kept in (None, d.kept)]

    reason = ""
    if option.value != value:
        reason = refusal(contact, contact.standing, kind, option.value, names)
    return Choice(option.value, str(option.label), option.value == value, not reason, reason)
