"""Merging in the admin: by the product's page, and undone through the same function."""

from __future__ import annotations

import pytest
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.models import User
from deals.models import Deal, MergeRecord
from deals.services import merge_contacts
from tests.deals import factories as make
from tests.site.admin_pages import AdminPages, admin_pages, administrator  # noqa: F401

pytestmark = pytest.mark.django_db


def test_two_chosen_contacts_meet_on_the_page_that_merges(admin_pages: AdminPages) -> None:
    ours, theirs = make.company("Acme"), make.company("Acme AG")
    answer = admin_pages.act("merge_two", theirs, ours)
    expected = reverse("contacts:merge_pair", args=[ours.pk, theirs.pk])
    assert answer.redirect_chain[-1][0] == expected
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("number", [1, 3])
def test_one_or_three_are_not_two(admin_pages: AdminPages, number: int) -> None:
    answer = admin_pages.act("merge_two", *(make.company() for _each in range(number)))
    assert "Choose exactly two contacts to merge." in answer.content.decode()


def test_merges_are_undone_and_refusals_told(admin_pages: AdminPages, administrator: User) -> None:
    theirs, others = make.person("Theirs"), make.person("Others")
    make.deal(others, name="Audit")
    record = merge_contacts(make.person("Ours"), theirs)
    refused = merge_contacts(make.person("More"), others)
    Deal.objects.get().delete()
    answer = admin_pages.act("undo", record, refused)
    shown = answer.content.decode()
    assert "Theirs and Ours are two contacts again." in shown
    assert "“Audit”. Restore them first." in shown
    assert Contact.objects.filter(pk=theirs.pk).exists()
    assert not Contact.objects.filter(pk=others.pk).exists()
    record.refresh_from_db()
    assert record.undone_by == administrator


def test_merges_are_read_only(admin_pages: AdminPages) -> None:
    record = merge_contacts(make.person("Ours"), make.person("Theirs"))
    client = admin_pages.client
    assert client.get(admin_pages.url(MergeRecord, "add")).status_code == 403
    assert client.get(admin_pages.url(MergeRecord, "change", record.pk)).status_code == 200
    assert client.post(admin_pages.url(MergeRecord, "delete", record.pk)).status_code == 403


def test_who_may_not_change_contacts_undoes_nothing(admin_pages: AdminPages) -> None:
    from django.contrib.auth.models import Permission
    from django.test import Client

    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_mergerecord"))
    client = Client()
    client.force_login(viewer)
    record = merge_contacts(make.person("Ours"), make.person("Theirs"))
    AdminPages(client).act("undo", record)
    assert Contact.objects.count() == 1
