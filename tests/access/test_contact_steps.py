"""What one does to a contact: statuses, employees, collaborators, merging, deleting; and a contact that vanishes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactCollaborator
from crm.accounts.levels import Level
from crm.audit.models import Action, Entry
from crm.trash.models import TrashedRecord
from deals.models import MergeRecord
from deals.services import merge_contacts, restore, select_status, undo_merge
from tests.access.worlds import administrator, member, with_set
from tests.deals import factories as make
from tests.forms import send

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE
LIST = reverse("contacts:list")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def ann() -> Any:
    return with_set("ann", "own")


@pytest.fixture
def ben() -> Any:
    return with_set("ben", "own")


@pytest.fixture
def boss() -> Any:
    return with_set("boss", "everything")


def to(name: str, contact: Contact, *more: Any) -> str:
    return reverse(f"contacts:{name}", args=[contact.pk, *more])


# -- a contact that vanishes by one's own step


def test_a_customer_that_is_none_any_more_vanishes_with_a_reason():
    seller = member("seller", contacts=OWN, customers=ALL)
    acme = make.company("Acme")
    select_status(acme, customer="past")
    client = client_of(seller)
    answer = client.post(to("select_status", acme), {"customer": "none"})
    assert answer["Location"] == LIST
    shown = text(client.get(LIST))
    assert (
        "Acme is no prospect or customer any more, and you see only your own other contacts."
        in shown
    )
    assert client.get(acme.get_absolute_url()).status_code == 404


def test_a_contact_that_becomes_a_customer_vanishes_for_who_sees_no_customers():
    clerk = member("clerk", contacts=ALL, customers=NONE)
    acme = make.company("Acme")
    client = client_of(clerk)
    answer = client.post(to("select_status", acme), {"customer": "past"})
    assert answer["Location"] == LIST
    words = "Acme is a prospect or customer now, and you see no prospects and customers."
    assert words in text(client.get(LIST))


def test_a_contact_that_stays_in_sight_is_returned_to(boss):
    acme = make.company("Acme")
    answer = client_of(boss).post(to("select_status", acme), {"customer": "past"})
    assert answer["Location"] == acme.get_absolute_url()


def test_whoever_gives_a_contact_away_is_told_where_it_went(ann, ben):
    acme = make.company("Acme", owner=ann)
    client = client_of(ann)
    answer = send(client, to("edit", acme), owner=str(ben.pk))
    assert answer["Location"] == LIST
    words = "Acme belongs to Ben now, and you see only your own contacts."
    assert words in text(client.get(LIST))


def test_what_is_gone_says_so_plainly(ann):
    hidden = make.company("Acme")
    answer = client_of(ann).get(hidden.get_absolute_url())
    assert answer.status_code == 404
    shown = text(answer)
    assert "It may have been deleted or merged" in shown
    assert "or your account may not see it." in shown
    assert "Acme" not in shown
    nothing = text(client_of(ann).get(reverse("contacts:card", args=[4711])))
    assert nothing == shown


# -- statuses of employees


def test_only_employees_that_one_may_edit_are_marked(ann, boss):
    firm = make.company("Firm", owner=ann)
    own = make.person("Own", company=firm, owner=ann)
    secret = make.person("Secretary", company=firm)
    page = to("mark_employees", firm, "customer", "past")
    shown = text(client_of(ann).get(page))
    assert "1 employee can be marked." in shown
    assert "Secretary" not in shown
    client_of(ann).post(page, {"employee": [own.pk, secret.pk]})
    own.refresh_from_db()
    secret.refresh_from_db()
    assert (own.customer_status, secret.customer_status) == ("past", "none")
    client_of(boss).post(page, {"employee": [secret.pk]})
    secret.refresh_from_db()
    assert secret.customer_status == "past"


def test_employees_that_vanish_by_being_marked_are_told_of(boss):
    seller = member("seller", contacts=OWN, customers=ALL)
    firm = make.company("Firm", owner=seller)
    people = [make.person(f"Person {letter}", company=firm) for letter in "ABCDE"]
    for person in people:
        select_status(person, customer="past")
    page = to("mark_employees", firm, "customer", "none")
    client = client_of(seller)
    answer = client.post(page, {"employee": [person.pk for person in people]})
    shown = text(client.get(answer["Location"]))
    reason = "is no prospect or customer any more, and you see only your own other contacts."
    for letter, told in zip("ABCDE", (True, True, True, False, False), strict=True):
        assert (f"Person {letter} {reason}" in shown) == told
    assert "2 more contacts are out of your sight now, for the same reason." in shown
    assert not Contact.objects.visible_to(seller).people().exists()


def test_a_refused_selection_names_no_hidden_deal(ann, boss):
    person = make.person("Byron", owner=ann)
    make.deal(person, name="Secret sale")
    refused = text(client_of(ann).post(to("select_status", person), {"prospect": "none"}))
    assert "Byron is being sold to" in refused
    assert "Secret" not in refused
    told = text(client_of(boss).post(to("select_status", person), {"prospect": "none"}))
    assert "Byron is being sold to: “Secret sale”." in told


# -- collaborators


def test_whoever_may_edit_a_contact_adds_and_removes_collaborators(ann, ben):
    acme = make.company("Acme", owner=ann)
    client = client_of(ann)
    assert client_of(ben).get(acme.get_absolute_url()).status_code == 404
    answer = send(client, acme.get_absolute_url(), to=to("collaborators", acme), on=str(ben.pk))
    assert answer["Location"] == f"{acme.get_absolute_url()}#collaborators"
    assert client_of(ben).get(acme.get_absolute_url()).status_code == 200
    entry = Entry.objects.get(action=Action.SHARED)
    assert (entry.record_id, entry.actor_id) == (acme.pk, ann.pk)
    assert (entry.before["collaborators"], entry.after["collaborators"]) == ([], ["Ben"])
    assert "Ben</span>" in text(client.get(acme.get_absolute_url()))
    client.post(to("collaborators", acme), {"off": ben.pk})
    assert client_of(ben).get(acme.get_absolute_url()).status_code == 404
    assert Entry.objects.filter(action=Action.SHARED).count() == 2


def test_who_only_sees_a_contact_shares_it_with_nobody(ann, ben):
    reader = with_set("reader", "read")
    acme = make.company("Acme", owner=ann)
    address = to("collaborators", acme)
    assert client_of(reader).post(address, {"on": ben.pk}).status_code == 403
    assert client_of(ben).post(address, {"on": ben.pk}).status_code == 404
    assert not ContactCollaborator.objects.exists()
    assert not Entry.objects.filter(action=Action.SHARED).exists()
    assert address not in text(client_of(reader).get(acme.get_absolute_url()))
    assert address in text(client_of(ann).get(acme.get_absolute_url()))


def test_nobody_who_cannot_sign_in_becomes_a_collaborator(ann, ben):
    acme = make.company("Acme", owner=ann)
    ben.is_active = False
    ben.save()
    answer = client_of(ann).post(to("collaborators", acme), {"on": ben.pk})
    assert answer.status_code == 422
    assert "Choose somebody who can sign in" in text(answer)
    assert not ContactCollaborator.objects.exists()


def test_whoever_removes_themselves_is_told_why_the_contact_is_gone(ann):
    acme = make.company("Acme")
    ContactCollaborator.objects.create(contact=acme, user=ann)
    client = client_of(ann)
    answer = client.post(to("collaborators", acme), {"off": ann.pk})
    assert answer["Location"] == LIST
    words = "You do not collaborate on Acme any more, and you see only your own contacts."
    assert words in text(client.get(LIST))


def collaborators(contact: Contact) -> set[str]:
    return {one.user.username for one in contact.collaborations.select_related("user")}


def test_collaborators_come_together_in_a_merge_and_part_again(ann, ben, boss):
    kept, gone = make.person("Kept"), make.person("Gone")
    for contact, users in ((kept, (ann,)), (gone, (ann, ben))):
        for user in users:
            ContactCollaborator.objects.create(contact=contact, user=user)
    record = merge_contacts(kept, gone)
    assert collaborators(kept) == {"ann", "ben"}
    ContactCollaborator.objects.create(contact=kept, user=boss)
    undo_merge(record)
    assert collaborators(kept) == {"ann", "boss"}
    assert collaborators(Contact.objects.get(pk=gone.pk)) == {"ann", "ben"}


def test_collaborators_come_back_from_the_trash(ann, ben):
    acme, deal = make.company("Acme"), make.deal(make.person())
    for record in (acme, deal):
        record.collaborations.create(user=ann)
        record.collaborations.create(user=ben)
    numbers = acme.pk, deal.pk
    deal.delete()
    acme.delete()
    assert not ContactCollaborator.objects.exists()
    ben.delete()
    for entry in TrashedRecord.objects.order_by("pk"):
        restore(entry)
    assert collaborators(Contact.objects.get(pk=numbers[0])) == {"ann"}
    assert list(type(deal).objects.get(pk=numbers[1]).collaborations.values_list("user")) == [
        (ann.pk,)
    ]


# -- merging


def test_merging_needs_edit_rights_on_both(boss):
    seller = with_set("seller", "customers")
    own, customer = make.company("Own", owner=seller), make.company("Customer")
    make.deal(customer, "won")
    hidden = make.company("Hidden")
    for other, status in ((customer, 403), (hidden, 404)):
        for page in (to("merge_pair", own, other.pk), to("merge_pair", other, own.pk)):
            assert client_of(seller).get(page).status_code == status
            assert client_of(seller).post(page, {}).status_code == status
            assert client_of(boss).get(page).status_code == 200
    assert not MergeRecord.objects.exists()
    assert Contact.objects.count() == 3


def test_a_merge_tells_of_hidden_deals_by_number_and_names_no_hidden_company(ann, boss):
    secret = make.company("Secret Corp")
    kept = make.person("Byron", owner=ann, company=secret)
    gone = make.person("Biron", owner=ann)
    make.deal(gone, name="Secret sale")
    make.deal(gone, name="Open sale", owner=ann)
    page = to("merge_pair", kept, gone.pk)
    shown = text(client_of(ann).get(page))
    assert "<li>1 deal</li> <li>1 deal you cannot see</li>" in shown
    assert "a company you cannot see" in shown
    assert "Secret" not in shown
    everything = text(client_of(boss).get(page))
    assert "<li>2 deals</li>" in everything
    assert "Secret Corp" in everything
    client = client_of(ann)
    answer = send(client, page, having="ours_version")
    assert answer["Location"] == kept.get_absolute_url()
    kept.refresh_from_db()
    assert kept.company == secret
    assert kept.active_deals == 2


def test_only_contacts_that_one_may_edit_are_proposed_for_a_merge(boss):
    seller = with_set("seller", "customers")
    own = make.company("Twin", owner=seller)
    make.deal(make.company("Twin"), "won")
    page = to("merge", own)
    assert "May be the same" not in text(client_of(seller).get(page))
    assert "May be the same" in text(client_of(boss).get(page))


def test_undoing_a_merge_needs_edit_rights_on_both(ann, ben, boss):
    kept, gone = make.person("Kept", owner=ann), make.person("Gone", owner=ben)
    record = merge_contacts(kept, gone)
    assert "Gone" not in text(client_of(ann).get(to("merge", kept)))
    undo = reverse("contacts:undo_merge", args=[record.pk])
    assert client_of(ann).post(undo).status_code == 404
    assert client_of(ben).post(undo).status_code == 404
    record.refresh_from_db()
    assert record.undone_at is None
    assert not Contact.objects.filter(pk=gone.pk).exists()
    assert "Gone" in text(client_of(boss).get(to("merge", kept)))
    assert client_of(boss).post(undo)["Location"] == gone.get_absolute_url()
    assert Contact.objects.filter(pk=gone.pk).exists()


def test_undoing_a_merge_names_nobody_that_one_may_not_see(ann, boss):
    kept, gone = make.company("Kept", owner=ann), make.company("Gone", owner=ann)
    secret, known = make.person("Secretary", company=gone), make.person("Known", company=gone)
    deals = [make.deal(gone, name="Secret sale"), make.deal(gone, name="Open sale", owner=ann)]
    record = merge_contacts(kept, gone)
    other = make.company("Other")
    known.owner = ann
    for person in (secret, known):
        person.refresh_from_db(fields=["company"])
        person.company = other
        person.save()
    for deal in deals:
        deal.refresh_from_db()
        deal.primary_contact, deal.company = other, other
        deal.save()
    client = client_of(ann)
    undone = client.post(reverse("contacts:undo_merge", args=[record.pk]))
    told = text(client.get(undone["Location"]))
    assert "Belong elsewhere by now, and stay there: “Known”." in told
    assert "1 contact you cannot see belongs elsewhere by now, and stays there." in told
    assert "“Open sale” and a deal you cannot see" in told
    assert "Secret" not in told


def test_deleted_deals_in_the_way_of_undoing_a_merge_are_named_to_who_sees_all(ann, boss):
    kept, gone = make.person("Kept", owner=ann), make.person("Gone", owner=ann)
    deal = make.deal(gone, name="Secret sale")
    record = merge_contacts(kept, gone)
    deal.delete()
    undo = reverse("contacts:undo_merge", args=[record.pk])
    for user, words in ((ann, "a deal you cannot see"), (boss, "“Secret sale”")):
        client = client_of(user)
        told = text(client.get(client.post(undo)["Location"]))
        assert f"Deals of Gone were deleted since: {words}. Restore them first." in told
        assert ("Secret sale" in told) == (user == boss)


# -- deleting, and the trash


def test_the_star_of_hidden_deals_is_not_deleted_and_they_are_a_number(ann, boss):
    person = make.person("Byron", owner=ann)
    make.deal(person, name="Secret sale")
    for answer in (
        client_of(ann).get(to("delete", person)),
        client_of(ann).post(to("delete", person)),
    ):
        shown = text(answer)
        assert "Byron is the main contact of 1 deal you cannot see." in shown
        assert "Secret" not in shown
    assert Contact.objects.filter(pk=person.pk).exists()
    assert "Secret sale" in text(client_of(boss).get(to("delete", person)))


def test_deleting_a_company_counts_only_visible_employees(ann, boss):
    firm = make.company("Firm", owner=ann)
    make.person(company=firm, owner=ann)
    make.person(company=firm)
    assert "1 employee is then without a company" in text(client_of(ann).get(to("delete", firm)))
    assert "2 employees are then" in text(client_of(boss).get(to("delete", firm)))
    answer = client_of(ann).post(to("delete", firm))
    assert answer["Location"] == LIST
    assert not Contact.objects.companies().exists()


def test_the_trash_is_for_administrators(ann, boss):
    firm = make.company("Firm", owner=ann)
    firm.delete()
    entry = TrashedRecord.objects.get()
    trash, back = reverse("deals:trash"), reverse("deals:restore", args=[entry.pk])
    for user in (ann, boss):
        assert client_of(user).get(trash).status_code == 403
        assert client_of(user).post(back).status_code == 403
    assert not Contact.objects.exists()
    root = client_of(administrator())
    assert "Firm" in text(root.get(trash))
    assert root.post(back).status_code == 302
    assert Contact.objects.get().name == "Firm"
