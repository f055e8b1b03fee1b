"""Tags and custom fields of the demo data."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from contacts.models.labels import HOLDER as OF_CONTACTS
from contacts.models.labels import PROSPECT_OR_CUSTOMER, ContactTag, ContactValue
from crm.accounts.models import User
from crm.lists.models import SmartList
from deals.models import Deal
from deals.models.labels import DealTag, DealValue
from settings.categories import Category
from settings.models import Currency, CustomField, Tag
from settings.services import set_values, values_of
from settings.types import type_of
from tests.labels.worlds import made_field, made_tag
from tests.site.test_seed_demo import empty, seed

pytestmark = pytest.mark.django_db


def told() -> list[Any]:
    """What everybody carries, in words."""
    tags = ContactTag.objects.values_list("contact__name", "tag__name", "tag__category")
    deal_tags = DealTag.objects.values_list("deal__name", "tag__name")
    values = ContactValue.objects.values_list(
        "contact__name", "field__name", "text", "number", "date", "yes", "option__name",
        "user__username",
    )  # fmt: skip
    deal_values = DealValue.objects.values_list(
        "deal__name", "field__name", "text", "date", "option__name"
    )
    return [sorted(map(str, rows)) for rows in (tags, deal_tags, values, deal_values)]


def test_every_tag_and_field_of_every_category_is_used() -> None:
    seed()
    for category in Category:
        links, values = (
            (DealTag, DealValue) if category == Category.DEALS else (ContactTag, ContactValue)
        )
        tags, fields = (model.objects.filter(category=category) for model in (Tag, CustomField))
        assert tags.count() >= 3
        assert fields.count() >= 3
        assert set(links.objects.filter(tag__in=tags).values_list("tag", flat=True)) == {
            tag.pk for tag in tags
        }
        assert set(values.objects.filter(field__in=fields).values_list("field", flat=True)) == {
            field.pk for field in fields
        }


def test_values_are_such_as_the_services_would_set() -> None:
    seed(contacts=60)
    fields = list(CustomField.objects.filter(category__in=["contacts", "customers"]))
    ids = list(Contact.objects.values_list("pk", flat=True))
    stored = values_of(OF_CONTACTS, ids, fields, unseen=True)
    before = list(ContactValue.objects.order_by("contact", "field", "slot").values())
    for values in stored.values():
        for field in fields:
            if field.pk in values:
                assert type_of(field).clean(field, values[field.pk]) == values[field.pk]
    ContactValue.objects.all().delete()
    set_values("contact", stored)
    after = list(ContactValue.objects.order_by("contact", "field", "slot").values())
    assert [{**row, "id": 0} for row in after] == [{**row, "id": 0} for row in before]


def test_nobody_outside_carries_anything_of_prospects_and_customers() -> None:
    seed()
    outside = Contact.objects.exclude(PROSPECT_OR_CUSTOMER)
    for carried in (
        ContactTag.objects.filter(tag__category="customers"),
        ContactValue.objects.filter(field__category="customers"),
    ):
        assert carried.exists()
        assert not carried.filter(contact__in=outside).exists()


def test_same_seed_gives_the_same_and_another_another() -> None:
    seed(contacts=120, seed=7)
    first = told()
    empty()
    seed(contacts=120, seed=7)
    assert told() == first
    assert Tag.objects.count() == Tag.objects.values("category", "key").distinct().count()
    empty()
    seed(contacts=120, seed=8)
    assert told() != first


def test_currencies_of_the_deals_are_there() -> None:
    seed(contacts=120)
    assert set(Deal.objects.values_list("currency", flat=True)) <= set(
        Currency.objects.values_list("code", flat=True)
    )


def test_saved_list_shows_those_with_tag_and_value(client: Client) -> None:
    seed()
    client.force_login(User.objects.create_user("ann", language="en", is_superuser=True))
    saved = SmartList.objects.get(name="Key accounts, segment A")
    assert saved.shared
    answer = client.get(f"/contacts/lists/{saved.slug}/", follow=True)
    both = (
        Contact.objects.filter(PROSPECT_OR_CUSTOMER)
        .filter(tag_links__tag__name="Key account")
        .filter(field_values__field__name="Segment", field_values__option__name="A")
    )
    assert both
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert all(str(one.pk) in shown and one.get_absolute_url() in shown for one in both[:20])
    # Their companies are named beside them.
    employers = both.exclude(company=None).values_list("company", flat=True)
    outside = Contact.objects.exclude(pk__in=both).exclude(pk__in=list(employers))
    found = [str(one) for one in outside if f'href="{one.get_absolute_url()}"' in shown]
    assert found == []


def test_fields_that_are_there_with_another_type_are_left_alone() -> None:
    field, tag = made_field("Language"), made_tag("VIP")
    seed(contacts=60)
    assert CustomField.objects.filter(category="contacts", key="language").get() == field
    assert not ContactValue.objects.filter(field=field).exists()
    assert ContactTag.objects.filter(tag=tag).exists()
