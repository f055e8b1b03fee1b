"""Contacts in the admin: no page, action or forged field goes round the law."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from contacts.models import Contact, ContactDetail, StatusChange
from contacts.statuses import GUARDED
from crm.bulk.models import BulkRun
from crm.bulk.services import undo
from crm.bulk.work import work_off
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact
from deals.services import select_status, set_primary_contact
from tests.deals.factories import company, deal, person
from tests.site.admin_pages import (  # noqa: F401
    AdminPages,
    admin_pages,
    administrator,
    assert_nothing_differs,
    errors,
    statuses,
)

pytestmark = pytest.mark.django_db


def test_company_and_its_further_numbers_are_added(admin_pages: AdminPages) -> None:
    answer = admin_pages.add(
        Contact,
        is_organization="on",
        name="Åkesson Möbler AB",
        **{
            "details-TOTAL_FORMS": 1,
            "details-0-kind": "phone",
            "details-0-value": "+46 8 465 004 12",
        },
    )
    assert answer.status_code == 302
    added = Contact.objects.get()
    assert (added.name, added.sort_key) == ("Åkesson Möbler AB", "akesson mobler ab")
    assert ContactDetail.objects.get().contact == added


def test_person_is_added_as_current_customer(admin_pages: AdminPages, administrator) -> None:
    admin_pages.add(Contact, last_name="Roux", select_customer="current")
    added = Contact.objects.get()
    assert statuses(added) == ["none", "current"]
    assert added.customer_marked_by == administrator
    assert_nothing_differs()


def test_refused_selection_on_adding_adds_nobody(admin_pages: AdminPages) -> None:
    answer = admin_pages.add(Contact, last_name="Roux", select_prospect="current")
    assert "Only an active deal" in errors(answer)["select_prospect"][0]
    assert not Contact.objects.exists()


def test_selected_status_is_the_signed_in_users(admin_pages: AdminPages, administrator) -> None:
    buyer = company()
    deal(buyer, "won")
    answer = admin_pages.change(buyer, select_customer="past")
    assert answer.status_code == 302
    assert statuses(buyer) == ["none", "past"]
    row = StatusChange.objects.latest("pk")
    assert (row.new, row.cause, row.actor) == ("past", "selected", administrator)
    assert_nothing_differs()


def test_refusal_stands_beside_the_field_and_undoes_the_rest(admin_pages: AdminPages) -> None:
    sold_to = company("Before")
    deal(sold_to, name="<b>Audit</b>")
    answer = admin_pages.change(
        sold_to, name="After", select_prospect="lost", select_customer="past"
    )
    assert list(errors(answer)) == ["select_prospect"]
    page = answer.content.decode()
    assert "&lt;b&gt;Audit&lt;/b&gt;" in page
    assert "<b>Audit</b>" not in page
    sold_to.refresh_from_db()
    assert sold_to.name == "Before"
    assert statuses(sold_to) == ["current", "none"]


def test_company_and_selection_of_one_form_are_one_change(admin_pages: AdminPages) -> None:
    """Who leaves the company of a lost deal may be Non Prospect at once."""
    employer = company()
    worker = person(company=employer)
    DealContact.objects.create(deal=deal(employer), contact=worker)
    assert statuses(worker) == ["current", "none"]
    answer = admin_pages.change(worker, company="", select_prospect="lost")
    assert answer.status_code == 302
    assert statuses(worker) == ["lost", "none"]
    assert_nothing_differs()


def test_forged_status_and_fact_fields_are_ignored(admin_pages: AdminPages) -> None:
    contact = company()
    forged = dict.fromkeys(GUARDED, "7") | {
        "prospect_status": "lost",
        "customer_status": "current",
        "customer_mark": "current",
        "prospect": "lost",
        "customer": "current",
        "search_key": "x",
    }
    assert admin_pages.change(contact, **forged).status_code == 302
    assert statuses(contact) == ["none", "none"]
    assert contact.won_deals == 0
    assert contact.search_key != "x"
    assert admin_pages.add(Contact, last_name="Roux", **forged).status_code == 302
    assert statuses(Contact.objects.get(last_name="Roux")) == ["none", "none"]
    assert_nothing_differs()


def test_forged_kind_is_ignored(admin_pages: AdminPages) -> None:
    contact = person("Roux")
    admin_pages.change(contact, is_organization="on")
    contact.refresh_from_db()
    assert contact.is_organization is False


def test_form_opened_before_a_deal_closed_puts_nothing_back(admin_pages: AdminPages) -> None:
    contact = company()
    url = admin_pages.url(Contact, "change", contact.pk)
    filled = admin_pages.fill_in(admin_pages.client.get(url))
    deal(contact, "won")
    admin_pages.client.post(url, filled | {"name": "Renamed"})
    assert statuses(contact) == ["none", "current"]
    assert_nothing_differs()


@pytest.mark.parametrize(
    ("make", "values", "complaint"),
    [
        (lambda: person("Roux"), {"last_name": ""}, "a person a last name"),
        (lambda: company("Roux"), {"name": ""}, "A company needs a name"),
    ],
)
def test_contact_keeps_a_name(admin_pages: AdminPages, make, values, complaint) -> None:
    contact = make()
    if not contact.is_organization:
        values = values | {"first_name": "Anne"}
    answer = admin_pages.change(contact, **values)
    assert complaint in str(errors(answer))


def test_person_is_no_employer(admin_pages: AdminPages) -> None:
    answer = admin_pages.change(person(), company=person("Boss").pk)
    assert "Boss is a person" in errors(answer)["company"][0]


def test_company_is_not_its_own_parent(admin_pages: AdminPages) -> None:
    contact = company()
    answer = admin_pages.change(contact, parent_company=contact.pk)
    assert "parent_company" in errors(answer)


def test_changed_job_changes_whom_the_deals_count_for(admin_pages: AdminPages) -> None:
    employer, other = company(), company()
    worker = person(company=employer)
    DealContact.objects.create(deal=deal(employer), contact=worker)
    admin_pages.change(worker, company=other.pk)
    assert statuses(worker) == ["none", "none"]
    assert statuses(other) == ["none", "none"]
    assert_nothing_differs()


def test_deleted_company_leaves_its_employees_right(admin_pages: AdminPages) -> None:
    employer = company()
    worker, star = person(company=employer), person(company=employer)
    DealContact.objects.create(deal=deal(star), contact=worker)
    assert admin_pages.delete(employer).status_code == 302
    assert statuses(worker) == ["none", "none"]
    assert statuses(star) == ["current", "none"]
    assert TrashedRecord.objects.get().name == employer.name
    assert_nothing_differs()


@pytest.mark.parametrize("how", ["delete", "act"])
def test_star_is_protected_and_the_deals_are_named(admin_pages: AdminPages, how: str) -> None:
    star = company()
    deal(star, name="<script>alert(1)</script>")
    if how == "delete":
        answer = admin_pages.delete(star)
    else:
        answer = admin_pages.act("delete_selected", star, post="yes")
    page = answer.content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert Contact.objects.filter(pk=star.pk).exists()


@pytest.mark.parametrize("how", ["delete", "act"])
def test_star_since_a_moment_ago_is_protected_as_well(
    admin_pages: AdminPages, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The confirmation saw no deal; when the contact is deleted there is one."""
    star = company()
    deal(star, name="<i>Late</i>")
    monkeypatch.setattr(
        "contacts.admin.ContactAdmin.get_deleted_objects",
        lambda *arguments: ([], {}, set(), []),
    )
    if how == "delete":
        admin_pages.client.post(admin_pages.url(Contact, "delete", star.pk), {"post": "yes"})
        answer = admin_pages.client.get(admin_pages.url(Contact, "changelist"))
    else:
        answer = admin_pages.act("delete_selected", star, post="yes")
    assert "Nothing was deleted. In the way: “&lt;i&gt;Late&lt;/i&gt;”." in answer.content.decode()
    assert Contact.objects.filter(pk=star.pk).exists()
    assert_nothing_differs()


