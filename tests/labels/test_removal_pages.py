"""Deleting, merging and moving tags and fields by the pages: what they say first, what happens, and the way back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.models import User
from crm.lists.models import SmartList
from deals.services import select_status
from settings.models import CustomField, Removal, Tag
from settings.outcomes import told
from settings.services import change_tags, delete_label, move_label, set_values
from tests.deals.factories import deal, person
from tests.labels.worlds import made_field, made_tag, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return User.objects.create_user("anna", is_superuser=True, first_name="Anna", last_name="Berg")


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


@pytest.fixture
def people():
    """Three customers and two others."""
    found = {name: person(name) for name in ("Ann", "Ben", "Cid", "Dan", "Eva")}
    for name in ("Ann", "Ben", "Cid"):
        select_status(found[name], customer="current")
    return found


def kind_of(label):
    return "tag" if isinstance(label, Tag) else "field"


def address(what, label):
    return reverse(f"settings:{what}", args=[kind_of(label), label.pk])


def home(label):
    return reverse("settings:category", args=[label.category])


def put(tag, *contacts):
    change_tags("contact", [one.pk for one in contacts], on=[tag.pk])
    return tag


def give(field, **values):
    """``give(field, Ann=1)``."""
    ids = dict(Contact.objects.values_list("last_name", "pk"))
    set_values("contact", {ids[name]: {field.pk: value} for name, value in values.items()})
    return field


def everything():
    return {one.last_name: shown(one) for one in Contact.objects.all() if shown(one)}


def lines(answer):
    """What the page says, per choice."""
    context = answer.context
    if "outcome" in context and context.get("choices") is None:
        return [line.text for line in context["outcome"].lines]
    return [[line.text for line in choice["outcome"].lines] for choice in context["choices"]]


def undo(desk, *removals, follow=True, **more):
    numbers = "-".join(str(one.pk) for one in removals)
    return desk.post(reverse("settings:undo"), {"removal": numbers, **more}, follow=follow)


# -- deleting


def test_deleting_in_contacts_says_who_keeps_it_and_who_loses_it(desk, people):
    tag = put(made_tag("VIP"), *people.values())
    answer = desk.get(address("delete", tag))
    here, both = lines(answer)
    assert here == [
        "It stays in Prospects & Customers as “VIP”.",
        "3 prospects and customers keep it.",
        "2 contacts outside of Prospects & Customers lose it.",
    ]
    assert both == [
        "5 contacts lose that of Contacts, prospects and customers included.",
    ]
    page = answer.content.decode()
    for sentence in here:
        assert sentence.replace("&", "&amp;") in page
    assert answer.context["settings_here"] == home(tag)
    assert Tag.objects.live().get() == tag, "looking changes nothing"


def test_deleting_in_contacts_does_what_the_page_said(desk, people):
    tag = put(made_tag("VIP"), *people.values())
    answer = desk.post(address("delete", tag), {"where": "here"}, follow=True)
    assert answer.redirect_chain == [(home(tag), 302)]
    assert everything() == {name: ["customers/VIP"] for name in ("Ann", "Ben", "Cid")}
    removal = Removal.objects.get()
    assert (removal.kept, removal.lost) == (3, 2)
    said = (
        "“VIP” was deleted in Contacts. 3 prospects and customers keep it as “VIP”. "
        "2 contacts lose it."
    )
    page = answer.content.decode()
    assert said.replace("&", "&amp;") in page
    assert f'name="removal" value="{removal.pk}"' in page


def test_deleting_where_the_other_category_has_one_of_the_name_says_how_many_have_both(
    desk, people
):
    tag = put(made_tag("VIP"), people["Ann"], people["Ben"], people["Dan"])
    put(made_tag("vip", "customers"), people["Ann"], people["Cid"])
    here, both = lines(desk.get(address("delete", tag)))
    assert here == [
        "It goes into the tag “vip” of Prospects & Customers.",
        "2 prospects and customers keep it.",
        "1 of them has both tags, and keeps one.",
        "1 contact outside of Prospects & Customers loses it.",
    ]
    assert both == [
        "3 contacts lose that of Contacts, prospects and customers included.",
        "2 contacts lose that of Prospects & Customers.",
    ]
    before = everything()
    desk.post(address("delete", tag), {"where": "here"})
    assert everything() == {name: ["customers/vip"] for name in ("Ann", "Ben", "Cid")}
    undo(desk, Removal.objects.get())
    assert everything() == before


def test_a_field_whose_name_another_type_has_there_stays_under_one_that_tells_them_apart(
    desk, people
):
    field = give(made_field("Size", "whole"), Ann=1, Dan=2)
    made_field("Size", "text", "customers")
    here, _both = lines(desk.get(address("delete", field)))
    assert here[0] == "It stays in Prospects & Customers as “Size (Whole number)”."
    desk.post(address("delete", field))
    assert everything() == {"Ann": ["customers/Size (Whole number) = 1"]}


def test_values_of_both_fields_are_announced(desk, people):
    field = give(made_field("Size", "whole"), Ann=1, Ben=2)
    give(made_field("Size", "whole", "customers"), Ann=9)
    here, _both = lines(desk.get(address("delete", field)))
    assert here[:3] == [
        "It goes into the custom field “Size” of Prospects & Customers.",
        "2 prospects and customers keep it.",
        "1 of them has a value in both fields: that of “Size” stays.",
    ]
    before = everything()
    desk.post(address("delete", field))
    assert everything() == {"Ann": ["customers/Size = 9"], "Ben": ["customers/Size = 2"]}
    undo(desk, Removal.objects.get())
    assert everything() == before


def test_deleting_in_prospects_and_customers_leaves_contacts_alone_and_tells_of_the_unseen(
    desk, people
):
    put(made_tag("VIP"), people["Ann"])
    tag = put(made_tag("VIP", "customers"), people["Ann"], people["Ben"])
    select_status(people["Ben"], customer="none")
    here, both = lines(desk.get(address("delete", tag)))
    assert here == [
        "1 prospect or customer loses it.",
        "1 contact that left the category keeps it unseen, and loses it too.",
        "“VIP” of Contacts is another one and stays as it is.",
    ]
    assert both == [
        "2 contacts lose that of Prospects & Customers.",
        "1 contact loses that of Contacts, prospects and customers included.",
    ]
    desk.post(address("delete", tag), {"where": "here"})
    assert everything() == {"Ann": ["contacts/VIP"]}
    assert Removal.objects.get().lost == 2


def test_what_stands_in_one_category_alone_is_deleted_there_without_a_question(desk, people):
    tag = put(made_tag("VIP", "customers"), people["Ann"])
    page = desk.get(address("delete", tag))
    assert lines(page) == [["1 prospect or customer loses it."]]
    assert 'name="where"' not in page.content.decode()
    # A page from when there was another one is no way to delete more.
    desk.post(address("delete", tag), {"where": "both"})
    assert everything() == {}


def test_deleting_in_both_leaves_it_nowhere_and_is_undone_as_one(desk, people):
    tag = put(made_tag("VIP"), *people.values())
    put(made_tag("VIP", "customers"), people["Ann"], people["Ben"])
    before = everything()
    answer = desk.post(address("delete", tag), {"where": "both"}, follow=True)
    assert everything() == {}
    assert not Tag.objects.live().exists()
    one, other = Removal.objects.order_by("pk")
    assert f'name="removal" value="{one.pk}-{other.pk}"' in answer.content.decode()
    undo(desk, one, other)
    assert everything() == before
    assert Tag.objects.live().count() == 2


def test_a_tag_of_contacts_alone_may_be_deleted_for_everybody(desk, people):
    tag = put(made_tag("VIP"), *people.values())
    desk.post(address("delete", tag), {"where": "both"})
    assert everything() == {}
    assert not Tag.objects.live().exists()


def test_deals_lose_what_is_deleted_of_deals(desk):
    tag = made_tag("Hot", "deals")
    change_tags("deal", [deal(person()).pk, deal(person()).pk], on=[tag.pk])
    assert lines(desk.get(address("delete", tag))) == [["2 deals lose it."]]
    answer = desk.post(address("delete", tag), follow=True)
    assert "“Hot” was deleted in Deals. 2 deals lose it." in answer.content.decode()


def test_deleting_twice_by_a_double_click_deletes_once(desk, people):
    tag = put(made_tag("VIP"), people["Dan"])
    desk.post(address("delete", tag))
    for answer in (
        desk.post(address("delete", tag), follow=True),
        desk.get(address("delete", tag), follow=True),
        desk.get(address("merge", tag), follow=True),
        desk.post(address("move", tag), follow=True),
    ):
        assert "“VIP” is removed already." in answer.content.decode()
    assert Removal.objects.count() == 1


# -- merging


def test_merging_says_for_either_survivor_what_it_means(desk, people):
    one = put(made_tag("VIP"), people["Ann"], people["Ben"], people["Dan"])
    other = put(made_tag("Key"), people["Ann"], people["Eva"])
    page = desk.get(address("merge", one), {"other": other.pk})
    second, first = lines(page)
    assert [choice["into"] for choice in page.context["choices"]] == [other, one]
    assert first == [
        "2 contacts have “VIP” instead of “Key”.",
        "1 of them has both tags, and keeps one.",
    ]
    assert second == [
        "3 contacts have “Key” instead of “VIP”.",
        "1 of them has both tags, and keeps one.",
    ]
    before = everything()
    posted = {"other": other.pk, "survivor": other.pk}
    answer = desk.post(address("merge", one), posted, follow=True)
    assert everything() == {name: ["contacts/Key"] for name in ("Ann", "Ben", "Dan", "Eva")}
    said = "“VIP” was merged into “Key”. 3 contacts keep it."
    assert said in answer.content.decode()
    undo(desk, Removal.objects.get())
    assert everything() == before


def test_merging_across_the_categories_says_what_is_unseen_then(desk, people):
    one = put(made_tag("VIP"), people["Ann"], people["Dan"])
    other = put(made_tag("Key", "customers"), people["Ben"], people["Cid"])
    select_status(people["Cid"], customer="none")
    second, first = lines(desk.get(address("merge", one), {"other": other.pk}))
    assert first == [
        "2 contacts have “VIP” instead of “Key”.",
        "1 of them left Prospects & Customers and kept it unseen: it shows it again.",
    ]
    assert second[-1].startswith("1 of them is neither prospect nor customer")
    desk.post(address("merge", one), {"other": other.pk, "survivor": other.pk})
    assert everything() == {"Ann": ["customers/Key"], "Ben": ["customers/Key"]}
    select_status(people["Dan"], customer="current")
    assert everything()["Dan"] == ["customers/Key"]


def test_only_fields_of_the_same_type_are_offered_to_merge_with(desk):
    field = made_field("Size", "whole")
    made_field("Colour")
    same, there = made_field("Width", "whole"), made_field("Size", "whole", "customers")
    made_field("Of deals", "whole", "deals")
    form = desk.get(address("merge", field)).context["form"]
    assert list(form.others) == [same.pk, there.pk]


def test_merging_with_what_is_not_offered_changes_nothing(desk):
    field = made_field("Size", "whole")
    text, tag = made_field("Colour"), made_tag("VIP")
    for label, others in ((field, [text.pk, field.pk, "x", "", 0]), (tag, [tag.pk])):
        for other in others:
            posted = {"other": other, "survivor": other}
            assert desk.post(address("merge", label), posted).status_code == 422
    assert not Removal.objects.exists()


def test_the_page_to_merge_says_when_there_is_nothing_to_merge_with(desk):
    assert "There is no other tag" in desk.get(address("merge", made_tag("VIP"))).content.decode()
    page = desk.get(address("merge", made_field("Size", "whole"))).content.decode()
    assert "no other custom field of the type “Whole number”" in page


def test_merging_without_choosing_who_stays_asks_again(desk):
    one, other = made_tag("VIP"), made_tag("Key")
    answer = desk.post(address("merge", one), {"other": other.pk})
    assert (answer.status_code, len(answer.context["choices"])) == (200, 2)
    assert not Removal.objects.exists()


# -- moving


def test_moving_to_prospects_and_customers_loses_nothing_and_says_what_is_unseen(desk, people):
    tag = put(made_tag("VIP"), people["Ann"], people["Dan"], people["Eva"])
    said = lines(desk.get(address("move", tag)))
    assert said[0] == "3 contacts keep it."
    assert said[1].startswith("2 of them are neither prospects nor customers")
    answer = desk.post(address("move", tag), follow=True)
    assert "“VIP” was moved from Contacts to Prospects &amp; Customers." in answer.content.decode()
    assert everything() == {"Ann": ["customers/VIP"]}
    tag.refresh_from_db()
    back = lines(desk.get(address("move", tag)))
    assert back[1].startswith("2 of them left Prospects & Customers and kept it unseen")
    undo(desk, Removal.objects.get())
    assert everything() == {name: ["contacts/VIP"] for name in ("Ann", "Dan", "Eva")}


def test_moving_onto_one_of_the_name_goes_into_it(desk, people):
    tag = put(made_tag("VIP", "customers"), people["Ann"], people["Ben"])
    put(made_tag("VIP"), people["Ann"], people["Dan"])
    said = lines(desk.get(address("move", tag)))
    assert said == [
        "Contacts has “VIP” already: it goes into that one.",
        "2 contacts have “VIP” instead of “VIP”.",
        "1 of them has both tags, and keeps one.",
    ]
    desk.post(address("move", tag))
    assert everything() == {name: ["contacts/VIP"] for name in ("Ann", "Ben", "Dan")}


def test_a_field_is_not_moved_onto_one_of_another_type(desk, people):
    field = give(made_field("Size", "whole"), Ann=1)
    made_field("Size", "text", "customers")
    page = desk.get(address("move", field))
    refusal = "Prospects &amp; Customers has another “Size” already. Rename one of them first."
    assert refusal in page.content.decode()
    assert ">Move<" not in page.content.decode()
    assert refusal in desk.post(address("move", field), follow=True).content.decode()
    assert everything() == {"Ann": ["contacts/Size = 1"]}


def test_what_is_of_deals_is_moved_nowhere(desk):
    tag = made_tag("Hot", "deals")
    assert desk.get(address("move", tag)).headers["Location"] == home(tag)
    desk.post(address("move", tag))
    assert Tag.objects.live().get().category == "deals"


def test_a_double_click_moves_once_and_not_back(desk, people):
    tag = put(made_tag("VIP"), *people.values())
    assert 'name="category" value="contacts"' in desk.get(address("move", tag)).content.decode()
    desk.post(address("move", tag), {"category": "contacts"})
    answer = desk.post(address("move", tag), {"category": "contacts"}, follow=True)
    assert "was moved to Prospects &amp; Customers meanwhile" in answer.content.decode()
    tag.refresh_from_db()
    assert tag.category == "customers"
    assert Removal.objects.count() == 1


def test_what_was_moved_since_the_page_was_read_is_neither_deleted_nor_merged(desk, people):
    tag, other = put(made_tag("VIP"), people["Ann"]), made_tag("Key")
    for asked in (address("delete", tag), address("merge", tag) + f"?other={other.pk}"):
        assert 'name="category" value="contacts"' in desk.get(asked).content.decode()
    move_label(tag)
    for what, more in (("delete", {}), ("merge", {"other": other.pk, "survivor": other.pk})):
        answer = desk.post(address(what, tag), {"category": "contacts", **more}, follow=True)
        assert "Nothing was changed." in answer.content.decode()
    assert everything() == {"Ann": ["customers/VIP"]}


# -- saved lists


@pytest.fixture
def saved(anna):
    """Makes saved lists: of Anna, of everybody, of somebody alone."""
    ben = User.objects.create_user("ben")

    def made(owner="anna", *, shared=False, record="contact", **content):
        number = SmartList.objects.count()
        return SmartList.objects.create(
            record=record, name=f"List {number}", slug=f"list-{number}", shared=shared,
            owner=anna if owner == "anna" else ben, **content,
        )  # fmt: skip

    return made


def test_saved_lists_that_name_a_tag_are_named_and_then_show_nobody(desk, people, saved):
    tag = put(made_tag("VIP"), *people.values())
    other = made_tag("Key")
    asking = [{"field": "tags", "values": [str(tag.pk)]}]
    vip = [{"field": "kind", "values": ["person"]}]
    own = saved(conditions=[asking])
    saved(conditions=[[], "nobody can read this"])
    everybodys = saved("ben", shared=True, conditions=[vip, [{**asking[0], "not": True}]])
    saved("ben", conditions=[asking])
    saved(conditions=[[{"field": "tags", "values": [str(other.pk)]}]])
    saved(conditions=[[{"field": "customer_tags", "values": [str(tag.pk)]}]])
    saved(record="deal", conditions=[asking])
    page = desk.get(address("delete", tag))
    naming = page.context["choices"][0]["naming"]
    assert [one for one, _address in naming.lists] == [own, everybodys]
    assert naming.private == 1
    text = page.content.decode()
    assert own.name in text
    assert "1 list that somebody keeps for themselves" in text
    (_own, opens), *_more = naming.lists
    assert desk.get(opens).context["state"].matching().count() == 5
    desk.post(address("delete", tag))
    state = desk.get(opens).context["state"]
    assert state.faults
    assert state.matching().count() == 0


def test_saved_lists_that_filter_or_sort_by_a_field_are_told_apart_from_those_that_show_it(
    desk, people, saved
):
    field = give(made_field("Size", "whole"), Ann=1)
    name = field.form_name
    filtering = saved(conditions=[[{"field": name, "op": "empty", "values": ["yes"]}]])
    sorting, showing = saved(sort=f"name,-{name}"), saved(columns=["name", name])
    saved(columns=[f"{name}1"], sort=f"{name}1")
    page = desk.get(address("delete", field))
    naming = page.context["choices"][0]["naming"]
    assert [one for one, _address in naming.lists] == [filtering, sorting]
    assert (naming.private, naming.columns) == (0, 1)
    assert "1 saved list loses it as a column." in page.content.decode()
    desk.post(address("delete", field))
    # As the page said: the former show nobody, the latter everybody.
    numbers = [
        desk.get(f"/contacts/lists/{one.slug}/").context["state"].matching().count()
        for one in (filtering, sorting, showing)
    ]
    assert numbers == [0, 0, 5]


def test_no_saved_list_is_named_where_none_names_it(desk, saved):
    saved(columns=["name"], sort="name")
    page = desk.get(address("delete", made_field("Other")))
    assert not page.context["choices"][0]["naming"]
    assert "Saved lists" not in page.content.decode()


def test_a_field_that_moves_is_found_by_saved_lists_and_a_tag_is_not(desk, saved):
    tag, field = made_tag("VIP"), made_field("Size", "whole")
    saved(conditions=[[{"field": "tags", "values": [str(tag.pk)]}]], columns=[field.form_name])
    assert desk.get(address("move", tag)).context["naming"]
    saved(columns=[field.form_name])
    assert not desk.get(address("move", field)).context["naming"]
    made_field("Size", "whole", "customers")
    assert desk.get(address("move", field)).context["naming"], "it goes into another one"


# -- what was removed


def test_the_page_of_the_removed_says_who_did_what_when(desk, people):
    tag = put(made_tag("VIP"), people["Ann"], people["Dan"])
    desk.post(address("delete", tag))
    page = desk.get(reverse("settings:removed")).content.decode()
    assert "Anna Berg" in page
    assert told(Removal.objects.get()).replace("&", "&amp;") in page
    assert 'aria-label="Undo: VIP"' in page
    Removal.objects.update(removed_at=timezone.now() - timedelta(days=31))
    assert "Nothing was removed." in desk.get(reverse("settings:removed")).content.decode()


def test_undoing_brings_back_exactly_what_there_was(desk, people):
    tag = put(made_tag("VIP"), people["Ann"], people["Dan"])
    field = give(made_field("Size", "whole"), Ann=1, Eva=2)
    before = everything()
    for label in (tag, field):
        desk.post(address("delete", label))
    assert everything() == {"Ann": ["customers/Size = 1", "customers/VIP"]}
    for removal in Removal.objects.all():
        answer = undo(desk, removal)
        assert "is back as it was." in answer.content.decode()
        assert answer.redirect_chain == [(reverse("settings:removed"), 302)]
    assert everything() == before
    assert ">undone " in desk.get(reverse("settings:removed")).content.decode()
    assert list(Tag.objects.live()) == [tag]
    assert list(CustomField.objects.live()) == [field]


def test_undoing_twice_by_a_double_click_says_so(desk, people):
    put(made_tag("VIP"), people["Ann"])
    removal = delete_label(Tag.objects.get())
    undo(desk, removal)
    answer = undo(desk, removal)
    assert "This is undone already." in answer.content.decode()
    assert everything() == {"Ann": ["contacts/VIP"]}


def test_what_cannot_be_undone_is_refused_in_words(desk, people):
    tag = put(made_tag("VIP"), people["Ann"])
    first = delete_label(tag)
    second = delete_label(Tag.objects.live().get())
    answer = undo(desk, first)
    assert "“VIP”, which it went into, is removed itself. Undo that first." in (
        answer.content.decode()
    )
    undo(desk, second)
    made_tag("vip")
    assert "has another “VIP” already" in undo(desk, first).content.decode()
    assert everything() == {"Ann": ["customers/VIP"]}


def test_of_two_removals_both_are_undone_or_none(desk, people):
    tag = put(made_tag("VIP"), people["Ann"])
    put(made_tag("VIP", "customers"), people["Ben"])
    desk.post(address("delete", tag), {"where": "both"})
    one, other = Removal.objects.order_by("pk")
    made_tag("VIP", "customers")
    assert "has another “VIP” already" in undo(desk, one, other).content.decode()
    assert everything() == {}
    assert not Removal.objects.exclude(undone_at=None).exists()


@pytest.mark.parametrize("number", ["", "x", "0", "1-", "-1", "1-2-3", "9" * 40, "²"])
def test_undoing_what_never_was_is_not_found(desk, number):
    assert desk.post(reverse("settings:undo"), {"removal": number}).status_code == 404


def test_undoing_leads_back_to_the_page_and_to_no_other_site(desk, people):
    for target, leads_to in (
        ("/settings/contacts/", "/settings/contacts/"),
        ("https://evil.example/", "/settings/removed/"),
        ("//evil.example/", "/settings/removed/"),
    ):
        removal = delete_label(made_tag("VIP", "customers"))
        answer = undo(desk, removal, next=target, follow=False)
        assert answer.headers["Location"] == leads_to
        delete_label(Tag.objects.live().get())


# -- what it costs, and who may


@pytest.mark.parametrize("made", [made_tag, made_field])
@pytest.mark.parametrize("what", ["delete", "merge", "move"])
def test_asking_costs_as_much_for_forty_as_for_two(desk, anna, saved, made, what):
    label, other = made("One"), made("Two")
    made("One", category="customers")

    def fill(number):
        for _ in range(number):
            one = person()
            select_status(one, customer="current")
            if made is made_tag:
                change_tags("contact", [one.pk], on=[label.pk, other.pk])
                made_tag(f"Tag {one.pk}")
            else:
                set_values("contact", {one.pk: {label.pk: "x", other.pk: "y"}})
                made_field(f"Field {one.pk}")
            asking = {"field": "tags", "values": [str(label.pk)]}
            saved(conditions=[[asking]], columns=[f"field{label.pk}"])

    def cost():
        page = address(what, label) + (f"?other={other.pk}" if what == "merge" else "")
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(page).status_code == 200
        return len(queries)

    fill(2)
    cost()
    few = cost()
    fill(38)
    assert cost() == few <= 30


def test_the_page_of_the_removed_costs_as_much_for_forty_as_for_two(desk):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            desk.get(reverse("settings:removed"))
        return len(queries)

    def fill(number):
        for index in range(number):
            delete_label(made_tag(f"Tag {number} {index}"))
        Removal.objects.update(removed_by=User.objects.create_user(f"user{number}"))

    fill(2)
    cost()
    few = cost()
    fill(38)
    assert cost() == few <= 10


@pytest.mark.parametrize("name", ["delete", "merge", "move", "removed", "undo", "compare"])
def test_only_administrators_remove_and_bring_back(client, people, name):
    tag = put(made_tag("VIP"), people["Ann"])
    removal = delete_label(put(made_tag("Gone", "customers"), people["Ann"]))
    client.force_login(User.objects.create_user("ben"))
    target = address(name, tag) if name in ("delete", "merge", "move") else (
        reverse(f"settings:{name}")
    )  # fmt: skip
    if name not in ("removed", "compare"):
        posted = {"removal": removal.pk, "other": tag.pk}
        assert client.post(target, posted).status_code == 403
    if name != "undo":
        assert client.get(target).status_code == 403
    client.logout()
    assert "login" in client.get(target).headers["Location"]
    assert Removal.objects.get().undone_at is None
    assert Tag.objects.live().get() == tag


# -- side by side


def test_both_categories_stand_side_by_side_aligned_by_name(desk, people):
    put(made_tag("VIP"), people["Ann"], people["Dan"])
    put(made_tag("vip", "customers"), people["Ann"])
    put(made_tag("Alpha", "customers"), people["Ben"])
    made_field("Size", "whole")
    made_field("Size", "text", "customers")
    made_tag("Hot", "deals")
    page = desk.get(reverse("settings:compare"))
    (_tag, tags), (_field, fields) = page.context["parts"]
    numbers = [
        (pair.name, pair.contacts and pair.contacts.used, pair.customers and pair.customers.used)
        for pair in tags
    ]
    assert numbers == [("Alpha", None, 1), ("VIP", 2, 1)]
    assert [pair.mergeable for pair in tags] == [False, True]
    assert [pair.mergeable for pair in fields] == [False], "of two types"
    text = page.content.decode()
    both, alone = tags[1], tags[0]
    merging = address("merge", both.contacts.label) + f"?other={both.customers.label.pk}"
    assert merging in text
    assert address("delete", both.contacts.label) + "?where=both" in text
    assert address("move", alone.customers.label) in text
    assert "Hot" not in text


def test_deleting_in_both_is_chosen_already_when_it_was_asked_for(desk):
    tag = made_tag("VIP")
    made_tag("VIP", "customers")
    assert desk.get(address("delete", tag), {"where": "both"}).context["chosen"] == "both"
    assert desk.get(address("delete", tag)).context["chosen"] == "here"
    assert desk.get(address("delete", tag), {"where": "x"}).context["chosen"] == "here"
