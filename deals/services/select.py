"""Selecting a status, within the rules of the law's section 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Contact, StatusChange
from contacts.statuses import CustomerStatus, ProspectStatus, Standing, StatusKind
from crm.actor import current_actor
from crm.audit.models import Action
from crm.audit.services import record
from crm.changes import one_change
from deals.models import Deal, DealParty
from deals.services import sql
from deals.services.names import ACTING, hidden_among, names_of, reader_of
from deals.services.states import ContactState
from deals.services.sync import settle_now
from deals.stages import Group

Cause = StatusChange.Cause


def select_status(
    contact: Contact,
    *,
    prospect: str | None = None,
    customer: str | None = None,
    at: datetime | None = None,
) -> None:
    """Select a status of ``contact``; ``contact`` shows the statuses that follow.

    ``at`` is when it was selected, now if it is left out. Raises ``ValidationError`` by status
    (``prospect``, ``customer``) for what the law refuses, with the deals in the way, and for an
    unknown value; then nothing has changed.
    """
    check_values(prospect, customer)
    _check_moment(at)
    with one_change() as change:
        settle_now()
        state = next(iter(sql.lock_contacts_by_id([contact.pk])), None)
        if state is None:
            raise ValidationError(_("This contact is deleted."))
        state.after = replace(state.before)
        now = timezone.now()
        actor = current_actor()
        # The customer status first: forgetting kept wins there may allow a Lost Prospect.
        wanted = [(StatusKind.CUSTOMER, customer), (StatusKind.PROSPECT, prospect)]
        selections = [(kind, value) for kind, value in wanted if value is not None]
        refused = refusals(contact, state.before, selections, stored_names(contact))
        if refused:
            raise ValidationError(refused)
        for kind, value in selections:
            apply_selection(state, kind, value, at or now, actor.pk if actor else None)
        change.status_changes += _write(state, at or now, now, Cause.SELECTED)
    contact.refresh_from_db()


def check_values(prospect: str | None, customer: str | None) -> None:
    for value, words in ((prospect, ProspectStatus), (customer, CustomerStatus)):
        if value is not None and value not in words.values:
            raise ValidationError(
                _("“%(value)s” is none of the values: %(values)s.")
                % {"value": value, "values": ", ".join(words.values)}
            )


def _check_moment(at: datetime | None) -> None:
    if at is not None and at > timezone.now():
        # It would outrank whatever happens until then.
        raise ValidationError(_("A status cannot be selected in the future."))


# The names of the deals of a group that count; with ``kept=False`` without mere kept wins. None is
# one that whoever is told may not see.
DealNames = Callable[..., Sequence[str | None]]


def refusals(
    contact: Contact,
    standing: Standing,
    selections: Sequence[tuple[StatusKind, str]],
    names: DealNames,
) -> dict[str, str]:
    """What speaks against any of ``selections``, by kind; the customer status comes first."""
    refused = {}
    for kind, value in selections:
        reason = refusal(contact, standing, kind, value, names)
        if reason:
            refused[kind.value] = reason
        elif kind == StatusKind.CUSTOMER and value == CustomerStatus.NONE:
            # Only kept wins are left, and they are about to be forgotten.
            standing = replace(standing, won=0, last_won_at=None)
    return refused


def stored_names(contact: Contact, reader: Any = ACTING) -> DealNames:
    """Names of the deals that count for ``contact``, newest first, looked up when asked for.

    Those that ``reader``, else whoever acts now, may not see are without names.
    """

    def names(group: str, **party: bool) -> list[str | None]:
        parties = DealParty.objects.filter(contact=contact, **party)
        deals = Deal.objects.filter(pk__in=parties.values("deal"), group=group)
        found = list(deals.order_by("-opened_at", "-pk").values_list("pk", "name"))
        hidden = hidden_among((pk for pk, _name in found), reader_of(reader))
        return [None if pk in hidden else name for pk, name in found]

    return names


def refusal(contact: Contact, standing: Standing, kind: str, value: str, names: DealNames) -> str:
    """Why ``value`` may not be selected with this standing; empty if it may."""
    if kind == StatusKind.PROSPECT:
        return _prospect_refusal(contact, standing, value, names)
    bought: Sequence[str | None] = ()
    if value == CustomerStatus.NONE and standing.won:
        bought = names(Group.WON, kept=False)
    if not bought:
        return ""
    return _(
        "%(name)s did buy: %(deals)s. Select Past Customer, or reopen or delete the won deals."
    ) % {"name": contact.name, "deals": names_of(bought)}


def _prospect_refusal(contact: Contact, standing: Standing, value: str, names: DealNames) -> str:
    name = {"name": contact.name}
    if value == ProspectStatus.CURRENT:
        if standing.active:
            return ""
        return _("Only an active deal makes a Current Prospect; %(name)s has none.") % name
    if standing.active:
        named = {**name, "deals": names_of(names(Group.ACTIVE))}
        return _("%(name)s is being sold to: %(deals)s.") % named
    if value == ProspectStatus.LOST and standing.won:
        return _("%(name)s bought: %(deals)s.") % {**name, "deals": names_of(names(Group.WON))}
    return ""


def apply_selection(
    state: ContactState, kind: StatusKind, value: str, at: datetime, actor_id: int | None
) -> None:
    if kind == StatusKind.CUSTOMER and value == CustomerStatus.NONE and state.after.won:
        _forget_kept(state, DealParty.objects.filter(contact=state.id, kept=True))
    if getattr(state.after, kind.value) == value:
        return
    if getattr(state.after.by_deals_alone(), kind.value) == value:
        state.after.remove_mark(kind.value)
    else:
        state.after.set_mark(kind.value, value, at, actor_id)


def _forget_kept(state: ContactState, kept: QuerySet[DealParty]) -> None:
    kept.delete()
    state.count(sql.count_deals([state.id]).get(state.id))


def _write(
    state: ContactState, effective_at: datetime, now: datetime, cause: str
) -> list[StatusChange]:
    if not state.differs:
        return []
    rows = moved_by_hand(state, effective_at, now, cause)
    sql.write_standings([state])
    return StatusChange.objects.bulk_create(rows)


def moved_by_hand(
    state: ContactState, effective_at: datetime, now: datetime, cause: str
) -> list[StatusChange]:
    """The history rows, unsaved, of the statuses that moved; ``state`` says since when."""
    rows = []
    for kind, old in (("prospect", state.prospect), ("customer", state.customer)):
        new = getattr(state.after, kind)
        if new != old:
            setattr(state, f"{kind}_since", effective_at)
            rows.append(
                StatusChange(
                    contact_id=state.id,
                    status=kind,
                    old=old,
                    new=new,
                    effective_at=effective_at,
                    recorded_at=now,
                    actor=current_actor(),
                    cause=cause,
                )
            )
    return rows


def forget_win(contact: Contact, deal: Deal) -> bool:
    """Forget the kept win of ``contact`` in ``deal``; returns whether there was one.

    What the page offers to whoever removed the contact from the won deal by mistake.
    """
    with one_change() as change:
        settle_now()
        sql.lock_deals([deal.pk])
        state = next(iter(sql.lock_contacts_by_id([contact.pk])), None)
        kept = DealParty.objects.filter(contact=contact, deal=deal, kept=True)
        if state is None or not kept.exists():
            return False
        state.after = replace(state.before)
        _forget_kept(state, kept)
        now = timezone.now()
        change.status_changes += _write(state, now, now, Cause.WIN_FORGOTTEN)
        record(Action.CHANGED, contact, how="win_forgotten")
    contact.refresh_from_db()
    return True
