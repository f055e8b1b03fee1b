"""Tags and custom fields of many records: through the pages that ask, and what the runs leave behind."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact, ContactChange
from contacts.models.labels import HOLDER
from crm.bulk import services
from crm.bulk.models import BulkRun
from crm.bulk.work import work_off
from crm.lists.registry import registry_of
from deals.models import Deal
from deals.models.labels import HOLDER as DEALS
from deals.models.labels import RequiredAt
from deals.services import select_status
from settings.bulk_actions import plain
from settings.categories import Category, FieldType
from settings.models import Account, CustomField, Option, Tag
from settings.services import (
    change_tags,
    delete_label,
    merge_labels,
    set_values,
    tags_of,
    values_of,
)
from tests.bulk.runs import after_chunk, chunks_of, refusals, start, start_later, states, user
from tests.bulk.test_pages import Acting, everything, shown, ticked
from tests.deals.factories import company, deal, default_stages, person
from tests.labels.worlds import made_field, made_tag
from tests.site.admin_pages import admin_pages, administrator  # noqa: F401

pytestmark = pytest.mark.django_db
CATEGORIES = [Category.CONTACTS, Category.CUSTOMERS]


@pytest.fixture
def ann():
    return user("ann")


@pytest.fixture
def web(ann) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def customer(name: str, **more: Any) -> Contact:
    contact = person(name, **more)
    select_status(contact, customer="current")
    return contact


def carried(*contacts: Any, holder: Any = HOLDER) -> list[list[str]]:
    """The names of the tags of each, unseen ones included."""
    categories = CATEGORIES if holder is HOLDER else [Category.DEALS]
    found = tags_of(holder, [one.pk for one in contacts], categories, unseen=True)
    return [sorted(tag.name for tag in found.get(one.pk, ())) for one in contacts]


def valued(field: CustomField, *records: Any, holder: Any = HOLDER) -> list[Any]:
    found = values_of(holder, [one.pk for one in records], [field], unseen=True)
    return [found.get(one.pk, {}).get(field.pk) for one in records]


def undone(run: BulkRun, by: Any) -> BulkRun:
    return services.undo(run, user=by)


# -- tags, through the pages


def test_tags_are_added_and_taken_off_after_asking_and_undo_gives_each_its_own_back(web) -> None:
    vip, old = made_tag("VIP"), made_tag("Old")
    one, two, three = person("One"), person("Two"), person("Three")
    change_tags("contact", [one.pk], on=[vip.pk, old.pk])
    change_tags("contact", [two.pk], on=[old.pk])
    acting = everything(web, "contact.tags", count="3")
    page = shown(acting.ask())
    assert "Change the tags of 3 contacts" in page
    assert carried(one, two, three) == [["Old", "VIP"], ["Old"], []]
    answer = acting.confirm(on_contacts=[vip.pk], off_contacts=[old.pk])
    assert answer.status_code == 302
    assert carried(one, two, three) == [["VIP"]] * 3
    page = shown(web.get(answer.url))
    assert "Tags of 3 contacts changed" in page
    web.post(reverse("bulk:turn", args=[BulkRun.objects.get().pk, "undo"]), {"next": "/contacts/"})
    assert carried(one, two, three) == [["Old", "VIP"], ["Old"], []]


def test_tags_are_among_the_first_actions_of_both_lists(web) -> None:
    person("One")
    deal(person("Two"))
    for record in ("contact", "deal"):
        page = shown(web.get(reverse(registry_of(record).list_view)))
        first = page.index('class="selection-acts"')
        acts = page[first : page.index("<details", first)]
        assert f'value="{record}.tags"' in acts


def test_the_page_says_who_is_left_out_of_prospects_and_customers(web) -> None:
    made_tag("Hot", "customers")
    customer("In")
    person("Out"), person("Away")
    page = shown(everything(web, "contact.tags", count="3").ask())
    assert "2 are neither prospects nor customers: they are left out" in page
    Contact.objects.exclude(name="In").delete()
    assert "What will be left out" not in shown(everything(web, "contact.tags", count="1").ask())


def test_row_outside_of_the_category_is_refused_and_keeps_what_it_carries_unseen(ann) -> None:
    hot = made_tag("Hot", "customers")
    inside, outside = customer("In"), customer("Out")
    change_tags("contact", [outside.pk], on=[hot.pk])
    select_status(outside, customer="none")
    run = start("contact.tags", ann, {"on": [hot.pk], "off": [], "new": {}})
    assert refusals(run) == {
        "Out": "“Hot” is for prospects and customers, and Out is neither.",
    }
    assert carried(inside) == [["Hot"]]
    run = start("contact.tags", ann, {"on": [], "off": [hot.pk], "new": {}})
    assert states(run) == ["done", "refused"]
    assert carried(inside, outside) == [[], ["Hot"]]


def test_category_is_checked_again_when_the_run_is_worked_off(ann) -> None:
    hot = made_tag("Hot", "customers")
    leaving = customer("Leaving")
    run = start_later("contact.tags", ann, {"on": [hot.pk], "off": [], "new": {}})
    select_status(leaving, customer="none")
    work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, states(run)) == ("done", ["refused"])
    assert carried(leaving) == [[]]


def test_row_that_has_them_already_is_unchanged_and_not_touched(ann) -> None:
    vip = made_tag("VIP")
    contact = person("One")
    change_tags("contact", [contact.pk], on=[vip.pk])
    before = Contact.objects.get().updated_at
    run = start("contact.tags", ann, {"on": [vip.pk], "off": [], "new": {}})
    assert states(run) == ["unchanged"]
    assert Contact.objects.get().updated_at == before


def test_history_says_who_put_the_tag_on_and_took_it_off_again(ann) -> None:
    vip = made_tag("VIP")
    person("One")
    undone(start("contact.tags", ann, {"on": [vip.pk], "off": [], "new": {}}), ann)
    rows = ContactChange.objects.order_by("pk").values_list("kind", "label", "actor__username")
    assert list(rows) == [("tag_on", "VIP", "ann"), ("tag_off", "VIP", "ann")]


def test_one_tag_cannot_be_added_and_taken_off(web) -> None:
    vip = made_tag("VIP")
    person("One")
    answer = everything(web, "contact.tags", count="1").confirm(
        on_contacts=[vip.pk], off_contacts=[vip.pk]
    )
    assert answer.status_code == 422
    assert "“VIP” is to be added and taken off" in shown(answer)
    assert not BulkRun.objects.exists()


def test_nothing_chosen_is_refused(web) -> None:
    made_tag("VIP"), made_field("Budget", "money")
    person("One")
    answer = everything(web, "contact.tags", count="1").confirm()
    assert (answer.status_code, "Choose a tag" in shown(answer)) == (422, True)
    answer = everything(web, "contact.values", count="1").confirm()
    assert (answer.status_code, "Give at least one field a value" in shown(answer)) == (422, True)


# -- new tags


def test_new_tag_is_made_once_and_known_names_are_found(web) -> None:
    made_tag("VIP")
    one, two = customer("One"), customer("Two")
    acting = everything(web, "contact.tags", count="2")
    answer = acting.confirm(
        on_contacts_new=" vip , Fresh , fresh", on_customers_new="Fresh", on_contacts=[""]
    )
    assert answer.status_code == 302
    assert carried(one, two) == [["Fresh", "Fresh", "VIP"]] * 2
    made = Tag.objects.live().order_by("category", "name").values_list("category", "name")
    assert list(made) == [("contacts", "Fresh"), ("contacts", "VIP"), ("customers", "Fresh")]
    assert Tag.objects.get(category="customers").created_by.username == "ann"


def test_who_may_make_no_tags_is_offered_none_and_refused(web, ann) -> None:
    Account(tags_made_by="admins").save()
    made_tag("VIP")
    person("One")
    acting = everything(web, "contact.tags", count="1")
    assert "on_contacts_new" not in shown(acting.ask())
    answer = acting.confirm(on_contacts_new="Fresh")
    assert answer.status_code == 422
    assert "Administrators make tags" in shown(answer)
    with pytest.raises(ValidationError, match="Administrators make tags"):
        start("contact.tags", ann, {"on": [], "off": [], "new": {"contacts": ["Fresh"]}})
    assert not Tag.objects.filter(name="Fresh").exists()


def test_who_may_make_no_tags_any_more_makes_none_when_the_run_comes_to_it(ann) -> None:
    person("One")
    run = start_later("contact.tags", ann, {"on": [], "off": [], "new": {"contacts": ["Fresh"]}})
    Account(tags_made_by="admins").save()
    work_off(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "Administrators make tags" in run.problem
    assert not Tag.objects.exists()


def test_removed_in_mid_run_a_new_tag_is_not_made_again(ann) -> None:
    for number in range(3):
        person(f"P{number}")
    with chunks_of("contact.tags", 2):
        run = start_later("contact.tags", ann, {"on": [], "off": [], "new": {"contacts": ["New"]}})

        with after_chunk(1, lambda: delete_label(Tag.objects.live().get())):
            work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at, run.problem) == ("failed", 2, "This tag is gone.")
    assert not Tag.objects.live().filter(category="contacts").exists()


# -- undoing tags


def test_undo_refuses_what_somebody_edited_since_and_leaves_other_tags_alone(ann) -> None:
    vip, old, own = made_tag("VIP"), made_tag("Old"), made_tag("Own")
    one, two, three = person("One"), person("Two"), person("Three")
    change_tags("contact", [one.pk, two.pk, three.pk], on=[old.pk])
    run = start("contact.tags", ann, {"on": [vip.pk], "off": [old.pk], "new": {}})
    change_tags("contact", [one.pk], on=[own.pk])
    change_tags("contact", [two.pk], off=[vip.pk])
    change_tags("contact", [three.pk], on=[old.pk], off=[vip.pk])
    undo = undone(run, ann)
    assert states(undo) == ["done", "refused", "unchanged"]
    assert refusals(undo) == {"Two": "It was edited since, and stays as it is."}
    assert carried(one, two, three) == [["Old", "Own"], [], ["Old"]]


def test_undoing_an_undo_does_it_again(ann) -> None:
    vip, old = made_tag("VIP"), made_tag("Old")
    one, two = person("One"), person("Two")
    change_tags("contact", [one.pk], on=[old.pk])
    run = start("contact.tags", ann, {"on": [vip.pk], "off": [old.pk], "new": {}})
    assert states(undone(undone(run, ann), ann)) == ["done", "done"]
    assert carried(one, two) == [["VIP"], ["VIP"]]


def test_undo_names_tags_that_were_removed_or_merged_since(ann) -> None:
    vip, old, other = made_tag("VIP"), made_tag("Old"), made_tag("Other")
    one, two, three = person("One"), person("Two"), person("Three")
    change_tags("contact", [one.pk, two.pk], on=[old.pk])
    change_tags("contact", [two.pk, three.pk], on=[vip.pk])
    run = start("contact.tags", ann, {"on": [vip.pk], "off": [old.pk], "new": {}})
    assert states(run) == ["done", "done", "unchanged"]
    delete_label(old)
    assert refusals(undone(run, ann)) == {
        "One": "“Old” was removed since.", "Two": "“Old” was removed since.",
    }  # fmt: skip
    assert carried(one, two, three) == [["VIP"]] * 3
    again = start("contact.tags", ann, {"on": [other.pk], "off": [], "new": {}})
    merge_labels(other, vip)
    assert set(refusals(undone(again, ann)).values()) == {"“Other” went into “VIP” since."}


def test_undo_leaves_alone_who_left_the_category(ann) -> None:
    hot, vip = made_tag("Hot", "customers"), made_tag("VIP")
    stays, leaves = customer("Stays"), customer("Leaves")
    run = start("contact.tags", ann, {"on": [hot.pk, vip.pk], "off": [], "new": {}})
    select_status(leaves, customer="none")
    undo = undone(run, ann)
    assert refusals(undo) == {
        "Leaves": "“Hot” is for prospects and customers, and Leaves is neither.",
    }
    assert carried(stays, leaves) == [[], ["Hot", "VIP"]]


def test_tags_of_deals(web) -> None:
    big = made_tag("Big", "deals")
    one = deal(person("One"))
    assert Acting(web, "deal", "deal.tags", scope="all", count="1").confirm(
        on_deals=[big.pk]
    ).status_code == 302  # fmt: skip
    assert carried(one, holder=DEALS) == [["Big"]]
    with pytest.raises(ValidationError, match="This tag is gone"):
        start("contact.tags", user(), {"on": [big.pk], "off": [], "new": {}})


# -- in the admin


def test_admin_asks_with_the_same_form_and_starts_the_same_run(admin_pages, administrator) -> None:
    vip, note = made_tag("VIP"), made_field("Note")
    one, two = person("One"), person("Two")
    answer = admin_pages.act("contact_tags", one, two, select_across="0")
    assert "Change the tags of 2 contacts" in shown(answer)
    sent = {"confirmed": "1", "expected": "2", "select_across": "0"}
    admin_pages.act("contact_tags", one, two, **sent, token="t", on_contacts=[vip.pk])
    field = {f"field{note.pk}": "x"}
    answer = admin_pages.act("contact_values", one, two, **sent, token="u", **field)
    assert "Note of 2 contacts set" in shown(answer)
    assert carried(one, two) == [["VIP"], ["VIP"]]
    assert valued(note, one, two) == ["x", "x"]
    for run in BulkRun.objects.order_by("-pk"):
        undone(run, administrator)
    assert carried(one, two) == [[], []]
    assert valued(note, one, two) == [None, None]


# -- custom fields

VALUES: dict[str, Any] = {
    FieldType.TEXT: ("=1+1; ‮", "text"),
    FieldType.LONG_TEXT: ("x" * 10_000, "a\nb\x01c"),
    FieldType.WHOLE: (7, -3),
    FieldType.NUMBER: (Decimal("1.2500"), Decimal("3.1000")),
    FieldType.MONEY: (Decimal("12.50"), Decimal("0.00")),
    FieldType.YES_NO: (False, True),
    FieldType.DATE: (date(2026, 1, 31), date(1900, 2, 28)),
    FieldType.MOMENT: (
        datetime(2026, 1, 31, 23, 5, 7, 654321, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC),
    ),
    FieldType.EMAIL: ("a@example.org", "b@example.org"),
    FieldType.PHONE: ("+49 30 1", "007"),
    FieldType.URL: ("https://example.org/;", "https://example.org"),
    FieldType.ADDRESS: ("\n12345\nUlm; =1\n\n", "Way 1\n\n\n\nFrance"),
}  # fmt: skip


@pytest.mark.parametrize("type", [*FieldType])
def test_undo_restores_a_value_of_every_type_exactly(type: str, ann) -> None:
    old, new = VALUES.get(type, (None, None))
    field = made_field("Field", type, options=["a;b", "c", "d"] if "choice" in type else ())
    one, two, three = person("One"), person("Two"), person("Three")
    if type == FieldType.CHOICE:
        old, new = (option.pk for option in Option.objects.order_by("pk")[:2])
    elif type == FieldType.CHOICES:
        pks = sorted(Option.objects.values_list("pk", flat=True))
        old, new = tuple(pks[:2]), tuple(pks[1:])
    elif type == FieldType.USER:
        old, new = user().pk, ann.pk
    elif type == FieldType.CONTACT:
        old, new = two.pk, three.pk
    set_values("contact", {one.pk: {field.pk: old}, two.pk: {field.pk: new}})
    run = start("contact.values", ann, {"values": {str(field.pk): plain(new)}})
    assert states(run) == ["done", "unchanged", "done"]
    assert valued(field, one, two, three) == [new] * 3
    undo = undone(run, ann)
    assert states(undo) == ["done", "done"]
    assert valued(field, one, two, three) == [old, new, None]
    assert states(undone(undo, ann)) == ["done", "done"]
    cleared = start("contact.values", ann, {"values": {str(field.pk): None}})
    assert valued(field, one, two, three) == [None] * 3
    assert states(undone(cleared, ann)) == ["done"] * 3
    assert valued(field, one, two, three) == [new] * 3


def test_fields_are_set_and_cleared_through_the_page(web, ann) -> None:
    budget, note = made_field("Budget", "money"), made_field("Note")
    level = made_field("Level", "choice", "customers", options=["Gold", "Silver"])
    one, two = customer("One"), customer("Two")
    set_values("contact", {one.pk: {note.pk: "before"}, two.pk: {budget.pk: 3}})
    gold = Option.objects.get(name="Gold")
    acting = everything(web, "contact.values", count="2")
    assert "Set custom fields of 2 contacts" in shown(acting.ask())
    answer = acting.confirm(**{
        f"field{budget.pk}": "12.50", f"clear_field{note.pk}": "on", f"field{level.pk}": str(gold.pk),
    })  # fmt: skip
    assert answer.status_code == 302
    assert valued(budget, one, two) == [Decimal("12.50")] * 2
    assert valued(note, one, two) == [None, None]
    assert valued(level, one, two) == [gold.pk] * 2
    assert "Budget, Note, Level of 2 contacts set" in shown(web.get(answer.url))
    run = BulkRun.objects.get()
    assert "Budget: 12.50\N{NO-BREAK SPACE}EUR, Note: empty, Level: Gold" in shown(
        web.get(run.get_absolute_url())
    )
    undone(run, ann)
    assert valued(budget, one, two) == [None, Decimal("3.00")]
    assert valued(note, one, two) == ["before", None]


def test_form_refuses_what_a_field_cannot_have(web) -> None:
    budget, site = made_field("Budget", "money"), made_field("Site", "url")
    person("One")
    acting = everything(web, "contact.values", count="1")
    answer = acting.confirm(**{f"field{budget.pk}": "much", f"field{site.pk}": "javascript:x()"})
    assert answer.status_code == 422
    assert "“much” is no number." in shown(answer)
    assert "is no web address" in shown(answer)
    answer = acting.confirm(**{f"field{budget.pk}": "5", f"clear_field{budget.pk}": "on"})
    assert "Give it a value or clear it, not both." in shown(answer)
    assert not BulkRun.objects.exists()


def test_required_field_cannot_be_cleared(web, ann) -> None:
    needed = made_field("Needed", required=True)
    person("One")
    page = shown(everything(web, "contact.values", count="1").ask())
    assert f'name="field{needed.pk}"' in page
    assert f"clear_field{needed.pk}" not in page
    with pytest.raises(ValidationError, match="“Needed” is required, and cannot be cleared"):
        start("contact.values", ann, {"values": {str(needed.pk): None}})


def test_fields_of_the_other_kind_and_category_are_refused(web, ann) -> None:
    size = made_field("Size", "whole", applies_to="company")
    level = made_field("Level", "text", "customers")
    acme, ada = company("Acme"), person("Ada")
    page = shown(everything(web, "contact.values", count="2").ask())
    assert "1 is a person: it is left out if you choose a field for companies." in page
    assert "2 are neither prospects nor customers" in page
    run = start("contact.values", ann, {"values": {str(size.pk): 5}})
    assert refusals(run) == {"Ada": "“Size” is for companies, and Ada is a person."}
    assert valued(size, acme, ada) == [5, None]
    run = start("contact.values", ann, {"values": {str(level.pk): "gold"}})
    assert states(run) == ["refused", "refused"]


def test_clearing_does_not_reach_what_is_unseen(ann) -> None:
    level = made_field("Level", "text", "customers")
    inside, outside = customer("In"), customer("Out")
    set_values("contact", {inside.pk: {level.pk: "a"}, outside.pk: {level.pk: "b"}})
    select_status(outside, customer="none")
    run = start("contact.values", ann, {"values": {str(level.pk): None}})
    assert states(run) == ["done", "refused"]
    assert valued(level, inside, outside) == [None, "b"]


def test_undo_refuses_values_edited_since_and_fields_that_are_gone(ann) -> None:
    budget, level = made_field("Budget", "money"), made_field("Level", "choice", options=["A", "B"])
    one, two = person("One"), person("Two")
    option = Option.objects.get(name="A")
    set_values("contact", {one.pk: {level.pk: option.pk}})
    run = start("contact.values", ann, {"values": {str(budget.pk): "5"}})
    set_values("contact", {one.pk: {budget.pk: 6}})
    assert refusals(undone(run, ann)) == {"One": "It was edited since, and stays as it is."}
    assert valued(budget, one, two) == [Decimal(6), None]
    run = start("contact.values", ann, {"values": {str(level.pk): None}})
    assert states(run) == ["done", "unchanged"]
    option.delete()
    assert refusals(undone(run, ann)) == {"One": "What it had before does not exist any more."}
    run = start("contact.values", ann, {"values": {str(budget.pk): "7"}})
    delete_label(budget)
    assert set(refusals(undone(run, ann)).values()) == {"“Budget” was removed since."}


def test_undo_refuses_to_name_a_person_who_is_gone(ann) -> None:
    field = made_field("Adviser", "user")
    eva = user("eva")
    one = person("One")
    set_values("contact", {one.pk: {field.pk: eva.pk}})
    run = start("contact.values", ann, {"values": {str(field.pk): ann.pk}})
    eva.delete()
    assert refusals(undone(run, ann)) == {"One": "What it had before does not exist any more."}
    assert valued(field, one) == [ann.pk]


def test_field_removed_before_the_run_stops_it_and_says_why(ann) -> None:
    budget = made_field("Budget", "money")
    person("One")
    run = start_later("contact.values", ann, {"values": {str(budget.pk): "5"}})
    delete_label(budget)
    work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.problem) == ("failed", "This field is gone.")


def test_custom_fields_of_deals(web) -> None:
    note = made_field("Note", "long_text", "deals")
    one = deal(person("One"))
    answer = Acting(web, "deal", "deal.values", scope="all", count="1").confirm(
        **{f"field{note.pk}": "<script>=1"}
    )
    assert answer.status_code == 302
    assert valued(note, one, holder=DEALS) == ["<script>=1"]
    page = shown(web.get(BulkRun.objects.get().get_absolute_url()))
    assert "<script>=1" not in page
    assert "&lt;script&gt;=1" in page


# -- stages


def test_deals_that_lack_what_a_stage_requires_are_refused_with_the_fields(ann) -> None:
    stages = default_stages()
    budget, term = made_field("Budget", "money", "deals"), made_field("Term", "date", "deals")
    for field in (budget, term):
        RequiredAt.objects.create(field=field, stage=stages["won"])
    ready, lacking = deal(person("One"), name="Ready"), deal(person("Two"), name="Lacking")
    set_values("deal", {ready.pk: {budget.pk: 5, term.pk: date(2026, 1, 1)}})
    run = start("deal.stage", ann, {"stage": stages["won"].pk})
    assert refusals(run) == {
        "Lacking": "It lacks what the stage “Won” requires: Budget, Term.",
    }
    assert set(Deal.objects.values_list("name", "stage__category")) == {
        ("Ready", "won"), ("Lacking", "incoming"),
    }  # fmt: skip
    lacking.refresh_from_db()
    assert lacking.primary_contact.customer_status == "none"
    run = start("deal.stage", ann, {"stage": stages["lost"].pk})
    assert states(run) == ["done", "done"]


# -- statements


def statements(rows: int, labels: int, ann: Any) -> dict[str, int]:
    """What a run and its undo take, of each action."""
    Contact.objects.all().delete()
    Tag.objects.all().delete()
    CustomField.objects.all().delete()
    contacts = [customer(f"P{number}") for number in range(rows)]
    tags = [made_tag(f"T{n}", ("contacts", "customers")[n % 2]) for n in range(2 * labels)]
    kinds = ["user", "contact", "money", "text"]
    fields = [made_field(f"F{n}", kinds[n % 4], CATEGORIES[n % 2].value) for n in range(labels)]
    new: dict[str, Any] = {"user": ann.pk, "contact": contacts[0].pk, "money": "5", "text": "x"}
    off = [tag.pk for tag in tags[labels:]]
    change_tags("contact", [one.pk for one in contacts], on=off)
    other = {"user": user().pk, "contact": contacts[1].pk, "money": "6", "text": "y"}
    set_values(
        "contact", {one.pk: {field.pk: other[field.type] for field in fields} for one in contacts}
    )
    wanted: dict[str, dict[str, Any]] = {
        "contact.tags": {"on": [tag.pk for tag in tags[:labels]], "off": off, "new": {}},
        "contact.values": {"values": {str(one.pk): new[one.type] for one in fields}},
    }
    found = {}
    for key, params in wanted.items():
        run = start_later(key, ann, params)
        with CaptureQueriesContext(connection) as captured:
            work_off(run.pk)
        found[key] = len(captured)
        assert set(states(run)) == {"done"}
        run.refresh_from_db()
        with CaptureQueriesContext(connection) as captured:
            undo = undone(run, ann)
        assert set(states(undo)) == {"done"}
        found[f"{key} undone"] = len(captured)
    return found


def test_statements_depend_neither_on_the_rows_nor_on_the_tags_and_fields(ann) -> None:
    few = statements(2, 4, ann)
    assert statements(40, 4, ann) == few
    assert statements(2, 20, ann) == few


def test_row_that_is_ticked_is_the_only_one_changed(web) -> None:
    vip = made_tag("VIP")
    one, two = person("One"), person("Two")
    ticked(web, "contact.tags", one).confirm(on_contacts=[vip.pk])
    assert carried(one, two) == [["VIP"], []]


def test_more_rows_than_a_statement_has_conditions_are_set_at_once(ann) -> None:
    Contact.objects.bulk_create([Contact(last_name=f"P{n}", name=f"P{n}") for n in range(1_100)])
    field = made_field("Interests", "choices", options=["a", "b", "c"])
    a, b, c = sorted(Option.objects.values_list("pk", flat=True))
    ids = list(Contact.objects.values_list("pk", flat=True))
    set_values("contact", {pk: {field.pk: (a, b)} for pk in ids})
    set_values("contact", {pk: {field.pk: (b, c)} for pk in ids})
    assert valued(field, *Contact.objects.all()) == [(b, c)] * 1_100
