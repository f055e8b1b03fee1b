"""Why a contact stands where it stands: data first, sentences second. Reading it writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Contact, StatusChange
from contacts.statuses import WORDS, CustomerStatus, ProspectStatus, StatusKind, label_of
from deals.models import Deal, DealParty
from deals.services.select import names_of, refusal
from deals.stages import Group

Cause = StatusChange.Cause


@dataclass(frozen=True)
class DealReference:
    """A deal that counts for the contact; ``kept`` when only its win is left."""

    id: int
    name: str
    stage: str
    category: str
    group: str
    opened_at: datetime
    closed_at: datetime | None
    kept: bool


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


def explain(contact: Contact, *, as_loaded: bool = False) -> Explanation:
    """Explain both statuses of ``contact`` as stored. Three queries, however many deals; two with ``as_loaded``, for
    one that was read just now with who marked it.
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
    deals = [_reference(party) for party in parties]
    latest = _latest(contact)
    return Explanation(
        contact.pk,
        _explain(contact, StatusKind.PROSPECT, deals, latest.get(StatusKind.PROSPECT)),
        _explain(contact, StatusKind.CUSTOMER, deals, latest.get(StatusKind.CUSTOMER)),
    )


def _latest(contact: Contact) -> dict[str, StatusChange]:
    """The latest change of each status that ever changed."""
    changes = contact.status_changes.order_by("-recorded_at", "-pk")
    newest = [Q(pk=Subquery(changes.filter(status=kind).values("pk")[:1])) for kind in StatusKind]
    found = contact.status_changes.filter(newest[0] | newest[1]).select_related("actor")
    return {change.status: change for change in found}


def _reference(party: DealParty) -> DealReference:
    deal: Deal = party.deal
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
    actor = marked_by if selected else (change.actor if change else None)
    return StatusExplanation(
        kind=kind.value,
        value=value,
        label=str(words(value).label),
        since=since,
        selected=selected,
        by=str(actor) if actor else "",
        cause=change.cause if change else "",
        sentence=_sentence(contact, kind, value, since, selected, str(actor or ""), giving, change),
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
    def names(group: str, kept: bool | None = None) -> list[str]:
        return [d.name for d in deals if d.group == group and kept in (None, d.kept)]

    reason = ""
    if option.value != value:
        reason = refusal(contact, contact.standing, kind, option.value, names)
    return Choice(option.value, str(option.label), option.value == value, not reason, reason)


# -- the sentence


def _sentence(
    contact: Contact,
    kind: StatusKind,
    value: str,
    since: datetime | None,
    selected: bool,
    by: str,
    deals: list[DealReference],
    change: StatusChange | None,
) -> str:
    label = label_of(kind, value)
    head = _("%(status)s since %(date)s") % {"status": label, "date": _day(since)}
    if since is None:
        head = label
    if selected:
        reason = _selected_reason(by)
    else:
        reason = _deals_reason(kind, value, deals) or _change_reason(kind, change)
        closed = kind == StatusKind.CUSTOMER or value == ProspectStatus.LOST
        told = [(deal.id, deal.kept) for deal in deals]
        if closed and change and change.actor and told == [(change.deal_id, False)]:
            reason = _by(reason, change)
    return _("%(status)s: %(reason)s.") % {"status": head, "reason": reason}


def _selected_reason(by: str) -> str:
    return _("selected by %(person)s") % {"person": by} if by else _("selected by hand")


def _deals_reason(kind: StatusKind, value: str, deals: list[DealReference]) -> str:
    """What the deals say, in words; empty where no deal gives the value."""
    if not deals:
        return ""
    names = {"deals": names_of([deal.name for deal in deals]), "number": len(deals)}
    if kind == StatusKind.PROSPECT and value == ProspectStatus.CURRENT:
        return (
            ngettext(
                "the deal %(deals)s is active", "%(number)d deals are active: %(deals)s", len(deals)
            )
            % names
        )
    if kind == StatusKind.PROSPECT and value == ProspectStatus.LOST:
        return _lost_reason(deals, names)
    if kind == StatusKind.PROSPECT:
        return (
            ngettext(
                "no deal is active, and %(deals)s was won",
                "no deal is active, and %(number)d deals were won: %(deals)s",
                len(deals),
            )
            % names
        )
    won = _("%(number)d deals were won: %(deals)s") % names
    if len(deals) == 1:
        moved = {"deals": names["deals"], "stage": deals[0].stage}
        won = _("%(deals)s was moved to %(stage)s") % moved
    if all(deal.kept for deal in deals):
        return _("%(won)s, which stays though this contact left the deal since") % {"won": won}
    return won


def _lost_reason(deals: list[DealReference], names: dict[str, Any]) -> str:
    if len(deals) > 1:
        return _("all %(number)d deals were lost: %(deals)s") % names
    return _("its only deal, %(deal)s, was moved to %(stage)s") % {
        "deal": names["deals"],
        "stage": deals[0].stage,
    }


_HAPPENED: dict[str, Callable[[], str]] = {
    Cause.DEAL_OPENED: lambda: _("the deal %(deal)s was opened"),
    Cause.DEAL_MOVED: lambda: _("the deal %(deal)s was moved to %(stage)s"),
    Cause.DEAL_JOINED: lambda: _("it was added to the deal %(deal)s"),
    Cause.DEAL_LEFT: lambda: _("the deal %(deal)s does not count for it any more"),
    Cause.DEAL_DELETED: lambda: _("the deal %(deal)s was deleted"),
    Cause.DEAL_RESTORED: lambda: _("the deal %(deal)s was restored"),
    Cause.STAGE_CHANGED: lambda: _("the stage %(stage)s was given another category"),
    Cause.SELECTED: lambda: _("a selection was taken back"),
    Cause.WIN_FORGOTTEN: lambda: _("a kept win was forgotten"),
    Cause.MERGED: lambda: _("two contacts were merged"),
    Cause.UNMERGED: lambda: _("a merge was undone"),
    Cause.IMPORTED: lambda: _("it was imported so"),
    Cause.RECOUNTED: lambda: _("the statuses were recounted"),
}


def _change_reason(kind: StatusKind, change: StatusChange | None) -> str:
    """What took the status back to where no deal gives it; "no deal counts" if nothing did."""
    nothing = _("no deal counts for it")
    if kind == StatusKind.CUSTOMER:
        # Active and lost deals may well count: none of them makes a customer.
        nothing = _("no won deal counts for it")
    if change is None:
        return nothing
    # A caller of sync_statuses may have given a cause of its own.
    words = _HAPPENED.get(change.cause)
    named = words() if words else ""
    if not named or ("%(deal)s" in named and not change.deal_name):
        return nothing
    happened = named % {"deal": names_of([change.deal_name]), "stage": change.stage_name}
    # Whoever took it off the deal did not make it stop counting: a change of jobs does as well.
    named_by = change.actor and change.cause != Cause.DEAL_LEFT
    return _by(happened, change) if named_by else happened


def _by(happened: str, change: StatusChange) -> str:
    return _("%(happened)s by %(person)s") % {"happened": happened, "person": change.actor}


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else ""