def test_selected_contacts_are_deleted_into_the_trash(admin_pages: AdminPages) -> None:
    employer = company()
    star, worker = person(company=employer), person(company=employer)
    DealContact.objects.create(deal=deal(star, "won"), contact=worker)
    admin_pages.act("delete_selected", employer, worker, post="yes")
    assert list(Contact.objects.all()) == [star]
    assert TrashedRecord.objects.count() == 2
    assert_nothing_differs()


def test_action_selects_for_each_and_tells_who_was_refused(admin_pages: AdminPages) -> None:
    bought, idle, other = company("<b>Bought</b>"), company("Idle"), company("Left alone")
    deal(bought, "won", name="Audit")
    for contact in (idle, other):
        select_status(contact, customer="current")
    answer = admin_pages.act("select_customer_none", bought, idle)
    assert statuses(bought) == ["none", "current"]
    assert statuses(idle) == ["none", "none"]
    assert statuses(other) == ["none", "current"]
    page = answer.content.decode()
    assert "&lt;b&gt;Bought&lt;/b&gt; did buy: “Audit”" in page
    assert "1 contact is Non Customer." in page
    assert_nothing_differs()


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("select_prospect_lost", ["lost", "none"]),
        ("select_customer_past", ["none", "past"]),
        ("select_customer_current", ["none", "current"]),
    ],
)
def test_each_action_selects_what_it_says(
    admin_pages: AdminPages, action: str, expected: list[str]
) -> None:
    contact = company()
    admin_pages.act(action, contact)
    assert statuses(contact) == expected
    assert_nothing_differs()


