"""Statuses, companies, deals and the trash for many contacts: what is done, refused, taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact, StatusChange
from crm.bulk import services, work
from crm.bulk.models import BulkRun
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact, DealParty
from deals.services import check_statuses, select_status, set_primary_contact
from tests.bulk.runs import chunks_of, refusals, start, start_later, states, user
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return user("ann")


@pytest.fixture(autouse=True)
def in_step():
    yield
    assert not check_statuses().differences


def standing(*contacts: Contact) -> list[str]:
    rows = {one.pk: one for one in Contact.objects.all()}
    return [f"{rows[c.pk].prospect_status} {rows[c.pk].customer_status}" for c in contacts]


def only(*contacts: Contact):
    return Contact.objects.filter(pk__in=[one.pk for one in contacts])


# -- statuses


def test_a_status_is_selected_where_the_law_allows_it(ann) -> None:
    idle, sold_to, past = company("Idle"), company("Sold to"), company("Past")
    deal(sold_to, name="Audit")
    select_status(past, customer="past")
    run = start("contact.status", ann, {"prospect": "lost"})
    assert standing(idle, sold_to, past) == ["lost none", "current none", "lost past"]
    assert refusals(run) == {"Sold to": "Sold to is being sold to: “Audit”."}
    assert (run.done, run.refused) == (2, 1)
    row = StatusChange.objects.latest("pk")
    assert (row.actor, row.cause) == (ann, "selected")
    assert services.action_of(run.action).told(run) == (
        "2 contacts marked as Lost Prospect · 1 refused"
    )


def test_who_is_so_already_counts_as_unchanged(ann) -> None:
    one = company()
    select_status(one, customer="past")
    before = StatusChange.objects.count()
    run = start("contact.status", ann, {"customer": "past"})
    assert states(run) == ["unchanged"]
    assert StatusChange.objects.count() == before


def test_undo_restores_marks_dates_and_forgotten_wins(ann) -> None:
    bought, star, marked = company("Bought"), company("Star"), company("Marked")
    sold = deal(bought, "won")
    set_primary_contact(sold, star, keep_previous=False)
    select_status(marked, customer="current", at=timezone.now() - timedelta(days=90))
    assert DealParty.objects.filter(contact=bought, kept=True).exists()
    before = list(Contact.objects.values().order_by("pk"))
    run = start("contact.status", ann, {"customer": "none"}, only(bought, marked))
    assert standing(bought, marked) == ["none none", "none none"]
    assert not DealParty.objects.filter(kept=True).exists()
    undo = services.undo(run, user=ann)
    assert undo.done == 2
    assert list(Contact.objects.values().order_by("pk")) == before
    assert DealParty.objects.filter(contact=bought, kept=True).exists()


def test_undo_refuses_who_was_given_another_status_since(ann) -> None:
    one, two = company("One"), company("Two")
    run = start("contact.status", ann, {"customer": "past"})
    select_status(one, customer="current")
    undo = services.undo(run, user=ann)
    assert standing(one, two) == ["none current", "none none"]
    assert refusals(undo) == {"One": "It was edited since, and stays as it is."}


def test_an_unknown_status_starts_no_run(ann) -> None:
    company()
    for params in ({}, {"prospect": "past"}, {"customer": "x"}):
        with pytest.raises(ValidationError):
            start("contact.status", ann, params)
    assert not BulkRun.objects.exists()


# -- companies


def test_people_change_jobs_and_statuses_follow(ann) -> None:
    old, new = company("Old"), company("New")
    worker, idle, fresh = person("Worker", company=old), person("Idle"), person("Fresh")
    sold = deal(old)
    DealContact.objects.create(deal=sold, contact=worker)
    lone = deal(fresh)
    assert standing(worker, new) == ["current none", "none none"]
    run = start("contact.company", ann, {"company": new.pk}, only(worker, idle, fresh))
    assert standing(worker, fresh, new) == ["none none", "current none", "current none"]
    assert Deal.objects.get(pk=lone.pk).company == new
    services.undo(run, user=ann)
    assert Deal.objects.get(pk=lone.pk).company is None
    assert standing(worker, fresh, new) == ["current none", "current none", "none none"]
    assert list(Contact.objects.filter(company=old)) == [worker]


def test_a_company_gets_no_employer_and_a_person_is_none(ann) -> None:
    firm, one = company("Firm"), person("One")
    run = start("contact.company", ann, {"company": firm.pk})
    assert refusals(run) == {"Firm": "A company has no employer."}
    with pytest.raises(ValidationError, match="company that exists"):
        start("contact.company", ann, {"company": one.pk})


def test_undo_of_a_change_of_jobs_takes_no_win_along(ann) -> None:
    old, new = company("Old"), company("New")
    worker = person("Worker", company=old)
    for firm in (old, new):
        DealContact.objects.create(deal=deal(firm, "won"), contact=worker)
    run = start("contact.company", ann, {"company": new.pk}, only(worker))
    # It keeps the win of the old company, and gets the one of the new.
    assert DealParty.objects.filter(contact=worker, kept=True).count() == 1
    assert DealParty.objects.filter(contact=worker, kept=False).count() == 1
    services.undo(run, user=ann)
    party = DealParty.objects.get(contact=worker)
    assert (party.deal.company, party.kept) == (old, False)


def test_undo_of_a_change_of_jobs_gives_back_wins_that_were_kept(ann) -> None:
    old, new = company("Old"), company("New")
    worker = person("Worker", company=new)
    sold = deal(new, "won")
    DealContact.objects.create(deal=sold, contact=worker)
    Contact.objects.get(pk=worker.pk)
    worker.company = old
    worker.save()
    assert DealParty.objects.get(contact=worker).kept
    run = start("contact.company", ann, {"company": new.pk}, only(worker))
    assert not DealParty.objects.get(contact=worker).kept
    services.undo(run, user=ann)
    assert DealParty.objects.get(contact=worker).kept
    assert standing(worker) == ["none current"]


def test_undo_refuses_a_company_that_is_gone_and_who_moved_on(ann) -> None:
    old, new, other = company("Old"), company("New"), company("Other")
    stays, moved = person("Stays", company=old), person("Moved", company=other)
    run = start("contact.company", ann, {"company": new.pk}, only(stays, moved))
    moved.company = None
    moved.save()
    old.delete()
    undo = services.undo(run, user=ann)
    assert refusals(undo) == {
        "Moved": "It was edited since, and stays as it is.",
        "Stays": "Its company before does not exist any more.",
    }
    stays.refresh_from_db()
    assert stays.company == new


# -- on a deal


def test_contacts_are_put_on_a_deal_once(ann) -> None:
    firm = company("Firm")
    star, worker, other = person("Star", company=firm), person(company=firm), person()
    on_it = person(company=firm)
    sold = deal(star)
    DealContact.objects.create(deal=sold, contact=on_it, role="Buyer")
    run = start("contact.add_to_deal", ann, {"deal": sold.pk, "role": "Guest"},
                only(star, worker, other, on_it))  # fmt: skip
    assert (run.done, run.unchanged) == (2, 2)
    assert set(sold.links.values_list("contact", "role")) == {
        (worker.pk, "Guest"), (other.pk, "Guest"), (on_it.pk, "Buyer")
    }  # fmt: skip
    assert standing(worker, other) == ["current none", "none none"]
    services.undo(run, user=ann)
    assert list(sold.links.values_list("contact", "role")) == [(on_it.pk, "Buyer")]
    assert standing(worker) == ["none none"]


def test_undo_of_adding_to_a_won_deal_leaves_no_customer(ann) -> None:
    firm = company()
    star, worker = person(company=firm), person("Worker", company=firm)
    sold = deal(star, "won")
    run = start("contact.add_to_deal", ann, {"deal": sold.pk}, only(worker))
    assert standing(worker) == ["none current"]
    undo = services.undo(run, user=ann)
    assert standing(worker) == ["none none"]
    services.undo(undo, user=ann)
    assert standing(worker) == ["none current"]


def test_a_win_kept_before_is_kept_after_undo(ann) -> None:
    firm = company()
    star, worker = person(company=firm), person("Worker", company=firm)
    sold = deal(star, "won")
    link = DealContact.objects.create(deal=sold, contact=worker)
    link.delete()
    assert DealParty.objects.get(contact=worker).kept
    run = start("contact.add_to_deal", ann, {"deal": sold.pk}, only(worker))
    assert not DealParty.objects.get(contact=worker).kept
    services.undo(run, user=ann)
    assert DealParty.objects.get(contact=worker).kept
    assert standing(worker) == ["none current"]


def test_undo_refuses_links_with_another_role_since_and_new_stars(ann) -> None:
    firm = company()
    sold = deal(person(company=firm))
    one, two, three = person("One"), person("Two"), person("Three")
    run = start("contact.add_to_deal", ann, {"deal": sold.pk}, only(one, two, three))
    DealContact.objects.filter(contact=one).update(role="Boss")
    sold.refresh_from_db()
    set_primary_contact(sold, two, keep_previous=True)
    undo = services.undo(run, user=ann)
    assert refusals(undo).keys() == {"One", "Two"}
    assert set(sold.links.filter(contact__in=[one, three]).values_list("role", flat=True)) == {
        "Boss"
    }


def test_a_deal_that_is_gone_starts_nothing_and_stops_what_runs(ann) -> None:
    sold = deal(company())
    one = person()
    run = start_later("contact.add_to_deal", ann, {"deal": sold.pk}, only(one))
    pk = sold.pk
    sold.delete()
    work.work_off(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "Choose a deal" in run.problem
    with pytest.raises(ValidationError, match="Choose a deal"):
        start("contact.add_to_deal", ann, {"deal": pk})


# -- deleting


def test_stars_stay_when_contacts_are_deleted_and_the_deals_are_named(ann) -> None:
    firm = company("Firm")
    star, worker = person("Star", company=firm), person("Worker", company=firm)
    sold = deal(star, "won", name="Audit")
    DealContact.objects.create(deal=sold, contact=worker)
    run = start("contact.delete", ann, {})
    assert [one.name for one in Contact.objects.all()] == ["Star"]
    assert refusals(run) == {"Star": "It is the main contact of “Audit”."}
    assert TrashedRecord.objects.count() == 2
    assert {one.deleted_by for one in TrashedRecord.objects.all()} == {ann}
    with pytest.raises(ValidationError, match="trash"):
        services.undo(run, user=ann)


def test_deleting_goes_through_the_trash_chunk_by_chunk(ann) -> None:
    firm = company("A firm")
    workers = [person(company=firm) for _ in range(4)]
    DealContact.objects.create(deal=deal(person("Star", company=firm)), contact=workers[-1])
    run = start_later("contact.delete", ann, {}, Contact.objects.exclude(name="Star"))
    with chunks_of("contact.delete", 2):
        work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == ("done", 5)
    assert Contact.objects.count() == 1
    assert Deal.objects.get().company is None


@pytest.mark.parametrize(
    "key", ["contact.status", "contact.company", "contact.add_to_deal", "contact.delete"]
)
def test_the_queries_of_a_chunk_do_not_grow(ann, key) -> None:
    def cost(number: int) -> int:
        Deal.objects.all().delete()
        Contact.objects.all().delete()
        firm, other = company("Firm"), company("Other")
        params: Any = {
            "contact.status": {"customer": "past"},
            "contact.company": {"company": other.pk},
            "contact.add_to_deal": {"deal": deal(person("Star", company=firm), "won").pk},
            "contact.delete": {},
        }[key]
        for n in range(number):
            star = person(f"Star {n}", company=firm)
            DealContact.objects.create(deal=deal(star, "won"), contact=person(company=firm))
            person(company=firm)
        rows = Contact.objects.people()
        with CaptureQueriesContext(connection) as captured:
            run = start(key, ann, params, rows)
        assert run.state == "done"
        assert run.done
        total = len(captured)
        if key != "contact.delete":
            with CaptureQueriesContext(connection) as captured:
                services.undo(run, user=ann)
            total += len(captured)
        return total

    assert cost(2) == cost(15)
    assert cost(2) <= 120
