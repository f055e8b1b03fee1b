"""Small worlds for lists, made over time by the services that pages use, and what to ask of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from hypothesis import strategies as st

from contacts.models import Contact
from crm.accounts.models import User
from crm.actor import acting_as
from deals.models import (
    Deal,
    DealContact,
    DealSource,
    LossReason,
    Pipeline,
    Stage,
    UnqualifiedReason,
)
from deals.services import select_status
from settings.catalogue import known_once
from tests.deals.factories import default_stages
from tests.labels.making import carry

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns"]
# Where clocks change, months, quarters, years and weeks end, and February has 29 days.
DAYS = [
    date(2024, 3, 31), date(2024, 4, 1), date(2024, 10, 27), date(2024, 10, 28), date(2024, 3, 10),
    date(2024, 3, 11), date(2024, 11, 3), date(2024, 11, 4), date(2024, 2, 29), date(2025, 2, 28),
    date(2024, 12, 31), date(2025, 1, 1), date(2024, 12, 30), date(2025, 1, 5), date(2024, 5, 31),
    date(2024, 6, 30), date(2024, 8, 15),
]  # fmt: skip
BACK = [
    0, 1, 2, 3, 6, 7, 8, 14, 28, 29, 30, 31, 32, 59, 60, 61, 89, 90, 91, 92, 93, 180, 182, 183,
    184, 185, 364, 365, 366, 367, 500, 730, 731,
]  # fmt: skip
TIMES = [
    time(0), time(0, 0, 0, 1), time(23, 59, 59, 999999), time(0, 30), time(2, 30), time(12),
    time(1, 30), time(20, 30), time(21, 30), time(22), time(22, 30), time(23), time(2, 29, 59),
]  # fmt: skip

TEXTS = [
    "Müller", "MUELLER", "Muller", "O'Neil & Söhne", 'Die "Besten"', "100 % Bio", "a_b", "axb",
    "a%b", "back\\slash", "\\", "%", "_", "🦄 Einhorn", "שלום עולם", "\u202eabc", "null", "None",
    "true", "1", "0", "two  blanks", "Straße", "STRASSE", "ẞ", "Łódź", "ŁÓDŹ", "lodz", "İstanbul",
    "istanbul", "ısı", "ΟΔΟΣ", "οδος", "Άννα", "e\u0301cole", "École", "ﬁn", "'; DROP TABLE x; --",
    "Ærø", "ﾊﾝｶｸ", "日本", "me", "yes", "a\tb", "ann@example.com", "+49 30 1234", "Zoë", "zoe",
]  # fmt: skip
LESS = ["", "", "", *TEXTS]
COLUMNS = [
    "title", "email", "phone", "mobile", "website", "street", "postal_code", "city", "state",
    "country", "industry", "description",
]  # fmt: skip
CENTS = [
    "0.10",
    "0.20",
    "0.30",
    "0.01",
    "100.00",
    "1000.00",
    "33.33",
    "0.00",
    "99999999.99",
    "-5.00",
]
CURRENCIES = ["EUR", "USD", "CHF"]
USERS = ["ann", "ben", "cia"]


# -- plans, which Hypothesis draws and shrinks


@dataclass(frozen=True)
class Plan:
    zone: str
    now: datetime
    companies: list[dict[str, Any]]
    people: list[dict[str, Any]]
    deals: list[dict[str, Any]]
    # By which tags and custom fields are dealt out.
    lot: int = 0
    # (when, who, what, arguments), in the order of time
    steps: list[tuple[datetime, int | None, str, dict[str, Any]]] = field(default_factory=list)


def moments(now: datetime) -> st.SearchStrategy[datetime]:
    """Moments up to `now`, mostly around the midnights of its zone."""

    def made(back: int, at: time) -> datetime:
        day = now.date() - timedelta(days=back)
        return min(datetime.combine(day, at, tzinfo=now.tzinfo), now)

    return st.builds(made, st.sampled_from(BACK), st.sampled_from(TIMES))


def _texts() -> st.SearchStrategy[dict[str, str]]:
    texts = st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(TEXTS), max_size=5)
    languages = st.sampled_from(["", "en", "de", "fr"])
    return st.builds(lambda some, language: {**some, "language": language}, texts, languages)


@st.composite
def plans(draw: st.DrawFn, zone: str) -> Plan:
    now = datetime.combine(
        draw(st.sampled_from(DAYS)), draw(st.sampled_from(TIMES)), tzinfo=ZoneInfo(zone)
    )
    when = moments(now)
    user = st.sampled_from([None, 0, 1, 2])
    company_at, person_at = st.sampled_from([None, 0, 1, 2]), st.integers(0, 5)
    text = st.sampled_from(TEXTS)
    dates = {"created_at": when, "updated_at": when}
    company = st.fixed_dictionaries(
        {"name": text, "texts": _texts(), "owner": user, "parent": company_at, **dates}
    )
    person = st.fixed_dictionaries(
        {"first_name": st.sampled_from(LESS), "last_name": text, "texts": _texts(), "owner": user,
         "company": company_at, **dates}
    )  # fmt: skip
    contact = st.integers(0, 8)
    deal = st.fixed_dictionaries(
        {
            "name": text, "star": contact, "stage": st.integers(0, 6), "others": st.lists(contact, max_size=2),
            "value": st.sampled_from([None, *CENTS]), "currency": st.sampled_from(CURRENCIES),
            "owner": user, "hot": st.booleans(), "source": st.sampled_from([None, 0, 1]),
            "loss_reason": st.sampled_from([None, 0, 1]),
            "unqualified_reason": st.sampled_from([None, 0, 1]),
            "closes": st.sampled_from([None, -366, -31, -30, -1, 0, 1, 7, 29, 30, 31, 92, 365]),
            "opened_at": when, "stage_changed_at": when, "closed_at": st.none() | when, **dates,
        }
    )  # fmt: skip
    deal_at = st.integers(0, 4)
    step = st.one_of(
        st.tuples(when, user, st.just("move"), st.fixed_dictionaries({"deal": deal_at, "stage": st.integers(0, 6)})),
        st.tuples(when, user, st.just("select"), st.fixed_dictionaries(
            {"contact": contact, "prospect": st.sampled_from([None, "lost", "none"]),
             "customer": st.sampled_from([None, "past", "current", "none"])})),
        st.tuples(when, user, st.just("employ"), st.fixed_dictionaries({"person": person_at, "company": company_at})),
        st.tuples(when, user, st.just("link"), st.fixed_dictionaries({"deal": deal_at, "contact": contact})),
        st.tuples(when, user, st.just("unlink"), st.fixed_dictionaries({"deal": deal_at})),
    )  # fmt: skip
    steps = draw(st.lists(step, max_size=14))
    return Plan(
        zone,
        now,
        draw(st.lists(company, min_size=3, max_size=3)),
        draw(st.lists(person, min_size=6, max_size=6)),
        draw(st.lists(deal, min_size=5, max_size=5)),
        draw(st.integers(0, 2**32)),
        sorted(steps, key=lambda one: one[0]),
    )


# -- worlds


@dataclass
class World:
    """What was made of a plan. Contacts are companies first, then people."""

    now: datetime
    zone: ZoneInfo
    users: list[User]
    contacts: list[Contact]
    deals: list[Deal]


@contextmanager
def world_of(plan: Plan) -> Iterator[World]:
    """The world of a plan, for the time of the block; then nothing of it is left."""
    zone = ZoneInfo(plan.zone)
    with timezone.override(zone), transaction.atomic():
        try:
            world = _Maker(plan, zone).world()
            # A list is asked hundreds of times; which tags and fields there are is read once.
            with known_once():
                yield world
        finally:
            transaction.set_rollback(True)


class _Maker:
    def __init__(self, plan: Plan, zone: ZoneInfo) -> None:
        self.plan = plan
        self.zone = zone
        self.users = [User.objects.create_user(name, last_name=name.upper()) for name in USERS]
        stages = default_stages()
        other = Pipeline.objects.create(name="Sales", position=1)
        self.stages = [
            *stages.values(),
            Stage.objects.create(pipeline=other, name="Won", category="won"),
            Stage.objects.create(pipeline=other, name="Won", category="incoming"),
        ]
        self.lists = {
            model: [model.objects.create(name=name) for name in ("Fair", "fair 2")]
            for model in (DealSource, LossReason, UnqualifiedReason)
        }

    def world(self) -> World:
        first = min([self.plan.now, *(when for when, *_rest in self.plan.steps)])
        with mock.patch("django.utils.timezone.now") as clock:
            clock.return_value = first - timedelta(days=1)
            self._contacts()
            clock.return_value = first
            self._deals()
            for when, actor, what, arguments in self.plan.steps:
                clock.return_value = max(when, clock.return_value)
                with acting_as(self._user(actor)):
                    getattr(self, f"_{what}")(**arguments)
        self._date()
        self._carry()
        return World(self.plan.now, self.zone, self.users, self.contacts, self.deals)

    def _user(self, number: int | None) -> User | None:
        return None if number is None else self.users[number]

    def _contacts(self) -> None:
        self.contacts: list[Contact] = []
        for made in self.plan.companies:
            parent = made["parent"]
            above = (
                self.contacts[parent]
                if parent is not None and parent < len(self.contacts)
                else None
            )
            self.contacts.append(
                Contact.objects.create(
                    is_organization=True, name=made["name"], owner=self._user(made["owner"]),
                    parent_company=above, **made["texts"],
                )
            )  # fmt: skip
        for made in self.plan.people:
            self.contacts.append(
                Contact.objects.create(
                    first_name=made["first_name"], last_name=made["last_name"],
                    company=self._company(made["company"]), owner=self._user(made["owner"]),
                    **made["texts"],
                )
            )  # fmt: skip

    def _company(self, number: int | None) -> Contact | None:
        return None if number is None else self.contacts[number]

    def _deals(self) -> None:
        self.deals = [self._deal(made) for made in self.plan.deals]

    def _deal(self, made: dict[str, Any]) -> Deal:
        stage = self.stages[made["stage"]]
        closed = made["closed_at"] if stage.category not in ("incoming", "in_progress") else None
        now = timezone.now()
        listed = {
            name: self.lists[model][made[name]]
            for name, model in (
                ("source", DealSource),
                ("loss_reason", LossReason),
                ("unqualified_reason", UnqualifiedReason),
            )
            if made[name] is not None
        }
        closes = made["closes"]
        with acting_as(self._user(made["owner"])):
            deal = Deal.objects.create(
                name=made["name"], primary_contact=self.contacts[made["star"]], stage=stage,
                value=made["value"] and Decimal(made["value"]), currency=made["currency"],
                owner=self._user(made["owner"]), hot=made["hot"],
                closed_at=min(closed, now) if closed else None,
                estimated_close_date=None
                if closes is None
                else self.plan.now.date() + timedelta(days=closes),
                **listed,
            )  # fmt: skip
            for number in made["others"]:
                if number != made["star"]:
                    DealContact.objects.get_or_create(deal=deal, contact=self.contacts[number])
        return deal

    def _date(self) -> None:
        """Give rows their dates, past what saving would make of them."""
        for contacts, made in zip(
            self.contacts, [*self.plan.companies, *self.plan.people], strict=True
        ):
            dates = {name: made[name] for name in ("created_at", "updated_at")}
            models.QuerySet(Contact).filter(pk=contacts.pk).update(**dates)
        for deal, made in zip(self.deals, self.plan.deals, strict=True):
            names = ("created_at", "updated_at", "opened_at", "stage_changed_at")
            models.QuerySet(Deal).filter(pk=deal.pk).update(**{name: made[name] for name in names})

    def _carry(self) -> None:
        """Tags and values of custom fields, as of the world's own now."""
        rng = random.Random(self.plan.lot)
        contacts = [one.pk for one in self.contacts]
        with mock.patch("django.utils.timezone.now", return_value=self.plan.now):
            for record, ids in (("contact", contacts), ("deal", [one.pk for one in self.deals])):
                carry(record, ids, rng, TEXTS, contacts, self.users)

    # -- steps

    def _move(self, deal: int, stage: int) -> None:
        moved = Deal.objects.get(pk=self.deals[deal].pk)
        moved.stage = self.stages[stage]
        moved.save()

    def _select(self, contact: int, prospect: str | None, customer: str | None) -> None:
        try:
            select_status(
                Contact.objects.get(pk=self.contacts[contact].pk),
                prospect=prospect,
                customer=customer,
            )
        except ValidationError:
            return

    def _employ(self, person: int, company: int | None) -> None:
        employed = Contact.objects.get(pk=self.contacts[3 + person].pk)
        employed.company = self._company(company)
        employed.save()

    def _link(self, deal: int, contact: int) -> None:
        if self.deals[deal].primary_contact_id != self.contacts[contact].pk:
            DealContact.objects.get_or_create(deal=self.deals[deal], contact=self.contacts[contact])

    def _unlink(self, deal: int) -> None:
        link = DealContact.objects.filter(deal=self.deals[deal]).first()
        if link:
            link.delete()


