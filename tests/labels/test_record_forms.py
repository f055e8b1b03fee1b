"""Tags and custom fields in the forms of contacts and deals."""

from __future__ import annotations

from datetime import UTC, date, datetime
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
from contacts.models.labels import HOLDER, ContactChange, ContactTag, ContactValue
from deals.models.labels import HOLDER as DEALS
from settings.catalogue import catalogue
from settings.categories import Category
from settings.models import Account, CustomField, Tag
from settings.services import change_tags, delete_label, set_values, tags_of, values_of
from tests.deals import factories as make
from tests.forms import forms_of, send
from tests.labels.people import customer, field, fields_of_every_type, option, tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user("ann", first_name="Ann", language="en")
    client.force_login(user)
    return user


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def edit_page(contact: Contact) -> str:
    return reverse("contacts:edit", args=[contact.pk])


def values(record: Any, holder: Any = HOLDER) -> dict[str, Any]:
    """What a record carries, by name of the field, unseen values included."""
    fields = catalogue().fields_by_id
    found = values_of(holder, [record.pk], fields.values(), unseen=True).get(record.pk, {})
    return {fields[pk].name: value for pk, value in found.items()}


def carried(record: Any, *categories: Any, holder: Any = HOLDER) -> list[str]:
    found = tags_of(
        holder,
        [record.pk],
        [Category(one) for one in categories or ("contacts", "customers")],
        unseen=True,
    )
    return [one.name for one in found.get(record.pk, [])]


# -- every type


def filled_in(made: dict[str, CustomField], user: Any, other: Contact) -> dict[str, Any]:
    red, _green, blue = made["choices"].options.all()
    name = {kind: one.form_name for kind, one in made.items()}
    return {
        name["text"]: "North",
        name["long_text"]: "One\r\ntwo",
        name["whole"]: "12",
        name["number"]: "1.25",
        name["money"]: "99.90",
        name["yes_no"]: "no",
        name["date"]: "2026-11-23",
        name["moment"]: "2026-11-23T14:30",
        name["email"]: "a@example.org",
        name["phone"]: "+49 30 1",
        name["url"]: "example.org",
        f"{name['address']}_street": "Main St 1",
        f"{name['address']}_city": "Berlin",
        name["choice"]: str(made["choice"].options.all()[1].pk),
        name["choices"]: [str(red.pk), str(blue.pk)],
        name["user"]: str(user.pk),
        f"{name['contact']}_text": other.name,
    }


@pytest.mark.parametrize("record", ["contacts", "deals"])
def test_every_type_is_filled_in_and_shown_again(client: Client, ann: Any, record: str) -> None:
    made = fields_of_every_type(record)
    other = make.person("Byron")
    subject = make.person("Ada") if record == "contacts" else make.deal(make.person("Ada"))
    page = reverse(f"{record}:edit", args=[subject.pk])
    answer = send(client, page, having="version", **filled_in(made, ann, other))
    assert answer.status_code == 302, answer.context["form"].errors
    red, _green, blue = made["choices"].options.all()
    stored = values(subject, HOLDER if record == "contacts" else DEALS)
    assert stored == {
        "A text": "North",
        "A long_text": "One\ntwo",
        "A whole": 12,
        "A number": Decimal("1.25"),
        "A money": Decimal("99.90"),
        "A yes_no": False,
        "A date": date(2026, 11, 23),
        "A moment": timezone.make_aware(datetime(2026, 11, 23, 14, 30)),
        "A email": "a@example.org",
        "A phone": "+49 30 1",
        "A url": "https://example.org",
        "A address": "Main St 1\n\nBerlin\n\n",
        "A choice": made["choice"].options.all()[1].pk,
        "A choices": (red.pk, blue.pk),
        "A user": ann.pk,
        "A contact": other.pk,
    }
    # Shown again and sent back as it stands, nothing is changed and nothing written down.
    model = (HOLDER if record == "contacts" else DEALS).changes._default_manager
    told = model.count()
    assert send(client, page, having="version").status_code == 302
    assert values(subject, HOLDER if record == "contacts" else DEALS) == stored
    assert model.count() == told == 16


