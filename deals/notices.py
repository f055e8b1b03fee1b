"""What whoever made a change is told: whose statuses moved, and what the law offers now.

Offers wait in the session as plain data until a page shows them, once. What is shown is looked
up then, for what the user may see, and only while the offer still makes sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.hidden import hidden_of
from contacts.models import Contact, StatusChange
from contacts.statuses import label_of
from crm.bulk.among import among
from crm.changes import Change
from deals.access import editable_contacts
from deals.models import Deal, DealParty, MergeRecord

SESSION_KEY = "offers"
NAMED_AT_MOST = 3
OFFERED_AT_MOST = 20


@dataclass(frozen=True)
class KeptWin:
    """``contact`` left the won ``deal`` and stays a customer through it; may be forgotten."""

    contact: Contact
    deal: Deal
    kind: str = "kept_win"


@dataclass(frozen=True)
class MoveAlong:
    """``person`` changed jobs; ``number`` active deals may be moved to the new company."""

    person: Contact
    number: int
    kind: str = "move_along"


@dataclass(frozen=True)
class MarkEmployees:
    """A status was selected for ``company``; its ``number`` employees may get it too."""

    company: Contact
    number: int
    status: str
    value: str
    kind: str = "mark_employees"

    @property
    def label(self) -> str:
        return label_of(self.status, self.value)


@dataclass(frozen=True)
class UndoMerge:
    """Two contacts were merged just now; it may be undone."""

    merge: MergeRecord
    kind: str = "undo_merge"


Offer = KeptWin | MoveAlong | MarkEmployees | UndoMerge


def tell(request: HttpRequest, done: str, change: Change | None = None) -> None:
    """Add the message ``done``, with the status changes of ``change``, and offer its kept wins."""
    text = done
    if change is not None and change.status_changes:
        text = f"{done} {sentence_of(change.status_changes, request.user)}"
    messages.success(request, text)
    if change is not None:
        for deal_id, contact_id in _forgettable(change, request.user)[:OFFERED_AT_MOST]:
            offer(request, kind="kept_win", deal=deal_id, contact=contact_id)


def _forgettable(change: Change, user: Any) -> list[tuple[int, int]]:
    """The kept wins that ``user`` may forget, which takes both ends; the session is to know of no others."""
    if not change.newly_kept:
        return []
    contacts = editable_contacts((contact for _deal, contact in change.newly_kept), user)
    wanted = {deal for deal, _contact in change.newly_kept}
    deals = set(
        Deal.objects.editable_by(user).filter(among(wanted)).order_by().values_list("pk", flat=True)
    )
    return [
        (deal, contact)
        for deal, contact in change.newly_kept
        if deal in deals and contact in contacts
    ]


def sentence_of(changes: Sequence[StatusChange], user: Any) -> str:
    """Status changes in a sentence for ``user``: the first few by name, the others by number."""
    hidden = hidden_of((row.contact_id for row in changes), user)
    seen = [row for row in changes if row.contact_id not in hidden]
    first = seen[:NAMED_AT_MOST]
    names = dict(
        Contact.objects.filter(pk__in={row.contact_id for row in first}).values_list("pk", "name")
    )
    parts = [
        _("%(name)s: %(old)s → %(new)s")
        % {"name": names.get(row.contact_id, "?"), "old": row.old_label, "new": row.new_label}
        for row in first
    ]
    more = len(seen) - len(first)
    if more:
        parts.append(
            ngettext("%(number)d more change", "%(number)d more changes", more) % {"number": more}
        )
    if unseen := len(changes) - len(seen):
        parts.append(
            ngettext(
                "%(number)d change of contacts you cannot see",
                "%(number)d changes of contacts you cannot see",
                unseen,
            )
            % {"number": unseen}
        )
    return "; ".join(parts) + "."


def offer(request: HttpRequest, **data: Any) -> None:
    """Keep an offer until the next page: its kind, and ids or words."""
    request.session[SESSION_KEY] = [*request.session.get(SESSION_KEY, []), data]


def offer_to_move_along(request: HttpRequest, person: Contact) -> None:
    """Offer to move the active deals along that the old company of ``person`` still has."""
    if active_deals_elsewhere(person, request.user):
        offer(request, kind="move_along", person=person.pk)


def active_deals_elsewhere(person: Contact, user: Any = None) -> int:
    """How many active deals ``person`` is the star of that are not its own company's; with ``user`` those that they may
    move along, which takes that they may change the company as well.
    """
    if person.is_organization or person.company_id is None:
        return 0
    deals = Deal.objects.all()
    if user is not None:
        if not editable_contacts([person.company_id], user):
            return 0
        deals = Deal.objects.editable_by(user)
    moving = deals.active().filter(primary_contact=person)
    return moving.exclude(company=person.company_id).count()


def take_offers(request: HttpRequest) -> list[Offer]:
    """The offers that wait for this user, none of them again; those outdated are left out."""
    if SESSION_KEY not in request.session:
        return []
    waiting = request.session.pop(SESSION_KEY)
    found = [_found(request.user, data) for data in waiting]
    return [one for one in found if one is not None]


def _found(user: Any, data: dict[str, Any]) -> Offer | None:
    # What they lead to asks for these rights as well.
    contacts = Contact.objects.editable_by(user)
    if data["kind"] == "kept_win":
        contact = contacts.filter(pk=data["contact"]).first()
        deal = Deal.objects.editable_by(user).filter(pk=data["deal"]).first()
        kept = DealParty.objects.filter(contact=data["contact"], deal=data["deal"], kept=True)
        return KeptWin(contact, deal) if contact and deal and kept.exists() else None
    if data["kind"] == "move_along":
        person = contacts.filter(pk=data["person"]).select_related("company").first()
        number = active_deals_elsewhere(person, user) if person else 0
        return MoveAlong(person, number) if person and number else None
    if data["kind"] == "undo_merge":
        merges = MergeRecord.objects.editable_by(user).filter(undone_at=None).defer("data")
        merge = merges.filter(pk=data["merge"]).first()
        return UndoMerge(merge) if merge else None
    company = contacts.filter(pk=data["company"]).first()
    number = contacts.filter(company=data["company"]).count() if company else 0
    if company is None or not number:
        return None
    return MarkEmployees(company, number, data["status"], data["value"])
