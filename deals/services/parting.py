"""Giving a contact that was merged its employees, deals and addresses back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Contact, ContactDetail, StatusChange
from crm.actor import current_actor
from crm.trash.services import instance_of
from deals.models import Deal, DealContact, DealParty
from deals.services.names import hidden_among, names_of
from deals.services.pictures import MOVED, Picture, Row
from deals.services.trash import insert_as_stored


class Parting:
    """One undoing of a merge: ``data`` is what it left, ``now`` how its rows stand by now.

    What was edited since stays, and is added to ``told``.
    """

    def __init__(
        self, survivor_id: int, merged_id: int, data: dict[str, Any], now: Picture
    ) -> None:
        self.survivor_id = survivor_id
        self.merged_id = merged_id
        self.data = data
        self.now = now
        self.told: list[str] = []

    def run(self) -> None:
        """Put every row back. The merged contact must be there again."""
        self._return_employees()
        self._return_deals()
        self._return_links()
        self._return_parties()
        self._return_details()
        history = StatusChange.objects.filter(pk__in=self.data["history"])
        history.filter(contact=self.survivor_id).update(contact=self.merged_id)

    def _tell(self, text: str, names: Iterable[str | None]) -> None:
        """None stands for a deal that whoever undoes it may not see."""
        if names := sorted(names, key=lambda name: (name is None, name or "")):
            self.told.append(text % {"names": names_of(names)})

    def _tell_of_people(self, ids: set[int]) -> None:
        rows = Contact.objects.filter(pk__in=ids)
        if (reader := current_actor()) is not None:
            rows = rows.visible_to(reader)
        names = list(rows.values_list("name", flat=True))
        self._tell(_("Belong elsewhere by now, and stay there: %(names)s."), names)
        if hidden := Contact.objects.filter(pk__in=ids).count() - len(names):
            text = ngettext(
                "%(number)d contact you cannot see belongs elsewhere by now, and stays there.",
                "%(number)d contacts you cannot see belong elsewhere by now, and stay there.",
                hidden,
            )
            self.told.append(text % {"number": hidden})

    def _kept_column(self, table: str, pk: str, name: str) -> bool:
        """Whether a column of a row still holds what the merge wrote into it."""
        row = self.now[table].get(pk)
        return row is not None and row[name] == self.data[table][pk][name][1]

    # -- employees and subsidiaries

    def _return_employees(self) -> None:
        changed: set[int] = set()
        for column in ("company_id", "parent_company_id"):
            back = []
            for pk, row in self.data["contacts"].items():
                if column not in row or int(pk) == self.survivor_id:
                    continue
                if self._kept_column("contacts", pk, column):
                    back.append(int(pk))
                else:
                    changed.add(int(pk))
            if back:
                Contact.objects.filter(pk__in=back).update(**{column: self.merged_id})
        self._tell_of_people(changed)

    # -- deals

    def _return_deals(self) -> None:
        edited: set[int] = set()
        # (has another star again, its company) -> deals
        back: dict[tuple[bool, Any], list[int]] = {}
        for pk, row in self.data["deals"].items():
            if pk not in self.now["deals"]:
                continue
            kept = {name for name in row if self._kept_column("deals", pk, name)}
            edited |= {int(pk)} if kept != row.keys() else set()
            company: Any = F("company")
            if "company_id" in kept:
                company = row["company_id"][0]
            if kept:
                back.setdefault(("primary_contact_id" in kept, company), []).append(int(pk))
        present = self._present(company for _star, company in back if isinstance(company, int))
        for (starred, company), ids in back.items():
            if isinstance(company, int) and company not in present:
                company = None
            star = {"primary_contact": self.merged_id} if starred else {}
            Deal.objects.filter(pk__in=ids).update(**star, company=company)
        rows = list(Deal.objects.filter(pk__in=edited).values_list("pk", "name"))
        hidden = hidden_among(edited, current_actor())
        names = [None if pk in hidden else name for pk, name in rows]
        self._tell(_("Have another main contact or company by now, and keep it: %(names)s."), names)

    def _present(self, ids: Iterable[int]) -> set[int]:
        return set(Contact.objects.filter(pk__in=set(ids)).values_list("pk", flat=True))

    # -- who is on them

    def _return_links(self) -> None:
        stars = dict(
            Deal.objects.filter(pk__in=map(int, self.data["stages"])).values_list(
                "pk", "primary_contact_id"
            )
        )
        back, removed = [], 0
        for pk, row in self.data["links"].items():
            if isinstance(row, dict):
                if self._kept_column("links", pk, "contact_id"):
                    back.append(int(pk))
                else:
                    removed += 1
        DealContact.objects.filter(pk__in=back).update(contact=self.merged_id)
        for row in self.data["links"].values():
            if isinstance(row, list) and row[1] is None:
                self._insert_link(row[0], stars)
        if removed:
            self.told.append(
                ngettext(
                    "%(number)d deal lists neither of them any more.",
                    "%(number)d deals list neither of them any more.",
                    removed,
                )
                % {"number": removed}
            )

    def _insert_link(self, row: Row, stars: dict[int, int]) -> None:
        """Put a link back that went because one contact is on a deal once."""
        star = stars.get(row["deal_id"])
        # The survivor's own went when it became the star; it comes back if that was taken back.
        returned = row["contact_id"] == self.merged_id or star == self.merged_id
        pair = {"deal_id": row["deal_id"], "contact_id": row["contact_id"]}
        if star is None or star == row["contact_id"] or not returned:
            return
        if not DealContact.objects.filter(**pair).exists():
            insert_as_stored(DealContact(**row))

    # -- whom they count for

    def _return_parties(self) -> None:
        """Put back what counting the deals anew would not find: numbers, kept wins, dates."""
        moved: dict[tuple[tuple[str, Any], ...], list[int]] = {}
        returned = []
        for pk, row in self.data["parties"].items():
            if isinstance(row, dict):
                if values := self._party_values(pk, row):
                    moved.setdefault(tuple(sorted(values.items())), []).append(int(pk))
            elif row[1] is None and (party := self._party(row[0])):
                returned.append(party)
        for changes, ids in moved.items():
            DealParty.objects.filter(pk__in=ids).update(**dict(changes))
        DealParty.objects.bulk_create(returned, ignore_conflicts=True)

    def _party_values(self, pk: str, row: dict[str, list[Any]]) -> dict[str, Any]:
        """The columns that a party which is still there gets back."""
        now = self.now["parties"].get(pk)
        if now is None or (
            "contact_id" in row and not self._kept_column("parties", pk, "contact_id")
        ):
            return {}
        values = {name: was for name, (was, _became) in row.items() if name == "contact_id"}
        if "kept" in row and now["kept"] == row["kept"][1] and self._stands(now["deal_id"]):
            values["kept"] = row["kept"][0]
        return values

    def _party(self, row: Row) -> DealParty | None:
        """A party that went because one contact is party of a deal once."""
        stands = self._stands(row["deal_id"])
        if str(row["deal_id"]) not in self.now["deals"] or (row["kept"] and not stands):
            return None
        party = instance_of(DealParty, row)
        assert isinstance(party, DealParty)
        if not stands:
            party.joined_at = None
        return party

    def _stands(self, deal_id: int) -> bool:
        """Whether a deal stands where it stood: reopening takes kept wins, and when one joined."""
        deal = self.now["deals"].get(str(deal_id))
        return deal is not None and self.data["stages"][str(deal_id)] == [
            deal[name] for name in MOVED
        ]

    # -- further addresses and numbers

    def _return_details(self) -> None:
        back, changed = [], []
        for pk, row in self.data["details"].items():
            now = self.now["details"].get(pk)
            if isinstance(row, dict) and now is not None:
                back.append(int(pk))
            elif isinstance(row, list) and row[1] is not None and now == row[1]:
                ContactDetail.objects.filter(pk=int(pk)).delete()
            elif now is not None:
                changed.append(now["value"])
        ContactDetail.objects.filter(pk__in=back).update(contact=self.merged_id)
        self._tell(_("Edited since, and kept with the surviving contact: %(names)s."), changed)
