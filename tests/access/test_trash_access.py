"""The trash: records go there by who may edit them, and come back by administrators, both noted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.audit.models import Action, Entry
from crm.trash.models import TrashedRecord
from crm.trash.services import purge_expired
from deals.models import Deal
from tests.access.checksums import checksum, differing
from tests.access.worlds import administrator, member, with_set
from tests.deals import factories as make
from tests.forms import send

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE
TRASH = reverse("deals:trash")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def restoring(name: str) -> str:
    return reverse("deals:restore", args=[TrashedRecord.objects.get(name=name).pk])


@pytest.fixture
def thrown_away() -> None:
    make.deal(make.person("Star"), name="Audit").delete()
    make.company("Acme").delete()


@pytest.mark.usefixtures("thrown_away")
@pytest.mark.parametrize("code", ["everything", "own", "customers", "read"])
def test_members_neither_see_the_trash_nor_bring_back(code):
    client = client_of(with_set("ann", code))
    before = checksum()
    answer = client.get(TRASH)
    assert answer.status_code == 403
    assert "Audit" not in text(answer)
    for name in ("Audit", "Acme"):
        assert client.post(restoring(name)).status_code == 403
    assert client.post(reverse("deals:restore", args=[4711])).status_code == 403
    assert not differing(before, checksum())


@pytest.mark.usefixtures("thrown_away")
def test_nobody_looks_into_the_trash_without_signing_in():
    administrator()
    for answer in (Client().get(TRASH), Client().post(restoring("Audit"))):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
    assert TrashedRecord.objects.count() == 2


@pytest.mark.usefixtures("thrown_away")
def test_administrators_bring_both_kinds_back_and_it_is_noted():
    root = administrator()
    client = client_of(root)
    shown = text(client.get(TRASH))
    assert "Audit" in shown
    assert "Acme" in shown
    for name in ("Audit", "Acme"):
        assert send(client, TRASH, to=restoring(name)).status_code == 302
    assert Deal.objects.filter(name="Audit").exists()
    assert Contact.objects.filter(name="Acme").exists()
    noted = Entry.objects.filter(action=Action.RESTORED).order_by("pk")
    assert [(one.record, one.record_name, one.actor_id) for one in noted] == [
        ("deals.deal", "Audit", root.pk),
        ("contacts.contact", "Acme", root.pk),
    ]


@pytest.mark.usefixtures("thrown_away")
def test_refusal_to_restore_changes_and_notes_nothing():
    Contact.objects.get(name="Star").delete()
    client = client_of(administrator())
    before, noted = checksum(), Entry.objects.count()
    client.post(restoring("Audit"))
    assert not differing(before, checksum())
    assert Entry.objects.count() == noted
    shown = text(client.get(TRASH))
    assert "The main contact of “Audit”, Star, is deleted. Restore it first." in shown


def test_what_comes_back_is_for_who_saw_it_before():
    ann, ben = with_set("ann", "own"), with_set("ben", "own")
    deal = make.deal(make.person("Star", owner=ann), name="Audit", owner=ann)
    page = deal.get_absolute_url()
    client_of(ann).post(reverse("deals:delete", args=[deal.pk]))
    assert client_of(ann).get(page).status_code == 404
    client_of(administrator()).post(restoring("Audit"))
    assert client_of(ann).get(page).status_code == 200
    assert client_of(ben).get(page).status_code == 404


@pytest.mark.parametrize("kind", ["deal", "contact"])
def test_into_the_trash_goes_only_what_one_may_edit(kind):
    clerk = member("clerk", contacts=(ALL, OWN), customers=(ALL, OWN), deals=(ALL, OWN))
    stranger = with_set("ann", "own")
    record: Any = make.company("Acme")
    if kind == "deal":
        record = make.deal(make.person("Star"), name="Acme")
    page = reverse(f"{kind}s:delete", args=[record.pk])
    clients = (client_of(stranger), 404), (client_of(clerk), 403)
    before = checksum()
    for client, status in clients:
        assert client.get(page).status_code == status
        assert client.post(page).status_code == status
    assert not differing(before, checksum())
    type(record).objects.filter(pk=record.pk).update(owner=clerk)
    assert client_of(clerk).post(page).status_code == 302
    assert TrashedRecord.objects.get().deleted_by == clerk
    noted = Entry.objects.get(action=Action.DELETED)
    assert (noted.record_id, noted.record_name, noted.actor_id) == (record.pk, "Acme", clerk.pk)


@pytest.mark.usefixtures("thrown_away")
def test_the_end_of_the_trash_is_noted_by_number():
    TrashedRecord.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    assert purge_expired() == 2
    noted = Entry.objects.filter(action=Action.DELETED).latest("pk")
    assert (noted.details["number"], noted.details["how"]) == (2, "trash_emptied")
    assert not TrashedRecord.objects.exists()
