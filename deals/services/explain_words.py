"""Why a status is what it is, in a sentence for its reader; the data is in ``explain``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import StatusChange
from contacts.statuses import ProspectStatus, StatusKind, label_of
from deals.services.names import names_of

if TYPE_CHECKING:
    from deals.services.explain import DealReference

Cause = StatusChange.Cause


def sentence_of(
    kind: StatusKind,
    value: str,
    since: datetime | None,
    selected: bool,
    by: str,
    deals: Sequence[DealReference],
    change: StatusChange | None,
    hidden: Collection[int],
) -> str:
    label = label_of(kind, value)
    head = _("%(status)s since %(date)s") % {"status": label, "date": _day(since)}
    if since is None:
        head = label
    if selected:
        reason = _selected_reason(by)
    else:
        unseen = change is not None and change.deal_id in hidden
        reason = _deals_reason(kind, value, deals) or _change_reason(kind, change, unseen)
        closed = kind == StatusKind.CUSTOMER or value == ProspectStatus.LOST
        told = [(deal.id, deal.kept) for deal in deals]
        if closed and change and change.actor and told == [(change.deal_id, False)]:
            reason = _by(reason, change)
    return _("%(status)s: %(reason)s.") % {"status": head, "reason": reason}


def _selected_reason(by: str) -> str:
    return _("selected by %(person)s") % {"person": by} if by else _("selected by hand")


def _deals_reason(kind: StatusKind, value: str, deals: Sequence[DealReference]) -> str:
    """What the deals say, in words; empty where no deal gives the value."""
    if not deals:
        return ""
    if len(deals) == 1 and deals[0].id is None:
        return _unseen_reason(kind, value, deals[0])
    names = {"deals": names_of([deal.told for deal in deals]), "number": len(deals)}
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
    return _stays(won) if all(deal.kept for deal in deals) else won


def _stays(won: str) -> str:
    return _("%(won)s, which stays though this contact left the deal since") % {"won": won}


def _unseen_reason(kind: StatusKind, value: str, deal: DealReference) -> str:
    """What the only deal says to somebody who may not see it."""
    if kind == StatusKind.CUSTOMER:
        won = _("a deal you cannot see was won")
        return _stays(won) if deal.kept else won
    if value == ProspectStatus.CURRENT:
        return _("a deal you cannot see is active")
    if value == ProspectStatus.LOST:
        return _("its only deal, which you cannot see, was lost")
    return _("no deal is active, and a deal you cannot see was won")


def _lost_reason(deals: Sequence[DealReference], names: dict[str, Any]) -> str:
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


# The same of a deal that the reader may not see.
_HAPPENED_UNSEEN: dict[str, Callable[[], str]] = {
    Cause.DEAL_OPENED: lambda: _("a deal you cannot see was opened"),
    Cause.DEAL_MOVED: lambda: _("a deal you cannot see was moved"),
    Cause.DEAL_JOINED: lambda: _("it was added to a deal you cannot see"),
    Cause.DEAL_LEFT: lambda: _("a deal you cannot see does not count for it any more"),
    Cause.DEAL_DELETED: lambda: _("a deal you cannot see was deleted"),
    Cause.DEAL_RESTORED: lambda: _("a deal you cannot see was restored"),
    Cause.STAGE_CHANGED: lambda: _("a stage was given another category"),
}


def _change_reason(kind: StatusKind, change: StatusChange | None, unseen: bool) -> str:
    """What took the status back to where no deal gives it; "no deal counts" if nothing did."""
    nothing = _("no deal counts for it")
    if kind == StatusKind.CUSTOMER:
        # Active and lost deals may well count: none of them makes a customer.
        nothing = _("no won deal counts for it")
    if change is None:
        return nothing
    if unseen and (words := _HAPPENED_UNSEEN.get(change.cause)):
        return words()
    # A caller of sync_statuses may have given a cause of its own.
    words = _HAPPENED.get(change.cause)
    named = words() if words else ""
    if not named or ("%(deal)s" in named and not change.deal_name):
        return nothing
    happened = named % {"deal": names_of([change.deal_name]), "stage": change.stage_name}
    # Whoever took it off the deal did not make it stop counting: a change of jobs does as well.
    named_by = change.actor and change.cause != Cause.DEAL_LEFT and not unseen
    return _by(happened, change) if named_by else happened


def _by(happened: str, change: StatusChange) -> str:
    return _("%(happened)s by %(person)s") % {"happened": happened, "person": change.actor}


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else ""