def test_each_input_has_a_label_and_its_help(client: Client, ann: Any) -> None:
    made = fields_of_every_type()
    shown = text(client.get(edit_page(make.person())))
    for one in made.values():
        assert one.name in shown
        assert f"Help with {one.type}" in shown
    assert 'type="datetime-local"' in shown
    assert shown.count('<label class="form-hint" for="id_field') == 5


def test_help_text_and_names_of_people_are_no_markup(client: Client, ann: Any) -> None:
    evil = "<script>alert(1)</script>"
    made = field("<b>Bold</b>", "choice", help_text=evil)
    option(made, '"><img src=x>')
    tag("<i>tag</i>")
    shown = client.get(edit_page(make.person())).content.decode()
    for one in (evil, "<b>Bold", "<img src=x", "<i>tag"):
        assert one not in shown
    assert "&lt;script&gt;alert(1)" in shown


@pytest.mark.parametrize(
    ("kind", "sent", "said"),
    [
        ("whole", "1.5", "is no whole number"),
        ("number", "many", "is no number"),
        ("email", "nobody", "is no e-mail address"),
        ("phone", "abc", "has no digit"),
        ("date", "2026-13-40", "is no date"),
        ("moment", "soon", "is no moment"),
        ("text", "x" * 501, "at most 500 characters"),
        ("long_text", "x" * 10_001, "at most 10000 characters"),
        ("yes_no", "maybe", "neither yes nor no"),
        ("choice", "999999", "none of its options"),
        ("user", "999999", "not in it any more"),
        ("contact", "999999", "does not exist any more"),
    ],
)
def test_what_a_field_cannot_have_is_refused_beside_it_and_kept_typed(
    client: Client, ann: Any, kind: str, sent: str, said: str
) -> None:
    made = fields_of_every_type()[kind]
    contact = make.person("Ada")
    answer = send(
        client, edit_page(contact), having="version", title="CTO", **{made.form_name: sent}
    )
    assert answer.status_code == 200
    assert said in str(answer.context["form"].errors[made.form_name])
    assert kind in ("choice", "user", "contact", "yes_no") or sent in answer.content.decode()
    contact.refresh_from_db()
    assert contact.title == ""
    assert values(contact) == {}


def test_hostile_text_of_ten_thousand_signs_is_kept_and_shown_escaped(
    client: Client, ann: Any
) -> None:
    made = field("Notes", "long_text")
    evil = "<script>alert('x')</script>\u202eabc=1+1\n" + "ß" * 9_900
    contact = make.person()
    send(client, edit_page(contact), having="version", **{made.form_name: evil})
    assert values(contact) == {"Notes": evil}
    for page in (edit_page(contact), contact.get_absolute_url()):
        shown = client.get(page).content.decode()
        assert "<script>alert(" not in shown
        assert "ß" * 9_900 in shown


def test_a_value_written_in_german_is_read_in_german(client: Client, ann: Any) -> None:
    get_user_model().objects.filter(pk=ann.pk).update(language="de")
    number, day = field("Zahl", "number"), field("Tag", "date")
    contact = make.person()
    sent = {number.form_name: "1,5", day.form_name: "23.11.2026"}
    assert send(client, edit_page(contact), having="version", **sent).status_code == 302
    assert values(contact) == {"Zahl": Decimal("1.5"), "Tag": date(2026, 11, 23)}


def test_seconds_that_the_input_hides_are_not_taken_away(client: Client, ann: Any) -> None:
    made = field("When", "moment")
    contact = make.person()
    exactly = datetime(2026, 3, 4, 5, 6, 0, 789_000, UTC)
    set_values("contact", {contact.pk: {made.pk: exactly}})
    send(client, edit_page(contact), having="version", title="CTO")
    assert values(contact) == {"When": exactly}


