"""The form of a deal for who may not see, or not edit, everybody on it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.levels import Level
from deals.models import Deal, DealContact
from tests.access.checksums import checksum, differing
from tests.access.worlds import administrator, member, with_set
from tests.deals import factories as make
from tests.forms import forms_of, send

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE
NEW = reverse("deals:new")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def to(name: str, deal: Deal) -> str:
    return reverse(f"deals:{name}", args=[deal.pk])


def new_deal(star: Any) -> dict[str, Any]:
    return {
        "name": "Audit",
        "stage": make.default_stages()["incoming"].pk,
        "currency": "EUR",
        "star": "0",
        "rows-TOTAL_FORMS": "1",
        "rows-INITIAL_FORMS": "0",
        "rows-0-contact": getattr(star, "pk", star),
    }


def shown_rows(client: Client, deal: Deal) -> set[str]:
    shown = next(form for form in forms_of(client.get(to("edit", deal))) if "name" in form.names)
    return shown.names


def refusing(client: Client, page: str, data: Any) -> Any:
    before = checksum()
    answer = client.post(page, data)
    assert not differing(before, checksum())
    return answer


@pytest.fixture
def ann() -> Any:
    return with_set("ann", "own")


@pytest.fixture
def root() -> Any:
    return administrator()


# -- who may add deals


def test_who_may_edit_no_deals_adds_none():
    reader = with_set("reader", "read")
    star, client = make.person("Star"), client_of(reader)
    assert client.get(NEW).status_code == 403
    assert refusing(client, NEW, new_deal(star)).status_code == 403
    assert refusing(client, reverse("deals:preview"), new_deal(star)).status_code == 403


def test_deal_is_added_for_a_contact_that_one_may_edit(ann):
    star = make.person("Star", owner=ann)
    client = client_of(ann)
    answer = send(client, f"{NEW}?contact={star.pk}", having="name", name="Audit")
    deal = Deal.objects.get()
    assert answer["Location"] == deal.get_absolute_url()
    assert (deal.primary_contact, deal.owner) == (star, ann)


def test_deal_is_not_added_for_a_contact_that_one_only_sees():
    clerk = member("clerk", contacts=(ALL, OWN), customers=(ALL, OWN), deals=OWN)
    star, client = make.person("Star"), client_of(clerk)
    assert "Star" not in text(client.get(f"{NEW}?contact={star.pk}"))
    answer = refusing(client, NEW, new_deal(star))
    assert "this one does not exist any more" in text(answer)


def test_hidden_contact_is_refused_as_one_that_does_not_exist(ann):
    hidden = make.person("Hidden", pk=918273)
    client = client_of(ann)
    of_hidden, of_none = (refusing(client, NEW, new_deal(one)) for one in (hidden, 647110))
    assert "this one does not exist any more" in text(of_hidden)
    assert "Hidden" not in text(of_hidden)
    shown = [text(one).split("form-columns", 1)[1] for one in (of_hidden, of_none)]
    assert shown[0].replace("918273", "#") == shown[1].replace("647110", "#")


def test_deal_given_to_somebody_else_at_once_is_out_of_sight_and_says_so(ann):
    ben = with_set("ben", "own")
    star = make.person("Star", owner=ann)
    client = client_of(ann)
    answer = client.post(NEW, new_deal(star) | {"owner": ben.pk})
    assert answer["Location"] == reverse("deals:list")
    shown = text(client.get(answer["Location"]))
    assert "“Audit” is not among what you may see any more." in shown
    assert Deal.objects.get().owner == ben


# -- a hidden main contact


def test_form_holds_neither_name_nor_number_of_a_hidden_main_contact(ann):
    acme = make.company("Secret Works")
    star = make.person("Hidden", company=acme, pk=918273)
    deal = make.deal(star, name="Audit", owner=ann)
    shown = text(client_of(ann).get(to("edit", deal)))
    assert "a contact you cannot see" in shown
    assert all(one not in shown for one in ("Hidden", "Secret Works", "918273"))


def test_saving_leaves_a_hidden_main_contact_where_it_is(ann):
    star = make.person("Hidden")
    deal = make.deal(star, name="Audit", owner=ann)
    client = client_of(ann)
    answer = send(client, to("edit", deal), having="name", name="Review")
    assert answer["Location"] == deal.get_absolute_url()
    deal.refresh_from_db()
    assert (deal.name, deal.primary_contact) == ("Review", star)


def test_number_of_a_hidden_main_contact_is_not_taken_for_it(ann):
    star = make.person("Hidden")
    deal = make.deal(star, name="Audit", owner=ann)
    client = client_of(ann)
    shown = next(one for one in forms_of(client.get(to("edit", deal))) if "name" in one.names)
    for number in (star.pk, 4711):
        answer = refusing(client, to("edit", deal), shown.data(rows__0__contact=number) | {
            "rows-0-contact": [str(number)]
        })  # fmt: skip
        assert "this one does not exist any more" in text(answer)


def test_another_main_contact_keeps_a_hidden_one_on_the_deal(ann):
    star, own = make.person("Hidden"), make.person("Own", owner=ann)
    deal = make.deal(star, name="Audit", owner=ann)
    changes = {"rows__1__contact": own.pk, "star": "1"}
    client = client_of(ann)
    removing = send(client, to("edit", deal), having="name", **changes, previous_star="remove")
    assert removing.status_code == 200
    assert Deal.objects.get(pk=deal.pk).primary_contact == star
    answer = send(client, to("edit", deal), having="name", **changes, previous_star="keep")
    assert answer.status_code == 302
    deal.refresh_from_db()
    assert deal.primary_contact == own
    assert [link.contact for link in deal.links.all()] == [star]


def test_question_about_a_hidden_main_contact_does_not_name_it(ann):
    star, own = make.person("Hidden"), make.person("Own", owner=ann)
    deal = make.deal(star, name="Audit", owner=ann)
    answer = send(
        client_of(ann), to("edit", deal), having="name", rows__1__contact=own.pk, star="1"
    )
    shown = text(answer)
    assert "a contact you cannot see was the main contact: keep it on the deal" in shown
    assert "Hidden" not in shown


def test_difference_does_not_name_a_hidden_main_contact(ann, root):
    star, own = make.person("Hidden"), make.person("Own", owner=ann)
    deal = make.deal(own, name="Audit", owner=ann)
    client = client_of(ann)
    page = next(one for one in forms_of(client.get(to("edit", deal))) if "name" in one.names)
    moved = send(
        client_of(root), reverse("deals:star", args=[deal.pk]) + f"?contact={star.pk}",
        having="previous", previous="remove",
    )  # fmt: skip
    assert moved.status_code == 302
    answer = refusing(client, to("edit", deal), page.data(name="Review"))
    shown = text(answer)
    assert "Somebody saved this in the meantime" in shown
    assert "a contact you cannot see" in shown
    assert "Hidden" not in shown


# -- who else is on it


def test_hidden_associated_contacts_are_a_number_and_stay(ann):
    star = make.person("Star", owner=ann)
    deal = make.deal(star, name="Audit", owner=ann)
    for name in ("Hidden", "Secret"):
        DealContact.objects.create(deal=deal, contact=make.person(name), role="Buyer")
    client = client_of(ann)
    shown = text(client.get(to("edit", deal)))
    assert "And 2 contacts you cannot see." in shown
    assert "Hidden" not in shown
    assert "Secret" not in shown
    assert send(client, to("edit", deal), having="name", name="Review").status_code == 302
    assert deal.links.count() == 2


def test_contact_that_one_only_sees_is_neither_removed_nor_made_the_main_one():
    clerk = member("clerk", contacts=(ALL, OWN), customers=(ALL, OWN), deals=OWN)
    star, seen = make.person("Star", owner=clerk), make.person("Seen")
    deal = make.deal(star, name="Audit", owner=clerk)
    link = DealContact.objects.create(deal=deal, contact=seen)
    client = client_of(clerk)
    page = next(one for one in forms_of(client.get(to("edit", deal))) if "name" in one.names)
    assert page.disabled == {("rows-1-DELETE", "on"), ("star", "1")}
    answer = refusing(client, to("edit", deal), page.data() | {"rows-1-DELETE": "on"})
    assert "You may not edit Seen, and so you cannot take it off the deal." in text(answer)
    answer = refusing(client, to("edit", deal), page.data(star="1", previous_star="keep"))
    assert "You may not edit Seen: choose a main contact whom you may edit." in text(answer)
    assert send(client, to("edit", deal), having="name", name="Review").status_code == 302
    assert DealContact.objects.filter(pk=link.pk).exists()


def test_contact_that_one_may_edit_is_added_and_removed(ann):
    star, own = make.person("Star", owner=ann), make.person("Own", owner=ann)
    deal = make.deal(star, name="Audit", owner=ann)
    client = client_of(ann)
    send(client, to("edit", deal), having="name", rows__1__contact=own.pk)
    assert deal.links.get().contact == own
    send(client, to("edit", deal), having="name", rows__1__DELETE="on")
    assert not deal.links.exists()


def test_hidden_company_of_a_contact_on_the_deal_is_not_named(ann):
    star = make.person("Star", owner=ann, company=make.company("Secret Works"))
    deal = make.deal(star, name="Audit", owner=ann)
    shown = text(client_of(ann).get(to("edit", deal)))
    assert "Star" in shown
    assert "a company you cannot see" in shown
    assert "Secret Works" not in shown


# -- what would follow


def test_preview_counts_hidden_contacts_and_names_none(ann):
    works = make.company("Secret Works")
    star = make.person("Star", owner=ann, company=works)
    client = client_of(ann)
    answer = client.post(reverse("deals:preview"), new_deal(star))
    shown = text(answer)
    assert "Star" in shown
    assert "The status of 1 contact you cannot see changes." in shown
    assert "Secret Works" not in shown
    assert not Deal.objects.exists()


def test_preview_of_a_deal_is_for_who_may_edit_it(ann):
    reader = member("reader", deals=(ALL, OWN))
    deal = make.deal(make.person("Star"), name="Audit")
    page = to("preview", deal)
    assert client_of(reader).post(page, {}).status_code == 403
    assert client_of(ann).post(page, {}).status_code == 404
    assert client_of(administrator()).post(page, {}).status_code == 200


# -- editing at all


def test_form_is_for_who_may_edit_the_deal(ann):
    reader = member("reader", deals=(ALL, OWN))
    deal = make.deal(make.person("Star"), name="Audit")
    for user, status in ((reader, 403), (ann, 404)):
        client = client_of(user)
        assert client.get(to("edit", deal)).status_code == status
        assert refusing(client, to("edit", deal), {"name": "Review"}).status_code == status


def test_giving_a_deal_away_says_that_it_is_out_of_sight(ann):
    ben = with_set("ben", "own")
    deal = make.deal(make.person("Star", owner=ann), name="Audit", owner=ann)
    client = client_of(ann)
    answer = send(client, to("edit", deal), having="name", owner=ben.pk)
    assert answer["Location"] == reverse("deals:list")
    shown = text(client.get(answer["Location"]))
    assert "“Audit” is not among what you may see any more." in shown
    assert client.get(deal.get_absolute_url()).status_code == 404


def test_contacts_to_choose_from_are_those_that_one_may_edit():
    clerk = member("clerk", contacts=(ALL, OWN), customers=(ALL, OWN), deals=OWN)
    own, seen = make.person("Ash", owner=clerk), make.person("Ashley")
    deal = make.deal(own, owner=clerk)
    client = client_of(clerk)
    for page in (NEW, to("edit", deal), to("card", deal), to("star", deal), to("link_add", deal)):
        assert 'data-act="edit"' in client.get(page).content.decode(), page
    options = client.get(reverse("contacts:options"), {"q": "ash", "act": "edit"}).json()
    assert [one["id"] for one in options["results"]] == [own.pk]
    typed = new_deal(own) | {"rows-0-contact": "", "rows-0-contact_text": "ashley"}
    assert "Nobody is called “ashley”." in text(refusing(client, NEW, typed))
    assert Contact.objects.filter(pk=seen.pk).exists()
