"""Deals in the admin: one form is one change, and its statuses are right when it is saved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from contacts.models import StatusChange
from crm.accounts.models import User
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact, DealParty, Pipeline, Stage
from tests.deals.factories import company, deal, default_stages, person
from tests.site.admin_pages import (  # noqa: F401
    AdminPages,
    admin_pages,
    administrator,
    assert_nothing_differs,
    errors,
    statuses,
)

pytestmark = pytest.mark.django_db


def associated(*contacts: object, first: int = 0) -> dict[str, object]:
    """The inline rows that add these contacts."""
    rows: dict[str, object] = {"links-TOTAL_FORMS": first + len(contacts)}
    for number, contact in enumerate(contacts, start=first):
        rows[f"links-{number}-contact"] = contact.pk  # type: ignore[attr-defined]
    return rows


def test_deal_is_added_with_its_contacts(admin_pages: AdminPages, administrator: User) -> None:
    employer = company()
    star, worker = person(company=employer), person(company=employer)
    bystander = person()
    answer = admin_pages.add(
        Deal,
        name="Audit",
        primary_contact=star.pk,
        stage=default_stages()["incoming"].pk,
        **associated(worker, bystander),
    )
    assert answer.status_code == 302
    for contact in (employer, star, worker):
        assert statuses(contact) == ["current", "none"]
    assert statuses(bystander) == ["none", "none"]
    row = StatusChange.objects.get(contact=worker)
    assert (row.cause, row.actor, row.deal_name) == ("deal_opened", administrator, "Audit")
    assert_nothing_differs()


def test_winning_with_another_contact_is_one_change(admin_pages: AdminPages) -> None:
    """Whoever is put on the deal in the form that closes it was never its prospect."""
    employer = company()
    star, worker = person(company=employer), person(company=employer)
    sold = deal(star)
    answer = admin_pages.change(sold, stage=default_stages()["won"].pk, **associated(worker))
    assert answer.status_code == 302
    assert statuses(worker) == statuses(star) == ["none", "current"]
    assert [row.new for row in StatusChange.objects.filter(contact=worker)] == ["current"]
    assert_nothing_differs()


def test_row_taken_off_a_lost_deal_and_changed_row_count_anew(admin_pages: AdminPages) -> None:
    employer = company()
    star, wrong, right = (person(company=employer) for _number in range(3))
    off = person(company=employer)
    lost = deal(star, "lost")
    DealContact.objects.create(deal=lost, contact=wrong)
    DealContact.objects.create(deal=lost, contact=off)
    assert statuses(off) == ["lost", "none"]
    answer = admin_pages.change(lost, **{"links-0-contact": right.pk, "links-1-DELETE": "on"})
    assert answer.status_code == 302
    assert statuses(wrong) == statuses(off) == ["none", "none"]
    assert statuses(right) == ["lost", "none"]
    assert_nothing_differs()


def test_removed_from_a_won_deal_keeps_the_win(admin_pages: AdminPages) -> None:
    employer = company()
    worker = person(company=employer)
    won = deal(employer, "won")
    DealContact.objects.create(deal=won, contact=worker)
    admin_pages.change(won, **{"links-0-DELETE": "on"})
    assert statuses(worker) == ["none", "current"]
    assert DealParty.objects.get(contact=worker).kept
    assert_nothing_differs()


@pytest.mark.parametrize("keep", [True, False])
def test_another_star_sets_the_company_anew(admin_pages: AdminPages, keep: bool) -> None:
    old, new = person(company=company()), person(company=company())
    moved = deal(old)
    DealContact.objects.create(deal=moved, contact=new)
    answer = admin_pages.change(
        moved, primary_contact=new.pk, **({"keep_previous": "on"} if keep else {})
    )
    assert answer.status_code == 302
    moved.refresh_from_db()
    assert moved.company == new.company
    assert [link.contact for link in moved.links.all()] == ([old] if keep else [])
    assert statuses(new) == statuses(new.company) == ["current", "none"]
    assert statuses(old) == statuses(old.company) == ["none", "none"]
    assert_nothing_differs()


def test_former_star_named_twice_is_on_the_deal_once(admin_pages: AdminPages) -> None:
    employer = company()
    old, new = person(company=employer), person(company=employer)
    moved = deal(old)
    answer = admin_pages.change(
        moved, primary_contact=new.pk, keep_previous="on", **associated(old)
    )
    assert answer.status_code == 302
    assert [link.contact for link in moved.links.all()] == [old]
    assert_nothing_differs()


def test_new_star_and_new_stage_in_one_form(admin_pages: AdminPages) -> None:
    old, new = person(), person()
    moved = deal(old)
    admin_pages.change(moved, primary_contact=new.pk, stage=default_stages()["won"].pk)
    assert statuses(new) == ["none", "current"]
    assert statuses(old) == ["none", "none"]
    assert_nothing_differs()


def test_reopened_deal_loses_its_close_date(admin_pages: AdminPages) -> None:
    star = company()
    closed = deal(star, "won")
    answer = admin_pages.change(closed, stage=default_stages()["incoming"].pk)
    assert answer.status_code == 302
    closed.refresh_from_db()
    assert closed.closed_at is None
    assert statuses(star) == ["current", "none"]
    assert_nothing_differs()


def test_close_date_of_an_earlier_day_dates_the_status(admin_pages: AdminPages) -> None:
    star = company()
    closed = deal(star, opened_at=timezone.now() - timedelta(days=90))
    day = timezone.localdate() - timedelta(days=7)
    admin_pages.change(
        closed,
        stage=default_stages()["won"].pk,
        closed_at_0=day.isoformat(),
        closed_at_1="12:00:00",
    )
    star.refresh_from_db()
    assert star.customer_since.date() == day
    assert_nothing_differs()


@pytest.mark.parametrize(
    ("category", "date", "complaint"),
    [
        ("won", "2999-01-01", "cannot be closed in the future"),
        ("won", "", "A closed deal has a close date"),
        ("incoming", "2026-01-01", "An active deal has no close date"),
    ],
)
def test_impossible_close_dates_are_refused(
    admin_pages: AdminPages, category: str, date: str, complaint: str
) -> None:
    star = company()
    changed = deal(star, category, name="Before")
    before = statuses(star)
    answer = admin_pages.change(
        changed, name="After", closed_at_0=date, closed_at_1="12:00:00" if date else ""
    )
    assert complaint in errors(answer)["closed_at"][0]
    changed.refresh_from_db()
    assert changed.name == "Before"
    assert statuses(star) == before
    assert_nothing_differs()


@pytest.mark.parametrize("category", ["won", "incoming"])
def test_impossible_close_date_of_a_new_deal_is_refused(
    admin_pages: AdminPages, category: str
) -> None:
    answer = admin_pages.add(
        Deal,
        name="Audit",
        primary_contact=company().pk,
        stage=default_stages()[category].pk,
        closed_at_0="2999-01-01",
        closed_at_1="12:00:00",
    )
    assert "closed_at" in errors(answer)
    assert not Deal.objects.exists()


def test_star_among_the_associated_is_refused(admin_pages: AdminPages) -> None:
    star = person()
    opened = deal(star)
    answer = admin_pages.change(opened, **associated(star))
    assert "This is the main contact" in answer.content.decode()
    assert not opened.links.exists()


def test_contact_twice_on_a_deal_is_refused(admin_pages: AdminPages) -> None:
    opened, worker = deal(person()), person()
    answer = admin_pages.change(opened, **associated(worker, worker))
    assert answer.status_code == 200
    assert not opened.links.exists()


def test_forged_derived_fields_are_ignored(admin_pages: AdminPages) -> None:
    star, other = company(), company()
    opened = deal(star)
    admin_pages.change(opened, company=other.pk, group="won", stage_changed_by=1, sort_key="x")
    opened.refresh_from_db()
    assert (opened.company, opened.group) == (star, "active")
    assert statuses(other) == ["none", "none"]
    assert_nothing_differs()


@pytest.mark.parametrize("how", ["delete", "act"])
def test_deleted_deals_take_their_statuses(admin_pages: AdminPages, how: str) -> None:
    employer = company()
    star, worker = person(company=employer), person(company=employer)
    won = deal(star, "won")
    DealContact.objects.create(deal=won, contact=worker)
    if how == "delete":
        admin_pages.delete(won)
    else:
        admin_pages.act("delete_selected", won, deal(star, "lost"), post="yes")
    for contact in (employer, star, worker):
        assert statuses(contact) == ["none", "none"]
    assert TrashedRecord.objects.filter(kind="deal").exists()
    assert_nothing_differs()


def test_association_of_its_own_page_counts(admin_pages: AdminPages) -> None:
    employer = company()
    worker, other = person(company=employer), deal(company())
    opened = deal(employer)
    admin_pages.add(DealContact, deal=opened.pk, contact=worker.pk)
    assert statuses(worker) == ["current", "none"]
    link = DealContact.objects.get()
    admin_pages.change(link, deal=other.pk)
    assert statuses(worker) == ["none", "none"]
    admin_pages.change(link, deal=opened.pk)
    admin_pages.act("delete_selected", link, post="yes")
    assert statuses(worker) == ["none", "none"]
    assert not DealContact.objects.exists()
    assert_nothing_differs()


@pytest.mark.parametrize("how", ["stage", "inline"])
def test_stage_given_another_category_takes_its_deals_along(
    admin_pages: AdminPages, how: str
) -> None:
    star = company()
    stage = deal(star).stage
    if how == "stage":
        admin_pages.change(stage, category="won")
    else:
        stages = list(Stage.objects.filter(pipeline=stage.pipeline))
        row = stages.index(stage)
        admin_pages.change(stage.pipeline, **{f"stages-{row}-category": "won"})
    assert statuses(star) == ["none", "current"]
    assert_nothing_differs()


def test_stage_with_deals_stays(admin_pages: AdminPages) -> None:
    stage = deal(company(), name="<i>Audit</i>").stage
    page = admin_pages.delete(stage).content.decode()
    assert "&lt;i&gt;Audit&lt;/i&gt;" in page
    stages = list(Stage.objects.filter(pipeline=stage.pipeline))
    inline = {f"stages-{stages.index(stage)}-DELETE": "on"}
    assert admin_pages.change(stage.pipeline, **inline).status_code == 200
    admin_pages.delete(stage.pipeline)
    assert Stage.objects.filter(pk=stage.pk).exists()


def test_another_default_pipeline_takes_the_place(admin_pages: AdminPages) -> None:
    default_stages()
    former = Pipeline.objects.get(is_default=True)
    answer = admin_pages.add(Pipeline, name="Renewals", is_default="on")
    assert answer.status_code == 302
    assert Pipeline.objects.get(is_default=True).name == "Renewals"
    assert Pipeline.objects.filter(pk=former.pk).exists()


def test_parties_are_read_only(admin_pages: AdminPages) -> None:
    star = company()
    deal(star)
    party = DealParty.objects.get()
    url = admin_pages.url(DealParty, "change", party.pk)
    assert admin_pages.client.get(url).status_code == 200
    assert admin_pages.client.post(url, {"kept": "on"}).status_code == 403
    assert admin_pages.delete(party).status_code == 403
    assert admin_pages.client.post(admin_pages.url(DealParty, "add")).status_code == 403
    admin_pages.act("delete_selected", party, post="yes")
    assert statuses(star) == ["current", "none"]
    assert_nothing_differs()


def test_deals_are_moved_by_an_action_with_its_form(admin_pages: AdminPages) -> None:
    buyer = company()
    sold = deal(buyer)
    answer = admin_pages.act("deal_stage", sold)
    assert "Move 1 deal to a stage" in answer.content.decode()
    sent = {"confirmed": "1", "expected": "1", "token": "t", "stage": default_stages()["won"].pk}
    answer = admin_pages.act("deal_stage", sold, **sent)
    assert "1 deal moved to Won" in answer.content.decode()
    assert statuses(buyer) == ["none", "current"]
    assert_nothing_differs()