def test_a_retired_option_is_offered_only_where_it_is_chosen(client: Client, ann: Any) -> None:
    made = field("Size", "choice")
    old, new = option(made, "Old", retired=True), option(made, "New")
    having, without = make.person(), make.person()
    set_values("contact", {having.pk: {made.pk: old.pk}})
    assert "Old (retired)" in text(client.get(edit_page(having)))
    assert "Old" not in text(client.get(edit_page(without)))
    assert send(client, edit_page(having), having="version").status_code == 302
    assert values(having) == {"Size": old.pk}
    refused = send(client, edit_page(without), having="version", **{made.form_name: str(old.pk)})
    assert refused.status_code == 200
    assert values(without) == {}
    send(client, edit_page(without), having="version", **{made.form_name: str(new.pk)})
    assert values(without) == {"Size": new.pk}


def test_somebody_who_left_stays_where_they_are_chosen(client: Client, ann: Any) -> None:
    made = field("Guide", "user")
    gone = get_user_model().objects.create_user("bob", first_name="Bob", is_active=False)
    having, without = make.person(), make.person()
    set_values("contact", {having.pk: {made.pk: gone.pk}})
    assert "Bob" in text(client.get(edit_page(having)))
    assert "Bob" not in text(client.get(edit_page(without)))
    send(client, edit_page(having), having="version", title="CTO")
    assert values(having) == {"Guide": gone.pk}


# -- new records


def test_a_new_record_begins_with_the_defaults_and_is_saved_with_them(
    client: Client, ann: Any
) -> None:
    size = field("Size", "choice", default="Large")
    large = option(size, "Large")
    field("Region", default="North")
    page = reverse("contacts:new_person")
    assert 'value="North"' in client.get(page).content.decode()
    send(client, page, having="last_name", last_name="Byron")
    assert values(Contact.objects.get(last_name="Byron")) == {"Size": large.pk, "Region": "North"}


def test_a_new_contact_is_asked_nothing_of_prospects_and_customers(
    client: Client, ann: Any
) -> None:
    field("Budget", "money", "customers", required=True)
    tag("Loyal", "customers")
    page = reverse("contacts:new_company")
    shown = text(client.get(page))
    assert "Budget" not in shown
    assert "Loyal" not in shown
    assert send(client, page, having="name", name="Acme").status_code == 302


def test_fields_for_people_are_not_on_companies(client: Client, ann: Any) -> None:
    field("Birthday", "date", applies_to="person")
    field("Staff", "whole", applies_to="company")
    person, company = make.person(), make.company()
    assert "Birthday" in text(client.get(edit_page(person)))
    assert "Staff" not in text(client.get(edit_page(person)))
    assert "Birthday" not in text(client.get(edit_page(company)))
    assert "Staff" in text(client.get(edit_page(company)))


# -- tags


def test_tags_are_ticked_and_new_ones_typed(client: Client, ann: Any) -> None:
    vip, cold = tag("VIP"), tag("Cold")
    contact = make.person()
    change_tags("contact", [contact.pk], on=[cold.pk])
    sent: dict[str, Any] = {"tags": [vip.pk], "tags_new": " Fair  2026, vip ,Press, press"}
    answer = send(client, edit_page(contact), having="version", **sent)
    assert answer.status_code == 302
    assert carried(contact) == ["VIP", "Fair 2026", "Press"]
    assert Tag.objects.get(name="Press").created_by == ann
    kinds = ContactChange.objects.values_list("kind", "label")
    assert ("tag_off", "Cold") in kinds
    assert ("tag_on", "Fair 2026") in kinds


def test_taking_off_the_last_tag_takes_it_off(client: Client, ann: Any) -> None:
    vip = tag("VIP")
    contact = make.person()
    change_tags("contact", [contact.pk], on=[vip.pk])
    send(client, edit_page(contact), having="version", tags=[""])
    assert carried(contact) == []


