"""The product's side of a random history: each step through the services, by the names of the walk."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from contacts.models import Contact, ContactChange
from contacts.models.labels import HOLDER, PROSPECT_OR_CUSTOMER
from deals.models import Deal
from deals.services import select_status
from settings.categories import Category, FieldType
from settings.models import CustomField, Option, Removal, Tag
from settings.services import assigning, reading, removing, undoing
from tests.deals.factories import default_stages
from tests.labels.oracle import Toll
from tests.labels.worlds import OF_CONTACTS, made_field, made_tag

VALUES: dict[str, list[Any]] = {
    FieldType.TEXT: ["Chess", "chess", "x" * 400],
    FieldType.LONG_TEXT: ["One\nTwo", "Ä" * 900],
    FieldType.WHOLE: [0, -7, 10**14],
    FieldType.NUMBER: [Decimal("0.0001"), Decimal("-3.5000")],
    FieldType.MONEY: [Decimal("0.10"), Decimal("99999999.99")],
    FieldType.YES_NO: [True, False],
    FieldType.DATE: [date(2024, 2, 29), date(1, 1, 1)],
    FieldType.MOMENT: [datetime(2024, 3, 31, 1, 30, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC)],
    FieldType.EMAIL: ["ann@example.com", "Ann@Example.com"],
    FieldType.PHONE: ["+49 30 1234", "030-1234"],
    FieldType.URL: ["https://example.com/", "http://example.com/?a=b"],
    FieldType.ADDRESS: ["Weg 1\n10115\nBerlin\n\n", "\n\n\n\nFR"],
    FieldType.USER: ["u1", "u2"],
    FieldType.CONTACT: ["k1", "k2"],
}


class Product:
    def __init__(self, people: Iterable[str], companies: Iterable[str]) -> None:
        self.stages = default_stages()
        self.ids: dict[str, int] = {}
        for name in people:
            self.ids[name] = Contact.objects.create(last_name=name).pk
        for name in companies:
            self.ids[name] = Contact.objects.create(is_organization=True, name=name).pk
        # Whom values name: they are never deleted.
        for name in VALUES[FieldType.CONTACT]:
            self.ids[name] = Contact.objects.create(last_name=name).pk
        for name in VALUES[FieldType.USER]:
            self.ids[name] = get_user_model().objects.create_user(name).pk
        self.contacts = {self.ids[name]: name for name in (*people, *companies)}
        self.removals: list[int] = []
        # Labels that the product made, which the walk has not named yet.
        self.labels: dict[str, Any] = {}
        self.deals: dict[str, int] = {}

    # -- names

    def label(self, name: str) -> Any:
        known = self.labels[name]
        return type(known).objects.get(pk=known.pk)

    def named(self, pk: Any) -> str:
        return next(name for name, one in self.ids.items() if one == pk and name[0] in "ku")

    def value(self, field: CustomField, value: Any) -> Any:
        """A value of the walk as the product takes it."""
        if value is None:
            return None
        if field.type == FieldType.CHOICE:
            return Option.objects.get(field=field, name=value).pk
        if field.type == FieldType.CHOICES:
            return [Option.objects.get(field=field, name=one).pk for one in value]
        return self.ids[value] if field.type in (FieldType.USER, FieldType.CONTACT) else value

    def words(self, field: CustomField, value: Any) -> Any:
        """A value of the product as the walk writes it."""
        names = {one.pk: one.name for one in field.options.all()}
        if field.type == FieldType.CHOICE:
            return names[value]
        if field.type == FieldType.CHOICES:
            return frozenset(names[one] for one in value)
        if field.type in (FieldType.USER, FieldType.CONTACT):
            kind = "u" if field.type == FieldType.USER else "k"
            return next(n for n, pk in self.ids.items() if pk == value and n[0] == kind)
        return value

    # -- steps

    def make(self, label: str, kind: str, category: str, name: str, **more: Any) -> None:
        if kind == "tag":
            self.labels[label] = made_tag(name, category)
        else:
            self.labels[label] = made_field(
                name, more["type"], category, options=more["options"].values(),
                applies_to=more["for_"],
            )  # fmt: skip

    def rename(self, label: str, name: str) -> None:
        one = self.label(label)
        one.name = name
        one.full_clean()
        one.save()

    def rename_option(self, label: str, option: str, name: str) -> None:
        """``option`` by what it is called now."""
        one = Option.objects.get(field=self.label(label), name=option)
        one.name = name
        one.full_clean()
        one.save()

    def tag(self, label: str, contacts: list[str], on: bool) -> None:
        ids = [self.ids[name] for name in contacts]
        tag = [self.labels[label].pk]
        assigning.change_tags("contact", ids, on=tag if on else [], off=[] if on else tag)

    def set(self, label: str, contact: str, value: Any) -> None:
        field = self.label(label)
        assigning.set_values("contact", {self.ids[contact]: {field.pk: self.value(field, value)}})

    def toll(self, label: str, into: str = "", everywhere: bool = False) -> Toll:
        other = self.label(into) if into else None
        found = removing.toll_of(self.label(label), into=other, everywhere=everywhere)
        return Toll(found.kept, found.lost, found.both, found.name)

    def delete(self, label: str) -> None:
        self._note(removing.delete_label(self.label(label)))

    def delete_everywhere(self, label: str) -> None:
        found = removing.delete_everywhere(self.label(label))
        # The one that was asked for first, as the oracle has it.
        self._note(*sorted(found, key=lambda one: one.label_id != self.labels[label].pk))

    def merge(self, label: str, into: str) -> None:
        self._note(removing.merge_labels(self.label(label), self.label(into)))

    def move(self, label: str) -> None:
        self._note(removing.move_label(self.label(label)))

    def _note(self, *removals: Removal) -> None:
        self.removals += [one.pk for one in removals]

    def undo(self, number: int) -> None:
        undoing.undo_removal(Removal.objects.get(pk=self.removals[number]))

    # -- steps that move contacts in and out of the category

    def status(self, contact: str, **values: str) -> None:
        select_status(Contact.objects.get(pk=self.ids[contact]), **values)  # type: ignore[arg-type]

    def deal(self, deal: str, contact: str, stage: str) -> None:
        star = Contact.objects.get(pk=self.ids[contact])
        made = Deal.objects.create(name=deal, primary_contact=star, stage=self.stages[stage])
        self.deals[deal] = made.pk

    def move_deal(self, deal: str, stage: str) -> None:
        moved = Deal.objects.get(pk=self.deals[deal])
        moved.stage = self.stages[stage]
        moved.save()

    def drop_deal(self, deal: str) -> None:
        Deal.objects.get(pk=self.deals.pop(deal)).delete()

    # -- what is stored and shown

    def inside(self) -> AbstractSet[str]:
        found = Contact.objects.filter(PROSPECT_OR_CUSTOMER).values_list("pk", flat=True)
        return {self.contacts[pk] for pk in found if pk in self.contacts}

    def told(self) -> int:
        return ContactChange.objects.count()

    def there(self) -> AbstractSet[tuple[str, str, str]]:
        return {
            ("tag" if isinstance(one, Tag) else "field", one.category, one.name)
            for model in (Tag, CustomField)
            for one in model.objects.live().exclude(category=Category.DEALS)
        }

    def carried(self) -> dict[str, dict[tuple[str, str, str], Any]]:
        """With what is unseen, as lists and exports read it."""
        ids = list(self.contacts)
        fields = list(CustomField.objects.live().prefetch_related("options"))
        found: dict[str, dict[tuple[str, str, str], Any]] = {n: {} for n in self.contacts.values()}
        for pk, values in reading.values_of(HOLDER, ids, fields, unseen=True).items():
            for field in fields:
                if field.pk in values:
                    what = ("field", field.category, field.name)
                    found[self.contacts[pk]][what] = self.words(field, values[field.pk])
        for pk, tags in reading.tags_of(HOLDER, ids, OF_CONTACTS, unseen=True).items():
            for tag in tags:
                found[self.contacts[pk]]["tag", tag.category, tag.name] = True
        return found

    def seen(self) -> dict[str, dict[tuple[str, str, str], Any]]:
        """As cards read it."""
        found = {}
        for contact in Contact.objects.filter(pk__in=list(self.contacts)):
            tags, fields = reading.seen_of(HOLDER, contact, OF_CONTACTS, None)
            mine: dict[tuple[str, str, str], Any] = {
                ("tag", category, tag.name): True for category, many in tags.items() for tag in many
            }
            for category, values in fields.items():
                for one in values:
                    if one.value is not None:
                        what = ("field", category, one.field.name)
                        mine[what] = self.words(one.field, one.value)
            found[self.contacts[contact.pk]] = mine
        return found
