"""Contacts appear and vanish with their statuses, in the transaction that changes these, wherever one meets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from contacts.exports import ExportContacts
from contacts.models import Contact
from crm.accounts.levels import Level
from crm.bulk import actions, work
from crm.bulk.models import BulkRun
from crm.exports import services as exports
from crm.exports.fields import exports_of
from crm.exports.formats import format_of
from deals.models import Deal
from deals.services import select_status
from tests.access.worlds import member
from tests.bulk.runs import after_chunk, chunks_of, refusals, start_later, states
from tests.deals import factories as make
from tests.exports.people import body, csv_rows, posted

pytestmark = pytest.mark.django_db
NONE, OWN, ALL = Level.NONE, Level.OWN, Level.ALL
NAME = "Wanderer"
GONE = "It is not there any more."


@pytest.fixture
def seller() -> Any:
    """Who sees all prospects and customers, of other contacts only their own."""
    return member("seller", contacts=OWN, customers=ALL)


@pytest.fixture
def clerk() -> Any:
    """Who sees all contacts, as long as they are neither prospects nor customers."""
    return member("clerk", contacts=ALL, customers=NONE)


# -- every place where one meets a contact


def places(user: Any, contact: Contact) -> dict[str, bool]:
    """Where ``user`` meets ``contact``, the only one there is to be met, by the name of the place."""
    client = Client()
    client.force_login(user)
    listed, hints = reverse("contacts:list"), reverse("contacts:duplicate_hints", args=["company"])
    counted = client.get("/lists/contact/counts/").content.decode()
    offered = client.get(reverse("contacts:options"), {"q": NAME}).json()["results"]
    explanation = reverse("contacts:explanation", args=[contact.pk])
    address = f'href="{contact.get_absolute_url()}"'
    return {
        "list": address in client.get(listed).content.decode(),
        "tab": 'id="count-all" hx-swap-oob="true">1<' in counted,
        "search": address in client.get(listed, {"q": NAME}).content.decode(),
        "chooser": contact.pk in [one["id"] for one in offered],
        "duplicates": NAME in client.post(hints, {"name": NAME}).content.decode(),
        "card": client.get(contact.get_absolute_url()).status_code == 200,
        "explanation": client.get(explanation, headers={"HX-Request": "true"}).status_code == 200,
        "export": NAME in taken_along(client, user),
    }


def taken_along(client: Client, user: Any) -> str:
    number = Contact.objects.visible_to(user).filter(name=NAME).count()
    sent = posted(format="csv", count=str(number), state=f"q={NAME}")
    answer = client.post(reverse("contacts:export"), sent)
    # A refusal shows the list again, with what was searched for.
    return body(answer).decode() if answer.status_code == 200 else ""


def everywhere(user: Any, contact: Contact, *, seen: bool) -> None:
    found = places(user, contact)
    assert found == dict.fromkeys(found, seen)


# -- what makes a contact a prospect or customer, and what takes that back


def open_deal(contact: Contact) -> None:
    make.deal(contact)


def delete_deal(contact: Contact) -> None:
    Deal.objects.get(primary_contact=contact).delete()


def lose_deal(contact: Contact) -> None:
    make.deal(contact, "lost")


def reopen_deal(contact: Contact) -> None:
    """Of somebody who was set aside: lost, and not to be called a lost prospect."""
    deal = make.deal(contact, "lost")
    select_status(Contact.objects.get(pk=contact.pk), prospect="none")
    assert Contact.objects.get(pk=contact.pk).prospect_status == "none"
    deal.stage = make.default_stages()["in_progress"]
    deal.save()


def lose_and_set_aside(contact: Contact) -> None:
    deal = Deal.objects.get(primary_contact=contact)
    deal.stage = make.default_stages()["lost"]
    deal.save()
    select_status(Contact.objects.get(pk=contact.pk), prospect="none")


def insert_deals(contact: Contact) -> None:
    """Many at once, which sends no signals."""
    stage = make.default_stages()["won"]
    new = [Deal(name=f"Deal {number}", primary_contact=contact, stage=stage) for number in range(2)]
    Deal.objects.bulk_create(new)


def delete_deals(contact: Contact) -> None:
    Deal.objects.filter(primary_contact=contact).delete()


def give_star(contact: Contact) -> None:
    make.deal(make.person("Other"), name="Moved on")
    star(contact)


def take_star(contact: Contact) -> None:
    star(Contact.objects.get(last_name="Other"))


def star(contact: Contact) -> None:
    deal = Deal.objects.get()
    deal.primary_contact = contact
    deal.company = contact if contact.is_organization else None
    deal.save()


def select(value: str) -> Callable[[Contact], None]:
    def step(contact: Contact) -> None:
        select_status(Contact.objects.get(pk=contact.pk), customer=value)

    return step


STEPS = {
    "a deal opened and deleted": (open_deal, delete_deal),
    "a deal lost and deleted": (lose_deal, delete_deal),
    "a deal reopened and lost": (reopen_deal, lose_and_set_aside),
    "many deals at once": (insert_deals, delete_deals),
    "a status selected": (select("past"), select("none")),
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_contact_appears_and_vanishes_with_its_status_wherever_one_meets_it(seller, steps):
    wanderer = make.company(NAME)
    becomes, stops = steps
    everywhere(seller, wanderer, seen=False)
    becomes(wanderer)
    everywhere(seller, wanderer, seen=True)
    stops(wanderer)
    everywhere(seller, wanderer, seen=False)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_for_who_sees_no_customers_it_is_the_other_way_round(clerk, steps):
    wanderer = make.company(NAME)
    becomes, stops = steps
    becomes(wanderer)
    everywhere(clerk, wanderer, seen=False)
    stops(wanderer)
    everywhere(clerk, wanderer, seen=True)


def test_a_star_that_moves_on_takes_its_contact_out_of_sight(seller):
    wanderer = make.company(NAME)
    give_star(wanderer)
    assert Contact.objects.visible_to(seller).filter(name=NAME).exists()
    take_star(wanderer)
    assert not Contact.objects.visible_to(seller).filter(name=NAME).exists()
    assert list(Contact.objects.visible_to(seller)) == [Contact.objects.get(last_name="Other")]


def test_it_vanishes_within_the_transaction_and_is_back_when_that_is_taken_back(seller):
    wanderer = make.company(NAME)
    open_deal(wanderer)
    with transaction.atomic():
        delete_deal(wanderer)
        everywhere(seller, wanderer, seen=False)
        transaction.set_rollback(True)
    everywhere(seller, wanderer, seen=True)


def test_employees_come_and_go_with_the_company_that_deals_are_with(seller):
    """Whoever works for a company counts for its deals, and is seen or not with what that makes of them."""
    firm = make.company("Firm")
    star = make.person("Star", company=firm)
    make.person("Beside", company=firm)
    deal = make.deal(star)
    assert names_seen_by(seller) == {"Firm", "Star"}
    deal.links.create(contact=Contact.objects.get(last_name="Beside"))
    assert names_seen_by(seller) == {"Firm", "Star", "Beside"}
    deal.delete()
    assert names_seen_by(seller) == set()


def names_seen_by(user: Any) -> set[str]:
    return set(Contact.objects.visible_to(user).values_list("name", flat=True))


# -- what runs in the background meanwhile


@pytest.fixture
def slow_export(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> Callable[..., BulkRun]:
    """Takes what a user sees along in chunks of one row; something happens after the first."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setitem(actions._actions, "contact.export", ExportContacts())
    nobody = SimpleNamespace(enqueue=lambda pk: None)
    monkeypatch.setattr("crm.bulk.services.work_off_run", nobody)

    def begun(user: Any, happens: Callable[[], Any]) -> BulkRun:
        rows = Contact.objects.visible_to(user).order_by("name", "pk")
        run = exports.start_export(
            exports_of("contact"),
            exports.Wanted(format_of("csv"), ["name"], "All"),
            user=user,
            selection=rows,
            count=rows.count(),
            sentence="everything",
            token=f"vanishing-{user.pk}",
        )
        with chunks_of("contact.export", 1), after_chunk(1, happens):
            work.work_off(run.pk)
        run.refresh_from_db()
        return run

    return begun


