"""Tags and custom fields of what is deleted: they wait in the trash and come back with it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from contacts.models.labels import HOLDER as OF_CONTACTS
from contacts.models.labels import ContactChange, ContactTag, ContactValue
from crm.trash.models import TrashedRecord
from crm.trash.services import purge_expired
from deals.models import Deal
from deals.models.labels import HOLDER as OF_DEALS
from deals.models.labels import DealChange, DealTag, DealValue
from deals.services import merge_contacts, restore, select_status
from settings.categories import Category
from settings.models import CustomField
from settings.services import (
    change_tags,
    delete_label,
    merge_labels,
    set_values,
    tags_of,
    undo_removal,
    values_of,
)
from tests.deals import factories as make
from tests.forms import send
from tests.labels.worlds import made_field, made_tag, shown

pytestmark = pytest.mark.django_db
CATEGORIES = (Category.CONTACTS, Category.CUSTOMERS)


def carried(contact: Contact) -> tuple[set[str], dict[str, Any]]:
    """Names of tags and values of fields, unseen ones included."""
    tags = tags_of(OF_CONTACTS, [contact.pk], CATEGORIES, unseen=True)[contact.pk]
    fields = list(CustomField.objects.live())
    values = values_of(OF_CONTACTS, [contact.pk], fields, unseen=True)[contact.pk]
    names = {field.pk: field.name for field in fields}
    return {tag.name for tag in tags}, {names[pk]: value for pk, value in values.items()}


def stored(*models: Any) -> list[Any]:
    return [row for model in models for row in model.objects.order_by("pk").values()]


def delete(record: Contact | Deal) -> TrashedRecord:
    pk, kind = record.pk, "deal" if isinstance(record, Deal) else "contact"
    type(record).objects.get(pk=pk).delete()
    return TrashedRecord.objects.get(kind=kind, record_id=pk)


def test_contact_comes_back_with_everything_it_carried_seen_or_not(client: Client) -> None:
    admin = get_user_model().objects.create_user("admin", is_superuser=True, language="en")
    client.force_login(admin)
    ann = make.person("Ann")
    gone = made_tag("Old")
    change_tags("contact", [ann.pk], on=[made_tag("VIP").pk, gone.pk])
    segment = made_field("Segment", "choice", "customers", options=["A", "B"])
    fields = {
        made_field("Note").pk: "x" * 300,
        made_field("Budget", "money").pk: Decimal("12.50"),
        made_field("Born", "date").pk: timezone.localdate(),
        made_field("Called", "moment").pk: timezone.now(),
        made_field("Keeper", "user").pk: admin.pk,
        made_field("Yes", "yes_no").pk: False,
    }
    several = made_field("Topics", "choices", options=["One", "Two", "Three"])
    fields[several.pk] = tuple(sorted(several.options.values_list("pk", flat=True)[:2]))
    set_values("contact", {ann.pk: fields})
    set_values("contact", {ann.pk: {segment.pk: segment.options.all()[1].pk}}, unseen=True)
    delete_label(gone)
    before = stored(ContactTag, ContactValue)
    assert len(before) == 11
    client.post(reverse("contacts:delete", args=[ann.pk]))
    assert stored(ContactTag, ContactValue) == []
    entry = TrashedRecord.objects.get()
    send(client, reverse("deals:trash"), to=reverse("deals:restore", args=[entry.pk]))
    assert stored(ContactTag, ContactValue) == before


def test_deal_comes_back_with_its_tags_values_and_history() -> None:
    deal = make.deal(make.person())
    change_tags("deal", [deal.pk], on=[made_tag("Urgent", "deals").pk])
    set_values("deal", {deal.pk: {made_field("Rival", category="deals").pk: "Acme"}})
    before = stored(DealTag, DealValue, DealChange)
    assert len(before) == 4
    entry = delete(deal)
    assert stored(DealTag, DealValue) == []
    restore(entry)
    assert stored(DealTag, DealValue, DealChange) == before


def test_what_is_gone_for_good_stays_out() -> None:
    ann, keeper = make.person("Ann"), get_user_model().objects.create_user("bob")
    tag, text = made_tag("VIP"), made_field("Note")
    choice, person = made_field("Segment", "choice", options=["A"]), made_field("By", "user")
    stays = made_field("Stays")
    change_tags("contact", [ann.pk], on=[tag.pk])
    values = {text.pk: "x", choice.pk: choice.options.get().pk, person.pk: keeper.pk}
    set_values("contact", {ann.pk: {**values, stays.pk: "y"}})
    entry = delete(ann)
    tag.delete()
    text.delete()
    choice.options.get().delete()
    keeper.delete()
    restore(entry)
    assert carried(ann) == (set(), {"Stays": "y"})


def test_values_that_named_a_deleted_contact_return_with_it() -> None:
    ann, bob, deal = make.person("Ann"), make.person("Bob"), make.deal(make.person())
    adviser = made_field("Adviser", "contact")
    partner = made_field("Partner", "contact", "deals")
    set_values("contact", {bob.pk: {adviser.pk: ann.pk}})
    set_values("deal", {deal.pk: {partner.pk: ann.pk}})
    before = stored(ContactValue, DealValue)
    entry = delete(ann)
    assert stored(ContactValue, DealValue) == []
    restore(entry)
    assert stored(ContactValue, DealValue) == before


def test_value_given_meanwhile_stays_instead_of_the_one_that_returns() -> None:
    ann, bob, eve = (make.person(name) for name in ("Ann", "Bob", "Eve"))
    adviser = made_field("Adviser", "contact")
    set_values("contact", {bob.pk: {adviser.pk: ann.pk}})
    entry = delete(ann)
    set_values("contact", {bob.pk: {adviser.pk: eve.pk}})
    restore(entry)
    assert carried(bob)[1] == {"Adviser": eve.pk}


@pytest.mark.parametrize("first_deleted", ["Ann", "Bob"])
@pytest.mark.parametrize("first_back", ["Ann", "Bob"])
def test_two_that_name_each_other_come_back_in_any_order(
    first_deleted: str, first_back: str
) -> None:
    contacts = {name: make.person(name) for name in ("Ann", "Bob")}
    adviser = made_field("Adviser", "contact")
    ann, bob = contacts.values()
    set_values("contact", {ann.pk: {adviser.pk: bob.pk}, bob.pk: {adviser.pk: ann.pk}})
    before = stored(ContactValue)
    for name in sorted(contacts, key=lambda name: name != first_deleted):
        delete(contacts[name])
    for name in sorted(contacts, key=lambda name: name != first_back):
        restore(TrashedRecord.objects.get(record_id=contacts[name].pk))
    assert stored(ContactValue) == before


def test_value_that_names_a_contact_merged_meanwhile_leads_to_the_survivor() -> None:
    ann, bob, eve = (make.person(name) for name in ("Ann", "Bob", "Eve"))
    adviser = made_field("Adviser", "contact")
    set_values("contact", {ann.pk: {adviser.pk: bob.pk}})
    entry = delete(ann)
    merge_contacts(eve, bob)
    restore(entry)
    assert carried(ann)[1] == {"Adviser": eve.pk}


def test_customer_that_was_away_keeps_what_customers_kept() -> None:
    """A tag of Contacts is deleted while one of its customers lies in the trash."""
    ann, bob = make.person("Ann"), make.person("Bob")
    select_status(ann, customer="past")
    tag, field = made_tag("VIP"), made_field("Segment", "choices", options=["A", "B"])
    both = tuple(sorted(field.options.values_list("pk", flat=True)))
    change_tags("contact", [ann.pk, bob.pk], on=[tag.pk])
    set_values("contact", {ann.pk: {field.pk: both}, bob.pk: {field.pk: both}})
    before = shown(ann), shown(bob)
    entries = [delete(ann), delete(bob)]
    removals = [delete_label(tag), delete_label(field)]
    for entry in entries:
        restore(entry)
    assert shown(ann) == ["customers/Segment = A; B", "customers/VIP"]
    assert shown(bob) == []
    for removal in removals:
        undo_removal(removal)
    assert (shown(ann), shown(bob)) == before


def test_deletion_undone_while_a_contact_was_away_is_undone_for_it_too() -> None:
    ann = make.person("Ann")
    select_status(ann, customer="past")
    tag, field = made_tag("VIP"), made_field("Segment", "choice", options=["A", "B"])
    change_tags("contact", [ann.pk], on=[tag.pk])
    set_values("contact", {ann.pk: {field.pk: field.options.all()[0].pk}})
    before = shown(ann), stored(ContactTag, ContactValue)
    removals = [delete_label(tag), delete_label(field)]
    entry = delete(ann)
    for removal in removals:
        undo_removal(removal)
    restore(entry)
    assert (shown(ann), stored(ContactTag, ContactValue)) == before


def test_tags_merged_while_a_contact_was_away_are_one_for_it() -> None:
    ann, bob = make.person("Ann"), make.person("Bob")
    vip, key = made_tag("VIP"), made_tag("Key account")
    change_tags("contact", [ann.pk], on=[vip.pk])
    change_tags("contact", [bob.pk], on=[vip.pk, key.pk])
    before = shown(ann), shown(bob)
    entries = [delete(ann), delete(bob)]
    removal = merge_labels(vip, key)
    for entry in entries:
        restore(entry)
    assert shown(ann) == shown(bob) == ["contacts/Key account"]
    undo_removal(removal)
    assert (shown(ann), shown(bob)) == before


def test_history_waits_and_is_dropped_when_the_trash_is_emptied() -> None:
    ann, deal = make.person("Ann"), make.deal(make.person("Bob"))
    change_tags("contact", [ann.pk], on=[made_tag("VIP").pk])
    change_tags("deal", [deal.pk], on=[made_tag("Hot", "deals").pk])
    entries = [delete(ann), delete(deal)]
    assert ContactChange.objects.count() == DealChange.objects.count() == 1
    restore(entries[0])
    assert [change.kind for change in ann.label_changes.all()] == ["tag_on"]
    delete(ann)
    TrashedRecord.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    assert purge_expired() == 2
    assert not ContactChange.objects.exists()
    assert not DealChange.objects.exists()


def test_many_deletions_cost_no_more_statements_than_few() -> None:
    tag, field, names = made_tag("VIP"), made_field("Note"), made_field("Adviser", "contact")

    def cost(many: int) -> int:
        ids = [make.person().pk for _number in range(many)]
        change_tags("contact", ids, on=[tag.pk])
        set_values("contact", {pk: {field.pk: "x", names.pk: ids[0]} for pk in ids})
        with CaptureQueriesContext(connection) as captured:
            Contact.objects.filter(pk__in=ids).delete()
        return len(captured)

    assert cost(2) == cost(40)


def test_restoring_costs_no_more_statements_for_many_values() -> None:
    def cost(many: int) -> int:
        ann = make.person()
        fields = [made_field(f"{ann.pk}-{number}").pk for number in range(many)]
        tags = [made_tag(f"{ann.pk}-{number}").pk for number in range(many)]
        change_tags("contact", [ann.pk], on=tags)
        set_values("contact", {ann.pk: dict.fromkeys(fields, "x")})
        entry = delete(ann)
        with CaptureQueriesContext(connection) as captured:
            restore(entry)
        assert len(carried(ann)[0]) == many
        return len(captured)

    assert cost(2) == cost(40)


def test_values_of_deals_are_not_looked_for_among_contacts() -> None:
    deal = make.deal(make.person())
    field = made_field("Rival", category="deals")
    set_values("deal", {deal.pk: {field.pk: "Acme"}})
    restore(delete(deal))
    assert values_of(OF_DEALS, [deal.pk], [field]) == {deal.pk: {field.pk: "Acme"}}
