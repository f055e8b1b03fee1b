"""New contacts, and changes of those there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactDetail
from deals.models import Deal, DealContact, DealParty
from tests.deals import factories as make
from tests.forms import forms_of, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user("ann", language="en")
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def edit_page(contact: Contact) -> str:
    return reverse("contacts:edit", args=[contact.pk])


def test_new_person_is_saved_with_its_further_addresses(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    page = reverse("contacts:new_person") + f"?company={acme.pk}"
    answer = send(
        client,
        page,
        having="last_name",
        first_name="Ada",
        last_name="Byron",
        details__0__kind="email",
        details__0__label="Private",
        details__0__value="ada@example.org",
    )
    ada = Contact.objects.get(last_name="Byron")
    assert answer["Location"] == ada.get_absolute_url()
    assert (ada.company, ada.owner, ada.name) == (acme, ann, "Ada Byron")
    assert ada.details.get().value == "ada@example.org"
    assert "Private" in text(client.get(ada.get_absolute_url()))


def test_new_company_is_a_company(client: Client, ann: Any) -> None:
    send(client, reverse("contacts:new_company"), having="name", name="Acme")
    assert Contact.objects.get(name="Acme").is_organization


def test_person_without_a_last_name_is_refused_beside_the_field(client: Client, ann: Any) -> None:
    answer = send(client, reverse("contacts:new_person"), having="last_name", first_name="Ada")
    assert answer.status_code == 200
    assert answer.context["form"].errors["last_name"]
    assert not Contact.objects.exists()


def test_further_mail_address_must_be_one(client: Client, ann: Any) -> None:
    person = make.person()
    answer = send(client, edit_page(person), having="last_name", details__0__value="no mail")
    assert answer.status_code == 200
    assert not ContactDetail.objects.exists()


def test_empty_further_row_is_no_row(client: Client, ann: Any) -> None:
    person = make.person()
    assert send(client, edit_page(person), having="last_name", title="CTO").status_code == 302
    assert not ContactDetail.objects.exists()


def test_further_address_is_removed(client: Client, ann: Any) -> None:
    person = make.person()
    ContactDetail.objects.create(contact=person, kind="phone", value="1")
    send(client, edit_page(person), having="last_name", details__0__DELETE="on")
    assert not ContactDetail.objects.exists()


def test_company_is_found_by_its_name_without_a_script(client: Client, ann: Any) -> None:
    acme = make.company("Ácme Ltd")
    person = make.person()
    send(client, edit_page(person), having="last_name", company="", company_text="acme ltd")
    person.refresh_from_db()
    assert person.company == acme


def test_name_that_fits_several_is_asked_about(client: Client, ann: Any) -> None:
    first, second = make.company("Acme East"), make.company("Acme West")
    person = make.person()
    answer = send(client, edit_page(person), having="last_name", company_text="acme")
    assert answer.status_code == 200
    assert "Several contacts match “acme”: choose one of them." in text(answer)
    assert f'value="{first.pk}"' in text(answer)
    assert f'value="{second.pk}"' in text(answer)


def test_person_is_no_employer(client: Client, ann: Any) -> None:
    person, other = make.person(), make.person()
    answer = send(client, edit_page(person), having="last_name", company=other.pk)
    assert answer.status_code == 200
    assert answer.context["form"].errors["company"]


def test_change_of_jobs_offers_to_move_active_deals_along(client: Client, ann: Any) -> None:
    acme, beta = make.company("Acme"), make.company("Beta")
    person = make.person("Byron", company=acme)
    deal = make.deal(person, name="Audit")
    closed = make.deal(person, "won")
    send(client, edit_page(person), having="last_name", company=beta.pk)
    deal.refresh_from_db()
    assert deal.company == acme
    to = reverse("deals:move_along")
    shown = client.get(person.get_absolute_url())
    assert "Move 1 active deal along to Beta" in text(shown)
    assert client.post(to, {"person": person.pk}).status_code == 302
    deal.refresh_from_db()
    closed.refresh_from_db()
    beta.refresh_from_db()
    assert (deal.company, closed.company) == (beta, acme)
    assert beta.prospect_status == "current"


def test_leaving_a_won_deals_company_offers_to_forget_the_win(client: Client, ann: Any) -> None:
    acme = make.company("Acme")
    bob = make.person("Bob", company=acme)
    deal = make.deal(make.person(company=acme), "won", name="Audit")
    DealContact.objects.create(deal=deal, contact=bob)
    send(client, edit_page(bob), having="last_name", company="")
    assert DealParty.objects.get(contact=bob).kept
    page = bob.get_absolute_url()
    assert "Bob keeps the win “Audit”" in text(client.get(page))
    send(client, page, to=reverse("deals:forget_win", args=[deal.pk]))
    bob.refresh_from_db()
    assert bob.customer_status == "none"
    assert not DealParty.objects.filter(contact=bob).exists()


def test_stale_form_saves_nothing_until_confirmed(client: Client, ann: Any) -> None:
    person = make.person("Byron", title="Programmer")
    shown = next(f for f in forms_of(client.get(edit_page(person))) if "title" in f.names)
    person.title = "Countess"
    person.save()
    answer = client.post(edit_page(person), shown.data(title="Analyst"))
    assert answer.status_code == 200
    assert "Countess" in text(answer)
    assert "Analyst" in text(answer)
    person.refresh_from_db()
    assert person.title == "Countess"
    again = next(form for form in forms_of(answer) if "title" in form.names)
    assert client.post(edit_page(person), again.data()).status_code == 302
    person.refresh_from_db()
    assert person.title == "Analyst"


def test_deal_that_closes_meanwhile_is_no_conflict_and_stays(client: Client, ann: Any) -> None:
    person = make.person("Byron")
    deal = make.deal(person)
    shown = next(f for f in forms_of(client.get(edit_page(person))) if "title" in f.names)
    deal.stage = make.default_stages()["won"]
    deal.save()
    assert client.post(edit_page(person), shown.data(title="Analyst")).status_code == 302
    person.refresh_from_db()
    assert (person.title, person.customer_status) == ("Analyst", "current")
    assert Deal.objects.get(pk=deal.pk).group == "won"
