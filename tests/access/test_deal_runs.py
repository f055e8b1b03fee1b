"""Steps on many that take deals, statuses or companies: both ends, now and when they are undone; quiet customers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.audit.models import Entry
from crm.bulk import services
from crm.bulk.models import BulkRun
from deals.models import Deal, KeptQuiet
from settings.services.account import change_account
from tests.access.checksums import checksum, differing
from tests.access.worlds import member, with_set
from tests.bulk.runs import refusals, start
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE
QUIET = reverse("deals:quiet")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def only(*contacts: Contact) -> Any:
    return Contact.objects.filter(pk__in=[one.pk for one in contacts])


def ticked(*contacts: Contact, **more: Any) -> dict[str, Any]:
    return {"scope": "rows", "row": [one.pk for one in contacts], **more}


@pytest.fixture
def ann() -> Any:
    return with_set("ann", "own")


@pytest.fixture
def clerk() -> Any:
    """Sees all contacts and deals, and edits their own."""
    return member("clerk", contacts=(ALL, OWN), customers=(ALL, OWN), deals=(ALL, OWN))


# -- another company


def test_many_get_a_company_that_one_may_edit_and_no_other(clerk):
    own, seen = make.company("Own", owner=clerk), make.company("Seen")
    person = make.person("Byron", owner=clerk)
    with pytest.raises(ValidationError, match="Choose a company that exists and that you may edit"):
        start("contact.company", clerk, {"company": seen.pk}, only(person))
    assert not BulkRun.objects.exists()
    start("contact.company", clerk, {"company": own.pk}, only(person))
    assert Contact.objects.get(pk=person.pk).company == own


def test_undoing_gives_back_a_company_that_one_may_edit_alone(ann):
    own, hidden = make.company("Own", owner=ann), make.company("Hidden")
    was_own, was_hidden = (
        make.person(name, owner=ann, company=company)
        for name, company in (("Ash", own), ("Byron", hidden))
    )
    after = make.company("After", owner=ann)
    run = start("contact.company", ann, {"company": after.pk}, only(was_own, was_hidden))
    back = services.undo(run, user=ann)
    assert refusals(back) == {"Byron": "Its company before is none that you may edit."}
    assert Contact.objects.get(pk=was_own.pk).company == own
    assert Contact.objects.get(pk=was_hidden.pk).company == after


# -- onto a deal


def test_many_are_put_on_a_deal_that_one_may_edit_and_no_other(clerk):
    person = make.person("Byron", owner=clerk)
    own, seen = make.deal(make.person(), owner=clerk), make.deal(make.person(), name="Seen")
    with pytest.raises(ValidationError, match="Choose a deal that exists and that you may change"):
        start("contact.add_to_deal", clerk, {"deal": seen.pk}, only(person))
    start("contact.add_to_deal", clerk, {"deal": own.pk}, only(person))
    assert [link.contact for link in own.links.all()] == [person]
    assert not seen.links.exists()


def test_who_may_not_be_edited_is_not_put_on_a_deal(clerk):
    own, seen = make.person("Own", owner=clerk), make.person("Seen")
    deal = make.deal(make.person(), owner=clerk)
    run = start("contact.add_to_deal", clerk, {"deal": deal.pk}, only(own, seen))
    assert refusals(run) == {"Seen": "You may not change it."}
    assert [link.contact for link in deal.links.all()] == [own]


def test_undoing_takes_nobody_off_a_deal_that_one_may_not_edit_any_more(ann):
    person = make.person("Byron", owner=ann)
    deal = make.deal(make.person(), owner=ann)
    run = start("contact.add_to_deal", ann, {"deal": deal.pk}, only(person))
    Deal.objects.filter(pk=deal.pk).update(owner=None)
    services.undo(run, user=ann)
    assert [link.contact for link in deal.links.all()] == [person]


# -- refusals name no hidden deal


def test_refusal_to_delete_names_the_deals_that_one_sees(ann):
    ann.may_delete_many = True
    ann.save()
    person = make.person("Byron", owner=ann)
    make.deal(person, name="Secret", owner=None)
    run = start("contact.delete", ann, {}, only(person))
    assert refusals(run) == {"Byron": "It is the main contact of a deal you cannot see."}
    make.deal(person, name="Audit", owner=ann)
    run = start("contact.delete", ann, {}, only(person))
    words = "It is the main contact of “Audit” and a deal you cannot see."
    assert refusals(run) == {"Byron": words}
    assert Contact.objects.filter(pk=person.pk).exists()


def test_refusal_of_a_status_names_no_hidden_deal(ann):
    person = make.person("Byron", owner=ann)
    make.deal(person, name="Secret")
    run = start("contact.status", ann, {"prospect": "lost"}, only(person))
    assert refusals(run) == {"Byron": "Byron is being sold to: a deal you cannot see."}


# -- quiet customers


@pytest.fixture
def year() -> None:
    change_account(quiet_months=12)


def customer(name: str, owner: Any = None, deal: str = "") -> Contact:
    one = make.person(name, owner=owner)
    then = timezone.now() - timedelta(days=500)
    make.deal(one, "won", closed_at=then, opened_at=then - timedelta(days=1), name=deal)
    return Contact.objects.get(pk=one.pk)


@pytest.mark.usefixtures("year")
def test_quiet_customers_are_proposed_to_who_may_edit_them(ann, clerk):
    customer("Byron", ann)
    assert "Byron" in text(client_of(ann).get(QUIET))
    shown = text(client_of(clerk).get(QUIET))
    assert "None of the customers that you may edit is quiet." in shown
    assert "Byron" not in shown


@pytest.mark.usefixtures("year")
def test_evidence_tells_no_name_and_no_day_of_a_hidden_deal(ann):
    customer("Byron", ann, deal="Secret")
    shown = text(client_of(ann).get(QUIET))
    assert "Last won through a deal you cannot see · no active deal" in shown
    assert "Secret" not in shown
    assert "nothing for" not in shown
    Deal.objects.update(owner=ann)
    shown = text(client_of(ann).get(QUIET))
    assert "Secret" in shown
    assert "nothing for 1" in shown


@pytest.mark.usefixtures("year")
def test_quiet_customers_of_others_are_neither_marked_nor_kept(clerk):
    own, seen = customer("Own", clerk), customer("Seen")
    client = client_of(clerk)
    before = checksum()
    client.post(QUIET, ticked(seen, do="past"))
    until = timezone.localdate() + timedelta(days=90)
    client.post(QUIET, ticked(seen, do="keep", until=until))
    assert not differing(before, checksum())
    client.post(QUIET, ticked(own, do="keep", until=until))
    assert KeptQuiet.objects.get().contact == own
    noted = Entry.objects.get(details__how="quiet_kept")
    assert (noted.actor_id, noted.details["number"]) == (clerk.pk, 1)
    KeptQuiet.objects.all().delete()
    client.post(QUIET, ticked(own, do="past"))
    statuses = Contact.objects.order_by("pk").values_list("customer_status", flat=True)
    assert list(statuses) == ["past", "current"]


@pytest.mark.usefixtures("year")
def test_kept_customer_is_proposed_again_by_who_may_edit_it(ann, clerk):
    one = customer("Byron")
    KeptQuiet.objects.create(contact=one, until=timezone.localdate() + timedelta(days=9))
    page = reverse("deals:quiet_again", args=[one.pk])
    for user, status in ((ann, 404), (clerk, 403)):
        assert client_of(user).post(page).status_code == status
        assert KeptQuiet.objects.exists()
    Contact.objects.filter(pk=one.pk).update(owner=clerk)
    assert client_of(clerk).post(page).status_code == 302
    assert not KeptQuiet.objects.exists()


def test_when_customers_count_as_quiet_is_for_administrators(ann):
    client = client_of(ann)
    before = checksum()
    answer = client.post(reverse("deals:quiet_settings"), {"quiet_months": "6"})
    assert answer.status_code == 403
    assert not differing(before, checksum())
    assert "When a customer counts as quiet" not in text(client.get(QUIET))
