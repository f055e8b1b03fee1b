"""Owner, fields, stage and the trash for many deals; statuses follow, and come back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact, StatusChange
from crm.bulk import services
from crm.bulk.actions import action_of
from crm.bulk.models import BulkRun
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact, DealParty, DealSource, LossReason, UnqualifiedReason
from deals.services import check_statuses, set_primary_contact
from tests.bulk.runs import refusals, start, states, user
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return user("ann")


@pytest.fixture(autouse=True)
def in_step():
    yield
    assert not check_statuses().differences


def standing(contact: Contact) -> str:
    contact.refresh_from_db()
    return f"{contact.prospect_status} {contact.customer_status}"


def test_owner_and_fields_of_deals(ann) -> None:
    firm = company()
    one, two = deal(firm), deal(firm, owner=ann, hot=True)
    source = DealSource.objects.create(name="Fair")
    run = start("deal.owner", ann, {"owner": ann.pk})
    assert states(run) == ["done", "unchanged"]
    values = {
        "source": source.pk,
        "estimated_close_date": "2030-05-01",
        "hot": True,
        "currency": "CHF",
    }
    run = start("deal.set", ann, {"values": values})
    one.refresh_from_db()
    assert (one.source, one.estimated_close_date, one.hot, one.currency) == (
        source, date(2030, 5, 1), True, "CHF",
    )  # fmt: skip
    action = action_of("deal.set")
    assert action.labelled(run.params) == (
        "Source: Fair, Expected close date: 2030-05-01, Hot: yes, Currency: CHF"
    )
    services.undo(run, user=ann)
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.source, one.estimated_close_date, one.hot, one.currency) == (
        None,
        None,
        False,
        "EUR",
    )
    assert (two.hot, two.owner) == (True, ann)


@pytest.mark.parametrize(
    "values",
    [
        {"currency": "x"}, {"currency": ""}, {"source": 99}, {"estimated_close_date": "x"},
        {"hot": None}, {"stage": 1}, {"value": "1"}, {"source": ""},
    ],
)  # fmt: skip
def test_values_that_no_form_would_take_start_no_run(ann, values) -> None:
    deal(company())
    with pytest.raises(ValidationError):
        start("deal.set", ann, {"values": values})
    assert not BulkRun.objects.exists()


def test_deals_are_moved_and_statuses_follow_in_the_same_change(ann) -> None:
    stages = default_stages()
    firm, other = company(), company()
    open_deal, won = deal(firm), deal(other, "won")
    reason = LossReason.objects.create(name="Too dear")
    run = start("deal.stage", ann, {"stage": stages["lost"].pk, "loss_reason": reason.pk})
    open_deal.refresh_from_db()
    assert (open_deal.stage, open_deal.loss_reason, open_deal.group) == (
        stages["lost"],
        reason,
        "lost",
    )
    assert open_deal.stage_changed_by == ann
    assert standing(firm) == standing(other) == "lost none"
    row = StatusChange.objects.filter(contact=firm).latest("pk")
    assert (row.cause, row.actor, row.deal_id) == ("deal_moved", ann, open_deal.pk)
    assert action_of("deal.stage").told(run) == "2 deals moved to Lost"
    assert won.pk


def test_undo_puts_deals_back_with_their_dates(ann) -> None:
    stages = default_stages()
    firm, other = company(), company()
    reason = LossReason.objects.create(name="Too dear")
    long_ago = timezone.now() - timedelta(days=400)
    deal(firm, opened_at=long_ago)
    deal(other, "won", opened_at=long_ago, closed_at=long_ago + timedelta(days=9))
    deal(other, "lost", loss_reason=reason)
    fields = ("stage", "group", "opened_at", "closed_at", "stage_changed_at", "stage_changed_by",
              "loss_reason", "company")  # fmt: skip
    before = list(Deal.objects.order_by("pk").values_list(*fields))
    run = start("deal.stage", ann, {"stage": stages["unqualified"].pk})
    assert list(Deal.objects.order_by("pk").values_list(*fields)) != before
    undo = services.undo(run, user=ann)
    assert undo.done == 3
    assert list(Deal.objects.order_by("pk").values_list(*fields)) == before
    assert (standing(firm), standing(other)) == ("current none", "none current")
    services.undo(undo, user=ann)
    assert set(Deal.objects.values_list("stage", flat=True)) == {stages["unqualified"].pk}


def test_undo_gives_back_kept_wins_and_late_joinings(ann) -> None:
    stages = default_stages()
    firm = company("Firm")
    gone, star, late = company("Gone"), person("Star", company=firm), person("Late", company=firm)
    sold = deal(gone, "won")
    set_primary_contact(sold, star, keep_previous=False)
    DealContact.objects.create(deal=sold, contact=late)
    before = sorted(DealParty.objects.values_list("contact", "kept", "joined_at"))
    assert DealParty.objects.get(contact=gone).kept
    assert DealParty.objects.get(contact=late).joined_at
    run = start("deal.stage", ann, {"stage": stages["in_progress"].pk})
    assert standing(gone) == "none none"
    services.undo(run, user=ann)
    assert sorted(DealParty.objects.values_list("contact", "kept", "joined_at")) == before
    assert standing(gone) == "none current"
    assert standing(late) == "none current"


def test_undo_refuses_deals_that_moved_on_and_stages_that_changed(ann) -> None:
    stages = default_stages()
    firm = company()
    moved, stays, odd = deal(firm), deal(firm), deal(firm, "won")
    run = start("deal.stage", ann, {"stage": stages["in_progress"].pk})
    moved.refresh_from_db()
    moved.stage = stages["lost"]
    moved.save()
    stages["won"].category = "lost"
    stages["won"].save()
    undo = services.undo(run, user=ann)
    assert refusals(undo) == {
        moved.name: "It was edited since, and stays as it is.",
        odd.name: "The stage it was in is gone, or means something else now.",
    }
    stays.refresh_from_db()
    assert stays.stage == stages["incoming"]


def test_undo_does_without_a_reason_that_is_gone(ann) -> None:
    stages = default_stages()
    old, new = LossReason.objects.create(name="Old"), LossReason.objects.create(name="New")
    sold = deal(company(), "in_progress", loss_reason=old)
    run = start("deal.stage", ann, {"stage": stages["lost"].pk, "loss_reason": new.pk})
    old.delete()
    services.undo(run, user=ann)
    sold.refresh_from_db()
    assert (sold.stage, sold.loss_reason) == (stages["in_progress"], None)


def test_a_reason_is_only_for_its_category_and_a_stage_has_to_be_there(ann) -> None:
    stages = default_stages()
    deal(company())
    lost, unqualified = (
        LossReason.objects.create(name="A"),
        UnqualifiedReason.objects.create(name="B"),
    )
    for params in (
        {"stage": 0},
        {},
        {"stage": stages["won"].pk, "loss_reason": lost.pk},
        {"stage": stages["lost"].pk, "unqualified_reason": unqualified.pk},
        {"stage": stages["lost"].pk, "loss_reason": 99},
    ):
        with pytest.raises(ValidationError):
            start("deal.stage", ann, params)
    assert not BulkRun.objects.exists()


def test_deals_are_deleted_into_the_trash_and_statuses_follow(ann) -> None:
    firm = company()
    deal(firm, "won")
    deal(firm, "won")
    assert standing(firm) == "none current"
    run = start("deal.delete", ann, {})
    assert run.done == 2
    assert standing(firm) == "none none"
    assert TrashedRecord.objects.filter(deleted_by=ann).count() == 2
    with pytest.raises(ValidationError, match="trash"):
        services.undo(run, user=ann)


@pytest.mark.parametrize("key", ["deal.owner", "deal.stage", "deal.delete"])
def test_the_queries_of_a_chunk_do_not_grow(ann, key) -> None:
    stages = default_stages()
    params = {"deal.owner": {"owner": ann.pk}, "deal.stage": {"stage": stages["won"].pk}}.get(
        key, {}
    )

    def cost(number: int) -> int:
        Deal.objects.all().delete()
        for n in range(number):
            gone, star = company(), company()
            sold = deal(gone, "won", stage=stages["won"]) if n % 2 else deal(gone, "lost")
            set_primary_contact(sold, star, keep_previous=False)
            deal(star)
        with CaptureQueriesContext(connection) as captured:
            run = start(key, ann, params)
        assert run.done
        total = len(captured)
        if key != "deal.delete":
            with CaptureQueriesContext(connection) as captured:
                services.undo(run, user=ann)
            total += len(captured)
        return total

    assert cost(2) == cost(14)