def test_only_those_who_may_make_tags_type_new_ones(client: Client, ann: Any) -> None:
    tag("VIP")
    Account.objects.create(tags_made_by="admins")
    contact = make.person()
    assert "tags_new" not in client.get(edit_page(contact)).content.decode()
    [form] = [one for one in forms_of(client.get(edit_page(contact))) if "version" in one.names]
    refused = client.post(edit_page(contact), {**form.data(), "tags_new": "Press"})
    assert "no tag “Press”" in text(refused)
    assert not Tag.objects.filter(name="Press").exists()
    # By name one puts on what there is.
    client.post(edit_page(contact), {**form.data(), "tags_new": "vip"})
    assert carried(contact) == ["VIP"]
    get_user_model().objects.filter(pk=ann.pk).update(is_superuser=True)
    client.post(edit_page(contact), {**forms_of(client.get(edit_page(contact)))[-1].data(),
                                     "tags_new": "Press"})  # fmt: skip
    assert carried(contact) == ["VIP", "Press"]


@pytest.mark.parametrize("name", ["x" * 81, "\x07bell"])
def test_a_name_that_no_tag_can_have_is_refused(client: Client, ann: Any, name: str) -> None:
    contact = make.person()
    answer = send(client, edit_page(contact), having="version", tags_new=name)
    assert answer.status_code == 200
    assert answer.context["form"].errors["tags"]
    assert not Tag.objects.exists()


# -- Prospects & Customers


def test_who_leaves_the_category_keeps_its_values_unseen_and_has_them_again(
    client: Client, ann: Any
) -> None:
    ada, sold = customer()
    budget, loyal = field("Budget", "money", "customers"), tag("Loyal", "customers")
    sent: dict[str, Any] = {budget.form_name: "500", "customer_tags": [loyal.pk]}
    assert send(client, edit_page(ada), having="version", **sent).status_code == 302
    pages = (edit_page(ada), ada.get_absolute_url())
    for page in pages:
        assert "Budget" in text(client.get(page))
        assert "Loyal" in text(client.get(page))
        assert "Prospects &amp; Customers" in text(client.get(page))
    sold.delete()
    for page in pages:
        assert "Budget" not in text(client.get(page))
        assert "Loyal" not in text(client.get(page))
    assert send(client, edit_page(ada), having="version", title="CTO").status_code == 302
    make.deal(ada)
    for page in pages:
        assert "500" in text(client.get(page))
        assert "Loyal" in text(client.get(page))


def test_whoever_left_the_category_while_the_form_was_open_is_told_and_loses_nothing(
    client: Client, ann: Any
) -> None:
    ada, sold = customer()
    budget = field("Budget", "money", "customers")
    loyal = tag("Loyal", "customers")
    set_values("contact", {ada.pk: {budget.pk: 500}})
    change_tags("contact", [ada.pk], on=[loyal.pk])
    opened = next(one for one in forms_of(client.get(edit_page(ada))) if "version" in one.names)
    sold.delete()
    answer = client.post(edit_page(ada), opened.data(title="CTO", **{budget.form_name: "900"}))
    assert answer.status_code == 200
    assert "neither prospect nor customer any more" in text(answer)
    ada.refresh_from_db()
    assert ada.title == ""
    assert values(ada) == {"Budget": Decimal(500)}
    again = next(one for one in forms_of(answer) if "version" in one.names)
    assert client.post(edit_page(ada), again.data()).status_code == 302
    ada.refresh_from_db()
    assert ada.title == "CTO"
    assert values(ada) == {"Budget": Decimal(500)}
    assert carried(ada) == ["Loyal"]


# -- two tabs, and what is removed meanwhile


