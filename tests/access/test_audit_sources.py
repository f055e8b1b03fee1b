"""Every change of a status says from where it came, whichever statement wrote it."""

from __future__ import annotations

import pytest
from django.db import models
from django.urls import reverse

from contacts.models import StatusChange
from crm.actor import Trace, coming_from
from deals.models import Stage
from deals.services.recount import recount_all
from deals.services.select_many import select_statuses
from tests.access.worlds import administrator
from tests.deals.factories import deal, person

pytestmark = pytest.mark.django_db

TRACE = Trace("worker", "abcdefghijkl", "192.0.2.7")


def traced() -> list[tuple[str, str, str]]:
    rows = StatusChange.objects.order_by("pk")
    return list(rows.values_list("source", "request_id", "address"))


def test_change_by_a_deal_says_from_where():
    with coming_from(TRACE):
        deal(person())
    assert traced() == [("worker", "abcdefghijkl", "192.0.2.7")]


def test_change_through_a_page_has_the_request_of_its_answer(client):
    client.force_login(administrator())
    one = person()
    answer = client.post(
        reverse("contacts:select_status", args=[one.pk]),
        {"customer": "current"},
        REMOTE_ADDR="192.0.2.9",
    )
    assert answer.status_code in (200, 302)
    assert traced() == [("web", answer["X-Request-ID"], "192.0.2.9")]


def test_change_of_many_says_from_where():
    ids = [person().pk for _ in range(3)]
    with coming_from(TRACE):
        select_statuses(ids, customer="current")
    assert traced() == [("worker", "abcdefghijkl", "192.0.2.7")] * 3


def test_repair_says_from_where():
    one = deal(person())
    StatusChange.objects.all().delete()
    models.QuerySet(Stage).filter(pk=one.stage_id).update(category="won")
    with coming_from(TRACE):
        recount_all(cause=StatusChange.Cause.RECOUNTED)
    assert set(traced()) == {("worker", "abcdefghijkl", "192.0.2.7")}


def test_what_no_request_did_came_from_a_command():
    deal(person())
    assert traced() == [("command", "", "")]
