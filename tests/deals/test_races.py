"""Two people at once. PostgreSQL only: SQLite has one writer at a time, who has locked everything."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from unittest import mock

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from contacts.models import Contact, StatusChange
from crm.changes import one_change
from crm.retry import retrying
from deals.models import Deal, DealContact, Stage
from deals.services import check_statuses, set_primary_contact
from tests.deals.factories import company, deal, default_stages, person
from tests.proof.racing import Rounds

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="SQLite has one writer at a time; there is no race between writers to show",
    ),
]

# A second holds some dozen rounds on an idle machine; STANDING_RACE_SECONDS races longer.
SECONDS = float(os.environ.get("STANDING_RACE_SECONDS", 4))
Works = tuple[Callable[[], object], Callable[[], object]]


class Scene:
    """A company with two employees, one of them on two active deals."""

    def __init__(self) -> None:
        self.stages = default_stages()
        with one_change():
            self._set()

    def _set(self) -> None:
        self.company = company()
        self.other_company = company()
        self.ann = person(company=self.company)
        self.bob = person(company=self.company)
        self.stranger = person()
        self.first = deal(self.ann, name="First")
        self.second = deal(self.ann, name="Second")
        for one in (self.first, self.second):
            DealContact.objects.create(deal=one, contact=self.bob)

    def move(self, moved: Deal, category: str) -> Callable[[], object]:
        instance = Deal.objects.get(pk=moved.pk)
        instance.stage = self.stages[category]
        return retrying(instance.save)

    def employ(self, somebody: Contact, employer: Contact | None) -> Callable[[], object]:
        instance = Contact.objects.get(pk=somebody.pk)
        instance.company = employer
        return retrying(instance.save)


def lost_and_lost(scene: Scene) -> Works:
    return scene.move(scene.first, "lost"), scene.move(scene.second, "lost")


def won_and_lost(scene: Scene) -> Works:
    return scene.move(scene.first, "won"), scene.move(scene.second, "lost")


def reopened_and_won(scene: Scene) -> Works:
    scene.move(scene.first, "lost")()
    return scene.move(scene.first, "in_progress"), scene.move(scene.second, "won")


def star_moved_and_closed(scene: Scene) -> Works:
    def move_star() -> None:
        set_primary_contact(
            Deal.objects.get(pk=scene.first.pk), scene.stranger, keep_previous=False
        )

    return retrying(move_star), scene.move(scene.first, "won")


def deleted_and_closed(scene: Scene) -> Works:
    return retrying(Deal.objects.get(pk=scene.second.pk).delete), scene.move(scene.first, "lost")


def deleted_and_closed_itself(scene: Scene) -> Works:
    return retrying(Deal.objects.get(pk=scene.first.pk).delete), scene.move(scene.first, "won")


def associated_and_employed(scene: Scene) -> Works:
    def associate() -> None:
        DealContact.objects.create(deal=scene.first, contact=scene.stranger)

    return retrying(associate), scene.employ(scene.stranger, scene.company)


def employed_and_closed(scene: Scene) -> Works:
    return scene.employ(scene.bob, scene.other_company), scene.move(scene.first, "won")


def star_employed_and_deal_opened(scene: Scene) -> Works:
    def open_deal() -> None:
        deal(scene.stranger, stage=scene.stages["incoming"])

    return retrying(open_deal), scene.employ(scene.stranger, scene.company)


def associated_and_moved(scene: Scene) -> Works:
    def associate() -> None:
        DealContact.objects.create(deal=scene.first, contact=scene.stranger)

    return retrying(associate), scene.move(scene.first, "in_progress")


def category_changed_and_moved(scene: Scene) -> Works:
    stage = Stage.objects.create(
        pipeline=scene.stages["won"].pipeline, name="Odd", category="won", position=9
    )
    changing = Stage.objects.get(pk=stage.pk)
    changing.category = "lost"
    moving = Deal.objects.get(pk=scene.first.pk)
    moving.stage = stage
    return retrying(changing.save), retrying(moving.save)


def contact_deleted_and_closed(scene: Scene) -> Works:
    return retrying(Contact.objects.get(pk=scene.bob.pk).delete), scene.move(scene.first, "won")


RACES = [
    lost_and_lost,
    won_and_lost,
    reopened_and_won,
    star_moved_and_closed,
    deleted_and_closed,
    deleted_and_closed_itself,
    associated_and_employed,
    employed_and_closed,
    star_employed_and_deal_opened,
    associated_and_moved,
    category_changed_and_moved,
    contact_deleted_and_closed,
]


def wrongs() -> list[str]:
    return [str(difference) for difference in check_statuses().differences]


def rounds(seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    for number in itertools.count(1):
        if time.monotonic() > end:
            return
        yield number


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_two_people_at_once_both_count(race: Callable[[Scene], Works]) -> None:
    ran = 0
    with Rounds(2) as racing:
        for ran in rounds(SECONDS):
            works = race(Scene())
            jitter = random.random() * 0.004

            def late(work: Callable[[], object] = works[1], jitter: float = jitter) -> None:
                time.sleep(jitter)
                work()

            errors = racing.run(works[0], late) if ran % 2 else racing.run(late, works[0])
            shown = [error for error in errors if error and not isinstance(error, ValidationError)]
            assert not shown, f"round {ran}: {shown}"
            assert not wrongs(), f"round {ran}"
    assert ran >= 3
    assert_history_leads_here()


def assert_history_leads_here() -> None:
    latest: dict[tuple[int, str], str] = {}
    for row in StatusChange.objects.order_by("pk"):
        latest[row.contact_id, row.status] = row.new
    for contact in Contact.objects.all():
        assert latest.get((contact.pk, "prospect"), "none") == contact.prospect_status
        assert latest.get((contact.pk, "customer"), "none") == contact.customer_status


def test_without_locks_the_race_shows() -> None:
    # The positive control: what the locks hold off does happen without them.
    wrong = ran = 0
    with mock.patch("deals.services.sql._lock", return_value=""), Rounds(2) as racing:
        for ran in rounds(8):
            racing.run(*lost_and_lost(Scene()))
            wrong += bool(wrongs())
            check_statuses(fix=True)
            if wrong >= 3 and wrong * 10 >= ran:
                break
    assert wrong * 10 >= ran, f"wrong {wrong} of {ran} times"


def test_deals_sharing_ten_contacts_close_without_a_deadlock_shown() -> None:
    stages = default_stages()
    firm = company()
    people = [person(company=firm) for _ in range(10)]
    deals = [deal(people[number], name=f"Deal {number}") for number in range(8)]
    for number, one in enumerate(deals):
        others = people[number + 1 :] + people[:number]
        for other in others if number % 2 else reversed(others):
            DealContact.objects.create(deal=one, contact=other)

    def closing(one: Deal) -> Callable[[], object]:
        @retrying
        def close() -> None:
            moved = Deal.objects.get(pk=one.pk)
            moved.stage = stages[random.choice(["won", "lost", "incoming", "unqualified"])]
            moved.save()

        def close_several() -> None:
            for _ in range(6):
                close()

        return close_several

    @retrying
    def close_two(one: Deal, other: Deal) -> None:
        with one_change():
            for each in (one, other):
                moved = Deal.objects.get(pk=each.pk)
                moved.stage = stages["won"]
                moved.save()

    with Rounds(8) as racing:
        for number in rounds(6):
            if number % 3:
                works = [closing(one) for one in deals]
            else:
                # Two deals in one change, in opposite orders: here they do deadlock, unseen.
                pairs = list(zip(deals, reversed(deals), strict=True))
                works = [partial(close_two, *pair) for pair in pairs]
            errors = racing.run(*works)
            assert errors == [None] * 8
            assert not wrongs()
