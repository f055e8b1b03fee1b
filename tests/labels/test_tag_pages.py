"""The page of a category: its tags and fields with their usage; making, renaming, colouring and ordering tags."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.accounts.models import User
from crm.lists.state import ListState
from deals.services import select_status
from settings.categories import Category
from settings.models import Account, CustomField, Tag
from settings.services import change_tags, delete_label, set_values
from settings.services.making import create_tag, shift
from settings.services.usage import field_counts, tag_counts
from tests.deals.factories import company, deal, person
from tests.labels.worlds import made_field, made_tag

pytestmark = pytest.mark.django_db
CATEGORIES = list(Category)


@pytest.fixture
def anna():
    return User.objects.create_user("anna", is_superuser=True)


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


def page_of(category):
    return reverse("settings:category", args=[category])


def new_tag(desk, name, color="blue", category=Category.CONTACTS):
    address = reverse("settings:tag_new", args=[category])
    return desk.post(address, {"name": name, "color": color})


def names(category, model=Tag):
    return list(model.objects.live().filter(category=category).values_list("name", flat=True))


def chosen(page, name):
    """The values of the radio buttons that are on."""
    inputs = re.findall(rf'<input type="radio" name="{name}"[^>]*>', page)
    return [re.search(r'value="(\w+)"', one)[1] for one in inputs if "checked" in one]


# -- making and changing


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_tag_is_made_in_its_category_alone(desk, anna, category):
    answer = new_tag(desk, "  Key   account ", "pink", category)
    assert answer.headers["Location"] == page_of(category)
    tag = Tag.objects.get()
    assert (tag.name, tag.color, tag.category) == ("Key account", "pink", category)
    assert tag.created_by == anna
    assert "The tag “Key account” is made." in desk.get(page_of(category)).content.decode()
    for other in CATEGORIES:
        assert names(other) == (["Key account"] if other == category else [])


def test_the_same_name_may_stand_in_every_category(desk):
    for category in CATEGORIES:
        assert new_tag(desk, "VIP", category=category).status_code == 302
    assert Tag.objects.filter(name="VIP").count() == 3


@pytest.mark.parametrize("name", ["VIP", "vip", " ViP", ""])
def test_a_name_that_is_taken_or_none_is_refused_and_stays_in_the_form(desk, name):
    made_tag("VIP")
    answer = new_tag(desk, name, "red")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'aria-invalid="true"' in page
    assert chosen(page, "color") == ["red"]
    assert names(Category.CONTACTS) == ["VIP"]


@pytest.mark.parametrize(
    ("name", "color"),
    [("x" * 81, "red"), ("a\x07b", "red"), ("a\x00b", "red"), ("Fine", "black")],
)
def test_what_no_tag_can_be_is_refused(desk, name, color):
    assert new_tag(desk, name, color).status_code == 422
    assert not Tag.objects.exists()


def test_a_name_of_markup_is_text_on_every_page(desk):
    name = "<script>alert(1)</script>\"'"
    new_tag(desk, name)
    tag = Tag.objects.get()
    for address in (
        page_of("contacts"),
        reverse("settings:compare"),
        reverse("settings:tag_edit", args=[tag.pk]),
        *(
            reverse(f"settings:{what}", args=["tag", tag.pk])
            for what in ("delete", "merge", "move")
        ),
    ):
        page = desk.get(address).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_made_twice_by_a_double_click_is_one(desk):
    assert new_tag(desk, "VIP").status_code == 302
    assert new_tag(desk, "VIP").status_code == 422
    assert names(Category.CONTACTS) == ["VIP"]


def test_renaming_and_colouring_keeps_who_carries_it(desk):
    tag, ann = made_tag("VIP"), person("Ann")
    change_tags("contact", [ann.pk], on=[tag.pk])
    address = reverse("settings:tag_edit", args=[tag.pk])
    assert desk.get(address).context["settings_here"] == page_of("contacts")
    answer = desk.post(address, {"name": "Key", "color": "green"})
    assert answer.headers["Location"] == page_of("contacts")
    tag.refresh_from_db()
    assert (tag.name, tag.key, tag.color) == ("Key", "key", "green")
    assert tag_counts(Category.CONTACTS) == {tag.pk: 1}


def test_renaming_to_the_name_of_another_is_refused(desk):
    made_tag("VIP")
    tag = made_tag("Key")
    answer = desk.post(reverse("settings:tag_edit", args=[tag.pk]), {"name": "vip", "color": "red"})
    assert answer.status_code == 422
    assert "There is one of this name already." in answer.content.decode()
    tag.refresh_from_db()
    assert tag.name == "Key"


def test_a_form_about_a_tag_that_somebody_removed_meanwhile_says_so(desk):
    tag = made_tag("VIP", "customers")
    delete_label(tag)
    address = reverse("settings:tag_edit", args=[tag.pk])
    for answer in (
        desk.post(address, {"name": "Key", "color": "red"}, follow=True),
        desk.get(address, follow=True),
    ):
        assert answer.redirect_chain == [(page_of("customers"), 302)]
        assert "“VIP” is removed already." in answer.content.decode()
    assert desk.get(reverse("settings:tag_edit", args=[0])).status_code == 404


# -- order


@pytest.mark.parametrize(("kind", "made"), [("tag", made_tag), ("field", made_field)])
def test_tags_and_fields_are_put_in_order_by_buttons(desk, kind, made):
    ids = [made(name).pk for name in ("One", "Two", "Three")]
    model = Tag if kind == "tag" else CustomField
    made("Elsewhere", category="deals")
    address = reverse("settings:order", args=["contacts", kind])

    def after(**posted):
        assert desk.post(address, posted).status_code == 302
        return list(model.objects.live().filter(category="contacts").values_list("pk", flat=True))

    # Nobody ordered them yet: by name.
    one, two, three = ids
    assert after(later=one) == [three, one, two]
    assert after(earlier=one) == [one, three, two]
    assert after(earlier=one) == [one, three, two]
    assert after(later=two) == [one, three, two]


def test_ordering_what_is_gone_or_elsewhere_changes_nothing(desk):
    tags = [made_tag(name) for name in ("One", "Two")]
    elsewhere = made_tag("There", "deals")
    delete_label(made := made_tag("Three", "customers"))
    address = reverse("settings:order", args=["contacts", "tag"])
    for number in (elsewhere.pk, made.pk, "0", "x", "9" * 40, "²"):
        answer = desk.post(address, {"later": number}, follow=True)
        assert "It was removed or moved meanwhile." in answer.content.decode()
    assert names(Category.CONTACTS) == [tag.name for tag in tags]
    with pytest.raises(ValidationError, match="removed already"):
        shift(made, 1)


def test_ordering_by_htmx_answers_with_the_section_alone(desk):
    made_tag("One")
    tag = made_tag("Two")
    address = reverse("settings:order", args=["contacts", "tag"])
    answer = desk.post(address, {"earlier": tag.pk}, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in page
    assert page.index("Two") < page.index("One")
    assert 'id="fields"' not in page


def test_a_new_tag_comes_last(desk):
    made_tag("Zebra", position=7)
    new_tag(desk, "Alpha")
    assert names(Category.CONTACTS) == ["Zebra", "Alpha"]


# -- who may create tags


def test_the_account_leaves_making_tags_to_administrators_and_back(desk):
    address = reverse("settings:tag_makers", args=["deals"])
    assert desk.post(address, {"makers": "admins"}).headers["Location"] == page_of("deals")
    assert Account.current().tags_made_by == "admins"
    assert chosen(desk.get(page_of("contacts")).content.decode(), "makers") == ["admins"]
    desk.post(address, {"makers": "all"})
    assert Account.current().tags_made_by == "all"
    desk.post(address, {"makers": "nobody"})
    assert Account.current().tags_made_by == "all"


# -- usage


@pytest.fixture
def crowd():
    """Ann is a customer, Ben a prospect, Cid neither; each carries what there is."""
    ann, ben, cid = person("Ann"), person("Ben"), person("Cid")
    firm = company("Acme")
    for one in (ann, ben, cid, firm):
        select_status(one, customer="current")
    labels = {
        "tag": made_tag("VIP"),
        "customer tag": made_tag("VIP", "customers"),
        "field": made_field("Size", "whole"),
        "choices": made_field("Likes", "choices", "customers", options=["Tea", "Rum"]),
        "people": made_field("Shoe", "whole"),
    }
    everybody = [one.pk for one in (ann, ben, cid, firm)]
    change_tags("contact", everybody, on=[labels["tag"].pk, labels["customer tag"].pk])
    both = [one.pk for one in labels["choices"].options.all()]
    values = {labels["field"].pk: 4, labels["choices"].pk: both, labels["people"].pk: 43}
    set_values("contact", dict.fromkeys(everybody, values))
    CustomField.objects.filter(pk=labels["people"].pk).update(applies_to="person")
    labels["people"].applies_to = "person"
    select_status(cid, customer="none")
    return labels


def test_usage_counts_records_once_and_only_what_is_seen(crowd):
    categories = (Category.CONTACTS, Category.CUSTOMERS)
    assert tag_counts(*categories) == {crowd["tag"].pk: 4, crowd["customer tag"].pk: 3}
    assert field_counts(*categories) == {
        crowd["field"].pk: 4,
        crowd["choices"].pk: 3,
        crowd["people"].pk: 3,
    }
    assert tag_counts(Category.CONTACTS) == {crowd["tag"].pk: 4}
    assert field_counts(Category.DEALS) == {}


@pytest.mark.parametrize("what", ["tag", "customer tag", "field", "choices", "people"])
def test_a_count_opens_the_list_of_exactly_these(desk, crowd, what):
    label = crowd[what]
    page = desk.get(page_of(label.category))
    rows = {row.label.pk: row for row in page.context["tags" if "tag" in what else "fields"]}
    row = rows[label.pk]
    assert f'href="{row.address}"'.replace("&", "&amp;") in page.content.decode()
    listed = desk.get(row.address)
    assert listed.status_code == 200
    state: ListState = listed.context["state"]
    assert not state.faults
    assert state.matching().count() == row.used > 0


def test_deals_are_counted_and_listed_alike(desk):
    tag, field = made_tag("Hot", "deals"), made_field("Reference", category="deals")
    sold = [deal(person()), deal(person(), "won")]
    deal(person())
    change_tags("deal", [one.pk for one in sold], on=[tag.pk])
    set_values("deal", {one.pk: {field.pk: "R-1"} for one in sold})
    page = desk.get(page_of("deals"))
    for row in (*page.context["tags"], *page.context["fields"]):
        assert row.used == 2
        assert desk.get(row.address).context["state"].matching().count() == 2
    assert "2 deals" in page.content.decode()


def test_a_field_that_lists_are_not_filtered_by_is_counted_and_leads_nowhere(desk):
    field, ann = made_field("Secret", filterable=False), person("Ann")
    set_values("contact", {ann.pk: {field.pk: "x"}})
    page = desk.get(page_of("contacts"))
    (row,) = page.context["fields"]
    assert (row.used, row.address) == (1, "")
    assert f"not.field{field.pk}" not in page.content.decode()


def test_each_page_says_what_deleting_there_does_elsewhere(desk):
    said = [desk.get(page_of(category)).content.decode() for category in CATEGORIES]
    assert "does not delete it in Prospects & Customers" in said[0]
    assert "Deleting it here does not delete it in Contacts." in said[1]
    assert "only on contacts that are prospects or customers" in said[1]
    assert "can be used on every deal" in said[2]


# -- what it costs, and who may


def fill(number):
    people = [person() for _ in range(number)]
    for one in people:
        select_status(one, customer="current")
    for category in CATEGORIES:
        for index in range(number):
            tag = create_tag(category, name=f"Tag {number} {index}")
            field = made_field(f"Field {number} {index}", "choices", category, options=["A", "B"])
            if category != Category.DEALS:
                change_tags("contact", [one.pk for one in people], on=[tag.pk])
                options = [one.pk for one in field.options.all()]
                set_values("contact", {one.pk: {field.pk: options} for one in people})


@pytest.mark.parametrize("address", ["contacts/", "prospects-customers/", "deals/", "compare/", ""])
def test_a_page_costs_as_much_for_forty_as_for_two(desk, address):
    fill(2)
    desk.get(f"/settings/{address}")
    with CaptureQueriesContext(
        connection,
    ) as few:
        desk.get(f"/settings/{address}")
    fill(20)
    fill(18)
    with CaptureQueriesContext(connection) as many:
        assert desk.get(f"/settings/{address}").status_code == 200
    assert len(many) == len(few) <= 12


def test_ordering_forty_costs_as_much_as_two(desk):
    def cost(number):
        for index in range(number):
            create_tag(Category.CONTACTS, name=f"Tag {number} {index}")
        last = Tag.objects.last()
        with CaptureQueriesContext(connection) as queries:
            desk.post(reverse("settings:order", args=["contacts", "tag"]), {"earlier": last.pk})
        return len(queries)

    desk.get("/settings/")
    assert cost(2) == cost(38)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("tag_new", ["contacts"]),
        ("tag_makers", ["contacts"]),
        ("order", ["contacts", "tag"]),
        ("tag_edit", [1]),
    ],
)
def test_only_administrators_change_tags(client, name, args):
    client.force_login(User.objects.create_user("ben"))
    address = reverse(f"settings:{name}", args=args)
    assert client.post(address, {"name": "VIP", "color": "red"}).status_code == 403
    client.logout()
    assert "login" in client.post(address).headers["Location"]
    assert not Tag.objects.exists()


@pytest.mark.parametrize("name", ["tag_new", "tag_makers"])
def test_nothing_is_changed_by_looking(desk, name):
    assert desk.get(reverse(f"settings:{name}", args=["contacts"])).status_code == 405
