"""Loading who is on a deal."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _

from deals.models import Deal, DealContact
from imports import bulk
from imports.loading import Loading
from imports.mapping import Section
from imports.reading import Row
from imports.rows import BadRow, RowReader

COLUMNS = ["deal_id", "contact_id", "role"]


class Link(NamedTuple):
    deal_id: int
    contact_id: int
    role: str


class LinkRows:
    """Loads one section of associated contacts. Takes nobody off a deal."""

    def __init__(self, loading: Loading, section: Section) -> None:
        self.loading = loading
        self.section, self.file = loading.begin(section)
        self.counts = loading.counts(section.entity)
        self.reader = RowReader(loading, self.section, self.file.header)
        self.links: list[Link] = []
        names = self.reader.names
        self._deal, self._contact = names.index("deal"), names.index("contact")
        self._role = names.index("role") if "role" in names else None

    def load(self) -> None:
        self.loading.take_rows(self.section, self.file, self._take, self.flush)

    def _take(self, row: Row) -> None:
        values = self.reader.values(row.cells)
        deal_id, contact = values[self._deal], values[self._contact]
        if deal_id is None or contact is None:
            if self.section.repeated:
                self.counts.read -= 1
                return
            name = "deal" if deal_id is None else "contact"
            raise BadRow(self.reader.column_of(name), _("is empty"))
        if (deal_id, contact.id) in self.loading.linked:
            if self.section.repeated:
                self.counts.read -= 1
                return
            raise BadRow(self.reader.column_of("contact"), _("is on this deal in an earlier row"))
        self.loading.linked.add((deal_id, contact.id))
        role = values[self._role] if self._role is not None else ""
        self.links.append(Link(deal_id, contact.id, role))

    # -- writing

    def flush(self) -> None:
        star_of = self.loading.star_of
        fresh: list[Link] = []
        known: list[Link] = []
        for link in self.links:
            if link.deal_id not in star_of:
                known.append(link)
            elif star_of[link.deal_id] == link.contact_id:
                self._skip_star()
            else:
                fresh.append(link)
        bulk.insert(DealContact, COLUMNS, fresh)
        self.counts.created += len(fresh)
        if known:
            self._join_known_deals(known)
        self.links = []

    def _skip_star(self) -> None:
        self.counts.unchanged += 1
        self.loading.report.notes[_("rows that name a deal's main contact, who is on it")] += 1

    def _join_known_deals(self, links: list[Link]) -> None:
        """Through the models: deals that were there before may be won, and wins are kept."""
        ids = {link.deal_id for link in links}
        stars = dict(Deal.objects.filter(pk__in=ids).values_list("pk", "primary_contact"))
        present = {
            (link.deal_id, link.contact_id): link
            for link in DealContact.objects.filter(deal__in=ids)
        }
        joining, renamed = [], []
        for link in links:
            stored = present.get((link.deal_id, link.contact_id))
            if stars[link.deal_id] == link.contact_id:
                self._skip_star()
            elif stored is None:
                joining.append(DealContact(**link._asdict()))
            elif self._role is not None and stored.role != link.role:
                stored.role = link.role
                renamed.append(stored)
            else:
                self.counts.unchanged += 1
        DealContact.objects.bulk_create(joining, batch_size=500)
        DealContact.objects.bulk_update(renamed, ["role"], batch_size=500)
        self.counts.created += len(joining)
        self.counts.updated += len(renamed)