def test_non_prospect_is_selected_after_a_loss(admin_pages: AdminPages) -> None:
    contact = company()
    deal(contact, "lost")
    admin_pages.act("select_prospect_none", contact)
    assert statuses(contact) == ["none", "none"]


def test_action_on_very_many_starts_a_run(admin_pages: AdminPages, monkeypatch) -> None:
    monkeypatch.setattr("crm.backoffice.ACTED_ON_AT_MOST", 1)
    monkeypatch.setattr("crm.bulk.services.work_off_run.__class__.enqueue", lambda *a: None)
    first, second = company(), company()
    answer = admin_pages.act("select_customer_past", first, second)
    assert "Status: Past Customer: 2 contacts, in the background." in answer.content.decode()
    assert statuses(first) == statuses(second) == ["none", "none"]
    work_off(BulkRun.objects.get().pk)
    assert statuses(first) == statuses(second) == ["none", "past"]
    assert_nothing_differs()


def test_what_an_action_did_is_logged_and_can_be_undone(admin_pages, administrator) -> None:
    contact = company()
    admin_pages.act("select_customer_past", contact)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (administrator, str(contact.pk))
    assert "Past Customer" in entry.get_change_message()
    undo(BulkRun.objects.get(), user=administrator)
    assert statuses(contact) == ["none", "none"]


def test_action_with_a_form_asks_and_then_acts(admin_pages, administrator) -> None:
    first, second, other = company("First"), person(), company()
    chosen = {"select_across": "0"}
    answer = admin_pages.act("contact_owner", first, second, **chosen)
    assert "Set the owner of 2 contacts" in answer.content.decode()
    assert not BulkRun.objects.exists()
    sent = {"confirmed": "1", "expected": answer.context["count"], "token": "t"}
    answer = admin_pages.act("contact_owner", first, second, **chosen, **sent)
    assert "This field is required" in answer.content.decode()
    sent["owner"] = administrator.pk
    answer = admin_pages.act("contact_owner", first, second, **chosen, **sent)
    assert "Owner of 2 contacts set" in answer.content.decode()
    assert list(Contact.objects.filter(owner=administrator)) == [first, second]
    assert other.pk


def test_action_with_a_form_refuses_what_was_not_confirmed(admin_pages, administrator) -> None:
    first, second = company("First"), company("Second")
    sent = {"confirmed": "1", "expected": "1", "token": "t", "owner": administrator.pk}
    answer = admin_pages.act("contact_owner", first, second, **sent)
    assert "You confirmed 1; by now they are 2." in answer.content.decode()
    assert not Contact.objects.filter(owner=administrator).exists()


