"""The pages on which administrators make and change custom fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import ContactValue
from crm.accounts.models import User
from crm.lists.registry import registry_of
from deals.models import Pipeline, RequiredAt, Stage
from settings.categories import Category, FieldType
from settings.models import Account, Currency, CustomField, Option, Removal
from settings.services import delete_label, set_values
from settings.types import default_of
from tests.deals import factories as make
from tests.forms import send
from tests.labels.worlds import made_field

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_superuser(
        "ann", "ann@example.com", first_name="Ann", last_name="Lee"
    )


@pytest.fixture
def desk(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client


def new(category: str, type: str = "") -> str:
    address = reverse("settings:field_new", args=[category])
    return f"{address}?type={type}" if type else address


def edit(field: CustomField) -> str:
    return reverse("settings:field_edit", args=[field.pk])


def type_page(field: CustomField) -> str:
    return reverse("settings:field_type", args=[field.pk])


# -- making


def test_every_type_is_offered_and_each_leads_to_a_form(desk: Client) -> None:
    page = desk.get(new("contacts")).content.decode()
    for type in FieldType.values:
        assert f'?type={type}"' in page
        assert desk.get(new("contacts", type)).status_code == 200
    assert "New custom field" in desk.get(new("contacts", "nonsense")).content.decode()


def test_a_field_is_made_with_all_that_was_said(desk: Client, ann: User) -> None:
    made_field("First")
    response = send(
        desk, new("contacts", "whole"), name="  Shoe   size ", help_text="European", applies_to="person",
        default="42", required="on", filterable=None,
    )  # fmt: skip
    assert response.status_code == 302
    assert response.url == reverse("settings:category", args=["contacts"])
    field = CustomField.objects.get(name="Shoe size")
    assert (field.type, field.category, field.applies_to) == ("whole", "contacts", "person")
    assert (field.help_text, field.default, default_of(field)) == ("European", "42", 42)
    assert (field.required, field.filterable, field.position) == (True, False, 1)
    assert field.created_by == ann


DEFAULTS = {
    "text": ("default", "VIP", "VIP"),
    "long_text": ("default", "One\r\nTwo", "One\nTwo"),
    "number": ("default", "1.50", "1.5"),
    "money": ("default", "12.5", "12.50"),
    "yes_no": ("default", "yes", "yes"),
    "date": ("default", "2026-11-23", "2026-11-23"),
    "email": ("default", "a@example.com", "a@example.com"),
    "phone": ("default", "+49 1", "+49 1"),
    "url": ("default", "example.com", "https://example.com"),
}


@pytest.mark.parametrize("type", DEFAULTS)
def test_a_default_is_typed_as_the_type_asks(desk: Client, type: str) -> None:
    name, typed, kept = DEFAULTS[type]
    assert send(desk, new("contacts", type), name="Extra", **{name: typed}).status_code == 302
    field = CustomField.objects.get()
    assert field.default == kept
    assert default_of(field) is not None
    # Saved again it stays what it is.
    assert send(desk, edit(field), help_text="Other").status_code == 302
    field.refresh_from_db()
    assert (field.default, field.help_text) == (kept, "Other")


@pytest.mark.parametrize(("type", "typed"), [("whole", "1.5"), ("date", "soon"), ("email", "nobody"),
                                             ("text", "x" * 501)])  # fmt: skip
def test_a_default_that_the_type_cannot_have_is_refused(
    desk: Client, type: str, typed: str
) -> None:
    response = send(desk, new("contacts", type), name="Extra", default=typed)
    assert response.status_code == 422
    assert "id_default_error" in response.content.decode()
    assert not CustomField.objects.exists()


def test_a_person_of_the_team_and_an_address_are_defaults_too(desk: Client, ann: User) -> None:
    assert send(desk, new("deals", "user"), name="Who", default=str(ann.pk)).status_code == 302
    assert default_of(CustomField.objects.get(name="Who")) == ann.pk
    response = send(desk, new("deals", "address"), name="Where", default_city="Bonn; Berlin")
    assert response.status_code == 302
    assert default_of(CustomField.objects.get(name="Where")) == "\n\nBonn; Berlin\n\n"


def test_money_is_in_a_currency_of_the_account(desk: Client) -> None:
    Account(currency="CHF").save()
    Currency.objects.get_or_create(code="USD")
    Currency.objects.get_or_create(code="GBP", defaults={"archived": True})
    Currency.objects.filter(code="GBP").update(archived=True)
    page = desk.get(new("contacts", "money")).content.decode()
    assert "The account’s own (CHF)" in page
    assert 'value="USD"' in page
    assert 'value="GBP"' not in page
    assert send(desk, new("contacts", "money"), name="Fee", currency="GBP").status_code == 422
    assert send(desk, new("contacts", "money"), name="Fee", currency="USD").status_code == 302
    assert CustomField.objects.get().currency == "USD"
    # One that was archived since stays.
    Currency.objects.filter(code="USD").update(archived=True)
    assert send(desk, edit(CustomField.objects.get()), name="Fees").status_code == 302
    assert CustomField.objects.get().currency == "USD"


def test_options_are_made_with_the_field(desk: Client) -> None:
    response = send(
        desk, new("customers", "choice"), name="Level", options="Low\r\n\r\n High  end \r\n"
    )
    field = CustomField.objects.get()
    assert response.url == edit(field)
    assert list(field.options.values_list("name", "position")) == [("Low", 0), ("High end", 1)]
    response = send(desk, new("customers", "choice"), name="Other", options="Low\nLOW")
    assert "“LOW” is there twice." in response.content.decode()
    assert CustomField.objects.count() == 1


def test_a_name_is_taken_in_its_category_alone(desk: Client) -> None:
    made_field("Level")
    response = send(desk, new("contacts", "date"), name=" lével ")
    assert response.status_code == 422
    assert "Contacts has another custom field “lével” already." in response.content.decode()
    assert send(desk, new("customers", "date"), name="Level").status_code == 302
    # A removed one leaves its name free.
    delete_label(CustomField.objects.get(category="customers"))
    assert send(desk, new("customers", "date"), name="Level").status_code == 302


# -- deals


def test_a_deal_must_have_it_on_reaching_stages(desk: Client) -> None:
    stages = make.default_stages()
    other = Pipeline.objects.create(name="Renewals", position=5)
    renewed = Stage.objects.create(pipeline=other, category="won", name="Renewed")
    archived = Stage.objects.create(pipeline=other, category="lost", name="Gone", archived=True)
    page = desk.get(new("deals", "text")).content.decode()
    assert "Renewals" in page
    assert f'value="{archived.pk}"' not in page
    assert "applies_to" not in page
    wanted = [stages["won"].pk, renewed.pk]
    assert send(desk, new("deals", "text"), name="Order", required_at=wanted).status_code == 302
    field = CustomField.objects.get()
    assert set(RequiredAt.objects.values_list("stage", flat=True)) == set(wanted)
    assert send(desk, edit(field), name="Order number").status_code == 302
    assert set(RequiredAt.objects.values_list("stage", flat=True)) == set(wanted)
    assert send(desk, edit(field), required_at=[renewed.pk]).status_code == 302
    assert RequiredAt.objects.get().stage == renewed
    assert send(desk, edit(field), required_at=[str(archived.pk)]).status_code == 422
    # What was chosen before it was archived is not lost by saving.
    Stage.objects.filter(pk=renewed.pk).update(archived=True)
    assert send(desk, edit(field), name="Order").status_code == 302
    assert RequiredAt.objects.get().stage == renewed


# -- changing


def test_renaming_keeps_values_and_two_tabs_do_not_overwrite_each_other(desk: Client) -> None:
    field = made_field("Level", "choice", options=["Low"])
    contact = make.company()
    set_values("contact", {contact.pk: {field.pk: field.options.get().pk}})
    first = desk.get(edit(field)).content.decode()
    version = first.split('name="version" value="')[1].split('"')[0]
    assert send(desk, edit(field), name="Tier", having="help_text").status_code == 302
    late = {"name": "Rank", "applies_to": "", "filterable": "on", "default": "", "version": version}
    response = desk.post(edit(field), late)
    page = response.content.decode()
    assert response.status_code == 422
    assert "Somebody saved this in the meantime." in page
    assert "Tier" in page
    field.refresh_from_db()
    assert field.name == "Tier"
    assert send_again(desk, edit(field), response, name="Rank").status_code == 302
    field.refresh_from_db()
    assert field.name == "Rank"
    assert ContactValue.objects.filter(field=field).count() == 1


def send_again(desk: Client, address: str, response: Any, **changes: Any) -> Any:
    from tests.forms import forms_of

    form = next(one for one in forms_of(response) if "help_text" in one.names)
    return desk.post(address, form.data(**changes))


def test_values_of_the_other_kind_are_kept_and_told_of(desk: Client) -> None:
    field = made_field("Level")
    person, company = make.person(), make.company()
    set_values("contact", {one.pk: {field.pk: "x"} for one in (person, company)})
    response = send(desk, edit(field), applies_to="person")
    page = desk.get(response.url).content.decode()
    assert "1 contact of the other kind has a value, which is kept and not shown." in page
    assert ContactValue.objects.count() == 2


def test_a_removed_field_is_not_edited(desk: Client) -> None:
    field = made_field("Level", "choice", category="customers", options=["Low"])
    option = field.options.get()
    delete_label(field)
    pages = [edit(field), type_page(field), reverse("settings:option_edit", args=[option.pk])]
    for page in pages:
        response = desk.get(page, follow=True)
        assert "“Level” is removed already." in response.content.decode(), page
    posts = {edit(field): {"name": "X"}, type_page(field): {"type": "text", "lost": "0"},
             reverse("settings:options", args=[field.pk]): {"delete": str(option.pk)},
             reverse("settings:option_new", args=[field.pk]): {"option-name": "X"}}  # fmt: skip
    for page, data in posts.items():
        assert desk.post(page, data).status_code == 302, page
    field.refresh_from_db()
    assert (field.name, field.type, field.options.count()) == ("Level", "choice", 1)
    assert desk.get(reverse("settings:field_edit", args=[10**9])).status_code == 404


# -- hostile names

HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd()|' /C calc'!A0",
    "\u202eevil",
    "“ onload=x",
    "a" * 80,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_escaped(desk: Client, name: str) -> None:
    response = send(desk, new("contacts", "choice"), name=name, help_text=name, options=name)
    field = CustomField.objects.get()
    assert field.name == name
    assert response.status_code == 302
    option = field.options.get()
    contact = make.company(name)
    set_values("contact", {contact.pk: {field.pk: option.pk}})
    pages = [edit(field), reverse("settings:option_edit", args=[option.pk]), type_page(field),
             f"{type_page(field)}?type=date", reverse("settings:category", args=["contacts"])]  # fmt: skip
    for page in pages:
        text = desk.get(page).content.decode()
        assert "<script>alert" not in text, page
        assert '" onload' not in text, page


@pytest.mark.parametrize(
    "name", ["a\x00b", "a\x07b", "a\tb", "", "   ", "\u0301", "x" * 81, "x" * 10_000]
)
def test_names_that_nobody_can_read_are_refused(desk: Client, name: str) -> None:
    response = send(desk, new("contacts", "text"), name=name)
    assert response.status_code == 422
    assert "id_name_error" in response.content.decode()
    assert not CustomField.objects.exists()
    response = send(desk, new("contacts", "text"), name="Good", help_text="a\x07b")
    assert response.status_code == 422


# -- another type


def test_a_type_is_changed_after_a_preview_and_undone(desk: Client) -> None:
    field = made_field("Size")
    good, bad = make.company("Good"), make.company("<b>Bad</b>")
    set_values("contact", {good.pk: {field.pk: "42"}, bad.pk: {field.pk: "large"}})
    page = desk.get(f"{type_page(field)}?type=whole").content.decode()
    assert "1 value is converted." in page
    assert "1 value cannot be converted and is lost." in page
    assert "&lt;b&gt;Bad&lt;/b&gt;" in page
    assert bad.get_absolute_url() in page
    assert "“large” is no number." in page
    field.refresh_from_db()
    assert field.type == "text"
    response = send(desk, f"{type_page(field)}?type=whole", to=type_page(field))
    assert response.url == edit(field)
    field.refresh_from_db()
    assert field.type == "whole"
    removal = Removal.objects.get()
    assert (removal.kept, removal.lost, removal.how) == (1, 1, "converted")
    response = desk.post(reverse("settings:undo"), {"removal": removal.pk})
    field.refresh_from_db()
    assert field.type == "text"
    assert set(ContactValue.objects.values_list("text", flat=True)) == {"42", "large"}


def test_other_losses_than_were_shown_are_shown_again(desk: Client) -> None:
    field = made_field("Size")
    contact = make.company()
    set_values("contact", {contact.pk: {field.pk: "large"}})
    response = desk.post(type_page(field), {"type": "whole", "lost": "0"})
    page = response.content.decode()
    assert response.status_code == 409
    assert "Values were changed in the meantime." in page
    assert "“large” is no number." in page
    field.refresh_from_db()
    assert field.type == "text"
    # Without a number that was confirmed it is only a preview.
    assert desk.post(type_page(field), {"type": "whole"}).status_code == 200
    assert desk.post(type_page(field), {"type": "text", "lost": "0"}).status_code == 422
    assert desk.post(type_page(field), {"type": "nonsense", "lost": "0"}).status_code == 422
    assert not Removal.objects.exists()


def test_too_many_different_texts_are_no_options(desk: Client) -> None:
    field = made_field("Size")
    given = {make.company().pk: {field.pk: f"Text {number}"} for number in range(101)}
    set_values("contact", given)
    page = desk.get(f"{type_page(field)}?type=choice").content.decode()
    assert "over 100 new options would be needed" in page
    assert 'name="lost"' not in page
    assert desk.post(type_page(field), {"type": "choice", "lost": "0"}).status_code == 409
    assert not Option.objects.exists()


def test_a_list_that_asks_in_a_way_of_the_old_type_shows_nothing(desk: Client) -> None:
    field = made_field("Size")
    contact = make.company("Acme Shoes")
    set_values("contact", {contact.pk: {field.pk: "42"}})
    address = f"{reverse('contacts:list')}?{field.form_name}.contains=4"
    assert "Acme Shoes" in desk.get(address).content.decode()
    send(desk, f"{type_page(field)}?type=whole", to=type_page(field))
    page = desk.get(address).content.decode()
    assert "Acme Shoes" not in page
    assert "unavailable" in page or "not available" in page or "no filter" in page
    # The field keeps its name in addresses and saved lists.
    assert registry_of("contact").get(field.form_name).kind.__class__.__name__ == "Number"
    assert (
        "Acme Shoes"
        in desk.get(f"{reverse('contacts:list')}?{field.form_name}=42").content.decode()
    )


# -- who may


def test_only_administrators_enter(client: Client) -> None:
    field = made_field("Level", "choice", options=["Low"])
    option = field.options.get()
    pages = [new("contacts"), new("contacts", "text"), edit(field), type_page(field),
             reverse("settings:option_edit", args=[option.pk])]  # fmt: skip
    posts = {
        new("deals", "text"): {"name": "X", "type": "text"},
        edit(field): {"name": "X"},
        type_page(field): {"type": "text", "lost": "0"},
        reverse("settings:options", args=[field.pk]): {"delete": option.pk},
        reverse("settings:option_new", args=[field.pk]): {
            "option-name": "X",
            "option-color": "red",
        },
        reverse("settings:option_edit", args=[option.pk]): {"name": "X", "color": "red"},
    }
    for page in pages:
        assert client.get(page).status_code == 302
    client.force_login(User.objects.create_user("bob"))
    for page in pages:
        assert client.get(page).status_code == 403, page
    for page, data in posts.items():
        assert client.post(page, data).status_code == 403, page
    field.refresh_from_db()
    assert (field.name, field.type, field.options.count()) == ("Level", "choice", 1)
    assert CustomField.objects.count() == 1
    client.force_login(User.objects.create_user("cid", is_superuser=True))
    for page in pages:
        assert client.get(page).status_code == 200, page


# -- budgets


def queries(desk: Client, address: str) -> int:
    desk.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert desk.get(address).status_code == 200
    return len(captured)


def test_pages_take_as_many_statements_with_forty_fields_and_options_as_with_two(
    desk: Client,
) -> None:
    field = made_field("Level", "choice", options=["One", "Two"])
    contact = make.company()
    set_values("contact", {contact.pk: {field.pk: field.options.first().pk}})
    pages = [new("contacts", "choice"), new("deals", "money"), edit(field), type_page(field),
             f"{type_page(field)}?type=date", f"{type_page(field)}?type=user"]  # fmt: skip
    pipeline = make.default_stages()["won"].pipeline
    before = [queries(desk, page) for page in pages]
    for number in range(40):
        option = Option.objects.create(field=field, name=f"Option {number}", position=number)
        more = make.company()
        set_values("contact", {more.pk: {field.pk: option.pk}})
        made_field(f"Field {number}", "choices", options=["a", "b"])
        made_field(f"Field {number}", "money", category="deals")
        Stage.objects.create(pipeline=pipeline, name=f"Stage {number}", category="won")
    assert [queries(desk, page) for page in pages] == before
    assert max(before) <= 20


def test_categories_are_three(desk: Client) -> None:
    for category in Category:
        assert desk.get(new(category, "text")).status_code == 200
