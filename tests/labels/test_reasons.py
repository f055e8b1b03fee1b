"""Loss reasons, unqualified reasons and sources in Settings."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.accounts.models import User
from deals.models import Deal, DealSource, LossReason, UnqualifiedReason
from deals.services.reason_lists import LISTS, add_reason, delete_reason, rename_reason
from settings.models import Account
from tests.deals.factories import deal, person
from tests.forms import send

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ann", is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def empty():
    for model in LISTS.values():
        model.objects.all().delete()


def shown(answer):
    return answer.content.decode()


def page(kind):
    return "/settings/sources/" if kind == "source" else "/settings/reasons/"


def turn(web, kind, reason, do):
    return web.post(reverse("deals:reason_turn", args=[kind, reason.pk]), {"do": do}, follow=True)


def add(web, kind, name):
    return send(web, page(kind), to=reverse("deals:reason_new", args=[kind]), name=name)


def names(kind):
    return list(LISTS[kind].objects.filter(archived=False).values_list("name", flat=True))


def test_only_administrators_come_here(client, web):
    reason = LossReason.objects.create(name="Price")
    client.force_login(User.objects.create_user("bob"))
    for kind in LISTS:
        assert client.get(page(kind)).status_code == 403
        assert web.get(page(kind)).status_code == 200
    assert client.post("/settings/reasons/loss_reason/new/", {"name": "x"}).status_code == 403
    assert client.post("/settings/reasons/switches/", {}).status_code == 403
    assert turn(client, "loss_reason", reason, "delete").status_code == 403
    assert client.get(reverse("deals:reason", args=["loss_reason", reason.pk])).status_code == 403
    assert names("loss_reason") == ["Price"]


@pytest.mark.parametrize("path", ["owner/new/", "owner/1/", "loss_reason/987654/turn/"])
def test_what_there_is_not_is_not_found(web, path):
    assert web.post(f"/settings/reasons/{path}", {"name": "x"}).status_code == 404


@pytest.mark.parametrize("kind", LISTS)
def test_an_entry_is_added_renamed_and_ordered(web, kind):
    for name in ("Price", "  Timing  ", "Other"):
        add(web, kind, name)
    assert names(kind) == ["Price", "Timing", "Other"]
    others = [one for one in LISTS if one != kind]
    assert [names(one) for one in others] == [[], []]
    timing = LISTS[kind].objects.get(name="Timing")
    turn(web, kind, timing, "up")
    assert names(kind) == ["Timing", "Price", "Other"]
    sold = deal(person(), **{kind: timing})
    send(web, reverse("deals:reason", args=[kind, timing.pk]), name="Too late")
    assert names(kind)[0] == "Too late"
    assert getattr(Deal.objects.get(pk=sold.pk), kind).name == "Too late"


@pytest.mark.parametrize("name", ["", " ", "PRICE", "Präis\x00", "a\x1bb", "x" * 121])
def test_a_name_that_is_none_or_taken_is_refused(web, name):
    add_reason("loss_reason", "Price")
    answer = add(web, "loss_reason", name)
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in shown(answer)
    assert names("loss_reason") == ["Price"]
    add_reason("unqualified_reason", "Price")
    other = add_reason("loss_reason", "Other")
    with pytest.raises(ValidationError, match="already"):
        rename_reason(other, "price")


def test_uses_are_counted_and_lead_to_the_deals(web):
    price = LossReason.objects.create(name="Price")
    LossReason.objects.create(name="Never")
    for _ in range(3):
        deal(person(), "lost", loss_reason=price)
    deal(person(), "lost", name="Without")
    text = shown(web.get("/settings/reasons/"))
    address = f"/deals/lists/all/?loss_reason={price.pk}"
    assert f'<a href="{address}">3 deals</a>' in text
    answer = web.get(address)
    assert len(answer.context["rows"]) == 3
    assert "Without" not in shown(answer)


@pytest.mark.parametrize("kind", LISTS)
def test_what_a_deal_has_is_archived_and_the_rest_deleted(web, kind):
    used, unused = LISTS[kind].objects.create(name="Used"), LISTS[kind].objects.create(name="Un")
    sold = deal(person(), **{kind: used})
    assert "Archive it" in shown(turn(web, kind, used, "delete"))
    turn(web, kind, used, "archive")
    assert "is deleted" in shown(turn(web, kind, unused, "delete"))
    assert names(kind) == []
    assert getattr(Deal.objects.get(pk=sold.pk), kind) == used
    assert "1 archived" in shown(web.get(page(kind)))
    turn(web, kind, used, "unarchive")
    assert names(kind) == ["Used"]


def test_deleted_in_another_tab_is_told(web):
    gone = LossReason.objects.create(name="Price")
    delete_reason(LossReason.objects.get())
    delete_reason(gone)
    with pytest.raises(ValidationError, match="does not exist any more"):
        rename_reason(gone, "Other")


def test_asking_for_the_reason_is_switched(web):
    page_of = {"to": "/settings/reasons/switches/"}
    send(web, "/settings/reasons/", **page_of, asks_loss_reason=None)
    stored = Account.current()
    assert (stored.asks_loss_reason, stored.asks_unqualified_reason) == (False, True)
    send(web, "/settings/reasons/", **page_of, asks_loss_reason="on", asks_unqualified_reason=None)
    stored = Account.current()
    assert (stored.asks_loss_reason, stored.asks_unqualified_reason) == (True, False)


def test_the_page_costs_the_same_for_few_and_for_many(web):
    web.get("/settings/reasons/")
    counts = []
    for number in (2, 38):
        for n in range(number):
            LossReason.objects.create(name=f"Loss {number} {n}", archived=bool(n % 2))
            deal(
                person(), unqualified_reason=UnqualifiedReason.objects.create(name=f"{number}-{n}")
            )
        with CaptureQueriesContext(connection) as captured:
            web.get("/settings/reasons/")
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["<img src=x>", "=1+1", "‮gnp", "ü" * 120])
def test_hostile_names_are_shown_as_they_are(web, name):
    add(web, "source", name)
    DealSource.objects.get(name=name)
    assert "<img src=x>" not in shown(web.get("/settings/sources/"))
