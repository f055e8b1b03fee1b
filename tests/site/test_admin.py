"""The admin as a whole: every model is in it, and its lists cost the same for 2 rows and for 40."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, ContactDetail, StatusChange
from contacts.statuses import GUARDED
from crm.accounts.models import Team, User
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact, DealParty, Pipeline, Stage
from deals.services import select_status
from emails.models import Mailing
from tests.deals.factories import company, deal, default_stages, person
from tests.site.admin_pages import AdminPages, admin_pages, administrator  # noqa: F401

pytestmark = pytest.mark.django_db

OURS = (
    "accounts", "audit", "contacts", "crm", "deals", "emails", "imports", "lists", "settings", "trash",
)  # fmt: skip

# A gate of triggers: empty but inside a transaction, which nobody else sees.
NO_DATA = {"Gate"}
# Their keys have two columns, which the administration refuses.
TWO_COLUMNS = {"Recipient", "SenderMinute", "SenderPause"}


def fill(number: int, administrator: User) -> None:
    """``number`` rows of everything a list shows, each with a relation of its own."""
    stage = default_stages()["won"]
    for index in range(number):
        owner = User.objects.create(username=f"owner {number} {index}")
        employer = company(owner=owner)
        star, worker = person(company=employer, owner=owner), person(company=employer)
        ContactDetail.objects.create(contact=star, kind="email", value="a@example.com")
        won = deal(star, stage=stage, owner=owner)
        DealContact.objects.create(deal=won, contact=worker)
        select_status(worker, customer="past")
        deal(company(), "lost").delete()
        Team.objects.create(name=f"Team {number} {index}")
    TrashedRecord.objects.update(deleted_by=administrator)
    StatusChange.objects.update(actor=administrator)


def test_every_model_is_in_the_admin() -> None:
    models = [model for label in OURS for model in apps.get_app_config(label).get_models()]
    lacking = {model.__name__ for model in models if not admin.site.is_registered(model)}
    assert lacking == NO_DATA | TWO_COLUMNS


def test_mailings_and_addresses_are_written_by_services_alone(rf: Any, administrator: User) -> None:
    request = rf.get("/")
    request.user = administrator
    for model in apps.get_app_config("emails").get_models():
        if model.__name__ in TWO_COLUMNS:
            continue
        page = admin.site.get_model_admin(model)
        assert not page.has_add_permission(request)
        assert not page.has_change_permission(request)
        assert not page.has_delete_permission(request)


def test_the_keys_of_a_mailing_are_shown_to_nobody(admin_pages: AdminPages) -> None:
    mailing = Mailing.objects.create(subject="Hello")
    shown = admin_pages.client.get(admin_pages.url(Mailing, "change", mailing.pk)).content.decode()
    assert "Hello" in shown
    assert mailing.key not in shown
    assert mailing.token not in shown


def test_no_form_of_the_admin_has_a_guarded_field(rf: Any, administrator: User) -> None:
    request = rf.get("/")
    request.user = administrator
    for contact in (None, company(), person()):
        fieldsets = admin.site.get_model_admin(Contact).get_fieldsets(request, contact)
        names = [name for _title, options in fieldsets for name in options["fields"]]
        form = admin.site.get_model_admin(Contact).get_form(request, contact, fields=names)
        assert not GUARDED & form.base_fields.keys()


def test_no_list_is_edited_in_place() -> None:
    assert [m for m, page in admin.site._registry.items() if page.list_editable] == []


@pytest.mark.parametrize(
    "model",
    [
        Contact,
        ContactDetail,
        StatusChange,
        Deal,
        DealContact,
        DealParty,
        Stage,
        TrashedRecord,
        Team,
    ],
)
@pytest.mark.parametrize("query", [{}, {"q": "a"}])
def test_list_costs_the_same_for_2_rows_and_for_40(
    admin_pages: AdminPages,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
    model: type,
    query: dict[str, str],
) -> None:
    # All on one page: what is not shown cannot cost anything.
    monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 500)
    url = admin_pages.url(model, "changelist")
    counts = []
    for rows in (2, 38):
        fill(rows, administrator)
        admin_pages.client.get(url, query)
        with CaptureQueriesContext(connection) as queries:
            assert admin_pages.client.get(url, query).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_pages_of_a_list_follow_one_another(
    admin_pages: AdminPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin.site.get_model_admin(Contact), "list_per_page", 2)
    for name in ("Ęcki", "Bauer", "Öhr", "Zander", "Ångström"):
        company(name)
    shown = []
    for number in (1, 2, 3):
        page = admin_pages.client.get(admin_pages.url(Contact, "changelist"), {"p": number})
        shown.append([contact.name for contact in page.context["cl"].result_list])
    assert shown == [["Ångström", "Bauer"], ["Ęcki", "Öhr"], ["Zander"]]
    beyond = admin_pages.client.get(admin_pages.url(Contact, "changelist"), {"p": 4})
    assert beyond.status_code == 302


def test_deal_page_asks_at_most_once_for_each_contact(admin_pages: AdminPages) -> None:
    opened = deal(company())
    url = admin_pages.url(Deal, "change", opened.pk)
    counts = []
    for rows in (2, 38):
        for _index in range(rows):
            DealContact.objects.create(deal=opened, contact=person(company=company()))
        admin_pages.client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert admin_pages.client.get(url).status_code == 200
        counts.append(len(queries))
    # The widget of each row looks up the name of its contact; nothing else may.
    assert counts[1] - counts[0] <= 38


def test_pages_of_the_admin_link_back_to_the_product(admin_pages: AdminPages) -> None:
    page = admin_pages.client.get("/admin/").content.decode()
    assert "Standing" in page
    assert '<a href="/">' in page


@pytest.mark.parametrize("model", [Contact, Deal, Pipeline, Stage, DealContact])
def test_staff_without_permission_changes_nothing(model: type) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client = Client()
    client.force_login(clerk)
    for page in ("changelist", "add"):
        assert client.get(AdminPages.url(model, page)).status_code == 302


def test_staff_who_are_no_administrators_are_kept_out_whatever_they_may() -> None:
    from django.contrib.auth.models import Permission

    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_contact"))
    client = Client()
    client.force_login(clerk)
    contact = company()
    url = AdminPages.url(Contact, "change", contact.pk)
    assert client.get(url).status_code == 302
    assert client.post(url, {"select_customer": "past"}).status_code == 302
    AdminPages(client).act("select_customer_past", contact)
    contact.refresh_from_db()
    assert contact.customer_status == "none"


def test_staff_without_the_permission_restores_nothing() -> None:
    from django.contrib.auth.models import Permission

    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_trashedrecord"))
    client = Client()
    client.force_login(clerk)
    company().delete()
    AdminPages(client).act("restore", TrashedRecord.objects.get())
    assert TrashedRecord.objects.exists()
    assert not Contact.objects.exists()
