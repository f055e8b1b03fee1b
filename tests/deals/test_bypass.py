"""Every way to write that sends no signal: the statuses are right afterwards, or it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from django.db import connection, models
from django.db.models import F, ProtectedError

from contacts.models import Contact
from crm.accounts.models import User
from deals.models import Deal, DealContact, DealParty, Stage
from deals.services import check_statuses
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db


class Office:
    """A company, two of its people, a stranger, and an active deal with one of them listed."""

    def __init__(self) -> None:
        self.stages = default_stages()
        self.firm, self.rival = company("Firm"), company("Rival")
        self.ann = person("Ann", company=self.firm)
        self.bob = person("Bob", company=self.firm)
        self.eve = person("Eve")
        self.deal = deal(self.ann, name="Sale")
        self.link = DealContact.objects.create(deal=self.deal, contact=self.bob)


@pytest.fixture
def office() -> Office:
    return Office()


def statuses(contact: Contact) -> tuple[str, str]:
    shown = Contact.objects.values_list("prospect_status", "customer_status").get(pk=contact.pk)
    return shown  # type: ignore[return-value]


def assert_in_step() -> None:
    assert check_statuses().differences == []


SOLD, OFFERED, NOTHING, LOST = (
    ("none", "current"),
    ("current", "none"),
    ("none", "none"),
    ("lost", "none"),
)


def bulk_create(office: Office) -> None:
    Deal.objects.bulk_create(
        [Deal(name="Bulk", primary_contact=office.eve, stage=office.stages["won"])]
    )


def bulk_create_ignoring_conflicts(office: Office) -> None:
    Deal.objects.bulk_create(
        [Deal(name="Bulk", primary_contact=office.eve, stage=office.stages["won"])],
        ignore_conflicts=True,
    )


def bulk_create_that_updates(office: Office) -> None:
    office.deal.stage = office.stages["won"]
    office.deal.primary_contact = office.eve
    Deal.objects.bulk_create(
        [office.deal],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["stage", "primary_contact"],
    )


def update_or_create(office: Office) -> None:
    Deal.objects.update_or_create(
        name="New",
        defaults={"primary_contact": office.eve, "stage": office.stages["won"]},
    )


def bulk_update_of_the_star(office: Office) -> None:
    office.deal.primary_contact = office.eve
    office.deal.stage = office.stages["won"]
    Deal.objects.bulk_update([office.deal], ["stage", "primary_contact"])


def update_of_star_and_stage(office: Office) -> None:
    Deal.objects.filter(pk=office.deal.pk).update(
        primary_contact_id=office.eve.pk, stage_id=office.stages["won"].pk
    )


def primary_deals_add(office: Office) -> None:
    office.stages["won"].deals.add(office.deal)
    office.eve.primary_deals.add(office.deal)


@pytest.mark.parametrize(
    "write",
    [
        bulk_create,
        bulk_create_ignoring_conflicts,
        bulk_create_that_updates,
        update_or_create,
        bulk_update_of_the_star,
        update_of_star_and_stage,
        primary_deals_add,
    ],
    ids=lambda write: write.__name__,
)
def test_bulk_write_that_sells_to_somebody(office: Office, write: Callable[[Office], None]) -> None:
    write(office)
    assert statuses(office.eve) == SOLD
    assert_in_step()


MOVES: dict[str, Callable[[Office], Any]] = {
    "queryset.update": lambda o: Deal.objects.update(stage=o.stages["won"]),
    "queryset.update by id": lambda o: Deal.objects.update(stage_id=o.stages["won"].pk),
    "base manager": lambda o: Deal._base_manager.update(stage=o.stages["won"]),
    "stage.deals.add": lambda o: o.stages["won"].deals.add(o.deal),
    "stage.deals.set": lambda o: o.stages["won"].deals.set([o.deal]),
    "stage.deals.update": lambda o: o.stages["incoming"].deals.update(stage=o.stages["won"]),
    "stage.update": lambda o: Stage.objects.filter(category="incoming").update(category="won"),
    "stage.bulk_update": lambda o: bulk_update_category(o),
    "company_deals.update": lambda o: o.firm.company_deals.update(stage=o.stages["won"]),
}


def bulk_update_category(office: Office) -> None:
    office.stages["incoming"].category = "won"
    Stage.objects.bulk_update([office.stages["incoming"]], ["category"])


@pytest.mark.parametrize("way", MOVES)
def test_moving_past_save(office: Office, way: str) -> None:
    MOVES[way](office)
    for contact in (office.firm, office.ann, office.bob):
        assert statuses(contact) == SOLD
    assert_in_step()


HIRES: dict[str, Callable[[Office], Any]] = {
    "queryset.update": lambda o: Contact.objects.filter(pk=o.eve.pk).update(company=o.firm),
    "by id": lambda o: Contact.objects.filter(pk=o.eve.pk).update(company_id=o.firm.pk),
    "base manager": lambda o: Contact._base_manager.filter(pk=o.eve.pk).update(company=o.firm),
    "employees.add": lambda o: o.firm.employees.add(o.eve),
    "employees.set": lambda o: o.firm.employees.set([o.ann, o.bob, o.eve]),
    "employees.update": lambda o: hired_with_employees(o),
    "expression": lambda o: Contact.objects.filter(pk=o.eve.pk).update(
        company=Contact.objects.filter(pk=o.ann.pk).values("company")[:1]
    ),
}


def hired_with_employees(office: Office) -> None:
    office.rival.employees.add(office.eve)
    office.rival.employees.update(company=office.firm)


@pytest.mark.parametrize("way", HIRES)
def test_hiring_past_save(office: Office, way: str) -> None:
    DealContact.objects.create(deal=office.deal, contact=office.eve)
    assert statuses(office.eve) == NOTHING
    HIRES[way](office)
    assert statuses(office.eve) == OFFERED
    assert_in_step()


LEAVES: dict[str, Callable[[Office], Any]] = {
    "queryset.update": lambda o: Contact.objects.filter(pk=o.bob.pk).update(company=None),
    "employees.remove": lambda o: o.firm.employees.remove(o.bob),
    "employees.clear": lambda o: o.firm.employees.clear(),
    "employees.set": lambda o: o.firm.employees.set([o.ann]),
    "employees.set of another": lambda o: o.rival.employees.set([o.bob]),
    "contacts.remove": lambda o: o.deal.contacts.remove(o.bob),
    "contacts.clear": lambda o: o.deal.contacts.clear(),
    "contacts.set": lambda o: o.deal.contacts.set([o.eve]),
    "associated_deals.remove": lambda o: o.bob.associated_deals.remove(o.deal),
    "link.delete": lambda o: o.link.delete(),
    "links.delete": lambda o: o.deal.links.all().delete(),
    "links.update": lambda o: o.deal.links.update(contact=o.eve),
    "link.save": lambda o: link_to(o, o.eve),
    "deal deleted": lambda o: o.deal.delete(),
    "deals deleted": lambda o: Deal.objects.all().delete(),
    "company_deals.clear": lambda o: closed_without_company(o),
}


def link_to(office: Office, contact: Contact) -> None:
    office.link.contact = contact
    office.link.save()


def closed_without_company(office: Office) -> None:
    office.deal.stage = office.stages["lost"]
    office.deal.save()
    office.firm.company_deals.clear()


@pytest.mark.parametrize("way", LEAVES)
def test_leaving_past_save(office: Office, way: str) -> None:
    assert statuses(office.bob) == OFFERED
    LEAVES[way](office)
    assert statuses(office.bob) == NOTHING
    assert_in_step()


JOINS: dict[str, Callable[[Office], Any]] = {
    "contacts.add": lambda o: o.deal.contacts.add(o.eve),
    "contacts.add with a role": lambda o: o.deal.contacts.add(
        o.eve, through_defaults={"role": "Lawyer"}
    ),
    "contacts.set": lambda o: o.deal.contacts.set([o.bob, o.eve]),
    "associated_deals.add": lambda o: o.eve.associated_deals.add(o.deal),
    "bulk_create": lambda o: DealContact.objects.bulk_create(
        [DealContact(deal=o.deal, contact=o.eve)]
    ),
    "links.create": lambda o: o.deal.links.create(contact=o.eve),
    "links.add": lambda o: moved_link(o),
}


def moved_link(office: Office) -> None:
    other = deal(office.rival, name="Other")
    office.deal.links.add(DealContact.objects.create(deal=other, contact=office.eve))


@pytest.mark.parametrize("way", JOINS)
def test_joining_past_save(office: Office, way: str) -> None:
    office.firm.employees.add(office.eve)
    JOINS[way](office)
    assert statuses(office.eve) == OFFERED
    assert_in_step()


def test_deleting_the_star_is_refused(office: Office) -> None:
    with pytest.raises(ProtectedError):
        office.ann.delete()
    with pytest.raises(ProtectedError):
        Contact.objects.filter(pk=office.ann.pk).delete()
    assert statuses(office.ann) == OFFERED
    assert_in_step()


@pytest.mark.parametrize("at_once", [False, True])
def test_deleting_a_company_takes_co_workers_off_its_deals(office: Office, at_once: bool) -> None:
    if at_once:
        Contact.objects.filter(pk__in=[office.firm.pk, office.rival.pk]).delete()
    else:
        office.firm.delete()
    assert statuses(office.bob) == NOTHING
    assert statuses(office.ann) == OFFERED
    assert_in_step()


def test_deleting_an_associated_contact(office: Office) -> None:
    office.bob.delete()
    assert not DealParty.objects.filter(contact=office.bob.pk).exists()
    assert_in_step()


def test_deleting_users_who_own_deals_and_marks(office: Office) -> None:
    user = User.objects.create_user("ann", password="a long enough one")
    Deal.objects.update(owner=user, stage_changed_by=user)
    Contact.objects.update(owner=user)
    User.objects.all().delete()
    assert_in_step()


def test_star_update_leaves_the_company_of_deals_that_have_that_star(office: Office) -> None:
    office.ann.company = office.rival
    office.ann.save()
    Deal.objects.update(primary_contact=office.ann)
    assert Deal.objects.get().company == office.firm
    Deal.objects.filter(company=office.firm).update(primary_contact=office.eve)
    assert Deal.objects.get().company is None
    assert_in_step()


def test_expressions_nobody_could_follow_are_refused(office: Office) -> None:
    with pytest.raises(TypeError):
        Deal.objects.update(stage=F("stage"))
    with pytest.raises(TypeError):
        Deal.objects.update(primary_contact=F("company"))
    assert_in_step()


def test_update_writes_only_the_rows_it_noted(office: Office) -> None:
    # The condition does not hold any more once the star has brought another company.
    assert (
        Deal.objects.filter(company=office.firm).update(
            primary_contact=office.eve, stage=office.stages["won"]
        )
        == 1
    )
    assert statuses(office.eve) == SOLD
    assert statuses(office.firm) == NOTHING
    assert_in_step()


def test_raw_sql_is_seen_and_mended(office: Office) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE deals_deal SET stage_id = %s", [office.stages["won"].pk])
    assert check_statuses().differences
    check_statuses(fix=True)
    assert statuses(office.bob) == SOLD
    assert_in_step()


def test_fixture_is_made_right_afterwards(office: Office) -> None:
    office.deal.stage = office.stages["won"]
    office.deal.save()
    rows = [*Stage.objects.all(), *Contact.objects.all(), *Deal.objects.all()]
    fixture = serializers.serialize("json", [*rows, *DealContact.objects.all()])
    for model in (DealContact, DealParty, Deal, Contact):
        models.QuerySet(model)._raw_delete("default")
    for loaded in serializers.deserialize("json", fixture):
        loaded.save()
    check_statuses(fix=True)
    for contact in (office.firm, office.ann, office.bob):
        assert statuses(contact) == SOLD
    assert_in_step()
