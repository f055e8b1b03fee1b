"""Tags and custom fields in the cells of lists, edited in place."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from contacts.models.labels import HOLDER
from deals.models.labels import HOLDER as DEALS
from deals.models.labels import RequiredAt
from settings.categories import Category
from settings.models import CustomField, Tag
from settings.services import change_tags, delete_label, set_values, tags_of, values_of
from tests.deals import factories as make
from tests.forms import forms_of
from tests.labels.people import customer, field, fields_of_every_type, option, tag

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ann() -> Any:
    return get_user_model().objects.create_user("ann", first_name="Ann")


@pytest.fixture
def desk(client: Client, ann: Any) -> Client:
    client.force_login(ann)
    return client


def address(record: Any, name: str) -> str:
    kind = "contacts" if isinstance(record, Contact) else "deals"
    return f"/{kind}/{record.pk}/cell/{name}/"


def opened(desk: Client, record: Any, name: str) -> dict[str, list[str]]:
    [form] = forms_of(desk.get(address(record, name), headers=HTMX))
    return form.data(csrfmiddlewaretoken=None)


def save(desk: Client, record: Any, name: str, before: Any = None, **sent: Any) -> Any:
    posted = {**(before or opened(desk, record, name)), "list": "", "state": "", **sent}
    return desk.post(address(record, name), posted, headers=HTMX)


def value(record: Any, made: CustomField, holder: Any = HOLDER) -> Any:
    return values_of(holder, [record.pk], [made], unseen=True).get(record.pk, {}).get(made.pk)


def carried(record: Any, holder: Any = HOLDER) -> list[str]:
    found = tags_of(holder, [record.pk], Category.of_record(holder.record), unseen=True)
    return [one.name for one in found.get(record.pk, [])]


SENT = {
    "text": ("North", "North"),
    "long_text": ("One\r\ntwo", "One\ntwo"),
    "whole": ("0", 0),
    "number": ("1.25", Decimal("1.25")),
    "money": ("99.9", Decimal("99.90")),
    "yes_no": ("no", False),
    "moment": ("2026-11-23T14:30", datetime(2026, 11, 23, 14, 30)),
    "email": ("a@example.org", "a@example.org"),
    "phone": ("030 1", "030 1"),
    "url": ("example.org", "https://example.org"),
}


@pytest.mark.parametrize("kind", SENT)
def test_a_cell_of_each_type_opens_and_saves(desk: Client, kind: str) -> None:
    made = fields_of_every_type()[kind]
    ada = make.person("Ada", title="CTO")
    sent, stored = SENT[kind]
    answer = save(desk, ada, made.form_name, **{made.form_name: sent})
    assert answer.status_code == 200, answer.content.decode()
    if isinstance(stored, datetime):
        stored = timezone.make_aware(stored)
    assert value(ada, made) == stored
    # Opened again it has what was saved, and saving that changes nothing.
    assert save(desk, ada, made.form_name).status_code == 200
    assert value(ada, made) == stored
    assert Contact.objects.get(pk=ada.pk).title == "CTO"


def test_options_an_address_and_references_are_saved_in_a_cell(desk: Client, ann: Any) -> None:
    made = fields_of_every_type()
    ada, bob = make.person("Ada"), make.person("Bob")
    red, green, _blue = made["choices"].options.all()
    one, address_name = made["choice"].options.all()[0], made["address"].form_name
    for name, sent in (
        ("choice", {made["choice"].form_name: one.pk}),
        ("choices", {made["choices"].form_name: ["", red.pk, green.pk]}),
        ("user", {made["user"].form_name: ann.pk}),
        ("contact", {made["contact"].form_name: bob.pk}),
        ("address", {f"{address_name}_street": "Main St", f"{address_name}_country": "FR"}),
    ):
        assert save(desk, ada, made[name].form_name, **sent).status_code == 200, name
    assert value(ada, made["choice"]) == one.pk
    assert value(ada, made["choices"]) == (red.pk, green.pk)
    assert value(ada, made["user"]) == ann.pk
    assert value(ada, made["contact"]) == bob.pk
    assert value(ada, made["address"]) == "Main St\n\n\n\nFR"
    assert save(desk, ada, made["choices"].form_name, **{made["choices"].form_name: ""}).status_code == 200  # fmt: skip
    assert value(ada, made["choices"]) is None


def test_several_inputs_of_a_cell_have_one_name_for_all(desk: Client) -> None:
    made = fields_of_every_type()
    ada = make.person("Ada")
    tag("VIP")
    for name in (made["choices"].form_name, made["address"].form_name, "tags"):
        shown = desk.get(address(ada, name), headers=HTMX).content.decode()
        assert '<legend class="visually-hidden">' in shown
        assert "of Ada</legend>" in shown
        assert 'for=""' not in shown
        assert "first_name" not in shown


def test_a_saved_cell_shows_the_row_with_its_new_value(desk: Client) -> None:
    made = field("Region")
    ada = make.person("Ada")
    state = f"columns={made.form_name}"
    answer = save(desk, ada, made.form_name, **{made.form_name: "<b>North</b>"}, state=state)
    assert "<td>&lt;b&gt;North&lt;/b&gt;</td>" in answer.content.decode()
    assert "Region of Ada is saved." in answer.content.decode()


def test_tags_are_ticked_and_made_in_a_cell(desk: Client) -> None:
    vip, cold = tag("VIP"), tag("Cold")
    ada = make.person("Ada")
    change_tags("contact", [ada.pk], on=[cold.pk])
    answer = save(desk, ada, "tags", tags=["", str(vip.pk)], tags_new="Press", state="columns=tags")
    assert answer.status_code == 200
    assert carried(ada) == ["VIP", "Press"]
    assert 'class="tag tag-gray"' in answer.content.decode()


def test_cells_of_deals_are_saved(desk: Client) -> None:
    made, vip = field("Probability", "number", "deals"), tag("Big", "deals")
    sale = make.deal(make.person())
    assert save(desk, sale, made.form_name, **{made.form_name: "0.5"}).status_code == 200
    assert save(desk, sale, "tags", tags=[vip.pk]).status_code == 200
    assert value(sale, made, DEALS) == Decimal("0.5")
    assert carried(sale, DEALS) == ["Big"]


def test_what_the_type_refuses_is_refused_in_the_cell(desk: Client) -> None:
    made = field("Mail", "email")
    ada = make.person("Ada")
    answer = save(desk, ada, made.form_name, **{made.form_name: "nobody"})
    assert answer.status_code == 422
    assert "is no e-mail address" in answer.content.decode()
    assert value(ada, made) is None


def test_a_required_field_is_not_emptied_in_its_cell_and_not_asked_in_another(
    desk: Client,
) -> None:
    made, other = field("Region", required=True), field("Size")
    ada = make.person("Ada")
    assert save(desk, ada, other.form_name, **{other.form_name: "Large"}).status_code == 200
    assert save(desk, ada, made.form_name, **{made.form_name: "North"}).status_code == 200
    assert save(desk, ada, made.form_name, **{made.form_name: ""}).status_code == 422
    assert value(ada, made) == "North"


def test_a_field_that_the_stage_needs_is_not_emptied_in_its_cell(desk: Client) -> None:
    made = field("Reason", category="deals")
    sale = make.deal(make.person(), "lost")
    set_values("deal", {sale.pk: {made.pk: "Price"}})
    RequiredAt.objects.create(field=made, stage=sale.stage)
    answer = save(desk, sale, made.form_name, **{made.form_name: ""})
    assert answer.status_code == 422
    assert "A deal in the stage “Lost” needs it." in answer.content.decode()
    assert value(sale, made, DEALS) == "Price"
    assert save(desk, sale, made.form_name, **{made.form_name: "Time"}).status_code == 200


# -- who does not have it


def test_a_contact_outside_the_category_has_no_cell_of_it_until_it_returns(desk: Client) -> None:
    budget, loyal = field("Budget", "money", "customers"), tag("Loyal", "customers")
    ada, sold = customer()
    assert save(desk, ada, budget.form_name, **{budget.form_name: "5"}).status_code == 200
    assert save(desk, ada, "customer_tags", customer_tags=[loyal.pk]).status_code == 200
    sold.delete()
    for name, sent in ((budget.form_name, "9"), ("customer_tags", "")):
        shown = desk.get(address(ada, name), headers=HTMX).content.decode()
        assert "of its own" in shown
        refused = desk.post(address(ada, name), {name: sent}, headers=HTMX)
        assert refused.status_code == 422
    assert value(ada, budget) == 5
    assert carried(ada) == ["Loyal"]
    make.deal(ada)
    assert 'value="5.00"' in desk.get(address(ada, budget.form_name), headers=HTMX).content.decode()


def test_a_company_has_no_cell_of_a_field_for_people(desk: Client) -> None:
    birthday = field("Birthday", "date", applies_to="person")
    acme = make.company("Acme")
    shown = desk.get(address(acme, birthday.form_name), headers=HTMX).content.decode()
    assert "Acme has no field “Birthday” of its own" in shown
    sent = {birthday.form_name: "2000-01-01"}
    assert desk.post(address(acme, birthday.form_name), sent, headers=HTMX).status_code == 422
    assert value(acme, birthday) is None


def test_the_cell_of_a_removed_field_is_not_found(desk: Client) -> None:
    made = field("Size")
    ada = make.person()
    before = opened(desk, ada, made.form_name)
    delete_label(made)
    assert desk.get(address(ada, made.form_name), headers=HTMX).status_code == 404
    assert save(desk, ada, made.form_name, before, **{made.form_name: "x"}).status_code == 404


# -- two people at once


def test_the_second_of_two_sees_both_values(desk: Client) -> None:
    made = field("Open", "yes_no")
    ada = make.person("Ada")
    first, second = opened(desk, ada, made.form_name), opened(desk, ada, made.form_name)
    assert save(desk, ada, made.form_name, first, **{made.form_name: "no"}).status_code == 200
    answer = save(desk, ada, made.form_name, second, **{made.form_name: "yes"})
    assert answer.status_code == 422
    assert "<dd>no</dd>" in answer.content.decode()
    assert "<dd>yes</dd>" in answer.content.decode()
    assert value(ada, made) is False
    again = forms_of(answer)[0].data(csrfmiddlewaretoken=None)
    assert save(desk, ada, made.form_name, again).status_code == 200
    assert value(ada, made) is True


def test_the_second_of_two_sees_both_their_tags(desk: Client) -> None:
    vip, cold = tag("VIP"), tag("Cold")
    ada = make.person("Ada")
    first, second = opened(desk, ada, "tags"), opened(desk, ada, "tags")
    assert save(desk, ada, "tags", first, tags=[vip.pk]).status_code == 200
    answer = save(desk, ada, "tags", second, tags=[cold.pk], tags_new="Press")
    assert "<dd>VIP</dd>" in answer.content.decode()
    assert "<dd>Cold, Press</dd>" in answer.content.decode()
    assert carried(ada) == ["VIP"]
    assert not Tag.objects.filter(name="Press").exists()


@pytest.mark.parametrize("kind", ["long_text", "moment", "choices", "address", "number"])
def test_who_edits_another_cell_meanwhile_is_in_nobodys_way(desk: Client, kind: str) -> None:
    made = fields_of_every_type()[kind]
    other = field("Other")
    ada = make.person("Ada")
    begin = {
        "long_text": "One\ntwo",
        "moment": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "choices": [one.pk for one in made.options.all()],
        "address": "Main St\n\nUlm\n\n",
        "number": Decimal("1.5"),
    }[kind]
    set_values("contact", {ada.pk: {made.pk: begin}})
    before = opened(desk, ada, made.form_name)
    # As browsers send what a hidden input holds.
    before["was"] = [before["was"][0].replace("\n", "\r\n")]
    assert save(desk, ada, other.form_name, **{other.form_name: "x"}).status_code == 200
    assert save(desk, ada, made.form_name, before).status_code == 200
    assert value(ada, other) == "x"


def test_a_cell_costs_the_same_for_two_fields_and_for_forty(desk: Client) -> None:
    ada = make.person()
    first = field("Field")

    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as shown:
            before = opened(desk, ada, first.form_name)
        with CaptureQueriesContext(connection) as saved:
            text = f"new {CustomField.objects.count()}"
            assert save(desk, ada, first.form_name, before, **{first.form_name: text}).status_code == 200  # fmt: skip
        return len(shown), len(saved)

    cost()
    option(field("Choice", "choice"), "x")
    tag("VIP")
    few = cost()
    for number in range(40):
        option(field(f"Choice {number}", "choice"), "x")
        set_values("contact", {ada.pk: {field(f"Field {number}").pk: "x"}})
        tag(f"Tag {number}")
    assert cost() == few
