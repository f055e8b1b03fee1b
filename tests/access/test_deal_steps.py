"""The card of a deal and the steps one takes from it, for who may not see, or not edit, everybody concerned."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.audit.models import Action, Entry
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealCollaborator, DealContact, DealParty
from tests.access.checksums import checksum, differing
from tests.access.worlds import administrator, member, with_set
from tests.deals import factories as make
from tests.forms import send

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE
LIST = reverse("deals:list")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def to(name: str, deal: Deal, *more: Any) -> str:
    return reverse(f"deals:{name}", args=[deal.pk, *more])


def refusing(client: Client, page: str, data: Any = None) -> Any:
    before = checksum()
    answer = client.post(page, data or {})
    assert not differing(before, checksum())
    return answer


@pytest.fixture
def ann() -> Any:
    return with_set("ann", "own")


@pytest.fixture
def clerk() -> Any:
    """Sees all contacts and deals, and edits their own."""
    return member("clerk", contacts=(ALL, OWN), customers=(ALL, OWN), deals=(ALL, OWN))


# -- the card


def test_card_says_of_hidden_contacts_how_many_they_are(ann):
    works = make.company("Secret Works")
    star = make.person("Hidden", company=works)
    deal = make.deal(star, name="Audit", owner=ann)
    own = make.person("Own", owner=ann, company=works)
    for contact in (own, make.person("Secret"), make.person("Covert")):
        DealContact.objects.create(deal=deal, contact=contact)
    shown = text(client_of(ann).get(deal.get_absolute_url()))
    assert "a contact you cannot see" in shown
    assert "a company you cannot see" in shown
    assert "And 2 contacts you cannot see." in shown
    assert "Own" in shown
    for name in ("Hidden", "Secret", "Covert", "Works"):
        assert name not in shown


def test_card_tells_an_administrator_everybody(ann):
    star = make.person("Hidden", company=make.company("Secret Works"))
    deal = make.deal(star, name="Audit", owner=ann)
    shown = text(client_of(administrator()).get(deal.get_absolute_url()))
    assert "Hidden" in shown
    assert "Secret Works" in shown
    assert "cannot see" not in shown


def test_card_counts_hidden_contacts_that_keep_the_win(ann):
    works = make.company("Works", owner=ann)
    deal = make.deal(make.person("Star", owner=ann, company=works), "won", owner=ann)
    keeper = make.person("Hidden", company=works)
    DealContact.objects.create(deal=deal, contact=keeper).delete()
    assert DealParty.objects.filter(deal=deal, contact=keeper, kept=True).exists()
    shown = text(client_of(ann).get(deal.get_absolute_url()))
    assert "Who keeps this win" in shown
    assert "And 1 contact you cannot see." in shown
    assert "Hidden" not in shown


def test_card_offers_no_step_to_who_may_only_read(clerk):
    deal = make.deal(make.person("Star"), name="Audit")
    shown = client_of(clerk).get(deal.get_absolute_url()).content.decode()
    for step in ("edit", "delete", "star", "link_add"):
        assert to(step, deal) not in shown


def test_card_offers_steps_on_contacts_that_one_may_edit_alone(clerk):
    deal = make.deal(make.person("Star"), owner=clerk)
    own = DealContact.objects.create(deal=deal, contact=make.person("Own", owner=clerk))
    seen = DealContact.objects.create(deal=deal, contact=make.person("Seen"))
    shown = client_of(clerk).get(deal.get_absolute_url()).content.decode()
    assert "Seen" in shown
    assert to("link_remove", deal, own.pk) in shown
    assert to("link_remove", deal, seen.pk) not in shown


@pytest.mark.parametrize(
    ("step", "sent"),
    [
        ("move", {"stage": "won"}),
        ("star", {"contact": "own", "previous": "keep"}),
        ("link_add", {"contact": "own"}),
        ("delete", {}),
        ("collaborators", {"on": "user"}),
        ("tags", {"category": "deals", "name": "Urgent"}),
        ("forget_win", {"contact": "own"}),
    ],
)
def test_steps_are_for_who_may_edit_the_deal(ann, clerk, step, sent):
    deal = make.deal(make.person("Star"), name="Audit")
    for user, status in ((ann, 404), (clerk, 403)):
        own = make.person("Own", owner=user)
        named = {"won": make.default_stages()["won"].pk, "own": own.pk, "user": user.pk}
        data = {name: named.get(value, value) for name, value in sent.items()}
        assert refusing(client_of(user), to(step, deal), data).status_code == status


# -- moving


def test_moving_tells_hidden_contacts_by_number(ann):
    works = make.company("Secret Works")
    star = make.person("Star", owner=ann, company=works)
    deal = make.deal(star, name="Audit", owner=ann)
    won, client = make.default_stages()["won"], client_of(ann)
    asked = text(client.get(to("move", deal), {"stage": won.pk}))
    assert "The status of 1 contact you cannot see changes." in asked
    assert client.post(to("move", deal), {"stage": won.pk}).status_code == 302
    told = text(client.get(deal.get_absolute_url()))
    assert "“Audit” is moved to Won." in told
    assert "changes of contacts you cannot see" in told
    assert "Secret Works" not in asked + told
    works.refresh_from_db()
    assert works.customer_status == "current"


def test_contact_that_a_new_deal_takes_out_of_sight_is_not_named_any_more():
    scout = member("scout", contacts=ALL, customers=NONE, deals=OWN)
    star, client = make.person("Byron"), client_of(scout)
    page = reverse("deals:new") + f"?contact={star.pk}"
    make.default_stages()
    answer = send(client, page, having="name", name="Audit")
    shown = text(client.get(answer["Location"]))
    assert "“Audit” is saved. 1 change of contacts you cannot see." in shown
    assert "a contact you cannot see" in shown
    assert "Byron" not in shown


def test_new_deals_are_offered_to_who_may_add_them():
    reader = with_set("reader", "read")
    assert reverse("deals:new") not in client_of(reader).get(LIST).content.decode()
    seller = member("seller", deals=OWN)
    assert reverse("deals:new") in client_of(seller).get(LIST).content.decode()


# -- the main contact


def test_main_contact_becomes_one_that_may_be_edited(ann):
    star, own = make.person("Star", owner=ann), make.person("Own", owner=ann)
    deal = make.deal(star, owner=ann)
    page = to("star", deal) + f"?contact={own.pk}"
    answer = send(client_of(ann), page, to=to("star", deal), having="previous", previous="remove")
    assert answer["Location"] == deal.get_absolute_url()
    deal.refresh_from_db()
    assert deal.primary_contact == own
    assert not deal.links.exists()


def test_main_contact_does_not_become_one_that_may_only_be_seen(clerk):
    star, seen = make.person("Star", owner=clerk), make.person("Seen")
    deal = make.deal(star, owner=clerk)
    answer = refusing(client_of(clerk), to("star", deal), {"contact": seen.pk, "previous": "keep"})
    assert "this one does not exist any more" in text(answer)


def test_hidden_main_contact_is_kept_and_not_removed(ann):
    star, own = make.person("Hidden"), make.person("Own", owner=ann)
    deal = make.deal(star, owner=ann)
    client, sent = client_of(ann), {"contact": own.pk}
    asked = text(client.get(to("star", deal), sent))
    assert "Keep a contact you cannot see on the deal" in asked
    assert "Remove a contact you cannot see" not in asked
    assert "Hidden" not in asked
    refusing(client, to("star", deal), sent | {"previous": "remove"})
    assert client.post(to("star", deal), sent | {"previous": "keep"}).status_code == 302
    deal.refresh_from_db()
    assert deal.primary_contact == own
    assert deal.links.get().contact == star


# -- who else is on it


def test_contact_that_may_be_edited_is_put_on_the_deal(ann):
    deal = make.deal(make.person("Star", owner=ann), owner=ann)
    own = make.person("Own", owner=ann)
    answer = send(client_of(ann), to("link_add", deal), having="contact", contact=own.pk)
    assert answer["Location"] == deal.get_absolute_url()
    assert deal.links.get().contact == own


def test_contact_that_may_not_be_edited_is_not_put_on_the_deal(ann, clerk):
    other = make.person("Other")
    for user in (ann, clerk):
        deal = make.deal(make.person("Star", owner=user), owner=user)
        client = client_of(user)
        answers = [
            refusing(client, to("link_add", deal), {"contact": pk}) for pk in (other.pk, 4711)
        ]
        assert all("this one does not exist any more" in text(one) for one in answers)


def test_contact_that_may_not_be_edited_is_not_taken_off(ann, clerk):
    other = make.person("Other")
    for user, status in ((ann, 302), (clerk, 403)):
        deal = make.deal(make.person("Star", owner=user), owner=user)
        link = DealContact.objects.create(deal=deal, contact=other)
        answer = refusing(client_of(user), to("link_remove", deal, link.pk))
        assert answer.status_code == status
    nothing = refusing(client_of(ann), to("link_remove", Deal.objects.get(owner=ann), 4711))
    assert nothing.status_code == 302


def test_contact_that_may_be_edited_is_taken_off(ann):
    deal = make.deal(make.person("Star", owner=ann), owner=ann)
    link = DealContact.objects.create(deal=deal, contact=make.person("Own", owner=ann))
    assert client_of(ann).post(to("link_remove", deal, link.pk)).status_code == 302
    assert not deal.links.exists()


# -- kept wins


def kept_win(owner: Any, keeper_of: Any = None) -> tuple[Deal, Contact]:
    works = make.company("Works", owner=owner)
    deal = make.deal(make.person("Star", owner=owner, company=works), "won", owner=owner)
    keeper = make.person("Keeper", company=works, owner=keeper_of)
    DealContact.objects.create(deal=deal, contact=keeper).delete()
    return deal, keeper


def test_win_is_forgotten_by_who_may_edit_both_and_noted(ann):
    deal, keeper = kept_win(ann, keeper_of=ann)
    answer = client_of(ann).post(to("forget_win", deal), {"contact": keeper.pk})
    assert answer.status_code == 302
    assert not DealParty.objects.filter(deal=deal, contact=keeper).exists()
    noted = Entry.objects.get(action=Action.CHANGED, record_id=keeper.pk)
    assert (noted.details["how"], noted.actor_id) == ("win_forgotten", ann.pk)


def test_win_is_not_forgotten_by_who_may_edit_one_end(ann, clerk):
    for user, status in ((ann, 404), (clerk, 403)):
        deal, keeper = kept_win(user)
        answer = refusing(client_of(user), to("forget_win", deal), {"contact": keeper.pk})
        assert answer.status_code == status


def test_win_kept_by_a_hidden_contact_is_not_offered_to_be_forgotten(ann):
    works = make.company("Works", owner=ann)
    deal = make.deal(make.person("Star", owner=ann, company=works), "won", owner=ann)
    keeper = make.person("Keeper", owner=ann, company=works)
    link = DealContact.objects.create(deal=deal, contact=keeper)
    client = client_of(ann)
    client.post(to("link_remove", deal, link.pk))
    Contact.objects.filter(pk=keeper.pk).update(owner=None)
    shown = text(client.get(LIST))
    assert "Forget this win" not in shown
    assert "keeps the win" not in shown


# -- taking deals along


def moved_person(owner: Any) -> Contact:
    person = make.person("Byron", owner=owner, company=make.company("Before", owner=owner))
    make.deal(person, name="Audit", owner=owner)
    person.refresh_from_db()
    person.company = make.company("After", owner=owner)
    person.save()
    return person


def test_deals_that_one_may_edit_move_along_alone(ann):
    person = moved_person(ann)
    other = make.deal(person, name="Other")
    Deal.objects.filter(pk=other.pk).update(company=make.company("Elsewhere"))
    client_of(ann).post(reverse("deals:move_along"), {"person": person.pk})
    assert Deal.objects.get(name="Audit").company == person.company
    assert Deal.objects.get(pk=other.pk).company.name == "Elsewhere"


def test_deals_do_not_move_to_a_company_that_one_may_not_edit(ann):
    person = moved_person(ann)
    Contact.objects.filter(pk=person.company_id).update(owner=None)
    answer = refusing(client_of(ann), reverse("deals:move_along"), {"person": person.pk})
    assert answer.status_code == 403
    hidden = refusing(
        client_of(with_set("ben", "own")), reverse("deals:move_along"), {"person": person.pk}
    )
    assert hidden.status_code == 404


# -- collaborators


def test_collaborator_works_on_a_deal_until_taken_off(ann):
    deal = make.deal(make.person("Star", owner=ann), name="Audit")
    shared = DealCollaborator.objects.create(deal=deal, user=ann)
    client = client_of(ann)
    assert send(client, to("edit", deal), having="name", name="Review").status_code == 302
    shared.delete()
    assert client.get(deal.get_absolute_url()).status_code == 404


def test_who_takes_oneself_off_is_told_that_the_deal_is_out_of_sight(ann):
    deal = make.deal(make.person("Star"), name="Audit")
    DealCollaborator.objects.create(deal=deal, user=ann)
    client = client_of(ann)
    answer = client.post(to("collaborators", deal), {"off": ann.pk})
    assert answer["Location"] == LIST
    shown = text(client.get(LIST))
    assert "“Audit” is not among what you may see any more." in shown


# -- deleting


def test_deleting_tells_hidden_contacts_by_number_and_is_noted(ann):
    star = make.person("Star", owner=ann, company=make.company("Secret Works"))
    deal = make.deal(star, name="Audit", owner=ann)
    client, pk = client_of(ann), deal.pk
    asked = text(client.get(to("delete", deal)))
    assert "The status of 1 contact you cannot see changes." in asked
    assert client.post(to("delete", deal))["Location"] == LIST
    told = text(client.get(LIST))
    assert "“Audit” is in the trash." in told
    assert "Secret Works" not in asked + told
    noted = Entry.objects.get(action=Action.DELETED, record="deals.deal", record_id=pk)
    assert noted.actor_id == ann.pk
    assert TrashedRecord.objects.get(record_id=pk, kind="deal").deleted_by == ann