# -- what to ask


PERIODS = [
    "today", "yesterday", "tomorrow", "this-week", "previous-week", "next-week", "this-month",
    "previous-month", "next-month", "this-quarter", "previous-quarter", "next-quarter",
    "this-year", "previous-year", "next-year", "last-1-days", "last-7-days", "last-30-days",
    "last-1-week", "last-1-months", "last-3-months", "last-2-quarters", "last-1-year", "last-2-years",
    "next-1-days", "next-30-days", "next-1-months", "next-1-year", "last-12-months",
]  # fmt: skip
SPANS = ["1-days", "1-day", "7-days", "30-days", "31-days", "1-weeks", "1-months", "6-months",
         "1-quarters", "1-years", "2-years"]  # fmt: skip


def days_around(now: datetime) -> list[str]:
    back = [now.date() - timedelta(days=number) for number in [*BACK, -1, -2, -30, -365]]
    return [day.isoformat() for day in back]


def periods(now: datetime) -> list[str]:
    days = days_around(now)
    pairs = [f"{min(a, b)}..{max(a, b)}" for a, b in zip(days, days[5:], strict=False)]
    return [
        *PERIODS,
        *days,
        *pairs,
        *(f"{day}.." for day in days[:9]),
        *(f"..{day}" for day in days[:9]),
    ]


