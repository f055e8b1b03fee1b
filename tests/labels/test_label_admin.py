"""Tags and fields in the admin: the same rules as on the pages of Settings."""

from __future__ import annotations

import pytest

from contacts.models import Contact
from crm.accounts.models import User
from deals.services import select_status
from settings.categories import Category
from settings.models import CustomField, Removal, Tag
from settings.services import change_tags, delete_label, set_values
from settings.services.usage import tag_counts
from tests.deals.factories import person
from tests.labels.worlds import made_field, made_tag, shown
from tests.site.admin_pages import AdminPages, admin_pages, administrator  # noqa: F401

pytestmark = pytest.mark.django_db


def carrying(tag):
    """Ann, a customer, and Dan, who is none."""
    ann, dan = person("Ann"), person("Dan")
    select_status(ann, customer="current")
    change_tags("contact", [ann.pk, dan.pk], on=[tag.pk])
    return tag


def everything():
    return {one.last_name: shown(one) for one in Contact.objects.all() if shown(one)}


def test_a_tag_is_made_and_renamed_in_the_admin(admin_pages: AdminPages, administrator: User):
    made_tag("First", position=4)
    answer = admin_pages.add(Tag, name=" Key  account", category="contacts", color="red")
    assert answer.status_code == 302
    tag = Tag.objects.get(key="key account")
    assert (tag.position, tag.created_by, tag.name) == (5, administrator, "Key account")
    carrying(tag)
    assert admin_pages.change(tag, name="VIP", color="blue").status_code == 302
    tag.refresh_from_db()
    assert (tag.name, tag.key, tag.color, tag.category) == ("VIP", "vip", "blue", "contacts")
    assert tag_counts(Category.CONTACTS) == {tag.pk: 2}


def test_a_name_that_is_taken_is_refused_in_the_admin(admin_pages: AdminPages):
    made_tag("VIP")
    tag = made_tag("Key")
    assert admin_pages.add(Tag, name="vip", category="contacts", color="red").status_code == 200
    answer = admin_pages.change(tag, name="vip")
    assert answer.status_code == 200
    assert "There is one of this name already." in answer.content.decode()
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["Key", "VIP"]


def test_deleting_in_the_admin_leaves_it_with_prospects_and_customers(admin_pages: AdminPages):
    tag = carrying(made_tag("VIP"))
    asked = admin_pages.client.get(admin_pages.url(Tag, "delete", tag.pk)).content.decode()
    assert "1 prospect or customer keeps it." in asked
    assert "1 contact outside of Prospects &amp; Customers loses it." in asked
    admin_pages.delete(tag)
    assert everything() == {"Ann": ["customers/VIP"]}
    assert Removal.objects.get().label_id == tag.pk


def test_deleting_many_in_the_admin_can_be_undone_as_on_the_pages(admin_pages: AdminPages):
    tags = [carrying(made_tag("VIP")), made_tag("Key", "customers")]
    admin_pages.act("delete_selected", *tags, post="yes")
    assert everything() == {"Ann": ["customers/VIP"]}
    assert Removal.objects.count() == 2


def test_a_removed_one_is_looked_at_and_not_changed(admin_pages: AdminPages):
    tag = made_tag("VIP", "customers")
    delete_label(tag)
    address = admin_pages.url(Tag, "change", tag.pk)
    assert admin_pages.client.get(address).status_code == 200
    assert admin_pages.client.post(address, {"name": "Key", "color": "red"}).status_code == 403
    assert admin_pages.delete(tag).status_code == 403
    tag.refresh_from_db()
    assert tag.name == "VIP"


def test_a_field_is_renamed_and_deleted_in_the_admin_and_nothing_else(admin_pages: AdminPages):
    field = made_field("Size", "whole")
    ann = person("Ann")
    select_status(ann, customer="current")
    set_values("contact", {ann.pk: {field.pk: 4}})
    answer = admin_pages.change(field, name="Shoe size", type="text", category="deals")
    assert answer.status_code == 302
    field.refresh_from_db()
    assert (field.name, field.type, field.category) == ("Shoe size", "whole", "contacts")
    made_field("Taken")
    assert admin_pages.change(field, name="taken").status_code == 200
    assert admin_pages.client.get(admin_pages.url(CustomField, "add")).status_code == 403
    admin_pages.delete(field)
    assert everything() == {"Ann": ["customers/Shoe size = 4"]}