def exported(run: BulkRun) -> list[str]:
    rows = csv_rows(run.file.read())
    return [row[rows[0].index("Name")] for row in rows[1:]]


def three_companies(*, buying: bool) -> list[Contact]:
    found = [make.company(f"{letter} {NAME}") for letter in "ABC"]
    for one in found:
        if buying:
            open_deal(one)
    return found


def test_a_running_export_leaves_out_who_is_no_prospect_any_more(seller, slow_export):
    _a, b, _c = three_companies(buying=True)
    run = slow_export(seller, lambda: delete_deal(b))
    assert (run.state, run.total, run.done, run.refused) == ("done", 3, 2, 1)
    assert exported(run) == [f"A {NAME}", f"C {NAME}"]


def test_a_running_export_leaves_out_who_became_one_for_who_sees_none(clerk, slow_export):
    _a, _b, c = three_companies(buying=False)
    run = slow_export(clerk, lambda: open_deal(c))
    assert exported(run) == [f"A {NAME}", f"B {NAME}"]


def test_a_running_export_has_who_is_back_by_the_time_it_comes_to_them(seller, slow_export):
    _a, b, _c = three_companies(buying=True)

    def gone_and_back() -> None:
        delete_deal(b)
        open_deal(b)

    assert exported(slow_export(seller, gone_and_back)) == [f"{one} {NAME}" for one in "ABC"]


def set_city(user: Any, happens: Callable[[], Any]) -> BulkRun:
    rows = Contact.objects.visible_to(user).order_by("name", "pk")
    run = start_later("contact.set", user, {"values": {"city": "Ulm"}}, rows)
    with chunks_of("contact.set", 1), after_chunk(1, happens):
        work.work_off(run.pk)
    run.refresh_from_db()
    return run


def cities() -> dict[str, str]:
    return dict(Contact.objects.values_list("name", "city"))


def test_a_running_action_leaves_alone_who_is_no_prospect_any_more(seller):
    a, b, c = three_companies(buying=True)
    run = set_city(seller, lambda: delete_deal(b))
    assert states(run) == ["done", "refused", "done"]
    assert refusals(run) == {b.name: GONE}
    assert cities() == {a.name: "Ulm", b.name: "", c.name: "Ulm"}


def test_a_running_action_leaves_alone_who_became_one_for_who_sees_none(clerk):
    a, b, c = three_companies(buying=False)
    run = set_city(clerk, lambda: open_deal(c))
    assert refusals(run) == {c.name: GONE}
    assert cities() == {a.name: "Ulm", b.name: "Ulm", c.name: ""}


def test_a_running_action_changes_nobody_that_its_user_may_only_see_by_now():
    clerk = member("clerk", contacts=ALL, customers=(ALL, OWN))
    a, b, c = three_companies(buying=False)
    run = set_city(clerk, lambda: open_deal(b))
    assert refusals(run) == {b.name: "You may not change it."}
    assert cities() == {a.name: "Ulm", b.name: "", c.name: "Ulm"}
