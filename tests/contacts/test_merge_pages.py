"""The pages that merge two contacts, take it back, and hint at duplicates."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact, ContactDetail
from contacts.querysets import ContactQuerySet
from deals.models import Deal, DealContact, MergeRecord
from deals.services import merge_contacts, select_status
from tests.deals import factories as make
from tests.forms import forms_of, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user("ann", language="en")
    client.force_login(user)
    return user


@pytest.fixture
def pair(ann: Any) -> tuple[Contact, Contact]:
    """Ada twice: the older one a customer, the newer one on an active deal."""
    older = make.person("Byron", first_name="Ada", email="ada@old.example", description="First")
    newer = make.person("Byron", first_name="Ada", phone="030 1234567", description="Second")
    Contact.objects.filter(pk=newer.pk).update(email="ada@new.example", city="London")
    make.deal(newer, name="Audit")
    select_status(older, customer="current")
    return older, Contact.objects.get(pk=newer.pk)


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def page_of(survivor: Contact, merged: Contact) -> str:
    return reverse("contacts:merge_pair", args=[survivor.pk, merged.pk])


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


# -- which two


def test_likely_duplicates_are_offered_first(client: Client, pair: Any) -> None:
    older, newer = pair
    shown = text(client.get(reverse("contacts:merge", args=[newer.pk])))
    assert "same name" in shown
    assert page_of(older, newer) in shown
    assert reverse("contacts:merge", args=[newer.pk]) in text(client.get(newer.get_absolute_url()))


def test_another_is_found_by_name_without_javascript(client: Client, pair: Any) -> None:
    older, _newer = pair
    other = make.person("Lovelace")
    make.company("Lovelace Works")
    address = reverse("contacts:merge", args=[older.pk])
    answer = client.get(address, {"other": "", "other_text": "lovelace"})
    assert answer["Location"] == page_of(older, other)
    answer = client.get(address, {"other": "", "other_text": "nobody"})
    assert "Nobody is called “nobody”." in text(answer)
    answer = client.get(address, {"other": str(older.pk)})
    assert "This is the contact itself." in text(answer)
    for gone in ("4711", "9" * 30, "x", str(Contact.objects.companies().get().pk)):
        assert "does not exist any more" in text(client.get(address, {"other": gone}))


def test_two_from_a_selection_meet_with_the_older_one_surviving(client: Client, pair: Any) -> None:
    older, newer = pair
    address = reverse("contacts:merge_two")
    for query in (f"?ids={newer.pk},{older.pk}", f"?row={newer.pk}&row={older.pk}&scope=rows"):
        assert client.get(address + query)["Location"] == page_of(older, newer)
    for query in ("", f"?ids={newer.pk}", f"?ids={newer.pk},{older.pk},7", "?ids=a,²", "?row=\x00"):
        answer = client.get(address + query)
        assert answer["Location"] == reverse("contacts:list")
        assert "exactly two" in said(answer)
    assert client.get(address + f"?ids={newer.pk},4711").status_code == 404


def test_a_person_and_a_company_are_refused_in_words(client: Client, pair: Any) -> None:
    older, _newer = pair
    firm = make.company("Acme")
    for one, other in ((older, firm), (firm, older)):
        answer = client.post(page_of(one, other))
        assert "A person and a company cannot be merged" in text(answer)
    assert Contact.objects.count() == 3


def test_what_one_may_not_see_is_not_there(
    client: Client, pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = pair
    record = merge_contacts(make.person("Kept"), make.person("Gone"))

    def only_the_older(self: ContactQuerySet, user: Any, act: str) -> QuerySet:
        return self.filter(pk=older.pk)

    monkeypatch.setattr(ContactQuerySet, "_reached_by", only_the_older)
    assert client.get(page_of(older, newer)).status_code == 404
    assert client.post(page_of(newer, older)).status_code == 404
    assert client.get(page_of(older, older)).status_code == 404
    assert client.get(reverse("contacts:merge", args=[newer.pk])).status_code == 404
    two = reverse("contacts:merge_two") + f"?ids={older.pk},{newer.pk}"
    assert client.get(two).status_code == 404
    assert client.post(reverse("contacts:undo_merge", args=[record.pk])).status_code == 404
    assert Contact.objects.filter(pk=newer.pk).exists()


def test_strangers_merge_nothing(pair: Any) -> None:
    older, newer = pair
    answer = Client().post(page_of(older, newer))
    assert answer["Location"].startswith(reverse("account_login"))
    assert Contact.objects.filter(pk=newer.pk).exists()


# -- what survives


def test_both_are_shown_beside_each_other_with_what_follows(client: Client, pair: Any) -> None:
    older, newer = pair
    answer = client.get(page_of(older, newer))
    shown = text(answer)
    for value in ("ada@old.example", "ada@new.example", "030 1234567", "1 deal", "Swap"):
        assert value in shown
    chosen = {
        row.name: [o.choice for o in row.options if o.chosen]
        for row in answer.context["form"].rows()
    }
    assert chosen["email"] == ["ours"]
    assert chosen["phone"] == chosen["city"] == ["theirs"]
    assert chosen["description"] == ["both"]
    assert chosen["first_name"] == [""]
    afterwards = answer.context["afterwards"]
    assert (afterwards.prospect_status, afterwards.customer_status) == ("current", "current")
    assert Contact.objects.count() == 2
    assert not MergeRecord.objects.exists()


def test_merging_keeps_what_was_chosen_and_offers_to_undo(client: Client, pair: Any) -> None:
    older, newer = pair
    answer = send(client, page_of(older, newer), having="keep_others", email="theirs", city="ours")
    assert answer["Location"] == older.get_absolute_url()
    merged = Contact.objects.get()
    assert merged.pk == older.pk
    assert (merged.email, merged.phone, merged.city) == ("ada@new.example", "030 1234567", "")
    assert merged.description == "First\n\nSecond"
    assert merged.details.get().value == "ada@old.example"
    card = client.get(older.get_absolute_url())
    assert (
        "Ada Byron is part of Ada Byron now. Ada Byron: Non Prospect → Current Prospect."
        in text(card)
    )
    record = MergeRecord.objects.get()
    assert record.merged_by == get_user_model().objects.get()
    address = reverse("contacts:undo_merge", args=[record.pk])
    assert address in text(card)
    assert address not in text(client.get(older.get_absolute_url()))
    assert address in text(client.get(reverse("contacts:merge", args=[older.pk])))
    answer = client.post(address)
    assert answer["Location"] == newer.get_absolute_url()
    assert "are two contacts again" in said(answer)
    assert Contact.objects.get(pk=older.pk).email == "ada@old.example"
    assert Deal.objects.get().primary_contact == newer
    assert not ContactDetail.objects.exists()


def test_others_are_dropped_when_nobody_wants_them(client: Client, pair: Any) -> None:
    older, newer = pair
    send(client, page_of(older, newer), having="keep_others", keep_others=None)
    assert not ContactDetail.objects.exists()


def test_swapped_the_newer_one_survives(client: Client, pair: Any) -> None:
    older, newer = pair
    assert page_of(newer, older) in text(client.get(page_of(older, newer)))
    send(client, page_of(newer, older), having="keep_others")
    assert Contact.objects.get().pk == newer.pk


def test_edited_meanwhile_it_is_shown_again_with_what_was_chosen(client: Client, pair: Any) -> None:
    older, newer = pair
    sent = {
        "ours_version": "old",
        "theirs_version": client.get(page_of(older, newer))
        .context["form"]
        .versions["theirs_version"],
        "email": "theirs",
        "city": "ours",
    }
    answer = client.post(page_of(older, newer), sent)
    assert "Somebody edited Ada Byron in the meantime. Nothing is merged yet" in text(answer)
    assert Contact.objects.count() == 2
    chosen = {
        row.name: [o.choice for o in row.options if o.chosen]
        for row in answer.context["form"].rows()
    }
    assert (chosen["email"], chosen["city"]) == (["theirs"], ["ours"])
    # Sent once more as shown, it is confirmed.
    sent["ours_version"] = answer.context["form"]["ours_version"].value()
    assert client.post(page_of(older, newer), sent).status_code == 302
    assert Contact.objects.get().email == "ada@new.example"


def test_a_value_that_cannot_be_is_refused_beside_its_field(client: Client, pair: Any) -> None:
    older, newer = pair
    Contact.objects.filter(pk=newer.pk).update(email="no mail")
    answer = send(client, page_of(older, newer), having="keep_others", email="theirs")
    assert answer.status_code == 200
    assert answer.context["form"].errors["email"]
    assert Contact.objects.count() == 2
    answer = client.post(page_of(older, newer), {"email": "else", "preview": "1"})
    assert answer.context["form"].errors["email"]


def test_statuses_are_previewed_for_what_is_chosen_and_nothing_is_stored(
    client: Client, ann: Any
) -> None:
    old, new = make.company("Old"), make.company("New")
    ours, theirs = make.person("Ours", company=old), make.person("Theirs", company=new)
    DealContact.objects.create(deal=make.deal(new), contact=theirs)
    address = page_of(ours, theirs)
    versions = client.get(address).context["form"].versions
    after = {}
    for choice in ("ours", "theirs"):
        sent = {**versions, "company": choice, "preview": "1"}
        answer = client.post(address, sent, headers={"HX-Request": "true"})
        assert "<html" not in text(answer)
        after[choice] = answer.context["afterwards"].prospect_status
    assert after == {"ours": "none", "theirs": "current"}
    assert "<html" in text(client.post(address, {**versions, "preview": "1"}))
    assert Contact.objects.people().count() == 2
    assert Contact.objects.get(pk=ours.pk).company == old


def test_companies_take_employees_along(client: Client, ann: Any) -> None:
    ours, theirs = make.company("Acme"), make.company("Acme AG", industry="Freight")
    below = make.company("Below", parent_company=theirs)
    bob = make.person("Bob", company=theirs)
    assert "1 employee" in text(client.get(page_of(ours, theirs)))
    send(client, page_of(ours, theirs), having="name", name="theirs")
    assert Contact.objects.get(pk=bob.pk).company == ours
    stored = Contact.objects.get(pk=ours.pk)
    assert (stored.name, stored.industry) == ("Acme AG", "Freight")
    assert Contact.objects.get(pk=below.pk).parent_company == ours


def test_parent_that_is_the_other_one_is_no_value(client: Client, ann: Any) -> None:
    above = make.company("Above")
    below = make.company("Below", parent_company=above)
    answer = client.get(page_of(below, above))
    assert "parent_company" not in answer.context["form"].names
    assert send(client, page_of(below, above), having="name").status_code == 302


def test_hostile_names_are_shown_and_not_run(client: Client, ann: Any) -> None:
    hostile = "<script>alert(1)</script>%s{{7*7}}"
    one, other = make.person(hostile), make.person(hostile, description=hostile)
    for address in (page_of(one, other), reverse("contacts:merge", args=[one.pk])):
        shown = client.get(address).content.decode()
        assert "<script>alert" not in shown
        assert "&lt;script&gt;" in shown
    send(client, page_of(one, other), having="description")
    assert "<script>alert" not in client.get(one.get_absolute_url()).content.decode()


def test_comparing_asks_the_same_number_of_queries_however_much_follows(
    client: Client, ann: Any
) -> None:
    asked = []
    for size in (2, 25):
        ours, theirs = make.company("Acme"), make.company("Acme")
        for _number in range(size):
            bob = make.person(company=theirs)
            DealContact.objects.create(deal=make.deal(theirs), contact=bob)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page_of(ours, theirs)).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]


# -- undoing


def test_undoing_is_posted(client: Client, ann: Any) -> None:
    record = merge_contacts(make.person("Ours"), make.person("Theirs"))
    address = reverse("contacts:undo_merge", args=[record.pk])
    assert client.get(address).status_code == 405
    assert Contact.objects.count() == 1
    assert client.post(reverse("contacts:undo_merge", args=[4711])).status_code == 404


def test_refused_undoing_says_what_is_in_the_way(client: Client, pair: Any) -> None:
    older, newer = pair
    record = merge_contacts(older, newer)
    Deal.objects.get().delete()
    answer = client.post(reverse("contacts:undo_merge", args=[record.pk]))
    assert answer["Location"] == older.get_absolute_url()
    assert "“Audit”. Restore them first." in said(answer)
    assert Contact.objects.count() == 1


def test_what_stays_is_told_one_by_one(client: Client, pair: Any) -> None:
    older, newer = pair
    record = merge_contacts(older, newer, values={"email": "ada@new.example"})
    stored = Contact.objects.get()
    stored.email = "ada@third.example"
    stored.save()
    answer = client.post(reverse("contacts:undo_merge", args=[record.pk]))
    assert "Edited since in Ada Byron, and left so: e-mail." in said(answer)
    assert Contact.objects.get(pk=older.pk).email == "ada@third.example"


def test_merge_into_a_contact_that_is_gone_is_for_who_made_it(client: Client, ann: Any) -> None:
    from crm.actor import acting_as

    with acting_as(ann):
        mine = merge_contacts(make.person("Ours"), make.person("Theirs"))
    others = merge_contacts(make.person("Ours"), make.person("Theirs"))
    Contact.objects.all().delete()
    answer = client.post(reverse("contacts:undo_merge", args=[mine.pk]))
    assert answer["Location"] == reverse("contacts:list")
    assert "Ours is deleted. Restore it first." in said(answer)
    assert client.post(reverse("contacts:undo_merge", args=[others.pk])).status_code == 404


# -- hints on creating


def shown_again(answer: Any) -> Any:
    """The form of a page that was refused."""
    return next(form for form in forms_of(answer) if "last_name" in form.names)


def test_a_new_person_like_another_is_asked_about_once(client: Client, ann: Any) -> None:
    ada = make.person("Byron", first_name="Ada")
    page = reverse("contacts:new_person")
    typed = {
        "first_name": "Byron",
        "last_name": "Ada",
        "city": "London",
        "details-0-kind": "phone",
        "details-0-value": "12345",
    }
    answer = send(client, page, having="last_name", **typed)
    assert answer.status_code == 200
    shown = text(answer)
    assert "already exists" in shown
    assert ada.get_absolute_url() in shown
    assert "Create anyway" in shown
    assert 'value="London"' in shown
    assert 'value="12345"' in shown
    assert Contact.objects.count() == 1
    assert client.post(page, shown_again(answer).data(anyway=ada.pk)).status_code == 302
    new = Contact.objects.get(city="London")
    assert (new.name, new.details.get().value) == ("Byron Ada", "12345")


def test_somebody_who_came_in_between_is_asked_about_too(client: Client, ann: Any) -> None:
    ada = make.person("Byron", first_name="Ada")
    page = reverse("contacts:new_person")
    answer = send(client, page, having="last_name", first_name="Ada", last_name="Byron")
    twin = make.person("Byron", first_name="Ada")
    answer = client.post(page, shown_again(answer).data(anyway=ada.pk))
    assert twin.get_absolute_url() in text(answer)
    assert Contact.objects.count() == 2


def test_hints_stand_beside_the_faults_of_a_form(client: Client, ann: Any) -> None:
    acme = make.company("Acme GmbH")
    answer = send(
        client, reverse("contacts:new_company"), having="name", name="ACME", email="no mail"
    )
    assert answer.context["form"].errors["email"]
    assert acme.get_absolute_url() in text(answer)


def test_nobody_alike_is_saved_at_once_and_editing_hints_at_nobody(
    client: Client, ann: Any
) -> None:
    page = reverse("contacts:new_person")
    assert send(client, page, having="last_name", last_name="Byron").status_code == 302
    ada = make.person("Byron")
    edit = reverse("contacts:edit", args=[ada.pk])
    assert send(client, edit, having="last_name", title="CTO").status_code == 302


def test_hints_while_typing_are_a_fragment_with_the_button(client: Client, ann: Any) -> None:
    ada = make.person("Byron", email="ada@example.org")
    address = reverse("contacts:duplicate_hints", args=["person"])
    shown = text(client.post(address, {"email": "ADA@example.org"}))
    assert "<html" not in shown
    assert ada.get_absolute_url() in shown
    assert f'name="anyway" value="{ada.pk}"' in shown
    nothing = text(client.post(address, {"email": "eve@example.org"}))
    assert "already exists" not in nothing
    assert "anyway" not in nothing
    company = reverse("contacts:duplicate_hints", args=["company"])
    assert "already exists" not in text(client.post(company, {"email": "ada@example.org"}))


def test_hints_are_for_who_is_signed_in_and_of_two_kinds(client: Client, ann: Any) -> None:
    address = reverse("contacts:duplicate_hints", args=["person"])
    assert Client().post(address, {"email": "x"}).status_code == 302
    assert client.get(address).status_code == 405
    assert client.post(reverse("contacts:duplicate_hints", args=["robot"])).status_code == 404


@pytest.mark.parametrize("typed", ["'\"%_\\", "\x00", "🙂" * 300, "x" * 10_000, " ", "."])
def test_whatever_is_typed_the_hints_answer(client: Client, ann: Any, typed: str) -> None:
    make.person("Byron")
    address = reverse("contacts:duplicate_hints", args=["person"])
    fields = dict.fromkeys(("first_name", "last_name", "email", "phone", "mobile"), typed)
    answer = client.post(address, fields)
    assert answer.status_code == 200
    assert "already exists" not in text(answer)
