"""Handing everything of a user to somebody else, in one step."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, ContactCollaborator, StatusChange
from crm.accounts.holdings import hand_over, held_by
from crm.accounts.models import User
from crm.accounts.people import deactivate
from crm.actor import acting_as
from crm.audit.models import Action, Entry
from crm.lists.models import SmartList
from deals.models import Deal, DealCollaborator
from deals.services import check_statuses
from tests.access.worlds import administrator, member
from tests.deals import factories as make

pytestmark = pytest.mark.django_db


def give(owner: User, number: int) -> None:
    """``number`` customers and deals of a user, as many to work on with others, a shared list and a private one."""
    for index in range(number):
        buyer = make.company(owner=owner)
        make.deal(buyer, "won", owner=owner)
        other = make.company()
        ContactCollaborator.objects.create(contact=other, user=owner)
        DealCollaborator.objects.create(deal=make.deal(other), user=owner)
        name = f"{owner} {index} {number}"
        for shared in (True, False):
            slug = f"{name}-{shared}".replace(" ", "-").lower()
            SmartList.objects.create(
                record="contact", name=name, slug=slug, owner=owner, shared=shared
            )


def statuses() -> list[Any]:
    return list(Contact.objects.order_by("pk").values_list("prospect_status", "customer_status"))


def test_everything_is_the_others_and_private_lists_stay():
    ann, ben = member("ann"), member("ben")
    give(ann, 2)
    before, history = statuses(), StatusChange.objects.count()
    assert held_by(ann) == [
        "2 deals",
        "2 deals as a collaborator",
        "2 contacts",
        "2 contacts as a collaborator",
        "2 shared lists",
    ]
    numbers = hand_over(ann, ben)
    assert set(numbers.values()) == {2}
    assert held_by(ann) == []
    assert held_by(ben)[0] == "2 deals"
    assert Contact.objects.filter(owner=ben).count() == Deal.objects.filter(owner=ben).count() == 2
    assert [one.shared for one in SmartList.objects.filter(owner=ann)] == [False, False]
    assert statuses() == before
    assert StatusChange.objects.count() == history
    assert check_statuses().differences == []


def test_nobody_collaborates_twice_nor_on_what_is_theirs():
    ann, ben = member("ann"), member("ben")
    both, bens, anns = make.company(), make.company(owner=ben), make.company(owner=ann)
    for contact in (both, bens, anns):
        ContactCollaborator.objects.create(contact=contact, user=ann)
    ContactCollaborator.objects.create(contact=both, user=ben)
    assert hand_over(ann, ben)["contact_collaborations"] == 3
    assert list(ContactCollaborator.objects.values_list("contact", "user")) == [(both.pk, ben.pk)]


def test_the_number_of_statements_is_the_same_for_many():
    counts = []
    for number in (1, 7):
        ann, ben = member(f"ann{number}"), member(f"ben{number}")
        give(ann, number)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            hand_over(ann, ben)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_audit_log_has_the_numbers():
    ann, ben, root = member("ann"), member("ben"), administrator()
    give(ann, 1)
    with acting_as(root):
        hand_over(ann, ben)
    entry = Entry.objects.get(action=Action.HANDED_OVER)
    assert (entry.actor_id, entry.record_id) == (root.pk, ann.pk)
    assert entry.details["to"] == "Ben"
    assert entry.details["deals"] == entry.details["contacts"] == 1


def test_nothing_goes_to_oneself_or_to_who_is_not_let_in():
    ann, ben = member("ann"), member("ben")
    give(ann, 1)
    deactivate(ben)
    for to in (ann, ben):
        with pytest.raises(ValidationError, match="somebody else"):
            hand_over(ann, to)
    assert Contact.objects.filter(owner=ann).exists()
    assert not Entry.objects.filter(action=Action.HANDED_OVER).exists()
