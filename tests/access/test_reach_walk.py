"""Whom users reach, compared with the rules in plain Python after each of many random steps."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError, Q

from contacts import querysets
from contacts.models import Contact, ContactCollaborator
from contacts.querysets import reached
from contacts.statuses import CustomerStatus, ProspectStatus, prospect_or_customer
from crm.accounts import access
from crm.accounts import models as account_models
from crm.accounts.access import Act
from crm.accounts.levels import Area
from crm.accounts.models import Team, User
from deals.models import Deal, DealCollaborator
from deals.services import select_status
from deals.stages import Category
from tests.access.oracle import World
from tests.access.worlds import administrator, member, reloaded, team
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
ACTS: tuple[Act, Act] = ("view", "edit")


@dataclass
class Walk:
    """A few users, contacts and deals, and random steps over all that access rests on."""

    dice: random.Random
    compared: int = 0
    differing: list[str] = field(default_factory=list)

    def begin(self) -> None:
        users = [member(f"user{number}") for number in range(6)]
        for user in users:
            for area in Area.values:
                self._grant(user, area)
        team("North", *users[:2], managers=(users[2],))
        team("South", users[3], managers=(users[0],))
        administrator()
        firms = [make.company(f"Firm {n}", owner=self.somebody()) for n in range(4)]
        for n in range(4):
            make.person(f"Person {n}", owner=self.somebody(), company=firms[n] if n < 3 else None)
        for _number in range(3):
            self.open_deal()
            self.share_contact()
            self.share_deal()

    # -- steps

    def open_deal(self) -> None:
        category = self.dice.choice(Category.values)
        make.deal(self.contact(), category, owner=self.somebody())

    def move_deal(self) -> None:
        if deal := self.deal():
            deal.stage = make.default_stages()[self.dice.choice(Category.values)]
            deal.save()

    def delete_deal(self) -> None:
        if deal := self.deal():
            deal.delete()

    def move_star(self) -> None:
        if deal := self.deal():
            deal.primary_contact = self.contact()
            deal.company = None
            deal.save()

    def select(self) -> None:
        kind, words = self.dice.choice([("prospect", ProspectStatus), ("customer", CustomerStatus)])
        chosen: Any = {kind: self.dice.choice(words.values)}
        select_status(self.contact(), **chosen)

    def give_contact(self) -> None:
        contact = self.contact()
        contact.owner = self.somebody()
        contact.save()

    def give_deal(self) -> None:
        if deal := self.deal():
            deal.owner = self.somebody()
            deal.save()

    def employ(self) -> None:
        people, firms = (Contact.objects.filter(is_organization=yes) for yes in (False, True))
        person = self._any(people)
        person.company = self._any(firms)
        person.save()

    def share_contact(self) -> None:
        self._turn(ContactCollaborator, contact=self.contact(), user=self.user())

    def share_deal(self) -> None:
        if deal := self.deal():
            self._turn(DealCollaborator, deal=deal, user=self.user())

    def change_team(self) -> None:
        people = getattr(self._any(Team.objects.all()), self.dice.choice(["members", "managers"]))
        user = self.user()
        if people.filter(pk=user.pk).exists():
            people.remove(user)
        else:
            people.add(user)

    def grant(self) -> None:
        self._grant(self.user(), self.dice.choice(Area.values))

    def deactivate(self) -> None:
        user = self.user()
        User.objects.filter(pk=user.pk).update(is_active=not user.is_active)

    # -- choosing

    def _any(self, rows: Any) -> Any:
        found = list(rows.order_by("pk"))
        return self.dice.choice(found) if found else None

    def contact(self) -> Any:
        return self._any(Contact.objects.all())

    def deal(self) -> Any:
        return self._any(Deal.objects.all())

    def user(self) -> Any:
        return self._any(User.objects.filter(is_superuser=False))

    def somebody(self) -> Any:
        return self.dice.choice([None, self.user(), self.user(), self.user()])

    def _grant(self, user: Any, area: str) -> None:
        view = self.dice.randint(0, 3)
        levels = {f"view_{area}": view, f"edit_{area}": self.dice.randint(0, view)}
        User.objects.filter(pk=user.pk).update(**levels)

    def _turn(self, model: Any, **values: Any) -> None:
        row, added = model.objects.get_or_create(**values)
        if not added:
            row.delete()

    # -- comparing

    def go(self, steps: int, *, as_far_as_a_difference: bool = False) -> Walk:
        self.begin()
        kinds: list[Callable[[], None]] = [
            *[self.open_deal, self.move_deal, self.delete_deal, self.move_star, self.select] * 2,
            *[self.give_contact, self.give_deal, self.employ, self.share_contact],
            *[self.share_deal, self.change_team, self.grant, self.grant, self.deactivate],
        ]
        for number in range(steps):
            step = self.dice.choice(kinds)
            try:
                step()
            except (ValidationError, ProtectedError):
                continue
            self.compare(f"{number}: {step.__name__}")
            if self.differing and as_far_as_a_difference:
                break
        return self

    def compare(self, when: str) -> None:
        world = World.read()
        employed = {pk: row.company for pk, row in world.contacts.items() if row.company}
        for user in User.objects.order_by("pk"):
            for act in ACTS:
                asked = {"view": "visible_to", "edit": "editable_by"}[act]
                found = {
                    "contact": getattr(Contact.objects, asked)(reloaded(user)),
                    "deal": getattr(Deal.objects, asked)(reloaded(user)),
                }
                for kind, rows in found.items():
                    there = world.contacts if kind == "contact" else world.deals
                    right = {pk for pk in there if world.reaches(user.pk, act, kind, pk)}
                    self._note(f"{when}: {user} {act} {kind}", _ids(rows), right, len(there))
                # Of whom the company is reached, through the same condition with a prefix.
                through = Contact.objects.filter(
                    reached(reloaded(user), act, "company__"), company__in=employed.values()
                )
                right = {
                    pk
                    for pk, firm in employed.items()
                    if world.reaches(user.pk, act, "contact", firm)
                }
                self._note(f"{when}: {user} {act} company", _ids(through), right, len(employed))

    def _note(self, what: str, found: set[int], right: set[int], number: int) -> None:
        self.compared += number
        if found != right:
            self.differing.append(f"{what} too many {found - right}, too few {right - found}")


def _ids(rows: Any) -> set[int]:
    return set(rows.order_by().values_list("pk", flat=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_every_step_users_reach_what_the_rules_say(seed: int) -> None:
    walk = Walk(random.Random(seed)).go(30)
    assert walk.differing == []
    assert walk.compared > 2_000


# -- faults that it has to find

level_of, reach = access.level_of, access.reach


def edit_as_far_as_view(user: Any, area: Area, act: str) -> Any:
    return level_of(user, area, "view")


def one_level_for_all_contacts(user: Any, area: Area, act: Any) -> Any:
    return level_of(user, Area.CONTACTS, act)


def members_alone(user_id: int) -> set[int]:
    members = Team.members.through.objects
    teams = members.filter(user=user_id).values("team")
    return set(members.filter(team__in=teams).values_list("user_id", flat=True))


def lost_prospects_are_none(prefix: str = "") -> Q:
    return prospect_or_customer(prefix) & ~Q(
        **{f"{prefix}prospect_status": "lost", f"{prefix}customer_status": "none"}
    )


def the_same_without_its_prefix(prefix: str = "") -> Q:
    return prospect_or_customer()


def owners_alone(user: Any, level: Any, collaborators: Any, prefix: str = "") -> Q:
    return reach(user, level, collaborators.none(), prefix)


def whoever_owns_none(user: Any, level: Any, collaborators: Any, prefix: str = "") -> Q:
    found = reach(user, level, collaborators, prefix)
    return found | Q(**{f"{prefix}owner": None}) if level else found


FAULTS = [
    (querysets, "level_of", edit_as_far_as_view),
    (querysets, "level_of", one_level_for_all_contacts),
    (account_models, "_teammates", members_alone),
    (querysets, "prospect_or_customer", lost_prospects_are_none),
    (querysets, "prospect_or_customer", the_same_without_its_prefix),
    (querysets, "reach", owners_alone),
    (querysets, "reach", whoever_owns_none),
]


@pytest.mark.parametrize(("module", "name", "fault"), FAULTS, ids=[f.__name__ for *_m, f in FAULTS])
def test_the_walk_finds_a_fault(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, fault: Any
) -> None:
    monkeypatch.setattr(module, name, fault)
    walk = Walk(random.Random(1)).go(30, as_far_as_a_difference=True)
    assert walk.differing