def text_values() -> list[str]:
    """The texts of the worlds, and what people type of them."""
    found = []
    for text in TEXTS:
        found += [text, text.upper(), text.lower(), text[: len(text) // 2 + 1], text[-3:], text[1:]]
    return [one for one in dict.fromkeys(found) if one.strip()]


def values_for(record: Any, found: Any, op: Any, context: Any, ids: Sequence[int]) -> list[str]:
    """Values that a chip of this field and operator may have."""
    widget = op.widget
    if widget == "yes":
        return ["yes"]
    if widget == "choices":
        return [value for value, _label in found.kind.choices(found, context)]
    if widget == "text":
        return [one for one in text_values() if found.kind.fold(one)]
    if widget == "number":
        if found.kind.whole:
            return [str(n) for n in (-1, 0, 1, 2, 3, 4, *BACK, 10**6, 10**13)]
        return [
            *CENTS,
            "-5",
            "0.02",
            "1e2",
            "1000",
            "-0",
            "99999999999999.99",
            "-99999999999999.99",
        ]
    if widget == "amount":
        numbers = [*CENTS, "0.40", "0.60", "0.09", "0.31", "133.33", "-1"]
        codes = [value for value, _label in found.kind.choices(found, context)]
        return [f"{number} {code}" for number in numbers for code in codes]
    if widget == "period":
        return periods(context.now.astimezone(context.zone))
    if widget == "span":
        return SPANS
    if widget == "record":
        return [str(pk) for pk in ids]
    if widget == "history":
        now = context.now.astimezone(context.zone)
        days = periods(now) if op.name == "became" else days_around(now)
        codes = [value for value, _label in found.kind.choices(found, context)]
        return [f"{code}@{one}" for code in codes for one in days]
    raise KeyError(f"Nobody knows what to enter for {record}.{found.name} {op.name}.")
