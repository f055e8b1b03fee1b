"""The options of fields that choose: what is done with them loses no value."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import ContactValue
from crm.accounts.models import User
from deals.services import select_status
from settings.models import CustomField, Option
from settings.services import set_values, undo_removal
from settings.services.converting import convert_field
from settings.services.fields import (
    OPTIONS_AT_MOST,
    OptionTaken,
    Uses,
    add_options,
    change_option,
    delete_option,
    option_names,
    option_uses,
    retire_option,
    save_field,
    shift_option,
)
from settings.types import default_of
from tests.deals import factories as make
from tests.forms import send
from tests.labels.worlds import made_field

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ann"))
    return client


@pytest.fixture
def field() -> CustomField:
    return made_field("Level", "choice", options=["Low", "Middle", "High"])


def names(field: CustomField) -> list[str]:
    return list(field.options.values_list("name", flat=True))


def option(field: CustomField, name: str) -> Option:
    return Option.objects.select_related("field").get(field=field, name=name)


def given(field: CustomField, name: str) -> int:
    contact = make.company()
    chosen = option(field, name).pk
    value = (chosen,) if field.type == "choices" else chosen
    set_values("contact", {contact.pk: {field.pk: value}})
    return contact.pk


def edit(field: CustomField) -> str:
    return reverse("settings:field_edit", args=[field.pk])


def acts(field: CustomField) -> str:
    return reverse("settings:options", args=[field.pk])


def act(desk: Client, field: CustomField, what: str, name: str) -> str:
    """Press a button beside an option; what the page shows then."""
    data = {what: option(field, name).pk}
    return desk.post(acts(field), data, follow=True).content.decode()


# -- on the page


def test_options_are_added_behind_the_others(desk: Client, field: CustomField) -> None:
    page = edit(field)
    response = send(
        desk, page, to=reverse("settings:option_new", args=[field.pk]),
        option__name="  Very   high ", option__color="red",
    )  # fmt: skip
    assert response.url == f"{page}#options"
    assert names(field) == ["Low", "Middle", "High", "Very high"]
    assert option(field, "Very high").color == "red"
    refused = desk.post(
        reverse("settings:option_new", args=[field.pk]),
        {"option-name": "LÖW", "option-color": "red"},
    )
    assert refused.status_code == 422
    assert "There is an option “Low” already." in refused.content.decode()
    assert len(names(field)) == 4


def test_renaming_and_recolouring_keeps_values(desk: Client, field: CustomField) -> None:
    contact = given(field, "Low")
    one = option(field, "Low")
    page = reverse("settings:option_edit", args=[one.pk])
    assert send(desk, page, name="Lowest", color="teal").status_code == 302
    one.refresh_from_db()
    assert (one.name, one.key, one.color) == ("Lowest", "lowest", "teal")
    assert ContactValue.objects.get(contact=contact).option == one
    refused = send(desk, page, name="middle", color="teal")
    assert "There is an option “Middle” already." in refused.content.decode()


def test_two_tabs_do_not_overwrite_each_other(desk: Client, field: CustomField) -> None:
    one = option(field, "Low")
    page = reverse("settings:option_edit", args=[one.pk])
    seen = {"was_name": "Low", "was_color": "gray", "color": "gray"}
    assert desk.post(page, {**seen, "name": "Lower"}).status_code == 302
    late = desk.post(page, {**seen, "name": "Lowest"})
    assert late.status_code == 422
    assert "Somebody changed it in the meantime: it is called “Lower”" in late.content.decode()
    assert names(field)[0] == "Lower"
    # What is wanted is there already.
    assert desk.post(page, {**seen, "name": "Lower"}).status_code == 302


def test_order_is_changed_by_buttons(desk: Client, field: CustomField) -> None:
    act(desk, field, "earlier", "High")
    assert names(field) == ["Low", "High", "Middle"]
    act(desk, field, "later", "Low")
    assert names(field) == ["High", "Low", "Middle"]
    act(desk, field, "later", "Middle")
    assert names(field) == ["High", "Low", "Middle"]


def test_a_retired_option_stays_where_it_is_chosen_and_comes_back(
    desk: Client, field: CustomField
) -> None:
    contact = given(field, "Low")
    assert "“Low” is retired" in act(desk, field, "retire", "Low")
    assert option(field, "Low").retired
    assert ContactValue.objects.get(contact=contact).option == option(field, "Low")
    assert "“Low” is offered again." in act(desk, field, "offer", "Low")
    assert not option(field, "Low").retired


def test_an_option_in_use_is_retired_instead_of_deleted(desk: Client, field: CustomField) -> None:
    given(field, "Low")
    given(field, "Low")
    page = act(desk, field, "delete", "Low")
    address = f"{reverse('contacts:list')}?{field.form_name}={option(field, 'Low').pk}"
    assert "“Low” is in use and cannot be deleted. Retire it" in page
    assert f'<a href="{address}">2 records have it.</a>' in page
    assert desk.get(address).status_code == 200
    assert "The option “High” is deleted." in act(desk, field, "delete", "High")
    assert names(field) == ["Low", "Middle"]


def test_unseen_values_keep_an_option_and_are_not_shown(desk: Client) -> None:
    field = made_field("Level", "choice", category="customers", options=["Low"])
    contact = make.company()
    select_status(contact, customer="past")
    set_values("contact", {contact.pk: {field.pk: option(field, "Low").pk}})
    select_status(contact, customer="none")
    assert option_uses(field) == {option(field, "Low").pk: Uses(0, 1)}
    page = act(desk, field, "delete", "Low")
    assert "unseen or can still be brought back" in page
    assert "1 record has it" not in page
    assert names(field) == ["Low"]


def test_values_of_before_a_change_of_type_keep_their_option(field: CustomField) -> None:
    contact = given(field, "Low")
    first = convert_field(field, "text")
    second = convert_field(field, "choice")
    set_values("contact", {contact: {field.pk: option(field, "High").pk}})
    with pytest.raises(OptionTaken):
        delete_option(option(field, "Low"))
    ContactValue.objects.filter(contact=contact, field=field).delete()
    for one in (second, first):
        undo_removal(one)
    assert "Low" in names(field)


def test_posts_about_nothing_change_nothing(desk: Client, field: CustomField) -> None:
    other = made_field("Other", "choice", options=["Foreign"])
    for data in ({}, {"delete": ""}, {"delete": "x"}, {"delete": "9" * 30}, {"nonsense": "1"}):
        assert desk.post(acts(field), data).status_code == 302
    page = desk.post(acts(field), {"delete": option(other, "Foreign").pk}, follow=True)
    assert "This option is deleted already." in page.content.decode()
    assert names(other) == ["Foreign"]
    assert len(names(field)) == 3
    assert desk.get(acts(field)).status_code == 405


def test_a_field_that_chooses_nothing_has_no_options(desk: Client) -> None:
    field = made_field("Text")
    assert 'id="options"' not in desk.get(edit(field)).content.decode()
    response = desk.post(
        reverse("settings:option_new", args=[field.pk]), {"option-name": "X", "option-color": "red"}
    )
    assert response.status_code == 422
    assert not Option.objects.exists()


def test_htmx_gets_the_options_alone(desk: Client, field: CustomField) -> None:
    response = desk.post(
        acts(field), {"later": option(field, "Low").pk}, headers={"HX-Request": "true"}
    )
    page = response.content.decode()
    assert page.lstrip().startswith('<section class="card" id="options"')
    assert "<html" not in page
    response = desk.post(
        reverse("settings:option_new", args=[field.pk]),
        {"option-name": "Low", "option-color": "red"},
        headers={"HX-Request": "true"},
    )
    assert "There is an option “Low” already." in response.content.decode()


# -- defaults follow


def test_a_default_follows_the_name_of_its_option() -> None:
    field = made_field("Level", "choices", options=["Low", "High; up", "Top"])
    save_field(field)
    CustomField.objects.filter(pk=field.pk).update(default=r"low; High\; up")
    version = CustomField.objects.get().updated_at
    change_option(option(field, "High; up"), name="Up; more", color="red")
    field.refresh_from_db()
    chosen = {option(field, "Low").pk, option(field, "Up; more").pk}
    assert set(default_of(field)) == chosen
    assert field.updated_at == version
    retire_option(option(field, "Low"), True)
    field.refresh_from_db()
    assert default_of(field) == (option(field, "Up; more").pk,)
    delete_option(option(field, "Up; more"))
    field.refresh_from_db()
    assert field.default == ""


def test_a_default_is_chosen_from_the_options(desk: Client, field: CustomField) -> None:
    high = option(field, "High")
    assert send(desk, edit(field), having="help_text", default=str(high.pk)).status_code == 302
    field.refresh_from_db()
    assert field.default == "High"
    assert default_of(field) == high.pk
    act(desk, field, "retire", "Low")
    low = option(field, "Low")
    assert send(desk, edit(field), having="help_text", default=str(low.pk)).status_code == 422


# -- names


@pytest.mark.parametrize("name", ["", " ", "a\x07b", "\u0301", "x" * 81])
def test_names_that_nobody_can_read_are_refused(field: CustomField, name: str) -> None:
    with pytest.raises(ValidationError):
        add_options(field, [name])
    with pytest.raises(ValidationError):
        change_option(option(field, "Low"), name=name, color="red")
    with pytest.raises(ValidationError):
        change_option(option(field, "Low"), name="Low", color="nonsense")
    assert names(field) == ["Low", "Middle", "High"]


def test_there_are_not_more_options_than_anybody_looks_through(field: CustomField) -> None:
    many = [f"Option {number}" for number in range(OPTIONS_AT_MOST - 2)]
    with pytest.raises(ValidationError, match="at most 500 options"):
        add_options(field, many)
    add_options(field, many[1:])
    assert len(names(field)) == OPTIONS_AT_MOST
    with pytest.raises(ValidationError, match="at most 500 options"):
        option_names("\n".join([*many, "a", "b", "c"]))


def test_an_option_is_gone_or_its_field_is_of_another_type(field: CustomField) -> None:
    low, high = option(field, "Low"), option(field, "High")
    Option.objects.filter(pk=low.pk).delete()
    with pytest.raises(ValidationError, match="deleted already"):
        shift_option(low, 1)
    convert_field(field, "text")
    for act in (lambda: retire_option(high, True), lambda: delete_option(high)):
        with pytest.raises(ValidationError, match="has no options"):
            act()
    assert Option.objects.filter(pk=high.pk, retired=False).exists()


# -- statements


def other_color(field: CustomField) -> str:
    return "blue" if option(field, "Low").color == "red" else "red"


def counted(field: CustomField) -> list[int]:
    found = []
    for work in (
        lambda: shift_option(option(field, "Low"), 1),
        lambda: shift_option(option(field, "Low"), -1),
        # A change each time: one that changes nothing leaves no entry in the audit log.
        lambda: change_option(option(field, "Low"), name="Low", color=other_color(field)),
        lambda: option_uses(field),
        lambda: add_options(field, [f"New {field.options.count()}"]),
        lambda: delete_option(field.options.order_by("-pk")[0]),
    ):
        with CaptureQueriesContext(connection) as captured:
            work()
        found.append(len(captured))
    return found


def test_forty_options_take_as_many_statements_as_two(field: CustomField) -> None:
    before = counted(field)
    add_options(field, [f"Option {number}" for number in range(40)])
    for number in range(40):
        given(field, f"Option {number}")
    assert counted(field) == before
