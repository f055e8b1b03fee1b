"""Tags and custom fields on the cards of contacts and deals, and what is told of them there."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models.labels import ContactChange
from contacts.querysets import ContactQuerySet
from deals.models import DealContact
from deals.querysets import DealQuerySet
from settings.models import Account, CustomField, Tag
from settings.services import change_tags, delete_label, set_values
from tests.deals import factories as make
from tests.forms import send
from tests.labels.people import customer, field, fields_of_every_type, option, tag

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user("ann", first_name="Ann", language="en")
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def card(client: Client, record: Any) -> str:
    answer = client.get(record.get_absolute_url())
    assert answer.status_code == 200
    return text(answer)


def labels(shown: str) -> str:
    """The part of a card with tags and fields."""
    found = re.search(r'<section class="card" id="labels".*?</section>', shown)
    return found[0] if found else ""


def tags_page(record: Any) -> str:
    kind = "deals" if hasattr(record, "stage_id") else "contacts"
    return reverse(f"{kind}:tags", args=[record.pk])


@pytest.fixture(params=["person", "company", "deal"])
def record(request: pytest.FixtureRequest) -> Any:
    ada = make.person("Ada")
    return {"person": ada, "company": make.company("Acme"), "deal": make.deal(ada)}[request.param]


def kind_of(record: Any) -> str:
    return "deal" if hasattr(record, "stage_id") else "contact"


# -- what is shown


def test_every_type_is_shown_with_where_it_leads(client: Client, ann: Any, record: Any) -> None:
    kind = kind_of(record)
    made = fields_of_every_type("deals" if kind == "deal" else "contacts")
    bob = make.person("Bob")
    red, _green, blue = made["choices"].options.all()
    stored = {
        "text": "North", "long_text": "One\ntwo", "whole": 1200, "number": "1.5", "money": 99,
        "yes_no": False, "date": "2026-11-23", "moment": timezone.now(), "email": "a@example.org",
        "phone": "+49 (30) 1", "url": "https://example.org/x", "address": "Main St\n\nUlm\n\n",
        "choice": made["choice"].options.first().pk, "choices": [red.pk, blue.pk],
        "user": ann.pk, "contact": bob.pk,
    }  # fmt: skip
    set_values(kind, {record.pk: {made[name].pk: value for name, value in stored.items()}})
    shown = labels(card(client, record))
    for words in (
        "North", "One<br>two", "1,200", "1.5", "99 EUR", ">no<", "11/23/2026", "Red, Blue",
        'href="mailto:a@example.org"', 'href="tel:+49301"', 'href="https://example.org/x"',
        "Main St<br>Ulm", f'href="{bob.get_absolute_url()}"', ">Ann<",
    ):  # fmt: skip
        assert words in shown, words
    assert "without a value" not in shown


def test_fields_without_a_value_are_folded_away(client: Client, ann: Any, record: Any) -> None:
    category = "deals" if kind_of(record) == "deal" else "contacts"
    field("Region", category=category)
    shown = labels(card(client, record))
    assert "1 field without a value" in shown
    assert "Region" in shown


def test_a_tag_leads_to_the_list_of_those_who_carry_it(
    client: Client, ann: Any, record: Any
) -> None:
    kind = kind_of(record)
    vip = tag("VIP", "deals" if kind == "deal" else "contacts", color="red")
    other = (
        make.deal(make.person("Other"), name="Other") if kind == "deal" else make.person("Other")
    )
    change_tags(kind, [record.pk], on=[vip.pk])
    shown = labels(card(client, record))
    href = re.search(r'<a class="tag tag-red" href="([^"]+)"[^>]*>VIP</a>', shown)
    assert href
    listed = text(client.get(href[1]))
    assert record.name in listed
    assert f">{other.name}</a>" not in listed


def test_both_categories_are_named_while_the_contact_is_in_both(client: Client, ann: Any) -> None:
    ada, sold = customer()
    field("Region"), field("Budget", category="customers")
    shown = labels(card(client, ada))
    assert "<h3>Contacts</h3>" in shown
    assert "<h3>Prospects &amp; Customers</h3>" in shown
    sold.delete()
    shown = labels(card(client, ada))
    assert "<h3>Contacts</h3>" in shown
    assert "Prospects &amp; Customers" not in shown
    assert "Budget" not in shown


def test_a_contact_that_one_may_not_see_is_not_named(
    client: Client, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = field("Partner", "contact")
    ada, secret = make.person("Ada"), make.person("Secret")
    set_values("contact", {ada.pk: {made.pk: secret.pk}})
    assert "Secret" in labels(card(client, ada))
    monkeypatch.setattr(
        ContactQuerySet, "visible_to", lambda self, user: self.exclude(last_name="Secret")
    )
    shown = card(client, ada)
    assert secret.get_absolute_url() not in shown
    # It is not to be changed blindly either.
    page = reverse("contacts:edit", args=[ada.pk])
    assert made.form_name not in client.get(page).content.decode()
    send(client, page, having="version", title="CTO")
    assert ada.field_values.get().record_id == secret.pk


HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='x'>",
    "{{ 7*7 }}{% now 'Y' %}",
    "=1+1|cmd",
    "\u202etxt.exe\u2066",
    "Ω≈ç√∫˜µ≤≥÷",
    "x" * 80,
]


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_names_and_values_are_shown_as_they_are(
    client: Client, ann: Any, record: Any, evil: str
) -> None:
    kind = kind_of(record)
    category = "deals" if kind == "deal" else "contacts"
    made, choice = field(evil, category=category), field("Choice", "choice", category)
    chosen, marked = option(choice, evil), tag(evil, category)
    set_values(kind, {record.pk: {made.pk: evil, choice.pk: chosen.pk}})
    change_tags(kind, [record.pk], on=[marked.pk])
    shown = client.get(record.get_absolute_url()).content.decode()
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    from django.utils.html import escape

    assert shown.count(str(escape(evil))) >= 5


def test_ten_thousand_signs_are_folded_and_whole(client: Client, ann: Any, record: Any) -> None:
    kind = kind_of(record)
    made = field("Notes", "long_text", "deals" if kind == "deal" else "contacts")
    set_values(kind, {record.pk: {made.pk: "ß" * 10_000}})
    shown = labels(card(client, record))
    assert "ß" * 10_000 in shown
    assert shown.count("<summary>ßßß") == 1


# -- tags on the card


def test_a_tag_is_put_on_and_taken_off_on_the_card(client: Client, ann: Any, record: Any) -> None:
    category = "deals" if kind_of(record) == "deal" else "contacts"
    vip = tag("VIP", category)
    page = record.get_absolute_url()
    answer = send(client, page, to=tags_page(record), having="name", name=" vip ")
    assert answer.status_code == 302
    assert answer["Location"] == f"{page}#labels"
    shown = card(client, record)
    assert "carries “VIP”." in shown
    assert "Take off “VIP”" in labels(shown)
    answer = send(client, page, to=tags_page(record), off=vip.pk)
    assert answer.status_code == 302
    assert "Take off" not in labels(card(client, record))
    assert not Tag.objects.exclude(pk=vip.pk).exists()


def test_a_new_tag_is_made_on_the_card_by_those_who_may(
    client: Client, ann: Any, record: Any
) -> None:
    page = record.get_absolute_url()
    send(client, page, to=tags_page(record), having="name", name="Fair")
    made = Tag.objects.get(name="Fair")
    assert made.created_by == ann
    assert "Fair" in labels(card(client, record))
    Account.objects.create(tags_made_by="admins")
    tag("Other", made.category)
    sent = {"category": made.category, "name": "<b>Press"}
    refused = client.post(tags_page(record), sent)
    assert "There is no tag “&lt;b&gt;Press”" in text(refused)
    assert 'value="&lt;b&gt;Press"' in text(refused)
    assert not Tag.objects.filter(name__contains="Press").exists()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": ""}, "Type the name of a tag."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "VIP", "category": "nothing"}, "There are no such tags."),
        ({"name": "VIP", "category": ""}, "required"),
    ],
)
def test_what_is_no_tag_is_refused_on_the_card(
    client: Client, ann: Any, record: Any, sent: dict[str, str], said: str
) -> None:
    category = "deals" if kind_of(record) == "deal" else "contacts"
    tag("VIP", category)
    data = {"category": category, **sent}
    assert said in text(client.post(tags_page(record), data))
    fragment = client.post(tags_page(record), data, headers=HTMX)
    assert fragment.status_code == 422
    assert said in text(fragment)
    assert 'id="labels"' in text(fragment)


def test_htmx_gets_tags_and_history_anew(client: Client, ann: Any, record: Any) -> None:
    category = "deals" if kind_of(record) == "deal" else "contacts"
    vip = tag("VIP", category)
    answer = client.post(tags_page(record), {"category": category, "name": "VIP"}, headers=HTMX)
    shown = text(answer)
    assert answer.status_code == 200
    assert "Take off “VIP”" in shown
    assert 'id="history" aria-labelledby="history-title" hx-swap-oob="true"' in shown
    assert "Tag added" in shown
    assert f"{record.name} carries “VIP”." in shown
    assert "<html" not in shown
    delete_label(vip)
    gone = client.post(tags_page(record), {"category": category, "off": vip.pk}, headers=HTMX)
    assert "This tag is gone." in text(gone)


def test_a_tag_of_customers_is_not_put_on_anybody_else(client: Client, ann: Any) -> None:
    ada, sold = customer()
    loyal = tag("Loyal", "customers")
    sent = {"category": "customers", "name": "Loyal"}
    assert client.post(tags_page(ada), sent).status_code == 302
    sold.delete()
    for data in (sent, {"category": "customers", "off": loyal.pk}, {**sent, "name": "New"}):
        refused = client.post(tags_page(ada), data)
        assert "neither prospect nor customer" in text(refused)
    assert ada.tag_links.count() == 1
    assert not Tag.objects.filter(name="New").exists()
    sale = make.deal(make.person())
    assert "There are no such tags." in text(client.post(tags_page(sale), sent))


def test_tags_of_a_record_that_one_may_not_see_are_not_found(
    client: Client, ann: Any, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContactQuerySet, "_reached_by", lambda self, user, act: self.none())
    monkeypatch.setattr(DealQuerySet, "_reached_by", lambda self, user, act: self.none())
    sent = {"category": "contacts", "name": "x"}
    assert client.post(tags_page(record), sent).status_code == 404
    assert client.get(tags_page(record)).status_code == 405
    client.logout()
    assert client.post(tags_page(record), sent).status_code == 302
    assert not Tag.objects.exists()


# -- history


def test_history_tells_who_changed_what_from_what_to_what(
    client: Client, ann: Any, record: Any
) -> None:
    kind = kind_of(record)
    category = "deals" if kind == "deal" else "contacts"
    day, sure = field("Day", "date", category), field("Sure", "yes_no", category)
    vip = tag("VIP", category)
    page = reverse("deals:edit" if kind == "deal" else "contacts:edit", args=[record.pk])
    send(client, page, having="version", tags=[vip.pk],
         **{day.form_name: "2026-11-23", sure.form_name: "no"})  # fmt: skip
    send(client, page, having="version", tags=[""], **{day.form_name: "2026-11-24"})
    shown = card(client, record)
    history = shown[shown.index('id="history"') :]
    assert 'Tag added: <strong dir="auto">VIP</strong>' in history
    assert 'Tag taken off: <strong dir="auto">VIP</strong>' in history
    assert re.search(r"11/23/2026</span>.{1,200}11/24/2026</strong>", history)
    assert re.search(r">–</span>.{1,200}>no</strong>", history)
    assert history.count("· Ann") >= 5


def test_histories_of_statuses_and_fields_are_one(client: Client, ann: Any) -> None:
    ada = make.person("Ada")
    made = field("Region")
    make.deal(ada)
    set_values("contact", {ada.pk: {made.pk: "North"}})
    make.deal(ada, "won")
    shown = card(client, ada)
    history = shown[shown.index('id="history"') :]
    places = [history.index(words) for words in ("Current Customer", "North", "Current Prospect")]
    assert places == sorted(places)


def test_pages_of_the_history_hold_each_change_once(client: Client, ann: Any) -> None:
    ada = make.person("Ada")
    made = field("Number", "whole")
    begin = timezone.now() - timedelta(days=1)
    for number in range(25):
        set_values("contact", {ada.pk: {made.pk: number}})
        if number % 5 == 0:
            make.deal(ada, "won").delete()
    for number, change in enumerate(ContactChange.objects.order_by("pk")):
        # Several at one moment.
        when = begin + timedelta(minutes=number // 3)
        ContactChange.objects.filter(pk=change.pk).update(recorded_at=when)
    seen: list[str] = []
    for page in (1, 2, 99):
        rows = client.get(ada.get_absolute_url(), {"history": page}).context["card"].history
        if page == 99:
            assert rows.number == rows.paginator.num_pages
            continue
        assert len(rows.object_list) == {1: 20, 2: 15}[page]
        seen += [f"{type(row).__name__}{getattr(row, 'label', None) or row.change}" for row in rows]
    assert len(seen) == 35
    values = [int(one.rsplit("> ", 1)[1]) for one in seen if one.startswith("LabelRow")]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
    assert client.get(ada.get_absolute_url(), {"history": "x", "deals": "-1"}).status_code == 200


def test_history_of_the_category_is_unseen_with_it(client: Client, ann: Any) -> None:
    ada, sold = customer()
    made, loyal = field("Budget", category="customers"), tag("Loyal", "customers")
    set_values("contact", {ada.pk: {made.pk: "Big"}})
    change_tags("contact", [ada.pk], on=[loyal.pk])
    assert "Loyal" in card(client, ada)
    sold.delete()
    assert "Loyal" not in card(client, ada)
    assert "Big" not in card(client, ada)
    make.deal(ada)
    assert "Loyal" in card(client, ada)


def test_history_outlives_the_field(client: Client, ann: Any) -> None:
    ada, made = make.person("Ada"), field("Price", "money")
    set_values("contact", {ada.pk: {made.pk: 5}})
    delete_label(made)
    history = card(client, ada).split('id="history"')[1]
    assert "Price" in history
    assert "5.00" in history


# -- what it costs


def crowded(many: int) -> dict[str, Any]:
    """A company, a person and a deal that carry ``many`` of everything, with deals and employees."""
    user = get_user_model().objects.first()
    acme = make.company()
    make.company(parent_company=acme)
    bob = make.person(company=acme)
    for _each in range(many):
        employee = make.person(company=acme)
        make.deal(employee, "won")
        elsewhere = make.deal(make.person(company=make.company()))
        for one in (acme, bob):
            DealContact.objects.create(deal=elsewhere, contact=one)
        make.deal(bob)
    sale = make.deal(bob)
    bob.refresh_from_db()
    for category, kind, records in (
        ("contacts", "contact", (acme, bob)),
        ("customers", "contact", (acme, bob)),
        ("deals", "deal", (sale,)),
    ):
        tags, values = [], {}
        for number in range(many):
            tags.append(tag(f"{category} {many} {number}", category).pk)
            for type_, value in (
                ("text", "x"),
                ("money", 5),
                ("user", user.pk),
                ("contact", acme.pk),
            ):
                values[field(f"{type_} {category} {many} {number}", type_, category).pk] = value
            choice = field(f"choice {category} {many} {number}", "choice", category)
            values[choice.pk] = option(choice, "Red").pk
            field(f"empty {category} {many} {number}", "text", category)
        for carrier in records:
            change_tags(kind, [carrier.pk], on=tags)
            set_values(kind, {carrier.pk: values})
    return {"company": acme, "person": bob, "deal": sale}


def test_a_card_costs_the_same_for_two_and_for_forty(client: Client, ann: Any) -> None:
    def cost(found: dict[str, Any]) -> dict[str, int]:
        costs = {}
        for name, one in found.items():
            client.get(one.get_absolute_url())
            with CaptureQueriesContext(connection) as queries:
                client.get(one.get_absolute_url())
            costs[name] = len(queries)
        return costs

    few = cost(crowded(2))
    CustomField.objects.all().delete()
    Tag.objects.all().delete()
    many = cost(crowded(25))
    assert few == many
    # Two of them tell of mail.
    assert max(many.values()) <= 22, many