def test_outranked_selection_is_shown(admin_pages: AdminPages) -> None:
    contact = company()
    select_status(contact, customer="past")
    deal(contact, "won")
    page = admin_pages.client.get(admin_pages.url(Contact, "change", contact.pk)).content.decode()
    assert "Past Customer, " in page
    assert statuses(contact) == ["none", "current"]


def test_contact_is_found_without_accents(admin_pages: AdminPages) -> None:
    company("Łódzkie Młyny")
    company("Other")
    page = admin_pages.client.get(admin_pages.url(Contact, "changelist"), {"q": "lodzkie mlyn"})
    assert [c.name for c in page.context["cl"].result_list] == ["Łódzkie Młyny"]


def test_employer_is_chosen_among_companies(admin_pages: AdminPages) -> None:
    company("Bauer AG")
    person("Bauer")
    query = {"app_label": "contacts", "model_name": "contact", "field_name": "company"}
    answer = admin_pages.client.get("/admin/autocomplete/", query | {"term": "bauer"})
    assert [row["text"] for row in answer.json()["results"]] == ["Bauer AG"]


def test_status_filters_find_and_refuse(admin_pages: AdminPages) -> None:
    lost = company()
    deal(lost, "lost")
    company()
    url = admin_pages.url(Contact, "changelist")
    page = admin_pages.client.get(url, {"prospect_status": "lost"})
    assert list(page.context["cl"].result_list) == [lost]
    assert admin_pages.client.get(url, {"prospect_status": "x"}).status_code == 302


def test_history_is_read_only_and_survives_its_contact(admin_pages: AdminPages) -> None:
    contact = company("Gone Ltd")
    select_status(contact, customer="past")
    row = StatusChange.objects.get()
    contact.delete()
    page = admin_pages.client.get(admin_pages.url(StatusChange, "changelist"))
    assert f"Deleted contact {row.contact_id}" in page.content.decode()
    change = admin_pages.url(StatusChange, "change", row.pk)
    assert admin_pages.client.get(change).status_code == 200
    assert admin_pages.client.post(change, {"new": "none"}).status_code == 403
    assert admin_pages.client.post(admin_pages.url(StatusChange, "add")).status_code == 403
    assert admin_pages.delete(row).status_code == 403
    answer = admin_pages.act("delete_selected", row, post="yes")
    assert answer.status_code == 200
    assert StatusChange.objects.filter(pk=row.pk, new="past").exists()


def test_history_is_found_by_its_contact(admin_pages: AdminPages) -> None:
    for name in ("Bauer", "Roux"):
        select_status(person(name), customer="past")
    page = admin_pages.client.get(admin_pages.url(StatusChange, "changelist"), {"q": "roux"})
    assert [row.contact.name for row in page.context["cl"].result_list] == ["Roux"]


def test_restored_from_the_trash_with_its_statuses(admin_pages: AdminPages) -> None:
    star = company()
    lost = deal(star, "lost", name="Audit")
    lost.delete()
    star.delete()
    deal_entry, star_entry = TrashedRecord.objects.order_by("-kind")
    answer = admin_pages.act("restore", deal_entry)
    assert "Restore it first" in answer.content.decode()
    assert not Deal.objects.exists()
    admin_pages.act("restore", deal_entry, star_entry)
    assert statuses(Contact.objects.get(name=star.name)) == ["lost", "none"]
    assert not TrashedRecord.objects.exists()
    assert_nothing_differs()


def test_trash_is_read_only(admin_pages: AdminPages) -> None:
    company().delete()
    entry = TrashedRecord.objects.get()
    assert (
        admin_pages.client.post(admin_pages.url(TrashedRecord, "change", entry.pk)).status_code
        == 403
    )
    assert admin_pages.delete(entry).status_code == 403


def test_kept_win_survives_the_admin(admin_pages: AdminPages) -> None:
    employer = company()
    star, other = person(company=employer), person(company=employer)
    won = deal(star, "won", closed_at=timezone.now())
    set_primary_contact(won, other, keep_previous=False)
    assert statuses(star) == ["none", "current"]
    admin_pages.change(star, title="CEO")
    assert statuses(star) == ["none", "current"]
    assert_nothing_differs()