def test_two_tabs_see_each_others_values_and_tags(client: Client, ann: Any) -> None:
    size, sure = field("Size"), field("Sure", "yes_no")
    vip, cold = tag("VIP"), tag("Cold")
    contact = make.person()
    page = edit_page(contact)
    first, second = (forms_of(client.get(page))[-1] for _tab in range(2))
    name, yes = size.form_name, sure.form_name
    client.post(page, first.data(**{name: "Large", yes: "no", "tags": [vip.pk]}))
    answer = client.post(page, second.data(**{name: "Small", "tags": [cold.pk]}))
    assert answer.status_code == 200
    found = {one.label: (one.stored, one.ours) for one in answer.context["form"].differences}
    assert found == {"Size": ("Large", "Small"), "Sure": ("no", ""), "Tags": ("VIP", "Cold")}
    assert values(contact) == {"Size": "Large", "Sure": False}
    assert carried(contact) == ["VIP"]
    again = forms_of(answer)[-1].data()
    assert client.post(page, again).status_code == 302
    assert values(contact) == {"Size": "Small"}
    assert carried(contact) == ["Cold"]


def test_two_tabs_that_say_the_same_do_not_meet(client: Client, ann: Any) -> None:
    size = field("Size", "number")
    contact = make.person()
    page = edit_page(contact)
    first, second = (forms_of(client.get(page))[-1] for _tab in range(2))
    client.post(page, first.data(**{size.form_name: "5"}))
    assert client.post(page, second.data(**{size.form_name: "5.0"})).status_code == 302


def test_a_field_removed_while_the_form_was_open_is_told_and_nothing_is_half_done(
    client: Client, ann: Any
) -> None:
    size = field("Size")
    contact = make.person()
    opened = forms_of(client.get(edit_page(contact)))[-1]
    delete_label(size)
    sent = opened.data(title="CTO", **{size.form_name: "Precious"})
    answer = client.post(edit_page(contact), sent)
    assert answer.status_code == 200
    assert "The field “Size” was removed in the meantime" in text(answer)
    assert "“Precious”" in text(answer)
    contact.refresh_from_db()
    assert contact.title == ""
    again = forms_of(answer)[-1]
    assert size.form_name not in again.names
    assert client.post(edit_page(contact), again.data()).status_code == 302
    contact.refresh_from_db()
    assert contact.title == "CTO"


def test_a_field_removed_empty_is_in_nobodys_way(client: Client, ann: Any) -> None:
    size = field("Size")
    contact = make.person()
    opened = forms_of(client.get(edit_page(contact)))[-1]
    delete_label(size)
    assert client.post(edit_page(contact), opened.data(title="CTO")).status_code == 302


def test_a_tag_removed_while_the_form_was_open_is_told(client: Client, ann: Any) -> None:
    vip = tag("VIP")
    contact = make.person()
    opened = forms_of(client.get(edit_page(contact)))[-1]
    delete_label(vip)
    answer = client.post(edit_page(contact), opened.data(title="CTO", tags=[vip.pk]))
    assert "A tag was removed in the meantime" in text(answer)
    contact.refresh_from_db()
    assert contact.title == ""
    assert client.post(edit_page(contact), forms_of(answer)[-1].data()).status_code == 302


