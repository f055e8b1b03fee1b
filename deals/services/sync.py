"""Keeping parties, facts, statuses and history in step with the deals.

``sync_statuses`` is the one writer. It locks the deals, then everybody they may concern, in the
order of their ids; compares the parties with what the deals say; keeps wins; counts; writes the
facts that differ; reads the statuses back; and records those that moved. It counts after
locking, in statements of its own: at READ COMMITTED only these see what another transaction
committed while this one waited. The number of statements does not depend on how many deals or
contacts there are; a change is settled in one piece, however large, because what stands between
its steps is nobody's status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from contacts.models import Contact, StatusChange
from crm.changes import Change, one_change, open_change, settle, settled_by
from crm.trash import services as trash
from deals.models import Deal
from deals.services import sql
from deals.services.reasons import changes_of
from deals.services.states import ContactState, DealState, Event
from deals.stages import GROUP_OF, Group

batched_status_sync = one_change


def sync_statuses(deals: Iterable[Deal | int], cause: str = "") -> None:
    """Bring everybody whom these deals (or ids) concern in step, in one transaction.

    Inside an open change it notes the deals, and the change settles when it ends. ``cause`` is a
    ``StatusChange.Cause`` for the history; without one the deals themselves say why.
    """
    ids = {deal if isinstance(deal, int) else deal.pk for deal in deals}
    with one_change(cause=cause) as change:
        change.deals |= ids


@settled_by
def settle_statuses(change: Change) -> None:
    """Settle what ``change`` noted. Called at the end of the change, in its transaction."""
    ids = set(change.deals)
    if change.deleted_contacts:
        ids |= set(sql.deals_counting_for(change.deleted_contacts))
    if change.moved_contacts:
        # Who put them on a deal meanwhile waited for their rows, or we for theirs.
        ids |= set(sql.deals_concerning(change.moved_contacts))
    if ids or change.recounted_contacts:
        _Sync(change, sorted(ids)).run()
    if change.marks:
        _set_marks(change)
    trash.put(_gone(change.trash))


def _gone(noted: dict[tuple[str, int], Any]) -> list[Any]:
    """Of what was to go to the trash, what is gone; the rest a savepoint has brought back."""
    present: set[tuple[str, int]] = set()
    for kind, model in (("deal", Deal), ("contact", Contact)):
        ids = [pk for noted_kind, pk in noted if noted_kind == kind]
        if ids:
            rows = model._base_manager.filter(pk__in=ids).values_list("pk", flat=True)
            present |= {(kind, pk) for pk in rows}
    return [entry for key, entry in noted.items() if key not in present]


def _set_marks(change: Change) -> None:
    """Set the marks of contacts that no deal of the change concerns."""
    now = timezone.now()
    states = sql.lock_contacts_by_id(change.marks)
    for state in states:
        state.after = replace(state.before)
        state.take_marks(change.marks[state.id])
        state.date_changes(now)
    sql.write_standings(states)
    rows = [row for state in states for row in changes_of(state, [], change, now)]
    change.status_changes += StatusChange.objects.bulk_create(rows)


def settle_now() -> None:
    """Settle the open change, if there is one, for a step that needs the statuses of by now."""
    if change := open_change():
        change.remember_settled()
        settle(change)


class _Sync:
    """One pass over some deals of one change."""

    def __init__(self, change: Change, deal_ids: Sequence[int]) -> None:
        self.change = change
        self.deal_ids = deal_ids
        self.now = timezone.now()
        self.deals: dict[int, DealState] = {}
        self.contacts: dict[int, ContactState] = {}
        self.events: dict[int, list[Event]] = {}
        self.bereft: set[int] = set()

    def run(self) -> None:
        with sql.whole_tables(len(self.deal_ids)):
            self._run()

    def _run(self) -> None:
        self.deals = {deal.id: deal for deal in sql.lock_deals(self.deal_ids)}
        self.contacts = {contact.id: contact for contact in sql.lock_contacts(self.deal_ids)}
        recounted = self.change.recounted_contacts
        if recounted:
            missing = recounted - self.contacts.keys()
            self.contacts |= {contact.id: contact for contact in sql.lock_contacts_by_id(missing)}
        self._align_deals()
        self._write_parties()
        for contact_id in recounted:
            self.events.setdefault(contact_id, [])
        concerned = sorted(self.contacts.keys() & self.events.keys())
        if concerned:
            self._write_standings(concerned)

    # -- 1: what a deal's own row says

    def _align_deals(self) -> None:
        """Give deals the group of their stage, and active ones a company, where they lack it."""
        differing = []
        for deal in self.deals.values():
            deal.group_before = self.change.groups_before.get(deal.id, deal.group)
            deal.is_new = deal.id in self.change.new_deals
            group = GROUP_OF[deal.category]
            if group != deal.group:
                deal.group = group
                deal.stage_changed = not deal.is_new and deal.group_before != group
                deal.closed_at = None if group == Group.ACTIVE else self.now
                if group == Group.ACTIVE:
                    deal.opened_at = self.now
                differing.append(deal)
            star = self.contacts.get(deal.star_id)
            if deal.group == Group.ACTIVE and deal.company_id is None and star:
                deal.company_id = star.id if star.is_organization else star.company_id
                if deal.company_id is not None:
                    differing.append(deal)
        if differing:
            sql.write_deals(differing)
            # A company that was just given may not have been among those to lock.
            missing = {d.company_id for d in differing if d.company_id} - self.contacts.keys()
            if missing:
                self.contacts |= {c.id: c for c in sql.lock_contacts_by_id(missing)}

    # -- 2: whom the deals count for

    def _write_parties(self) -> None:
        links, parties, late = sql.links_and_parties(self.deal_ids)
        self._drop_links_of_stars(links)
        wanted = self._wanted(links)
        added: list[tuple[int, int, bool, datetime | None]] = []
        removed: list[tuple[int, int]] = []
        kept: list[tuple[int, int, bool]] = []
        for deal_id, before in parties.items():
            deal = self.deals.get(deal_id)
            for contact_id, was_kept in before.items():
                is_party = contact_id in wanted.get(deal_id, ())
                self._record(deal, deal_id, contact_id, was_party=True, is_party=is_party)
                if was_kept:
                    self._kept_to_trash(deal_id, contact_id)
                if deal is None:
                    self.bereft.add(contact_id)
                    removed.append((deal_id, contact_id))
                elif is_party:
                    if was_kept:
                        kept.append((deal_id, contact_id, False))
                elif not self._keeps(deal, contact_id, was_kept):
                    removed.append((deal_id, contact_id))
                elif not was_kept:
                    kept.append((deal_id, contact_id, True))
                    self.change.newly_kept.append((deal_id, contact_id))
        for deal_id, after in wanted.items():
            deal = self.deals[deal_id]
            for contact_id in after - parties.get(deal_id, {}).keys():
                self._record(deal, deal_id, contact_id, was_party=False, is_party=True)
                joins_late = deal.group == deal.group_before and not deal.is_new
                joined_at = self.now if joins_late else None
                added.append((deal_id, contact_id, False, joined_at))
        sql.write_parties(added, removed, kept)
        # Who joined late counts from the new group's beginning once the deal has moved on.
        moved = [d.id for d in self.deals.values() if d.group != d.group_before and d.id in late]
        if moved:
            sql.clear_joined_at(moved)

    def _wanted(self, links: dict[int, set[int]]) -> dict[int, set[int]]:
        """Section 1 of the law: star, company, and the co-workers among the associated."""
        wanted = {}
        for deal in self.deals.values():
            parties = {deal.star_id}
            if deal.company_id is not None:
                parties.add(deal.company_id)
                for contact_id in links.get(deal.id, ()):
                    contact = self.contacts.get(contact_id)
                    if contact and contact.company_id == deal.company_id:
                        parties.add(contact_id)
            wanted[deal.id] = parties & self.contacts.keys()
        return wanted

    def _keeps(self, deal: DealState, contact_id: int, was_kept: bool) -> bool:
        """Whether who is no party (any more) keeps the win; only while it stays won."""
        if not (deal.group == deal.group_before == Group.WON) or contact_id not in self.contacts:
            return False
        if was_kept:
            return True
        return self.change.keep_wins and (deal.id, contact_id) not in self.change.merged_parties

    def _drop_links_of_stars(self, links: dict[int, set[int]]) -> None:
        doubled = [
            (deal.id, deal.star_id)
            for deal in self.deals.values()
            if deal.star_id in links.get(deal.id, ())
        ]
        if doubled:
            sql.delete_links(doubled)
            for deal_id, contact_id in doubled:
                links[deal_id].discard(contact_id)

    def _record(
        self,
        deal: DealState | None,
        deal_id: int,
        contact_id: int,
        *,
        was_party: bool,
        is_party: bool,
    ) -> None:
        event = Event(deal_id, deal, was_party=was_party, is_party=is_party)
        self.events.setdefault(contact_id, []).append(event)

    # -- 3: what follows for them

    def _write_standings(self, concerned: list[int]) -> None:
        counts = sql.count_deals(concerned)
        differing = []
        for contact_id in concerned:
            contact = self.contacts[contact_id]
            contact.count(counts.get(contact_id))
            if contact_id in self.bereft and not contact.after.has_deal:
                self._to_trash(contact_id, contact.drop_marks_of_deals())
            contact.take_marks(self.change.marks.pop(contact_id, {}))
            if contact.differs:
                differing.append(contact)
        if not differing:
            return
        for contact in differing:
            contact.date_changes(self.now)
        sql.write_standings(differing)
        changes = [
            change
            for contact in differing
            for change in changes_of(contact, self.events[contact.id], self.change, self.now)
        ]
        self.change.status_changes += StatusChange.objects.bulk_create(changes)

    def _kept_to_trash(self, deal_id: int, contact_id: int) -> None:
        for key in (("deal", deal_id), ("contact", contact_id)):
            entry: Any = self.change.trash.get(key)
            if entry is not None:
                entry.data["kept"].append([deal_id, contact_id])

    def _to_trash(self, contact_id: int, marks: dict[str, Any]) -> None:
        """Leave the marks that a deletion takes with the deals in the trash, for their return."""
        if marks:
            for event in self.events[contact_id]:
                entry: Any = self.change.trash.get(("deal", event.deal_id))
                if entry is not None:
                    entry.data["marks"][str(contact_id)] = {
                        name: trash.plain(value) for name, value in marks.items()
                    }


def lock_deals_of(contact_ids: Iterable[int]) -> list[int]:
    """Lock the deals that concern these contacts, ahead of the contacts; returns their ids.

    Every sync locks deals before contacts; who is about to change contacts does so too.
    """
    ids = sql.deals_concerning(contact_ids)
    return [deal.id for deal in sql.lock_deals(ids)]
