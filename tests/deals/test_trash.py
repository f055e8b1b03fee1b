"""The trash page: who may see it, and what it brings back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from crm.trash.models import TrashedRecord
from deals.models import Deal
from tests.deals import factories as make
from tests.forms import send

pytestmark = pytest.mark.django_db
TRASH = "/trash/"


@pytest.fixture
def admin(client: Client) -> Any:
    user = get_user_model().objects.create_user("admin", is_superuser=True, language="en")
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_trash_is_for_administrators(client: Client) -> None:
    client.force_login(get_user_model().objects.create_user("ann"))
    make.deal(make.person()).delete()
    entry = TrashedRecord.objects.get()
    assert client.get(TRASH).status_code == 403
    assert client.post(reverse("deals:restore", args=[entry.pk])).status_code == 403
    assert not Deal.objects.exists()


def test_restored_deal_gives_its_statuses_again(client: Client, admin: Any) -> None:
    person = make.person("Byron")
    deal = make.deal(person, "won", name="Audit")
    deal_id = deal.pk
    client.post(reverse("deals:delete", args=[deal_id]))
    assert "Audit" in text(client.get(TRASH))
    entry = TrashedRecord.objects.get()
    answer = send(client, TRASH, to=reverse("deals:restore", args=[entry.pk]))
    assert answer["Location"] == reverse("deals:card", args=[deal_id])
    person.refresh_from_db()
    assert person.customer_status == "current"
    assert "The trash is empty." in text(client.get(TRASH))


def test_refusal_to_restore_says_what_is_missing(client: Client, admin: Any) -> None:
    person = make.person("Byron")
    make.deal(person, name="Audit").delete()
    Contact.objects.get(pk=person.pk).delete()
    entry = TrashedRecord.objects.get(kind="deal")
    answer = client.post(reverse("deals:restore", args=[entry.pk]), follow=True)
    assert "The main contact of “Audit”, Byron, is deleted. Restore it first." in text(answer)
    assert not Deal.objects.exists()


def test_what_is_not_there_cannot_be_restored(client: Client, admin: Any) -> None:
    assert client.post(reverse("deals:restore", args=[4711])).status_code == 404
    assert client.get(reverse("deals:restore", args=[4711])).status_code == 405


def test_trash_has_pages(client: Client, admin: Any) -> None:
    person = make.person()
    for _each in range(60):
        make.deal(person)
    Deal.objects.all().delete()
    assert "Page 1 of 2" in text(client.get(TRASH))
    assert client.get(TRASH + "?page=2").content.count(b"/restore/") == 10
