"""A person whose data is asked for or erased, whether still there or in the trash, and by which texts copies of it are
known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q

from contacts.models import Contact, ContactDetail
from contacts.models.labels import ContactValue
from crm.privacy.needles import Needles
from crm.trash.models import TrashedRecord
from crm.trash.services import row_of
from deals.models import Deal, MergeRecord

Row = dict[str, Any]
TEXTS = (
    "name", "first_name", "last_name", "title", "industry", "email", "phone", "mobile", "website",
    "street", "postal_code", "city", "state", "country", "description",
)  # fmt: skip
# So short a text is said of too many to know anybody by.
SHORTEST = 6


@dataclass
class Subject:
    """One person. ``row`` is the stored contact, of the trash where ``trashed``; ``former`` are the rows of contacts
    that became part of it.
    """

    pk: int
    row: Row
    trashed: TrashedRecord | None
    merges: list[MergeRecord] = field(default_factory=list)

    @classmethod
    def of(cls, pk: int) -> Subject:
        """Raises ``ObjectDoesNotExist`` where there is no such person, also for a company."""
        contact = Contact.objects.filter(pk=pk).first()
        trashed = TrashedRecord.objects.filter(
            kind=TrashedRecord.Kind.CONTACT, record_id=pk
        ).first()
        if contact is not None:
            row = row_of(contact)
        elif trashed is not None:
            row = trashed.data["row"]
        else:
            raise ObjectDoesNotExist
        if row["is_organization"]:
            raise ObjectDoesNotExist
        return cls(pk, row, None if contact else trashed, merges_of(pk))

    @property
    def name(self) -> str:
        return str(self.row["name"])

    @cached_property
    def joined(self) -> list[MergeRecord]:
        """Merges that still hold. Who was parted again is a person of their own."""
        return [one for one in self.merges if one.undone_at is None]

    @cached_property
    def ids(self) -> list[int]:
        """The person’s number, and those that it had before merges."""
        return sorted({self.pk, *(one.merged_id for one in self.joined)})

    @cached_property
    def rows(self) -> list[Row]:
        former = [one.data.get("merged") for one in self.joined]
        return [self.row, *(row for row in former if row)]

    @cached_property
    def deal_ids(self) -> list[int]:
        """Deals that the person is the star of, associated with, or a party of."""
        there = Q(primary_contact=self.pk) | Q(links__contact=self.pk) | Q(parties__contact=self.pk)
        return sorted(set(Deal.objects.filter(there).order_by().values_list("pk", flat=True)))

    @cached_property
    def addresses(self) -> list[str]:
        """All e-mail addresses, also in fields, in the trash, and of who became part of the person."""
        return sorted(
            {text for text in self._all_texts() if "@" in text and " " not in text.strip()}
        )

    def _all_texts(self) -> Iterator[str]:
        for row in self.rows:
            yield from (str(row[name]) for name in TEXTS if row.get(name))
        yield from ContactDetail.objects.filter(contact=self.pk).values_list("value", flat=True)
        values = ContactValue.objects.filter(contact=self.pk).exclude(text="")
        yield from values.values_list("text", flat=True)
        for row in self._kept_rows():
            yield from (str(row[name]) for name in ("value", "text") if row.get(name))

    def _kept_rows(self) -> Iterator[Row]:
        """Details and values that lie in the trash, or with a merge to be undone."""
        if self.trashed:
            yield from self.trashed.data.get("details", [])
            yield from self.trashed.data.get("values", [])
        for one in self.joined:
            for change in one.data.get("details", {}).values():
                yield from (row for row in change if row) if isinstance(change, list) else ()
            values = one.data.get("remembered", {}).get("labels", {}).get("values", {})
            for rows in values.values():
                yield from rows

    # -- what copies are known by

    @cached_property
    def names(self) -> list[str]:
        found = []
        for row in self.rows:
            first, last = row["first_name"].strip(), row["last_name"].strip()
            found += [row["name"], f"{last}, {first}", f"{last} {first}"] if first else [last]
        return list(dict.fromkeys(found))

    @cached_property
    def needles(self) -> Needles:
        """For texts anywhere: full names, and what nobody else has."""
        names = [one for one in self.names if " " in one or self._is_alone(one)]
        texts = {one for one in self._all_texts() if len(one) >= SHORTEST}
        return Needles([*names, *sorted(self.of_nobody_else(texts - set(self.names)))])

    @cached_property
    def own_needles(self) -> Needles:
        """For texts about this person, such as the names of their deals: the last name alone too."""
        last = [row["last_name"] for row in self.rows if len(row["last_name"]) > 2]
        return Needles([*self.needles.texts, *last, *self.addresses])

    def _is_alone(self, name: str) -> bool:
        same = Q(name__iexact=name) | Q(first_name__iexact=name) | Q(last_name__iexact=name)
        return len(name) > 3 and not Contact.objects.exclude(pk=self.pk).filter(same).exists()

    def of_nobody_else(self, texts: Iterable[str]) -> set[str]:
        """Those of ``texts`` that no other contact has."""
        texts = set(texts)
        others = Contact.objects.exclude(pk=self.pk).order_by()
        taken: set[str] = set()
        for name in TEXTS:
            taken |= set(others.filter(**{f"{name}__in": texts}).values_list(name, flat=True))
        details = ContactDetail.objects.exclude(contact=self.pk).filter(value__in=texts)
        values = ContactValue.objects.exclude(contact=self.pk).filter(text__in=texts)
        taken |= set(details.order_by().values_list("value", flat=True))
        taken |= set(values.order_by().values_list("text", flat=True))
        return texts - taken


def merges_of(pk: int) -> list[MergeRecord]:
    """Merges that this contact came out of, and those that the merged ones came out of, the newest first."""
    found: dict[int, MergeRecord] = {}
    looking = [pk]
    while looking:
        rows = MergeRecord.objects.filter(survivor_id__in=looking).exclude(pk__in=found)
        new = list(rows)
        found |= {one.pk: one for one in new}
        looking = [one.merged_id for one in new if one.undone_at is None]
    return [one for one in found.values() if one.undone_at is None or one.survivor_id == pk]
