"""Invented companies and the people who work there, some of whom have changed jobs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from types import SimpleNamespace
from typing import Any

from django.db import models

from contacts.keys import contact_keys, fold, person_name
from contacts.models import Contact, ContactDetail
from crm.demo.words import INDUSTRIES, REGIONS, WEIGHTS, Region

YEARS = timedelta(days=730)


class Row(SimpleNamespace):
    """A row to be written, its columns as attributes: at 100,000, model instances take seconds."""

    @classmethod
    def of(cls, model: type[models.Model]) -> Callable[..., Row]:
        """A maker of rows of this model, with its defaults."""
        fields = [field for field in model._meta.concrete_fields if not field.generated]
        defaults = {field.attname: field.get_default() for field in fields}
        return lambda **values: cls(**(defaults | values))


contact_row = Row.of(Contact)


@dataclass(eq=False, slots=True)
class Detail:
    """A further address or number, as the columns have it."""

    cast: Cast
    kind: str
    label: str
    value: str


@dataclass(eq=False, slots=True)
class Cast:
    """One contact of the demo, with what the rest of the story has to know of it."""

    row: Row
    region: Region
    domain: str
    employer: Cast | None = None
    parent: Cast | None = None
    # Where it worked before, and when it left.
    former: Cast | None = None
    left_at: datetime | None = None
    # Of a company: who works there or did.
    team: list[Cast] = field(default_factory=list)


class Casting:
    """Makes ``count`` contacts, about a quarter of them companies."""

    def __init__(self, rng: Random, count: int, today: datetime, owners: Sequence[int]) -> None:
        self.rng = rng
        self.today = today
        self.owners = owners
        self.taken: Counter[str] = Counter()
        self.details: list[Detail] = []
        companies = max(1, round(count * 0.27)) if count else 0
        self.companies = [self._company() for _number in range(companies)]
        self.people = [self._person() for _number in range(count - companies)]
        for position, company in enumerate(self.companies):
            if position and rng.random() < 0.06:
                # Of one that came before, so that no company is above itself.
                company.parent = self.companies[rng.randrange(position)]

    @property
    def everybody(self) -> list[Cast]:
        return [*self.companies, *self.people]

    def _company(self) -> Cast:
        region = self.rng.choices(REGIONS, WEIGHTS)[0]
        place = self.rng.choice(region.cities)
        name = self._company_name(region, place[1])
        row = self._contact(region, place, name=name, is_organization=True)
        row.industry = self.rng.choice(INDUSTRIES)
        domain = f"{_plain(name)[:40].strip('-')}.example.com"
        row.email = f"info@{domain}"
        row.website = f"https://www.{domain}/"
        return self._finish(Cast(row, region, domain))

    def _company_name(self, region: Region, city: str) -> str:
        long = self.rng.random() < 0.03
        pattern = region.long_pattern if long else self.rng.choice(region.patterns)
        last, other = self.rng.sample(region.last_names, 2)
        trade = self.rng.choice(region.trades)
        name = pattern.format(last=last, other=other, trade=trade, city=city)
        self.taken[name] += 1
        if self.taken[name] > 1 and city not in name:
            name = f"{name}, {city}"
            self.taken[name] += 1
        return name if self.taken[name] == 1 else f"{name} {self.taken[name]}"

    def _person(self) -> Cast:
        rng = self.rng
        # The earlier a company, the larger it is.
        employer = (
            self.companies[int(rng.random() ** 1.6 * len(self.companies))]
            if rng.random() < 0.93
            else None
        )
        region = employer.region if employer else rng.choices(REGIONS, WEIGHTS)[0]
        if employer:
            at = employer.row
            place = (at.postal_code, at.city, at.state)
        else:
            place = rng.choice(region.cities)
        first, last = self._name(region, employer)
        name = person_name(first, last)
        row = self._contact(region, place, name=name, first_name=first, last_name=last)
        row.title = rng.choice(region.titles) if rng.random() < 0.8 else ""
        domain = employer.domain if employer else "example.org"
        row.email = self._address(first, last, domain) if rng.random() < 0.92 else ""
        row.mobile = self._number(region.mobile) if rng.random() < 0.6 else ""
        cast = Cast(row, region, domain, employer)
        if employer:
            self._employ(cast, employer)
        return self._finish(cast)

    def _name(self, region: Region, employer: Cast | None) -> tuple[str, str]:
        names = (
            [(cast.row.first_name, cast.row.last_name) for cast in employer.team[:20]]
            if employer
            else []
        )
        for _attempt in range(4):
            name = self.rng.choice(region.first_names), self.rng.choice(region.last_names)
            if name not in names:
                break
        return name

    def _employ(self, cast: Cast, employer: Cast) -> None:
        employer.team.append(cast)
        if len(self.companies) > 1 and self.rng.random() < 0.07:
            former = self.rng.choice(self.companies)
            if former is not employer:
                cast.former = former
                cast.left_at = self.today - timedelta(days=self.rng.randint(10, 400), hours=-9)
                former.team.append(cast)

    def _address(self, first: str, last: str, domain: str) -> str:
        name = f"{_plain(first)}.{_plain(last)}"
        self.taken[f"{name}@{domain}"] += 1
        number = self.taken[f"{name}@{domain}"]
        return f"{name}{number if number > 1 else ''}@{domain}"

    def _contact(self, region: Region, place: tuple[str, str, str], **names: Any) -> Row:
        created = self.today - YEARS - timedelta(minutes=self.rng.randint(0, 90 * 24 * 60))
        return contact_row(
            **names,
            owner_id=self.rng.choice(self.owners) if self.rng.random() < 0.9 else None,
            phone=self._number(region.phone),
            street=f"{self.rng.choice(region.streets)} {self.rng.randint(1, 120)}",
            postal_code=place[0],
            city=place[1],
            state=place[2],
            country=region.country,
            created_at=created,
            updated_at=created,
        )

    def _number(self, pattern: str) -> str:
        # Of all the countries only some have set numbers aside for fiction.
        return pattern.format(self.rng.randint(0, 99)) if pattern else ""

    def _finish(self, cast: Cast) -> Cast:
        row = cast.row
        keys = contact_keys(vars(row), cast.employer.row.name if cast.employer else "")
        vars(row).update(keys, folded=json.dumps(keys["folded"]))
        if self.rng.random() < 0.12:
            kind = self.rng.choice(ContactDetail.Kind.values)
            label = cast.region.labels[kind]
            self.details.append(Detail(cast, kind, label, self._detail(cast, kind)))
        return cast

    def _detail(self, cast: Cast, kind: str) -> str:
        if kind == ContactDetail.Kind.PHONE:
            return self._number(cast.region.phone) or f"+44 1632 960{self.rng.randint(0, 999):03d}"
        if kind == ContactDetail.Kind.EMAIL:
            return f"office{self.rng.randint(1, 99)}@example.com"
        if kind == ContactDetail.Kind.WEBSITE:
            return f"https://example.com/{_plain(cast.row.name)[:40]}/"
        postal, city, _state = self.rng.choice(cast.region.cities)
        return f"{self.rng.choice(cast.region.streets)} {self.rng.randint(1, 99)}, {postal} {city}"


@lru_cache(maxsize=5_000)
def _plain(text: str) -> str:
    """``text`` in letters and digits of ASCII, with dashes between: part of an address."""
    folded = fold(text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")
