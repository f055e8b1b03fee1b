"""Random histories of writing contacts and deals: keys are always what recomputing gives."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from contacts.models import Contact
from contacts.words import SearchWord, vocabulary_of
from crm.trash.models import TrashedRecord
from deals.models import Deal, MergeRecord
from deals.services import merge_contacts, restore, undo_merge
from tests.deals.factories import deal, default_stages

pytestmark = pytest.mark.django_db

NAMES = ["Änne", "Björk-Lund", "O'Neil", "Łukasz & Co.", "Søren GmbH", "王芳", "🎉 Event", "Ines"]
CITIES = ["", "Köln", "Zürich", "Århus"]
REFUSALS = (ValidationError, ProtectedError)


class Walk:
    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        # Loaded long ago: saved again, they take nothing back.
        self.stale: list[Contact] = []

    def name(self) -> str:
        return f"{self.rng.choice(NAMES)} {self.rng.choice(NAMES)}"

    def texts(self) -> dict[str, str]:
        return {
            "email": self.rng.choice(["", "Info@Example.org", "a.b@example.net"]),
            "phone": self.rng.choice(["", "+49 30 12345", "٠٣٠"]),
            "city": self.rng.choice(CITIES),
        }

    def one(self, **conditions: object) -> Contact | None:
        found = list(Contact.objects.filter(**conditions).order_by("pk"))
        return self.rng.choice(found) if found else None

    def company(self) -> Contact | None:
        return self.one(is_organization=True) if self.rng.random() < 0.8 else None

    def fresh(self) -> Contact:
        if self.rng.random() < 0.4:
            return Contact(is_organization=True, name=self.name(), **self.texts())
        return Contact(
            first_name=self.rng.choice(["", "Ada"]), last_name=self.name(), company=self.company(),
            **self.texts(),
        )  # fmt: skip

    # -- what may happen

    def add(self) -> None:
        contact = self.fresh()
        contact.save()
        if self.rng.random() < 0.3:
            self.stale.append(contact)

    def add_many(self) -> None:
        Contact.objects.bulk_create([self.fresh() for _ in range(3)])

    def rename(self) -> None:
        contact = self.one()
        if contact:
            contact.name = contact.last_name = self.name()
            contact.email = self.texts()["email"]
            fields = self.rng.choice([None, ["name", "last_name"], ["email"], ["owner"]])
            contact.save(update_fields=fields)

    def save_stale(self) -> None:
        companies = {None, *Contact.objects.values_list("pk", flat=True)}
        # The database refuses companies that are gone, when all of this is over.
        stale = [contact for contact in self.stale if contact.company_id in companies]
        if stale:
            contact = self.rng.choice(stale)
            contact.last_name = contact.last_name and self.name()
            contact.city = self.rng.choice(CITIES)
            contact.save(update_fields=self.rng.choice([None, ["city"], ["last_name"]]))

    def rename_many(self) -> None:
        rows = Contact.objects.filter(is_organization=self.rng.random() < 0.5)
        way = self.rng.randrange(3)
        if way == 0:
            rows.update(name=self.name(), last_name=self.name())
        elif way == 1:
            rows.update(**self.texts())
        else:
            contacts = list(rows)
            for contact in contacts:
                contact.name, contact.city = self.name(), self.rng.choice(CITIES)
            Contact.objects.bulk_update(contacts, ["name", "city"])

    def employ(self) -> None:
        person, company = self.one(is_organization=False), self.company()
        if not person:
            return
        way = self.rng.randrange(5)
        if way == 0 or company is None:
            person.company = company
            person.save(update_fields=self.rng.choice([None, ["company"], ["company_id"]]))
        elif way == 1:
            Contact.objects.filter(pk=person.pk).update(company_id=company.pk)
        elif way == 2:
            company.employees.add(person)
        elif way == 3:
            company.employees.set([person])
        else:
            company.employees.clear()

    def delete(self) -> None:
        contact = self.one()
        if contact and self.rng.random() < 0.5:
            contact.delete()
        elif contact:
            Contact.objects.filter(pk=contact.pk).delete()

    def merge(self) -> None:
        first = self.one()
        second = first and self.one(is_organization=first.is_organization)
        if first and second:
            merge_contacts(first, second)

    def undo_merge(self) -> None:
        record = MergeRecord.objects.filter(undone_at=None).order_by("-pk").first()
        if record:
            undo_merge(record)

    def restore(self) -> None:
        entries = list(TrashedRecord.objects.order_by("pk"))
        if entries:
            restore(self.rng.choice(entries))

    def sell(self) -> None:
        star = self.one()
        if star:
            deal(star, name=self.name())

    def rename_deals(self) -> None:
        way = self.rng.randrange(4)
        one = Deal.objects.order_by("pk").first()
        if way == 0:
            Deal.objects.update(name=self.name(), hot=True)
        elif way == 1:
            Deal.objects.update(name=self.name(), stage=default_stages()["won"])
        elif one:
            one.name = self.name()
            one.save(update_fields=self.rng.choice([None, ["name"], ["hot"], ["stage"]]))

    def delete_deal(self) -> None:
        one = Deal.objects.order_by("?").first()
        if one:
            one.delete()

    def steps(self) -> list[Callable[[], None]]:
        return [
            self.add, self.add, self.add_many, self.rename, self.save_stale, self.rename_many,
            self.employ, self.employ, self.delete, self.merge, self.undo_merge, self.restore,
            self.restore, self.sell, self.rename_deals, self.delete_deal,
        ]  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_keys_and_vocabulary_follow_a_random_history(seed: int) -> None:
    walk = Walk(seed)
    done = []
    for _number in range(60):
        step = walk.rng.choice(walk.steps())
        done.append(step.__name__)
        try:
            with transaction.atomic():
                step()
        except REFUSALS:
            done[-1] += " (refused)"
        wrong = Contact.objects.rekey(), Deal.objects.rekey()
        assert wrong == (0, 0), done
        if Contact.objects.count() > 12:
            Contact.objects.filter(primary_deals=None).order_by("pk").last().delete()
    keys = [*Contact.objects.values_list("search_key", flat=True)]
    keys += Deal.objects.values_list("search_key", flat=True)
    used = {word for key in keys for word in vocabulary_of(key)}
    assert used <= set(SearchWord.objects.values_list("word", flat=True))


def test_rekey_mends_what_was_written_past_the_models() -> None:
    contact = Contact.objects.create(last_name="Ash", city="Köln")
    sold = deal(contact, name="Audit")
    right = Contact.objects.values_list("search_key", "folded", "match_name")
    before = right.get()
    for model, pk in ((Contact, contact.pk), (Deal, sold.pk)):
        row = model(pk=pk, search_key="x", name="Audit")
        row.save_base(raw=True, force_update=True, update_fields=["search_key"])
    assert right.get() != before
    assert Contact.objects.rekey() == Deal.objects.rekey() == 1
    assert right.get() == before
    assert Contact.objects.rekey() == Deal.objects.rekey() == 0
