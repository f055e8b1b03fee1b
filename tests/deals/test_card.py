"""The card of a deal, and the steps one takes from it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact, DealParty, LossReason
from tests.deals import factories as make
from tests.forms import send

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user("ann", language="en")
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def address(name: str, deal: Deal) -> str:
    return reverse(f"deals:{name}", args=[deal.pk])


def test_card_says_for_whom_the_deal_counts_and_why_not(client: Client, ann: Any) -> None:
    acme, beta = make.company("Acme"), make.company("Beta")
    star = make.person("Star", company=acme)
    deal = make.deal(star, name="Audit")
    for listed in (make.person("Co", company=acme), make.person("Far", company=beta)):
        DealContact.objects.create(deal=deal, contact=listed)
    DealContact.objects.create(deal=deal, contact=make.person("Lone"))
    shown = text(client.get(deal.get_absolute_url()))
    assert "does not count: works for another company, Beta" in shown
    assert "does not count: works for no company" in shown
    assert shown.count("does not count:") == 2


def test_card_says_who_moved_it(client: Client, ann: Any) -> None:
    deal = make.deal(make.person())
    client.post(address("move", deal), {"stage": make.default_stages()["in_progress"].pk})
    deal.refresh_from_db()
    assert deal.stage_changed_by == ann
    assert deal.group == "active"


def test_asking_to_win_shows_whose_statuses_follow_and_stores_nothing(
    client: Client, ann: Any
) -> None:
    acme = make.company("Acme")
    deal = make.deal(make.person("Byron", company=acme), name="Audit")
    won = make.default_stages()["won"]
    shown = text(client.get(f"{address('move', deal)}?stage={won.pk}"))
    follows = shown.split("What follows for the statuses")[1]
    assert follows.index("Acme") < follows.index("Byron")
    assert "Current Customer" in follows
    deal.refresh_from_db()
    assert deal.group == "active"


def test_losing_takes_a_reason_and_a_date(client: Client, ann: Any) -> None:
    person = make.person()
    deal = make.deal(person)
    lost = make.default_stages()["lost"]
    reason = LossReason.objects.create(name="Too dear")
    day = timezone.localdate() - timedelta(days=3)
    page = f"{address('move', deal)}?stage={lost.pk}"
    send(client, page, to=address("move", deal), loss_reason=reason.pk, closed_on=day)
    deal.refresh_from_db()
    assert (deal.group, deal.loss_reason) == ("lost", reason)
    assert timezone.localdate(deal.closed_at) == day
    person.refresh_from_db()
    assert person.prospect_status == "lost"


def test_no_deal_is_closed_in_the_future(client: Client, ann: Any) -> None:
    deal = make.deal(make.person())
    won = make.default_stages()["won"]
    day = timezone.localdate() + timedelta(days=2)
    answer = client.post(address("move", deal), {"stage": won.pk, "closed_on": day})
    assert answer.status_code == 200
    assert "A deal cannot be closed in the future." in text(answer)
    deal.refresh_from_db()
    assert deal.group == "active"


@pytest.mark.parametrize("stage", ["", "x", "4711"])
def test_stage_that_is_none_is_refused(client: Client, ann: Any, stage: str) -> None:
    deal = make.deal(make.person())
    assert client.post(address("move", deal), {"stage": stage}).status_code == 302
    assert "This stage does not exist any more." in text(client.get(deal.get_absolute_url()))


def test_reopening_takes_the_customer_back(client: Client, ann: Any) -> None:
    person = make.person()
    deal = make.deal(person, "won")
    opened = make.default_stages()["incoming"]
    send(client, f"{address('move', deal)}?stage={opened.pk}", to=address("move", deal))
    person.refresh_from_db()
    assert (person.prospect_status, person.customer_status) == ("current", "none")


def test_star_page_shows_what_keeping_and_removing_would_do(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    ada, bob = make.person("Ada", company=acme), make.person("Bob", company=acme)
    deal = make.deal(ada, name="Audit")
    shown = text(client.get(f"{address('star', deal)}?contact={bob.pk}"))
    keep, remove = shown.split("Remove Ada from the deal")
    assert "Bob: Non Prospect" in keep
    assert "Ada: Current Prospect" not in keep
    assert "Ada: Current Prospect" in remove


def test_star_is_not_set_without_an_answer(client: Client, ann: Any) -> None:
    ada, bob = make.person("Ada"), make.person("Bob")
    deal = make.deal(ada)
    answer = client.post(address("star", deal), {"contact": bob.pk})
    assert answer.status_code == 200
    deal.refresh_from_db()
    assert deal.primary_contact == ada


def test_star_is_found_by_name_without_a_script(client: Client, ann: Any) -> None:
    make.person("Bob")
    deal = make.deal(make.person("Ada"))
    shown = text(client.get(address("star", deal), {"contact": "", "contact_text": "bob"}))
    assert "Make Bob the main contact" in shown
    unknown = text(client.get(address("star", deal), {"contact": "", "contact_text": "zoe"}))
    assert "Nobody is called “zoe”." in unknown


def test_contact_is_on_a_deal_once(client: Client, ann: Any) -> None:
    star, bob = make.person(), make.person("Bob")
    deal = make.deal(star)
    to = address("link_add", deal)
    client.post(to, {"contact": bob.pk, "role": "Buyer"})
    for contact, reason in (
        (bob, "This contact is on the deal already."),
        (star, "This is the main contact; it is on the deal already."),
    ):
        answer = client.post(to, {"contact": contact.pk})
        assert answer.status_code == 200
        assert reason in text(answer)
    assert deal.links.get().role == "Buyer"


def test_removing_from_a_won_deal_offers_to_forget_the_win(client: Client, ann: Any) -> None:
    acme = make.company()
    bob = make.person("Bob", company=acme)
    deal = make.deal(make.person(company=acme), "won", name="Audit")
    link = DealContact.objects.create(deal=deal, contact=bob)
    page = deal.get_absolute_url()
    send(client, page, to=reverse("deals:link_remove", args=[deal.pk, link.pk]))
    assert "Bob keeps the win “Audit”" in text(client.get(page))
    shown = text(client.get(page))
    assert "Bob keeps the win “Audit”" not in shown, "told once"
    assert "Who keeps this win" in shown
    answer = send(client, page, to=address("forget_win", deal))
    assert answer["Location"] == page
    bob.refresh_from_db()
    assert bob.customer_status == "none"
    assert "Who keeps this win" not in text(client.get(page))


def test_forgetting_leads_back_to_our_own_pages_only(client: Client, ann: Any) -> None:
    bob = make.person()
    deal = make.deal(make.person(), "won")
    sent = {"contact": bob.pk, "next": "https://elsewhere.example/"}
    answer = client.post(address("forget_win", deal), sent)
    assert answer["Location"] == bob.get_absolute_url()


def test_reading_a_card_forgets_no_win(client: Client, ann: Any) -> None:
    bob = make.person()
    deal = make.deal(make.person(), "won")
    assert client.get(address("forget_win", deal), {"contact": bob.pk}).status_code == 405
    assert client.get(reverse("deals:move_along")).status_code == 405


def test_moving_along_without_a_company_is_refused(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    client.post(reverse("deals:move_along"), {"person": person.pk})
    shown = text(client.get(person.get_absolute_url()))
    assert "Byron has no company to move deals to." in shown


def test_deleting_says_whose_statuses_follow_and_goes_to_the_trash(
    client: Client, ann: Any
) -> None:
    person = make.person("Byron")
    deal = make.deal(person, "won", name="Audit")
    page = address("delete", deal)
    assert "Byron" in text(client.get(page)).split("What follows for the statuses")[1]
    assert Deal.objects.filter(pk=deal.pk).exists()
    assert not TrashedRecord.objects.exists()
    send(client, page)
    assert not Deal.objects.exists()
    assert TrashedRecord.objects.get().name == "Audit"
    person.refresh_from_db()
    assert person.customer_status == "none"


def test_card_of_no_deal_is_not_found(client: Client, ann: Any) -> None:
    for name in ("card", "edit", "move", "star", "link_add", "delete"):
        assert client.get(reverse(f"deals:{name}", args=[4711])).status_code == 404


def test_dates_of_old_deals_are_shown(client: Client, ann: Any) -> None:
    deal = make.deal(make.person(), "won", closed_at=date(2017, 5, 4))
    assert "May 4, 2017" in text(client.get(deal.get_absolute_url()))


def test_card_costs_the_same_for_2_and_for_40_contacts(client: Client, ann: Any) -> None:
    costs = []
    for number in (2, 40):
        acme, beta = make.company(), make.company()
        deal = make.deal(make.person(company=acme), "won")
        for each in range(number):
            listed = make.person(company=acme if each % 2 else beta)
            DealContact.objects.create(deal=deal, contact=listed)
        gone = make.person(company=acme)
        DealContact.objects.create(deal=deal, contact=gone).delete()
        assert DealParty.objects.filter(deal=deal, kept=True).count() == 1
        with CaptureQueriesContext(connection) as queries:
            client.get(deal.get_absolute_url())
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert costs[1] <= 20