@pytest.mark.parametrize("kind", ["contacts", "deals"])
def test_a_field_removed_between_checking_and_saving_stores_nothing(
    client: Client, ann: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    size = field("Size", category=kind)
    one = make.person("Ada") if kind == "contacts" else make.deal(make.person("Ada"), name="Old")
    page = reverse(f"{kind}:edit", args=[one.pk])
    from settings import labelled

    real = labelled.set_values

    def meanwhile(*args: Any, **more: Any) -> Any:
        # As another process would, of which this one's memory of fields knows nothing.
        CustomField.objects.filter(pk=size.pk).update(deleted_at=timezone.now())
        return real(*args, **more)

    monkeypatch.setattr(labelled, "set_values", meanwhile)
    CustomField.objects.filter(pk=size.pk).update(deleted_at=None)
    name = {"contacts": {"last_name": "Other"}, "deals": {"name": "New"}}[kind]
    answer = send(client, page, having="version", **name, **{size.form_name: "Large"})
    assert answer.status_code == 200
    assert "gone" in text(answer) or "removed in the meantime" in text(answer)
    one.refresh_from_db()
    assert one.name in ("Ada", "Old")


def test_a_field_made_while_the_form_was_open_loses_no_value(client: Client, ann: Any) -> None:
    contact = make.person()
    opened = forms_of(client.get(edit_page(contact)))[-1]
    size, vip = field("Size"), tag("VIP")
    choices = field("Sizes", "choices")
    large = option(choices, "Large")
    set_values("contact", {contact.pk: {size.pk: "Large", choices.pk: [large.pk]}})
    change_tags("contact", [contact.pk], on=[vip.pk])
    sent = opened.data(title="CTO", tags=None, tags_new=None)
    fresh = forms_of(client.get(edit_page(contact)))[-1].data()["version"]
    client.post(edit_page(contact), {**sent, "version": fresh})
    assert values(contact) == {"Size": "Large", "Sizes": (large.pk,)}
    assert carried(contact) == ["VIP"]


def test_a_refused_form_stores_neither_tag_nor_value(client: Client, ann: Any) -> None:
    size = field("Size")
    contact = make.person("Ada")
    send(client, edit_page(contact), having="version", last_name="", tags_new="Press",
         **{size.form_name: "Large"})  # fmt: skip
    assert not ContactValue.objects.exists()
    assert not ContactTag.objects.exists()
    assert not Tag.objects.exists()


# -- deals


def test_looking_at_what_follows_for_the_statuses_stores_no_tag(client: Client, ann: Any) -> None:
    sale = make.deal(make.person())
    page = reverse("deals:edit", args=[sale.pk])
    answer = send(client, page, having="version", tags_new="Press", preview="1")
    assert answer.status_code == 200
    assert not Tag.objects.exists()


def test_currency_is_chosen_of_those_in_use_and_the_deals_own(client: Client, ann: Any) -> None:
    from settings.models import Currency

    for code, archived in (("CHF", False), ("USD", False), ("FRF", True)):
        Currency.objects.create(code=code, archived=archived)
    Account.objects.create(currency="CHF")
    new = client.get(reverse("deals:new")).context["form"]
    assert new["currency"].value() == "CHF"
    assert [code for code, _name in new.fields["currency"].choices] == ["CHF", "USD"]
    old = make.deal(make.person(), currency="FRF")
    page = reverse("deals:edit", args=[old.pk])
    offered = client.get(page).context["form"].fields["currency"].choices
    assert [code for code, _name in offered] == ["CHF", "USD", "FRF"]
    assert send(client, page, having="version", currency="USD").status_code == 302
    assert send(client, page, having="version", currency="FRF").status_code == 200
    old.refresh_from_db()
    assert old.currency == "USD"


def test_currency_is_typed_where_nobody_has_listed_any(client: Client, ann: Any) -> None:
    sale = make.deal(make.person())
    page = reverse("deals:edit", args=[sale.pk])
    assert send(client, page, having="version", currency="usd").status_code == 302
    sale.refresh_from_db()
    assert sale.currency == "USD"


# -- what it costs


def test_a_form_costs_the_same_for_two_fields_and_for_forty(client: Client, ann: Any) -> None:
    contact, other = make.person(), make.person()

    def cost() -> tuple[int, int]:
        client.get(edit_page(contact))
        with CaptureQueriesContext(connection) as shown:
            opened = forms_of(client.get(edit_page(contact)))[-1]
        sent = opened.data(**{
            one.form_name: str(other.pk) if one.type == "contact" else f"new {one.pk}"
            for one in CustomField.objects.all()
        }, tags=[one.pk for one in Tag.objects.all()])  # fmt: skip
        with CaptureQueriesContext(connection) as saved:
            assert client.post(edit_page(contact), sent).status_code == 302
        set_values("contact", {contact.pk: {one.pk: None for one in CustomField.objects.all()}})
        change_tags("contact", [contact.pk], off=[one.pk for one in Tag.objects.all()])
        return len(shown), len(saved)

    def more(first: int, last: int) -> None:
        for number in range(first, last):
            field(f"Text {number}")
            field(f"Contact {number}", "contact")
            tag(f"Tag {number}")

    more(0, 2)
    few = cost()
    more(2, 40)
    assert cost() == few
