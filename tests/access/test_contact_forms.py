"""Making and changing contacts: who may, and which companies they may choose."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactDetail
from contacts.models.labels import HOLDER
from crm.accounts.levels import Level
from settings.services import set_values
from settings.services import values_of as stored_values
from tests.access.worlds import member, with_set
from tests.deals import factories as make
from tests.forms import forms_of, send
from tests.labels.people import field

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE
PERSON, COMPANY = reverse("contacts:new_person"), reverse("contacts:new_company")


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
def boss() -> Any:
    return with_set("boss", "everything")


def edit_of(contact: Contact) -> str:
    return reverse("contacts:edit", args=[contact.pk])


def test_who_may_not_edit_contacts_adds_none(boss):
    clerk = member("clerk", contacts=(ALL, NONE), customers=ALL)
    hints = reverse("contacts:duplicate_hints", args=["person"])
    for address in (PERSON, COMPANY):
        assert client_of(clerk).get(address).status_code == 403
        assert client_of(clerk).post(address, {"last_name": "X", "name": "X"}).status_code == 403
        assert client_of(boss).get(address).status_code == 200
    assert client_of(clerk).post(hints, {"last_name": "X"}).status_code == 403
    assert client_of(boss).post(hints, {"last_name": "X"}).status_code == 200
    assert not Contact.objects.exists()
    listed = reverse("contacts:list")
    assert f'href="{PERSON}"' not in text(client_of(clerk).get(listed))
    assert f'href="{PERSON}"' in text(client_of(boss).get(listed))


def test_a_new_contact_belongs_to_who_adds_it(ann):
    answer = send(client_of(ann), PERSON, last_name="Byron")
    made = Contact.objects.get()
    assert made.owner == ann
    assert answer["Location"] == made.get_absolute_url()


def test_a_new_contact_of_somebody_else_is_told_of_on_the_list(ann):
    ben = with_set("ben", "own")
    client = client_of(ann)
    answer = send(client, PERSON, last_name="Byron", owner=str(ben.pk))
    assert answer["Location"] == reverse("contacts:list")
    assert "Byron belongs to Ben now, and you see only your own contacts." in text(
        client.get(answer["Location"])
    )


def test_only_companies_that_one_may_edit_can_be_chosen(boss):
    seller = with_set("seller", "customers")
    visible, own = make.company("Visible"), make.company("Own", owner=seller)
    make.deal(visible, "won")
    hidden = make.company("Hidden")
    for company in (visible, hidden):
        answer = send(client_of(seller), PERSON, last_name="Byron", company=str(company.pk))
        assert answer.status_code == 200
        assert "Choose a contact from the list" in text(answer)
        assert company.name not in text(answer)
    assert not Contact.objects.people().exists()
    send(client_of(seller), PERSON, last_name="Byron", company=str(own.pk))
    send(client_of(boss), PERSON, last_name="Ada", company=str(hidden.pk))
    assert [one.company for one in Contact.objects.people().order_by("pk")] == [own, hidden]


def test_a_typed_name_finds_only_companies_that_one_may_edit(ann, boss):
    make.company("Secret Corp")
    sent = {"company": "", "company_text": "Secret Corp"}
    refused = client_of(ann).post(PERSON, {**sent, **blank("Byron")})
    assert "Nobody is called “Secret Corp”." in text(refused)
    assert not Contact.objects.people().exists()
    client_of(boss).post(PERSON, {**sent, **blank("Byron")})
    assert Contact.objects.people().get().company.name == "Secret Corp"


def blank(name: str) -> dict[str, str]:
    management = {"TOTAL_FORMS": "0", "INITIAL_FORMS": "0"}
    return {"last_name": name, **{f"details-{key}": value for key, value in management.items()}}


def test_the_address_of_a_new_employee_chooses_no_hidden_company(ann, boss):
    hidden = make.company("Secret Corp")
    address = f"{PERSON}?company={hidden.pk}"
    assert "Secret Corp" not in text(client_of(ann).get(address))
    assert "Secret Corp" in text(client_of(boss).get(address))


def test_a_form_keeps_a_hidden_company_without_naming_it(ann):
    hidden = make.company("Secret Corp", pk=90210)
    person = make.person("Byron", company=hidden, owner=ann)
    client = client_of(ann)
    page = client.get(edit_of(person))
    assert "a company you cannot see" in text(page)
    assert "Secret" not in text(page)
    assert "90210" not in text(page)
    send(client, edit_of(person), city="Ulm")
    person.refresh_from_db()
    assert (person.city, person.company) == ("Ulm", hidden)
    send(client, edit_of(person), company="")
    person.refresh_from_db()
    assert person.company is None


def test_a_form_keeps_a_hidden_parent_company_until_another_is_chosen(ann):
    hidden, own = make.company("Secret Corp"), make.company("Own", owner=ann)
    firm = make.company("Firm", parent_company=hidden, owner=ann)
    client = client_of(ann)
    send(client, edit_of(firm), city="Ulm")
    firm.refresh_from_db()
    assert (firm.city, firm.parent_company) == ("Ulm", hidden)
    send(client, edit_of(firm), parent_company=str(own.pk))
    firm.refresh_from_db()
    assert firm.parent_company == own


def test_a_company_that_one_may_not_edit_stays_where_it_is_stored():
    seller = with_set("seller", "customers")
    customer = make.company("Customer")
    make.deal(customer, "won")
    person = make.person("Byron", company=customer, owner=seller)
    client = client_of(seller)
    assert "Customer" in text(client.get(edit_of(person)))
    send(client, edit_of(person), city="Ulm")
    person.refresh_from_db()
    assert (person.city, person.company) == ("Ulm", customer)


def test_an_older_version_names_no_hidden_company(ann, boss):
    hidden = make.company("Secret Corp")
    person = make.person("Byron", owner=ann)
    client = client_of(ann)
    form = next(one for one in forms_of(client.get(edit_of(person))) if "city" in one.names)
    send(client_of(boss), edit_of(person), company=str(hidden.pk))
    answer = client.post(edit_of(person), form.data(city="Ulm"))
    assert "Somebody saved this in the meantime" in text(answer)
    assert "a company you cannot see" in text(answer)
    assert "Secret" not in text(answer)


def test_a_cell_chooses_and_names_only_companies_that_one_may_edit(ann, boss):
    hidden, own = make.company("Secret Corp"), make.company("Own", owner=ann)
    person = make.person("Byron", company=hidden, owner=ann)
    cell = reverse("contacts:cell", args=[person.pk, "company"])
    headers = {"HX-Request": "true"}
    shown = text(client_of(ann).get(cell, headers=headers))
    assert "Secret" not in shown
    assert "Secret Corp" in text(client_of(boss).get(cell, headers=headers))
    other = make.company("Other secret")
    refused = client_of(ann).post(cell, {"company": other.pk, "was": "kept"}, headers=headers)
    assert refused.status_code == 422
    person.refresh_from_db()
    assert person.company == hidden
    saved = client_of(ann).post(cell, {"company": own.pk, "was": "kept"}, headers=headers)
    assert saved.status_code == 200
    person.refresh_from_db()
    assert person.company == own


def test_a_form_keeps_a_hidden_contact_in_a_custom_field(ann, boss):
    made = field("Agent", "contact")
    secret, own = make.person("Secretary", pk=90210), make.person("Own", owner=ann)
    person = make.person("Byron", owner=ann)
    set_values("contact", {person.pk: {made.pk: secret.pk}})
    client = client_of(ann)
    shown = text(client.get(edit_of(person)))
    assert "Secretary" not in shown
    assert "90210" not in shown
    form = next(one for one in forms_of(client.get(edit_of(person))) if "city" in one.names)
    assert made.form_name not in form.names
    for number, chosen in enumerate(("", str(own.pk))):
        form = next(one for one in forms_of(client.get(edit_of(person))) if "city" in one.names)
        sent = form.data(city=f"Ulm {number}", **{made.form_name: chosen})
        assert client.post(edit_of(person), sent).status_code == 302
        assert values_of(person.pk, made) == secret.pk
    send(client_of(boss), edit_of(person), **{made.form_name: str(own.pk)})
    assert values_of(person.pk, made) == own.pk
    send(client, edit_of(person), **{made.form_name: str(secret.pk)})
    assert values_of(person.pk, made) == own.pk


def values_of(pk: int, made: Any) -> Any:
    return stored_values(HOLDER, [pk], [made], unseen=True)[pk][made.pk]


def test_further_addresses_of_others_stay_theirs(ann):
    theirs = make.person("Theirs")
    detail = ContactDetail.objects.create(contact=theirs, kind="email", value="t@example.org")
    own = make.person("Own", owner=ann)
    mine = ContactDetail.objects.create(contact=own, kind="email", value="o@example.org")
    client = client_of(ann)
    for changed in (mine, detail):
        form = next(one for one in forms_of(client.get(edit_of(own))) if "city" in one.names)
        sent = {"details-0-id": str(changed.pk), "details-0-value": "new@example.org"}
        client.post(edit_of(own), form.data(**sent))
    for one in (mine, detail):
        one.refresh_from_db()
    assert (mine.contact, mine.value) == (own, "new@example.org")
    assert (detail.contact, detail.value) == (theirs, "t@example.org")


def test_choosers_are_offered_only_whom_one_may_choose():
    seller = with_set("seller", "customers")
    customer, own = make.company("Firm customer"), make.company("Firm own", owner=seller)
    make.deal(customer, "won")
    make.company("Firm hidden")
    options = reverse("contacts:options")
    client = client_of(seller)

    def offered(**asked: str) -> list[str]:
        results = client.get(options, {"q": "Firm", **asked}).json()["results"]
        return sorted(one["name"] for one in results)

    assert offered() == [customer.name, own.name]
    assert offered(act="edit") == [own.name]
    assert 'data-act="edit"' in text(client.get(PERSON))


def test_choosers_name_no_hidden_company_beside_a_contact(ann, boss):
    make.person("Byron", company=make.company("Secret Corp"), owner=ann, email="b@example.com")
    options = reverse("contacts:options") + "?q=Byron"
    assert client_of(ann).get(options).json()["results"][0]["detail"] == "b@example.com"
    assert client_of(boss).get(options).json()["results"][0]["detail"] == "Secret Corp"


def test_hints_of_duplicates_tell_of_visible_contacts_alone(ann, boss):
    secret = make.company("Secret Corp")
    make.person("Byron", email="b@example.com", company=secret)
    hints = reverse("contacts:duplicate_hints", args=["person"])
    sent = {"last_name": "Byron", "email": "b@example.com"}
    assert "Byron" not in text(client_of(ann).post(hints, sent))
    assert "Secret Corp" in text(client_of(boss).post(hints, sent))
    assert (
        client_of(ann).post(PERSON, {**sent, **blank("Byron"), "owner": ann.pk}).status_code == 302
    )
    make.person("Byron", email="c@example.com", company=secret, owner=ann)
    seen = text(client_of(ann).post(hints, {"last_name": "Byron", "email": "c@example.com"}))
    assert "c@example.com" in seen
    assert "Secret" not in seen
