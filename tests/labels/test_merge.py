"""Tags and custom fields when two contacts become one, and two of one again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact
from contacts.models.labels import ContactChange, ContactTag, ContactValue
from deals.models import MergeRecord
from deals.models.labels import DealValue
from deals.services import merge_contacts, restore, select_status, undo_merge
from settings.services import change_tags, delete_label, merge_labels, set_values, undo_removal
from tests.deals import factories as make
from tests.forms import send
from tests.labels.test_trash import carried, delete, stored
from tests.labels.worlds import made_field, made_tag, shown

pytestmark = pytest.mark.django_db
TABLES = (ContactTag, ContactValue, ContactChange, DealValue)


def give(contact: Contact, tags: Any = (), **values: Any) -> None:
    """By objects: ``give(ann, [vip], field3=5)`` puts the tag on and sets the field of number 3."""
    change_tags("contact", [contact.pk], on=[tag.pk for tag in tags], unseen=True)
    found = {int(name.removeprefix("field")): value for name, value in values.items()}
    set_values("contact", {contact.pk: found}, unseen=True)


@pytest.fixture
def ann() -> Contact:
    return make.person("Ann")


@pytest.fixture
def bob() -> Contact:
    return make.person("Bob")


def test_survivor_has_the_tags_of_both_and_its_own_values(ann: Contact, bob: Contact) -> None:
    vip, fair, segment = made_tag("VIP"), made_tag("Fair"), made_tag("A", "customers")
    budget, born = made_field("Budget", "money"), made_field("Born", "date")
    topics = made_field("Topics", "choices", options=["One", "Two", "Three"])
    one, two, three = topics.options.values_list("pk", flat=True)
    give(ann, [vip], **{budget.form_name: Decimal(5), topics.form_name: (one, two)})
    give(bob, [vip, fair, segment], **{budget.form_name: Decimal(9), topics.form_name: (two, three),
                                       born.form_name: date(1980, 2, 29)})  # fmt: skip
    before = stored(*TABLES)
    record = merge_contacts(ann, bob)
    assert carried(ann) == (
        {"VIP", "Fair", "A"},
        {"Budget": Decimal("5.00"), "Born": date(1980, 2, 29), "Topics": (one, two, three)},
    )
    assert "customers/A" not in shown(ann), "neither of them is a prospect or customer"
    assert ContactChange.objects.filter(contact=ann).count() == 9
    assert undo_merge(record) == []
    assert stored(*TABLES) == before


def test_values_that_name_the_merged_contact_name_the_survivor(ann: Contact, bob: Contact) -> None:
    eve, deal = make.person("Eve"), make.deal(make.person())
    adviser = made_field("Adviser", "contact")
    partner = made_field("Partner", "contact", "deals")
    set_values("contact", {eve.pk: {adviser.pk: bob.pk}})
    set_values("deal", {deal.pk: {partner.pk: bob.pk}})
    before = stored(*TABLES)
    record = merge_contacts(ann, bob)
    assert carried(eve)[1] == {"Adviser": ann.pk}
    assert DealValue.objects.get().record_id == ann.pk
    undo_merge(record)
    assert stored(*TABLES) == before


def test_removed_tags_and_fields_take_part_unseen(ann: Contact, bob: Contact) -> None:
    tag, field = made_tag("VIP"), made_field("Note")
    give(bob, [tag], **{field.form_name: "x"})
    removals = [delete_label(tag), delete_label(field)]
    merge_contacts(ann, bob)
    assert carried(ann) == (set(), {})
    for removal in removals:
        undo_removal(removal)
    assert carried(ann) == ({"VIP"}, {"Note": "x"})


def test_what_was_edited_since_stays_with_the_survivor(ann: Contact, bob: Contact) -> None:
    vip, note, budget = made_tag("VIP"), made_field("Note"), made_field("Budget", "money")
    give(bob, [vip], **{note.form_name: "theirs", budget.form_name: 7})
    record = merge_contacts(ann, bob)
    give(ann, **{note.form_name: "edited"})
    change_tags("contact", [ann.pk], off=[vip.pk])
    told = undo_merge(record)
    assert told == ["Edited since in Ann, and left so: Note."]
    assert carried(ann) == (set(), {"Note": "edited"})
    assert carried(bob) == ({"VIP"}, {"Note": "theirs", "Budget": Decimal("7.00")})


def test_value_that_gave_way_returns_unless_its_place_was_edited(
    ann: Contact, bob: Contact
) -> None:
    note, text = made_field("Note"), made_field("Text")
    for field in (note, text):
        give(ann, **{field.form_name: "ours"})
        give(bob, **{field.form_name: "theirs"})
    record = merge_contacts(ann, bob, kept={note.pk: "theirs", text.pk: "theirs"})
    assert carried(ann)[1] == {"Note": "theirs", "Text": "theirs"}
    give(ann, **{text.form_name: "edited"})
    undo_merge(record)
    assert carried(ann)[1] == {"Note": "ours", "Text": "edited"}
    assert carried(bob)[1] == {"Note": "theirs", "Text": "theirs"}


def test_tags_merged_after_the_contacts_were_part_with_them(ann: Contact, bob: Contact) -> None:
    vip, key = made_tag("VIP"), made_tag("Key")
    note, other = made_field("Note"), made_field("Other")
    give(ann, [vip], **{note.form_name: "ours"})
    give(bob, [vip, key], **{note.form_name: "theirs"})
    record = merge_contacts(ann, bob)
    removals = [merge_labels(vip, key), merge_labels(note, other)]
    assert undo_merge(record) == []
    assert carried(ann) == ({"Key"}, {"Other": "ours"})
    assert carried(bob) == ({"Key"}, {"Other": "theirs"})
    for removal in reversed(removals):
        undo_removal(removal)
    assert carried(ann) == ({"VIP"}, {"Note": "ours"})
    assert carried(bob) == ({"VIP", "Key"}, {"Note": "theirs"})


def test_survivor_that_was_deleted_and_restored_parts_as_well(ann: Contact, bob: Contact) -> None:
    vip, note = made_tag("VIP"), made_field("Note")
    give(bob, [vip], **{note.form_name: "theirs"})
    before = stored(*TABLES)
    record = merge_contacts(ann, bob)
    restore(delete(ann))
    undo_merge(record)
    assert stored(*TABLES) == before


def test_merge_of_before_there_were_tags_can_be_undone(ann: Contact, bob: Contact) -> None:
    record = merge_contacts(ann, bob)
    del record.data["remembered"]["labels"]
    record.save()
    undo_merge(record)
    assert Contact.objects.filter(pk=bob.pk).exists()


def test_merging_costs_no_more_statements_for_many_labels(ann: Contact) -> None:
    def cost(many: int) -> int:
        one, other = make.person(), make.person()
        fields = [made_field(f"{one.pk}-{number}").form_name for number in range(many)]
        tags = [made_tag(f"{one.pk}-{number}") for number in range(many)]
        give(one, tags[::2], **dict.fromkeys(fields[::2], "x"))
        give(other, tags, **dict.fromkeys(fields, "y"))
        with CaptureQueriesContext(connection) as captured:
            record = merge_contacts(one, other)
            undo_merge(record)
        return len(captured)

    assert cost(2) == cost(40)


@pytest.fixture
def page(client: Client, ann: Contact, bob: Contact) -> str:
    user = get_user_model().objects.create_user("eve", language="en")
    Contact.objects.update(owner=user)
    client.force_login(user)
    return reverse("contacts:merge_pair", args=[ann.pk, bob.pk])


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_page_offers_both_values_of_a_field_and_keeps_the_chosen(
    client: Client, page: str, ann: Contact, bob: Contact
) -> None:
    note, same = made_field("Note <b>"), made_field("Same")
    vip, fair = made_tag("VIP"), made_tag("Fair")
    give(ann, [vip], **{note.form_name: "ours", same.form_name: "as one"})
    give(bob, [fair], **{note.form_name: "theirs", same.form_name: "as one"})
    shown_page = text(client.get(page))
    assert "Note &lt;b&gt;" in shown_page
    assert f'name="{note.form_name}" value="theirs"' in shown_page
    assert f'name="{same.form_name}"' not in shown_page
    assert "Fair, VIP" in shown_page or "VIP, Fair" in shown_page
    send(client, page, **{note.form_name: "theirs"})
    assert carried(ann) == ({"VIP", "Fair"}, {"Note <b>": "theirs", "Same": "as one"})
    undo_merge(MergeRecord.objects.get())
    assert carried(ann) == ({"VIP"}, {"Note <b>": "ours", "Same": "as one"})


def test_page_joins_several_choices_unless_told_otherwise(
    client: Client, page: str, ann: Contact, bob: Contact
) -> None:
    topics = made_field("Topics", "choices", options=["One", "Two"])
    one, two = topics.options.values_list("pk", flat=True)
    give(ann, **{topics.form_name: (one,)})
    give(bob, **{topics.form_name: (two,)})
    send(client, page)
    assert carried(ann)[1] == {"Topics": (one, two)}


def test_page_shows_nothing_of_a_category_that_neither_belongs_to(
    client: Client, page: str, ann: Contact, bob: Contact
) -> None:
    secret = made_field("Contract", category="customers")
    give(ann, **{secret.form_name: "until May"})
    give(bob, [made_tag("Hidden", "customers")], **{secret.form_name: "until June"})
    for word in ("Contract", "until", "Hidden"):
        assert word not in text(client.get(page))
    select_status(bob, customer="past")
    shown_page = text(client.get(page))
    assert "until June" in shown_page
    assert "until May" not in shown_page, "Ann belongs by neither status"
    send(client, page)
    assert carried(ann)[1] == {"Contract": "until June"}


def test_value_edited_meanwhile_is_shown_before_anything_is_merged(
    client: Client, page: str, ann: Contact, bob: Contact
) -> None:
    note = made_field("Note")
    give(ann, **{note.form_name: "ours"})
    give(bob, **{note.form_name: "theirs"})
    form = client.get(page).context["form"]
    give(bob, **{note.form_name: "edited"})
    sent = {name: form[name].value() for name in ("ours_version", "theirs_version")}
    answer = client.post(page, {**sent, note.form_name: "theirs", "keep_others": "on"})
    assert "Somebody edited Bob in the meantime." in text(answer)
    assert Contact.objects.filter(pk=bob.pk).exists()
