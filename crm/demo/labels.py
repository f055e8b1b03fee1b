"""Invented tags and custom fields of all three categories, and a list that is filtered by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from django.db.models import Max
from django.utils.text import slugify

from contacts.models import Contact
from contacts.models.labels import PROSPECT_OR_CUSTOMER
from crm.demo import words
from crm.demo.contacts import Cast, Casting
from crm.demo.deals import Sale
from crm.demo.store import insert_rows
from crm.folding import fold
from crm.lists.models import SmartList
from imports.label_cells import HELD, maker_of, storing
from settings.categories import CHOOSING, Category, FieldType
from settings.holders import holder_for
from settings.models import Currency, CustomField, Option, Tag


class Labelling:
    """Gives contacts and deals, once they are written, tags and values of custom fields."""

    def __init__(
        self, rng: Random, casting: Casting, sales: Sequence[Sale], owners: Sequence[int]
    ) -> None:
        self.rng = rng
        self.today = casting.today.date()
        self.owners = owners
        self.everybody = casting.everybody
        self.sales = sales

    def write(self) -> None:
        """Make the tags, fields and currencies that lack, and put them on what was written."""
        _currencies()
        members = set(Contact.objects.filter(PROSPECT_OR_CUSTOMER).values_list("pk", flat=True))
        belonging = [cast for cast in self.everybody if cast.row.id in members]
        records: dict[Category, Sequence[Any]] = {
            Category.CONTACTS: self.everybody,
            Category.CUSTOMERS: belonging,
            Category.DEALS: self.sales,
        }
        for category, given in records.items():
            self._tag(category, given)
            for field, share in _fields(category):
                self._fill(field, given, share)
        self._save_list()

    def _tag(self, category: Category, records: Sequence[Any]) -> None:
        holder = holder_for(category)
        for name, color, share in words.TAGS[category]:
            tag = _tag(category, name, color)
            carriers = [one for one in records if self.rng.randrange(100) < share]
            insert_rows(
                holder.links,
                [holder.key_id, "tag_id", "came_from"],
                ((one.row.id, tag.pk, "") for one in carriers),
            )

    def _fill(self, field: CustomField, records: Sequence[Any], share: int) -> None:
        holder = holder_for(field.category)
        insert_rows(
            holder.values,
            [holder.key_id, "field_id", *HELD, "came_from"],
            self._rows(field, records, share),
        )

    def _rows(
        self, field: CustomField, records: Iterable[Any], share: int
    ) -> Iterator[tuple[Any, ...]]:
        make, stored = maker_of(field), storing(field)
        options = {option.name: option.pk for option in field.options.all()}
        for one in records:
            if field.applies_to and one.row.is_organization != (field.applies_to == "company"):
                continue
            if self.rng.randrange(100) >= share:
                continue
            for value in self._values(field, one, options):
                yield (one.row.id, field.pk, *make(stored(value)), "")

    def _values(self, field: CustomField, one: Any, options: dict[str, int]) -> list[Any]:
        """Believable values of a field for a contact or deal; several of several choices."""
        rng = self.rng
        if field.type == FieldType.CHOICES:
            return sorted(rng.sample(sorted(options.values()), rng.choice((1, 1, 2, 3))))
        if field.name == "Language" and isinstance(one, Cast):
            return [options[words.LANGUAGES.get(one.row.country, "English")]]
        if field.name == "Segment":
            return [options[rng.choices(("A", "B", "C"), (20, 35, 45))[0]]]
        made = {
            "Newsletter": lambda: rng.random() < 0.7,
            "Birthday": lambda: self.today - timedelta(days=rng.randint(22 * 365, 64 * 365)),
            "Employees": lambda: round(rng.lognormvariate(4, 1.2)) + 1,
            "Contract until": lambda: self.today + timedelta(days=rng.randint(-120, 900)),
            "Annual budget": lambda: round(rng.lognormvariate(10.5, 1) / 500) * 500,
            "Looked after by": lambda: rng.choice(self.owners),
            "Probability note": lambda: rng.choice(words.PROBABILITY_NOTES),
            "Offer sent": lambda: self._offer_sent(one),
        }
        return [made[field.name]() if field.name in made else rng.choice(sorted(options.values()))]

    def _offer_sent(self, sale: Sale) -> Any:
        since = (self.today - sale.row.opened_at.date()).days
        return sale.row.opened_at.date() + timedelta(
            days=self.rng.randint(0, max(min(since, 30), 0))
        )

    def _save_list(self) -> None:
        """A list of everybody's: key accounts of the best segment."""
        tag = (
            Tag.objects.live().filter(category=Category.CUSTOMERS, key=fold("Key account")).first()
        )
        option = Option.objects.filter(
            field__category=Category.CUSTOMERS,
            field__deleted_at=None,
            field__key=fold("Segment"),
            key=fold("A"),
        ).first()
        if tag is None or option is None:
            return
        conditions = [
            [
                {"field": "customer_tags", "values": [str(tag.pk)]},
                {"field": f"field{option.field_id}", "values": [str(option.pk)]},
            ]
        ]
        SmartList.objects.get_or_create(
            record="contact",
            slug=slugify(words.KEY_LIST),
            defaults={
                "name": words.KEY_LIST,
                "owner_id": self.owners[0],
                "shared": True,
                "conditions": conditions,
            },
        )


def _currencies() -> None:
    for position, code in enumerate(dict.fromkeys(region.currency for region in words.REGIONS)):
        Currency.objects.get_or_create(code=code, defaults={"position": position})


def _next(rows: Any) -> int:
    last = rows.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def _tag(category: Category, name: str, color: str) -> Tag:
    there = Tag.objects.live().filter(category=category)
    found = there.filter(key=fold(name)).first()
    return found or Tag.objects.create(
        category=category, name=name, color=color, position=_next(there)
    )


def _fields(category: Category) -> Iterator[tuple[CustomField, int]]:
    """The fields of a category with their shares; one whose name has another type is left out."""
    there = CustomField.objects.live().filter(category=category)
    for name, type, applies_to, share in words.FIELDS[category]:
        field = there.filter(key=fold(name)).first()
        if field is None:
            field = CustomField.objects.create(
                category=category,
                name=name,
                type=type,
                applies_to=applies_to,
                position=_next(there),
            )
        if field.type != type:
            continue
        if type in CHOOSING:
            known = set(field.options.values_list("key", flat=True))
            for position, option in enumerate(words.OPTIONS[name]):
                if fold(option) not in known:
                    Option.objects.create(field=field, name=option, position=position)
        yield field, share
