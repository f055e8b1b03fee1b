"""Whose records a user reaches, by owner, collaborators, teams and category."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from contacts.models import Contact, ContactCollaborator
from crm.accounts.levels import Area, Level
from crm.accounts.models import User
from deals.models import Deal, DealCollaborator
from deals.services import select_status
from tests.access.worlds import administrator, member, reloaded, team, with_set
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
OWN, TEAM, ALL, NONE = Level.OWN, Level.TEAM, Level.ALL, Level.NONE


def names(rows) -> set[str]:
    return set(rows.values_list("name", flat=True))


@pytest.fixture
def world():
    """Four contacts and four deals: Ann's, Ben's of her team, Cid's of none, and nobody's."""
    users = {name: member(name) for name in ("ann", "ben", "cid")}
    team("North", users["ann"], managers=(users["ben"],))
    team("South", users["cid"])
    for name in ("ann", "ben", "cid", None):
        owner = users.get(name)
        contact = make.company(f"of {name}", owner=owner)
        make.deal(make.company(f"buyer of {name}"), name=f"deal of {name}", owner=owner)
        assert contact.owner == owner
    return users


def seen_by(world, **levels) -> tuple[set[str], set[str]]:
    User.objects.filter(pk=world["ann"].pk).update(**levels)
    ann = reloaded(world["ann"])
    own = Contact.objects.exclude(name__startswith="buyer")
    return names(own.visible_to(ann)), names(Deal.objects.visible_to(ann))


@pytest.mark.parametrize(
    ("level", "whose"),
    [(NONE, []), (OWN, ["ann"]), (TEAM, ["ann", "ben"]), (ALL, ["ann", "ben", "cid", "None"])],
)
def test_a_level_reaches_ones_own_the_teams_or_all(world, level, whose):
    edits = {f"edit_{area}": NONE for area in Area.values}
    contacts, deals = seen_by(
        world, view_contacts=level, view_customers=level, view_deals=level, **edits
    )
    assert contacts == {f"of {name}" for name in whose}
    assert deals == {f"deal of {name}" for name in whose}


def test_what_one_edits_is_no_more_than_what_one_sees():
    with pytest.raises(IntegrityError), transaction.atomic():
        member("dora", contacts=(OWN, TEAM))


def test_a_collaborator_counts_like_the_owner(world):
    ben = Contact.objects.get(name="of ben")
    deal = Deal.objects.get(name="deal of cid")
    ContactCollaborator.objects.create(contact=ben, user=world["ann"])
    DealCollaborator.objects.create(deal=deal, user=world["ann"])
    dora = member("dora", contacts=OWN, customers=OWN, deals=OWN)
    ann = with_set("anna", "own")
    assert names(Contact.objects.visible_to(dora)) == set()
    ContactCollaborator.objects.create(contact=ben, user=ann)
    DealCollaborator.objects.create(deal=deal, user=ann)
    assert names(Contact.objects.visible_to(ann)) == {"of ben"}
    assert names(Contact.objects.editable_by(ann)) == {"of ben"}
    assert names(Deal.objects.editable_by(ann)) == {"deal of cid"}


def test_the_category_of_a_contact_follows_its_statuses():
    seller = with_set("seller", "customers")
    stranger = make.company("Stranger")
    assert not Contact.objects.visible_to(seller).exists()
    select_status(stranger, customer="past")
    assert names(Contact.objects.visible_to(seller)) == {"Stranger"}
    assert not Contact.objects.editable_by(seller).exists()
    stranger.refresh_from_db()
    select_status(stranger, customer="none")
    assert not Contact.objects.visible_to(seller).exists()


def test_who_sees_contacts_and_no_customers_loses_a_contact_that_becomes_one():
    clerk = member("clerk", contacts=ALL, customers=NONE)
    contact = make.company("Young")
    make.company("Other")
    assert names(Contact.objects.visible_to(clerk)) == {"Young", "Other"}
    make.deal(contact)
    assert names(Contact.objects.visible_to(clerk)) == {"Other"}


def test_whoever_leaves_a_team_loses_what_is_the_teams_at_once(world):
    User.objects.filter(pk=world["ann"].pk).update(view_contacts=TEAM, edit_contacts=TEAM)
    assert "of ben" in names(Contact.objects.visible_to(reloaded(world["ann"])))
    world["ann"].teams.clear()
    assert "of ben" not in names(Contact.objects.visible_to(reloaded(world["ann"])))


def test_administrators_reach_everything_whatever_their_levels(world):
    root = administrator()
    User.objects.filter(pk=root.pk).update(**{f"edit_{area}": NONE for area in Area.values})
    assert Contact.objects.editable_by(reloaded(root)).count() == Contact.objects.count()


def test_who_was_deactivated_reaches_nothing(world):
    User.objects.filter(pk=world["ben"].pk).update(is_active=False)
    assert not Contact.objects.visible_to(reloaded(world["ben"])).exists()
    assert not Deal.objects.visible_to(reloaded(world["ben"])).exists()
