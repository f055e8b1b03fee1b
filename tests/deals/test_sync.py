"""Steps taken as one change: what stands between them is nobody's status."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction

from contacts.models import Contact, StatusChange
from contacts.statuses import ProspectStatus
from crm.changes import one_change
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact, DealParty
from deals.services import (
    check_statuses,
    merge_contacts,
    preview,
    select_status,
    set_primary_contact,
    sync_statuses,
)
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db


def statuses(contact: Contact) -> tuple[str, str]:
    contact.refresh_from_db()
    return contact.prospect_status, contact.customer_status


def test_states_between_the_steps_leave_no_history() -> None:
    firm = company()
    with one_change() as change:
        sold = deal(firm)
        for category in ("won", "lost", "incoming", "lost"):
            sold.stage = default_stages()[category]
            sold.save()
    (row,) = StatusChange.objects.all()
    assert (row.status, row.old, row.new) == ("prospect", "none", "lost")
    assert change.status_changes == [row]


def test_large_change_is_settled_in_one_piece() -> None:
    firm = company()
    stages = default_stages()
    Deal.objects.bulk_create(
        [
            Deal(name=f"Deal {number}", primary_contact=firm, stage=stages[category])
            for category, many in (("lost", 1_100), ("incoming", 5))
            for number in range(many)
        ]
    )
    (row,) = StatusChange.objects.all()
    assert row.new == ProspectStatus.CURRENT


def test_change_that_fails_leaves_nothing() -> None:
    firm = company()
    with pytest.raises(ZeroDivisionError), one_change():  # noqa: PT012
        deal(firm, "won")
        raise ZeroDivisionError
    assert statuses(firm) == ("none", "none")
    assert not Deal.objects.exists()
    assert not StatusChange.objects.exists()


def test_recounting_again_changes_nothing() -> None:
    firm = company()
    sold = deal(firm, "won")
    before = Contact.objects.values().get()
    sync_statuses([sold])
    sync_statuses([sold, sold.pk])
    assert Contact.objects.values().get() == before
    assert StatusChange.objects.count() == 1


def test_refused_selection_takes_no_earlier_step_back() -> None:
    # A batch that goes on after a refusal, each row in a savepoint, as bulk actions and imports do.
    firm = company()
    sold = deal(firm)
    with one_change():
        sold.stage = default_stages()["won"]
        sold.save()
        with pytest.raises(ValidationError), transaction.atomic():
            select_status(firm, prospect="lost")
    assert statuses(firm) == ("none", "current")
    assert StatusChange.objects.get(new="current", status="customer").cause == "deal_moved"
    assert check_statuses().differences == []


def test_selection_rolled_back_afterwards_takes_no_earlier_step_back() -> None:
    firm = company()
    sold = deal(firm)
    with one_change():
        sold.stage = default_stages()["won"]
        sold.save()
        with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
            select_status(firm, customer="past")
            raise ZeroDivisionError
    assert statuses(firm) == ("none", "current")
    assert check_statuses().differences == []


def test_failed_merge_in_a_batch_leaves_no_trace() -> None:
    firm, rival = company(), company()
    sold = deal(rival, "won")
    select_status(rival, customer="past")
    with one_change() as change:
        with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
            merge_contacts(firm, rival)
            raise ZeroDivisionError
        sold.stage = default_stages()["lost"]
        sold.save()
        assert change.cause == ""
    assert statuses(firm) == ("none", "none")
    assert statuses(rival) == ("lost", "past")
    assert check_statuses().differences == []


def test_deletion_rolled_back_in_a_batch_does_not_reach_the_trash() -> None:
    sold = deal(company(), "won")
    with one_change():
        with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
            Deal.objects.get(pk=sold.pk).delete()
            raise ZeroDivisionError
        deal(company())
    assert not TrashedRecord.objects.exists()
    assert check_statuses().differences == []


def test_refused_selection_forgets_no_kept_win() -> None:
    firm = company()
    bob = person(company=firm)
    DealContact.objects.create(deal=deal(firm, "won"), contact=bob).delete()
    with one_change(), pytest.raises(ValidationError):
        select_status(bob, customer="none", prospect="current")
    assert statuses(bob) == ("none", "current")
    assert DealParty.objects.filter(contact=bob, kept=True).exists()
    assert check_statuses().differences == []


def test_forgetting_wins_and_a_lost_prospect_in_one_selection() -> None:
    firm = company()
    bob = person(company=firm)
    DealContact.objects.create(deal=deal(firm, "won"), contact=bob).delete()
    select_status(bob, customer="none", prospect="lost")
    assert statuses(bob) == ("lost", "none")
    assert not DealParty.objects.filter(contact=bob).exists()


def test_won_reopened_and_won_again_in_one_change_keeps_wins() -> None:
    firm = company()
    bob = person(company=firm)
    sold = deal(firm, "won")
    link = DealContact.objects.create(deal=sold, contact=bob)
    with one_change() as change:
        sold.stage = default_stages()["incoming"]
        sold.save()
        link.delete()
        sold.stage = default_stages()["won"]
        sold.save()
    assert change.newly_kept == [(sold.pk, bob.pk)]
    assert statuses(bob) == ("none", "current")


def test_added_and_removed_in_one_change_keeps_nothing() -> None:
    firm = company()
    bob = person(company=firm)
    sold = deal(firm, "won")
    with one_change() as change:
        DealContact.objects.create(deal=sold, contact=bob).delete()
    assert change.newly_kept == []
    assert statuses(bob) == ("none", "none")


def test_preview_tells_and_takes_everything_back() -> None:
    firm = company()
    bob = person(company=firm)
    sold = deal(firm, "won")
    DealContact.objects.create(deal=sold, contact=bob)
    rows = StatusChange.objects.count()
    with preview() as seen:
        set_primary_contact(Deal.objects.get(), person(), keep_previous=False)
        sold.refresh_from_db()
        sold.stage = default_stages()["won"]
        sold.save()
    kept = {contact_id for _deal, contact_id in seen.newly_kept}
    assert kept == {firm.pk, bob.pk}
    assert {(row.contact.is_organization, row.new) for row in seen.changes} == {(False, "current")}
    assert StatusChange.objects.count() == rows
    assert Deal.objects.get().primary_contact == firm
    assert check_statuses().differences == []


def test_selection_in_the_future_is_refused() -> None:
    from datetime import timedelta

    from django.utils import timezone

    with pytest.raises(ValidationError, match="future"):
        select_status(company(), customer="past", at=timezone.now() + timedelta(days=1))


def test_star_of_a_deleted_deal_is_refused() -> None:
    sold = deal(company())
    stale = Deal.objects.get()
    sold.delete()
    with pytest.raises(ValidationError, match="deleted"):
        set_primary_contact(stale, person(), keep_previous=False)


def test_deal_active_only_between_two_steps_takes_no_company() -> None:
    # Lost before and after: what its star's new employer is does not matter to it.
    ann = person()
    sold = deal(ann, "lost")
    ann.company = company()
    ann.save()
    with one_change():
        for category in ("incoming", "lost"):
            sold.stage = default_stages()[category]
            sold.save()
    assert Deal.objects.get().company is None
    sold.stage = default_stages()["incoming"]
    sold.save()
    assert Deal.objects.get().company == ann.company


@pytest.mark.parametrize("model", [Contact, Deal])
def test_deletion_that_fails_while_settling_can_be_tried_again(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = person("Moe") if model is Contact else deal(person("Moe"))

    def fail(change: Any) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr("crm.changes._settlers", [fail])
        with pytest.raises(OperationalError):
            going.delete()
    assert model.objects.filter(pk=going.pk).exists()
    going.delete()
    assert not model.objects.filter(name=str(going)).exists()
