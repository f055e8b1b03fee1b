"""Every change of a status: since when, why, by whom, through which deal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from contacts.models import Contact, StatusChange
from crm.accounts.models import User
from crm.actor import acting_as
from crm.changes import one_change
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact
from deals.services import check_statuses, forget_win, merge_contacts, restore, select_status
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db

IN_2017 = datetime(2017, 3, 4, 12, tzinfo=UTC)
IN_2019 = datetime(2019, 6, 5, 12, tzinfo=UTC)
SOON = timedelta(minutes=1)


def latest(contact: Contact, status: str) -> StatusChange:
    return StatusChange.objects.filter(contact=contact.pk, status=status).latest("pk")


def move(moved: Deal, category: str, closed_at: datetime | None = None) -> None:
    moved.stage = default_stages()[category]
    if closed_at:
        moved.closed_at = closed_at
    moved.save()


def is_now(moment: datetime | None) -> bool:
    return moment is not None and timezone.now() - SOON < moment <= timezone.now()


def test_deal_won_in_2017_made_a_customer_in_2017() -> None:
    firm = company()
    deal(firm, "won", name="Audit", closed_at=IN_2017)
    row = latest(firm, "customer")
    assert row.effective_at == IN_2017
    assert is_now(row.recorded_at)
    assert (row.cause, row.deal_name, row.stage_name) == ("deal_opened", "Audit", "Won")
    firm.refresh_from_db()
    assert firm.customer_since == IN_2017


def test_first_of_several_wins_is_since_when() -> None:
    firm = company()
    with one_change():
        deal(firm, "won", closed_at=IN_2019)
        deal(firm, "won", closed_at=IN_2017)
    firm.refresh_from_db()
    assert firm.customer_since == IN_2017
    assert firm.last_won_at == IN_2019


def test_date_without_a_time_is_the_end_of_that_day() -> None:
    firm = company()
    deal(firm, "lost", closed_at=date(2017, 3, 4))
    assert latest(firm, "prospect").effective_at == datetime(
        2017, 3, 4, 23, 59, 59, 999999, tzinfo=UTC
    )
    today = company()
    deal(today, "lost", closed_at=timezone.localdate())
    assert is_now(latest(today, "prospect").effective_at)


def test_who_joins_a_closed_deal_counts_from_the_day_it_joined() -> None:
    firm = company()
    bob = person(company=firm)
    sold = deal(firm, "won", closed_at=IN_2017)
    DealContact.objects.create(deal=sold, contact=bob)
    row = latest(bob, "customer")
    assert is_now(row.effective_at)
    assert (row.cause, row.deal_id) == ("deal_joined", sold.pk)
    # Also after a recount.
    check_statuses(fix=True)
    bob.refresh_from_db()
    assert is_now(bob.customer_since)
    assert bob.last_won_at == IN_2017


def test_deal_moved_later_counts_from_its_closing() -> None:
    firm = company()
    sold = deal(firm, opened_at=IN_2017)
    assert latest(firm, "prospect").effective_at == IN_2017
    move(sold, "lost", IN_2019)
    row = latest(firm, "prospect")
    assert (row.old, row.new, row.cause, row.effective_at) == (
        "current",
        "lost",
        "deal_moved",
        IN_2019,
    )


def test_reopening_counts_from_now() -> None:
    firm = company()
    sold = deal(firm, "won", closed_at=IN_2017)
    move(sold, "in_progress")
    prospect, customer = latest(firm, "prospect"), latest(firm, "customer")
    assert (prospect.new, customer.new) == ("current", "none")
    assert is_now(prospect.effective_at)
    assert is_now(customer.effective_at)
    assert {prospect.cause, customer.cause} == {"deal_moved"}
    assert {prospect.deal_id, customer.deal_id} == {sold.pk}


def test_no_status_holds_from_before_the_one_that_it_follows() -> None:
    firm = company()
    select_status(firm, customer="past", at=IN_2019)
    deal(firm, "won", closed_at=IN_2017)
    assert StatusChange.objects.filter(status="customer").count() == 1
    move(deal(firm), "won")
    assert is_now(latest(firm, "customer").effective_at)


def test_selection_counts_from_when_it_was_made() -> None:
    firm = company()
    ann = User.objects.create_user("ann", password="a long enough one")
    with acting_as(ann):
        select_status(firm, customer="past", at=IN_2019)
    row = latest(firm, "customer")
    assert (row.effective_at, row.cause, row.actor) == (IN_2019, "selected", ann)
    assert firm.customer_since == IN_2019
    assert firm.customer_marked_by == ann


def test_history_names_who_did_it_and_nobody_is_the_system() -> None:
    firm = company()
    ann = User.objects.create_user("ann", password="a long enough one")
    with acting_as(ann):
        sold = deal(firm)
    assert latest(firm, "prospect").actor == ann
    move(sold, "lost")
    assert latest(firm, "prospect").actor is None


def test_name_of_a_deal_outlives_it() -> None:
    firm = company()
    sold = deal(firm, "won", name="Audit 2026")
    pk = sold.pk
    sold.delete()
    row = latest(firm, "customer")
    assert (row.new, row.cause, row.deal_id, row.deal_name) == (
        "none",
        "deal_deleted",
        pk,
        "Audit 2026",
    )
    restore(TrashedRecord.objects.get())
    assert latest(firm, "customer").cause == "deal_restored"


def test_stage_given_another_category_says_so() -> None:
    firm = company()
    deal(firm, "in_progress")
    stage = default_stages()["in_progress"]
    stage.category = "lost"
    stage.save()
    row = latest(firm, "prospect")
    assert (row.new, row.cause, row.stage_category) == ("lost", "stage_changed", "lost")


def test_leaving_a_deal_names_it() -> None:
    firm = company()
    bob = person(company=firm)
    link = DealContact.objects.create(deal=deal(firm, name="Audit"), contact=bob)
    link.delete()
    row = latest(bob, "prospect")
    assert (row.new, row.cause, row.deal_name) == ("none", "deal_left", "Audit")


def test_forgotten_win_merge_and_recount_say_so() -> None:
    firm = company()
    bob = person(company=firm)
    sold = deal(firm, "won")
    DealContact.objects.create(deal=sold, contact=bob).delete()
    forget_win(bob, sold)
    assert latest(bob, "customer").cause == "win_forgotten"
    rival = company()
    merge_contacts(rival, firm)
    assert latest(rival, "customer").cause in ("merged", "deal_opened")
    assert not StatusChange.objects.filter(contact=firm.pk).exists()


def test_history_is_recorded_with_the_change_or_not_at_all() -> None:
    firm = company()
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        deal(firm, "won")
        assert StatusChange.objects.count() == 1
        raise ZeroDivisionError
    assert not StatusChange.objects.exists()


def test_change_of_both_statuses_is_two_rows_and_of_none_is_none() -> None:
    firm = company()
    sold = deal(firm)
    assert StatusChange.objects.count() == 1
    move(sold, "won")
    assert StatusChange.objects.count() == 3
    deal(firm, "won")
    deal(firm, "unqualified")
    assert StatusChange.objects.count() == 3


def test_contact_from_the_trash_goes_on_where_its_history_ended() -> None:
    firm = company()
    bob = person(company=firm)
    sold = deal(firm)
    DealContact.objects.create(deal=sold, contact=bob)
    bob_id = bob.pk
    bob.delete()
    restored = restore(TrashedRecord.objects.get())
    assert isinstance(restored, Contact)
    assert (restored.pk, restored.prospect_status) == (bob_id, "current")
    assert StatusChange.objects.filter(contact=bob_id).count() == 1
    restored.delete()
    sold.delete()
    restored = restore(TrashedRecord.objects.get(kind="contact"))
    rows = StatusChange.objects.filter(contact=bob_id).order_by("pk")
    assert [(row.old, row.new) for row in rows] == [("none", "current"), ("current", "none")]
    assert check_statuses().differences == []
