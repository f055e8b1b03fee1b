"""Making one contact of two, and two of one again."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from contacts.models import Contact, ContactDetail, StatusChange
from crm.accounts.models import User
from crm.actor import acting_as
from crm.changes import one_change
from crm.retry import retrying
from crm.trash.models import TrashedRecord
from crm.trash.services import purge_expired
from deals.models import Deal, DealContact, DealParty, MergeRecord
from deals.services import (
    check_statuses,
    merge_contacts,
    restore,
    select_status,
    set_primary_contact,
    undo_merge,
)
from deals.services.merge import mergeable_fields
from imports.models import ImportedRecord
from tests.deals.factories import company, deal, default_stages, person
from tests.proof.racing import Rounds
from tests.proof.walk import Invention, World, simulated_time

pytestmark = pytest.mark.django_db
WORLDS, STEPS, MERGES = int(os.environ.get("STANDING_MERGE_WORLDS", 5)), 60, 6


def statuses(contact: Contact) -> tuple[str, str]:
    stored = Contact.objects.get(pk=contact.pk)
    return stored.prospect_status, stored.customer_status


def move(moved: Deal, category: str) -> None:
    stored = Deal.objects.get(pk=moved.pk)
    stored.stage = default_stages()[category]
    stored.save()


def fresh(contact: Contact) -> Contact:
    return Contact.objects.get(pk=contact.pk)


def tables() -> dict[str, Any]:
    """Every row that a merge may touch, column by column."""
    models = (Contact, Deal, DealContact, DealParty, ContactDetail, ImportedRecord, StatusChange)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def assert_as_before(before: dict[str, Any]) -> None:
    after = tables()
    # History is never unwritten: what merge and undoing themselves wrote may follow.
    known = {row["id"] for row in before["StatusChange"]}
    written = [row for row in after["StatusChange"] if row["id"] not in known]
    assert {row["cause"] for row in written} <= {"merged", "unmerged"}
    after["StatusChange"] = [row for row in after["StatusChange"] if row["id"] in known]
    for name, rows in before.items():
        gone = [row for row in rows if row not in after[name]]
        assert (gone, [row for row in after[name] if row not in rows]) == ([], []), name
    assert check_statuses().differences == []


# -- the values that survive


def test_chosen_values_survive_and_the_others_stay_as_further_ones() -> None:
    ours = person("Byron", first_name="Ada", email="ada@old.example", phone="+49 30 1234567")
    theirs = person("Lovelace", first_name="Ada", email="ada@new.example", mobile="0171 1234567")
    values = {"last_name": "Lovelace", "email": "ada@new.example"}
    merge_contacts(ours, theirs, values=values, keep_others=True)
    assert (ours.name, ours.email, ours.phone) == (
        "Ada Lovelace",
        "ada@new.example",
        "+49 30 1234567",
    )
    assert "lovelace" in ours.search_key
    assert set(ours.details.values_list("kind", "label", "value")) == {
        ("email", "", "ada@old.example"),
        ("phone", "mobile", "0171 1234567"),
    }


def test_without_values_the_survivor_keeps_its_fields() -> None:
    ours, theirs = person("Byron", email="ada@old.example"), person("Byron", email="b@new.example")
    version = ours.updated_at
    merge_contacts(ours, theirs)
    assert (ours.email, ours.updated_at) == ("ada@old.example", version)
    assert not ContactDetail.objects.exists()


def test_the_same_number_spelt_otherwise_is_no_further_one() -> None:
    ours = company("Acme", phone="030 123-45", website="https://acme.example")
    theirs = company("Acme AG", mobile="030 12345", website="https://acme.example/")
    ContactDetail.objects.create(contact=ours, kind="phone", value="999")
    merge_contacts(ours, theirs, keep_others=True)
    assert ours.details.get().value == "999"


def test_values_that_the_survivor_cannot_have_are_refused_and_nothing_changes() -> None:
    ours, theirs = person("Byron", first_name="Ada"), person("Lovelace")
    before = tables()
    with pytest.raises(ValidationError, match="a person a last name"):
        merge_contacts(ours, theirs, values={"last_name": ""})
    with pytest.raises(ValidationError, match="mail"):
        merge_contacts(ours, theirs, values={"email": "no mail"})
    with pytest.raises(ValueError, match="won_deals"):
        merge_contacts(ours, theirs, values={"won_deals": 3})
    assert tables() == before
    assert not MergeRecord.objects.exists()


def test_a_person_and_a_company_and_one_alone_are_refused() -> None:
    firm, ann = company(), person()
    with pytest.raises(ValidationError, match="A person and a company"):
        merge_contacts(firm, ann)
    with pytest.raises(ValidationError, match="Choose two"):
        merge_contacts(firm, fresh(firm))
    gone = person("Gone")
    Contact.objects.get(pk=gone.pk).delete()
    with pytest.raises(ValidationError, match="Gone is deleted"):
        merge_contacts(ann, gone)


def test_a_survivor_that_changes_jobs_with_the_merge_keeps_its_wins() -> None:
    old, new = company(), company()
    ours, theirs = person(company=old), person(company=new)
    won = deal(old, "won")
    DealContact.objects.create(deal=won, contact=ours)
    record = merge_contacts(ours, theirs, values={"company": new})
    assert statuses(ours) == ("none", "current")
    assert DealParty.objects.get(deal=won, contact=ours).kept
    undo_merge(record)
    assert not DealParty.objects.get(deal=won, contact=ours).kept


def test_a_merge_makes_no_kept_win_of_the_merged_contacts_deals() -> None:
    firm = company()
    ours, theirs = person(), person(company=firm)
    DealContact.objects.create(deal=deal(firm, "won"), contact=theirs)
    merge_contacts(ours, theirs)
    assert statuses(ours) == ("none", "none")


def test_a_kept_win_alone_goes_to_the_survivor() -> None:
    firm = company()
    ours, theirs = person(), person(company=firm)
    DealContact.objects.create(deal=deal(firm, "won"), contact=theirs).delete()
    record = merge_contacts(ours, theirs)
    assert statuses(ours) == ("none", "current")
    undo_merge(record)
    assert (statuses(ours), statuses(theirs)) == (("none", "none"), ("none", "current"))


def test_merging_a_company_with_one_far_below_it_leaves_no_circle() -> None:
    top = company("Top")
    middle = company("Middle", parent_company=top)
    bottom = company("Bottom", parent_company=middle)
    before = tables()
    record = merge_contacts(bottom, top)
    assert fresh(bottom).parent_company is None
    assert fresh(middle).parent_company == bottom
    undo_merge(record)
    assert_as_before(before)


def test_a_value_that_is_one_of_the_two_is_none() -> None:
    top = company("Top")
    below = company("Below", parent_company=top)
    other = company("Other", parent_company=below)
    merge_contacts(below, top, values={"parent_company": top})
    assert fresh(below).parent_company is None
    merge_contacts(below, other, values={"parent_company": below})
    assert fresh(below).parent_company is None


# -- undoing


@pytest.fixture
def pair() -> dict[str, Any]:
    """Two companies with people and every kind of tie, and deals that both share."""
    ours, theirs = company("Acme", email="a@acme.example"), company("Acme AG", phone="030 12345")
    ann, bob = person("Ann", company=ours), person("Bob", company=theirs)
    company("Below", parent_company=theirs)
    ContactDetail.objects.create(contact=theirs, kind="email", value="info@acme.example")
    active, won = deal(theirs, name="Audit"), deal(bob, "won", name="Review")
    shared = deal(ours, "lost", name="Shared")
    for one, contact in ((active, ann), (won, ann), (shared, theirs), (won, ours), (active, ours)):
        DealContact.objects.create(deal=one, contact=contact, role="Buyer")
    select_status(theirs, customer="past")
    ImportedRecord.objects.create(source="old", kind="company", key="7", record_id=theirs.pk)
    return {"ours": ours, "theirs": theirs, "ann": ann, "bob": bob, "active": active, "won": won}


def test_undone_merge_leaves_every_row_as_it_was(pair: dict[str, Any]) -> None:
    before = tables()
    user = User.objects.create(username="ann")
    with acting_as(user):
        record = merge_contacts(
            pair["ours"], pair["theirs"], values={"name": "Acme AG"}, keep_others=True
        )
        assert statuses(pair["ours"]) == ("current", "past")
        assert ImportedRecord.objects.get().record_id == pair["ours"].pk
        assert undo_merge(record) == []
    assert_as_before(before)
    record.refresh_from_db()
    assert (record.merged_by, record.undone_by, record.survivor_name) == (user, user, "Acme AG")
    assert record.undone_at is not None
    told = StatusChange.objects.filter(cause="unmerged", contact=pair["ours"].pk)
    assert set(told.values_list("status", "new")) == {("prospect", "lost"), ("customer", "none")}


def test_a_merge_is_undone_once(pair: dict[str, Any]) -> None:
    record = merge_contacts(pair["ours"], pair["theirs"])
    undo_merge(record)
    before = tables()
    with pytest.raises(ValidationError, match="undone already"):
        undo_merge(record)
    assert tables() == before
    again = merge_contacts(pair["ours"], fresh(pair["theirs"]))
    assert undo_merge(again) == []
    assert_as_before(before)


def test_what_was_edited_since_stays_and_is_told(pair: dict[str, Any]) -> None:
    ours, bob = pair["ours"], pair["bob"]
    record = merge_contacts(
        ours, pair["theirs"], values={"name": "Acme AG", "phone": "030 12345"}, keep_others=True
    )
    stored = fresh(ours)
    stored.phone = "030 99999"
    stored.save()
    select_status(stored, customer="current")
    select_status(stored, customer="past")
    elsewhere = company("Elsewhere")
    Contact.objects.filter(pk=bob.pk).update(company=elsewhere)
    ContactDetail.objects.update(value="changed@acme.example")
    set_primary_contact(Deal.objects.get(pk=pair["active"].pk), bob, keep_previous=False)
    told = undo_merge(record)
    stored = fresh(ours)
    assert (stored.name, stored.phone) == ("Acme", "030 99999")
    assert fresh(bob).company == elsewhere
    assert Deal.objects.get(pk=pair["active"].pk).primary_contact == bob
    assert statuses(ours)[1] == "past"
    assert told == [
        "Belong elsewhere by now, and stay there: “Bob”.",
        "Have another main contact or company by now, and keep it: “Audit”.",
        "Edited since in Acme, and left so: phone.",
        "The Customer Status was selected since; the selection stays.",
    ]
    assert fresh(pair["theirs"]).details.get().value == "changed@acme.example"
    assert check_statuses().differences == []


def test_what_happened_to_a_deal_since_counts_for_whose_it_is_again(pair: dict[str, Any]) -> None:
    record = merge_contacts(pair["ours"], pair["theirs"])
    move(pair["active"], "won")
    assert undo_merge(record) == []
    assert statuses(pair["theirs"]) == ("none", "current")
    assert statuses(pair["ours"]) == ("lost", "none")
    row = StatusChange.objects.filter(contact=pair["theirs"].pk, status="customer").latest("pk")
    assert (row.cause, row.new) == ("unmerged", "current")
    assert check_statuses().differences == []


def test_new_deals_stay_with_the_survivor(pair: dict[str, Any]) -> None:
    record = merge_contacts(pair["ours"], pair["theirs"])
    opened = deal(pair["ours"], name="New")
    undo_merge(record)
    assert Deal.objects.get(pk=opened.pk).primary_contact == pair["ours"]
    assert statuses(pair["ours"])[0] == "current"


def test_kept_win_comes_back_unless_the_deal_was_reopened_since() -> None:
    firm = company()
    ours, theirs = person(company=firm), person(company=firm)
    for reopened in (False, True):
        won = deal(firm, "won")
        DealContact.objects.create(deal=won, contact=ours)
        DealContact.objects.create(deal=won, contact=theirs).delete()
        assert DealParty.objects.get(deal=won, contact=theirs).kept
        record = merge_contacts(ours, fresh(theirs))
        if reopened:
            move(won, "incoming")
            move(won, "won")
        undo_merge(record)
        assert DealParty.objects.filter(deal=won, contact=theirs).exists() is not reopened
        assert check_statuses().differences == []


def test_deleted_deal_is_in_the_way_until_it_is_restored(pair: dict[str, Any]) -> None:
    record = merge_contacts(pair["ours"], pair["theirs"])
    Deal.objects.get(pk=pair["active"].pk).delete()
    before = tables()
    with pytest.raises(ValidationError, match=r"“Audit”\. Restore them first"):
        undo_merge(record)
    assert tables() == before
    restore(TrashedRecord.objects.get(kind="deal"))
    assert undo_merge(record) == []
    assert statuses(pair["theirs"])[0] == "current"


def test_a_deal_that_is_gone_for_good_is_in_nobodys_way(pair: dict[str, Any]) -> None:
    record = merge_contacts(pair["ours"], pair["theirs"])
    Deal.objects.get(pk=pair["active"].pk).delete()
    TrashedRecord.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    purge_expired()
    undo_merge(record)
    assert statuses(pair["theirs"]) == ("none", "past")
    assert check_statuses().differences == []


def test_deleted_survivor_is_in_the_way_and_with_it_goes_the_record() -> None:
    ours, theirs = person("Ours"), person("Theirs")
    record = merge_contacts(ours, theirs)
    Contact.objects.get(pk=ours.pk).delete()
    with pytest.raises(ValidationError, match=r"Ours is deleted\. Restore it first\."):
        undo_merge(record)
    TrashedRecord.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    purge_expired()
    assert not MergeRecord.objects.exists()
    with pytest.raises(ValidationError, match="not recorded"):
        undo_merge(record)


def test_merges_of_merges_are_undone_one_after_the_other() -> None:
    first, second, third = (person(name, email=f"{name}@x.example") for name in ("A", "B", "C"))
    deal(third, "won")
    worlds = [tables()]
    inner = merge_contacts(second, third, values={"email": "C@x.example"}, keep_others=True)
    worlds.append(tables())
    outer = merge_contacts(first, second, keep_others=True)
    with pytest.raises(ValidationError, match="B was itself merged into another contact"):
        undo_merge(inner)
    undo_merge(outer)
    assert_as_before(worlds[1])
    undo_merge(inner)
    assert_as_before(worlds[0])


def test_the_earlier_of_two_merges_may_be_undone_alone() -> None:
    ours, second, third = company("A"), company("B"), company("C")
    shared = deal(ours, "won")
    for each in (second, third):
        DealContact.objects.create(deal=shared, contact=each)
        deal(each)
    earlier = merge_contacts(ours, second)
    later = merge_contacts(ours, third)
    undo_merge(earlier)
    assert statuses(second) == ("current", "none")
    assert Deal.objects.get(primary_contact=second).company == second
    undo_merge(later)
    assert Deal.objects.get(primary_contact=third).company == third
    assert shared.links.count() == 2
    assert check_statuses().differences == []


def test_company_that_was_merged_meanwhile_is_found_where_it_went() -> None:
    firm, bigger = company("Firm"), company("Bigger")
    ours, theirs = person(), person(company=firm)
    record = merge_contacts(ours, theirs)
    merge_contacts(bigger, firm)
    undo_merge(record)
    assert fresh(theirs).company == bigger


def test_refused_undoing_in_a_batch_leaves_wins_kept() -> None:
    ours, theirs, firm = person("Ours"), person("Theirs"), company()
    bob = person(company=firm)
    link = DealContact.objects.create(deal=deal(firm, "won"), contact=bob)
    record = merge_contacts(ours, theirs)
    Contact.objects.get(pk=ours.pk).delete()
    with one_change() as change:
        with pytest.raises(ValidationError), transaction.atomic():
            undo_merge(record)
        assert (change.keep_wins, change.cause) == (True, "")
        link.delete()
    assert statuses(bob) == ("none", "current")


# -- any world at all


def adorn(rng: random.Random) -> None:
    """Give the contacts of a random world addresses, and companies parents."""
    companies = list(Contact.objects.companies())
    for contact in Contact.objects.all():
        contact.email = rng.choice(["", "a@x.example", "b@x.example"])
        contact.phone = rng.choice(["", "12345", "1 2345", "99999"])
        contact.description = rng.choice(["", "Some"])
        if contact.is_organization:
            contact.parent_company = rng.choice([*companies, None])
            try:
                contact.clean()
            except ValidationError:
                contact.parent_company = None
        try:
            with transaction.atomic():
                contact.validate_constraints()
                contact.save()
        except ValidationError:
            continue
        if rng.random() < 0.3:
            ContactDetail.objects.create(contact=contact, kind="phone", value="1-2345")


def any_values(rng: random.Random, ours: Contact, theirs: Contact) -> dict[str, Any]:
    names = [name for name in mergeable_fields(ours) if rng.random() < 0.5]
    return {name: getattr(theirs, name) for name in names}


@pytest.mark.parametrize("seed", range(WORLDS))
def test_merge_and_undo_leave_any_world_as_it_was(seed: int) -> None:
    rng = random.Random(seed)
    merged = 0
    with simulated_time() as clock:
        world = World(clock)
        invention = Invention(world.oracle, rng)
        for _number in range(MERGES):
            for _step in range(STEPS // MERGES * 2):
                world.take(invention.step())
            adorn(rng)
            contacts = list(Contact.objects.order_by("pk"))
            ours = rng.choice(contacts)
            alike = [c for c in contacts if c.is_organization == ours.is_organization and c != ours]
            if not alike:
                continue
            theirs = rng.choice(alike)
            before = tables()
            clock.tick()
            try:
                values = any_values(rng, ours, theirs)
                record = merge_contacts(fresh(ours), theirs, values=values, keep_others=True)
            except ValidationError:
                assert tables() == before
                continue
            merged += 1
            assert check_statuses().differences == []
            clock.tick()
            assert undo_merge(record) == []
            assert_as_before(before)
    assert merged >= 2


# -- two people at once


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("undoing", [False, True])
def test_merge_and_a_closing_deal_at_once_both_count(undoing: bool) -> None:
    default_stages()
    end = timezone.now() + timedelta(seconds=4)
    ran = 0
    with Rounds(2) as racing:
        while timezone.now() < end:
            ran += 1
            firm = company()
            ours, theirs = person(company=firm), person(company=firm)
            closing = deal(theirs)
            DealContact.objects.create(deal=closing, contact=ours)
            record = merge_contacts(ours, theirs) if undoing else None

            def part(record: Any = record, ours: Any = ours, theirs: Any = theirs) -> None:
                undo_merge(record) if record else merge_contacts(ours, theirs)

            def close(closing: Deal = closing) -> None:
                move(closing, "won")

            assert racing.run(retrying(part), retrying(close)) == [None, None]
            assert check_statuses().differences == []
            assert statuses(firm) == statuses(ours) == ("none", "current")
    assert ran >= 3


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_two_who_merge_the_same_pair_make_one_contact_of_it() -> None:
    default_stages()
    with Rounds(2) as racing:
        for _round in range(10):
            one, other = person(), person()
            deal(one)
            deal(other, "won")
            errors = racing.run(
                retrying(partial(merge_contacts, one, other)),
                retrying(partial(merge_contacts, fresh(other), fresh(one))),
            )
            assert sorted(type(error).__name__ for error in errors) == [
                "NoneType",
                "ValidationError",
            ]
            assert Contact.objects.filter(pk__in=[one.pk, other.pk]).count() == 1
            assert check_statuses().differences == []
