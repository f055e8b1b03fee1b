"""Fields that records must have: always, and deals on reaching a stage; and what a move asks for besides."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deals.models import Deal, DealSource, LossReason, Pipeline, Stage, UnqualifiedReason
from deals.models.labels import HOLDER, RequiredAt
from deals.services.required import missing_fields
from settings.catalogue import known_once
from settings.models import Account, CustomField
from settings.services import set_values, values_of
from tests.deals import factories as make
from tests.forms import send
from tests.labels.people import field, option

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client: Client) -> Any:
    user = get_user_model().objects.create_user("ann", language="en")
    client.force_login(user)
    return user


@pytest.fixture
def sale() -> Deal:
    return make.deal(make.person("Ada"), "incoming", name="Audit")


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def asked_at(stage: Stage, *made: CustomField) -> None:
    RequiredAt.objects.bulk_create([RequiredAt(field=one, stage=stage) for one in made])


def deal_field(name: str, kind: str = "text", **more: Any) -> CustomField:
    return field(name, kind, "deals", **more)


def value(deal: Deal, made: CustomField) -> Any:
    return values_of(HOLDER, [deal.pk], [made]).get(deal.pk, {}).get(made.pk)


def move_page(deal: Deal, stage: Stage) -> str:
    return reverse("deals:move", args=[deal.pk]) + f"?stage={stage.pk}"


def edit_page(deal: Deal) -> str:
    return reverse("deals:edit", args=[deal.pk])


# -- always


def test_a_required_field_is_asked_for_and_named(client: Client, ann: Any) -> None:
    made = field("Region", required=True)
    contact = make.person()
    page = reverse("contacts:edit", args=[contact.pk])
    refused = send(client, page, having="version", title="CTO")
    assert refused.status_code == 200
    assert refused.context["form"].errors[made.form_name]
    contact.refresh_from_db()
    assert contact.title == ""
    sent = {made.form_name: "North"}
    assert send(client, page, having="version", title="CTO", **sent).status_code == 302


@pytest.mark.parametrize("kind", ["whole", "yes_no"])
def test_nothing_and_no_are_values_of_a_required_field(client: Client, ann: Any, kind: str) -> None:
    made = field("Staff", kind, required=True)
    contact = make.person()
    sent = {made.form_name: {"whole": "0", "yes_no": "no"}[kind]}
    page = reverse("contacts:edit", args=[contact.pk])
    assert send(client, page, having="version", **sent).status_code == 302


def test_a_required_field_for_companies_asks_no_person(client: Client, ann: Any) -> None:
    field("Staff", "whole", required=True, applies_to="company")
    person, company = make.person(), make.company()
    assert send(client, reverse("contacts:edit", args=[person.pk]), having="version").status_code == 302  # fmt: skip
    assert send(client, reverse("contacts:edit", args=[company.pk]), having="version").status_code == 200  # fmt: skip


def test_saving_a_model_asks_for_nothing() -> None:
    field("Region", required=True)
    sale = make.deal(make.person())
    made = deal_field("Price")
    won = make.default_stages()["won"]
    asked_at(won, made)
    sale.stage = won
    sale.save()
    assert Deal.objects.get(pk=sale.pk).stage == won


# -- at a stage: moving from the card


def test_moving_asks_for_what_the_stage_needs_and_names_the_stage(
    client: Client, ann: Any, sale: Deal
) -> None:
    made, other = deal_field("Competitor", help_text="Who won it?"), deal_field("Unasked")
    lost = make.default_stages()["lost"]
    asked_at(lost, made)
    shown = text(client.get(move_page(sale, lost)))
    assert "What Lost asks for" in shown
    assert "Competitor" in shown
    assert "Who won it?" in shown
    assert other.name not in shown
    assert "Loss reason" in shown
    refused = send(client, move_page(sale, lost), to=reverse("deals:move", args=[sale.pk]))
    assert refused.status_code == 200
    assert "A deal in the stage “Lost” needs it." in text(refused)
    sale.refresh_from_db()
    assert sale.group == "active"
    done = send(client, move_page(sale, lost), to=reverse("deals:move", args=[sale.pk]),
                **{made.form_name: "Acme"})  # fmt: skip
    assert done.status_code == 302
    sale.refresh_from_db()
    assert sale.stage == lost
    assert value(sale, made) == "Acme"


def test_a_deal_that_has_what_the_stage_needs_is_not_asked_again(
    client: Client, ann: Any, sale: Deal
) -> None:
    made = deal_field("Competitor")
    lost = make.default_stages()["lost"]
    asked_at(lost, made)
    set_values("deal", {sale.pk: {made.pk: "Acme"}})
    assert "asks for" not in text(client.get(move_page(sale, lost)))
    answer = client.post(reverse("deals:move", args=[sale.pk]), {"stage": lost.pk})
    assert answer.status_code == 302


def test_a_click_on_the_bar_asks_first_where_something_is_missing(
    client: Client, ann: Any, sale: Deal
) -> None:
    made = deal_field("Budget", "money")
    stage = make.default_stages()["in_progress"]
    card = client.get(sale.get_absolute_url()).content.decode()
    assert f'name="stage" value="{stage.pk}"' in card
    asked_at(stage, made)
    card = client.get(sale.get_absolute_url()).content.decode()
    assert f'name="stage" value="{stage.pk}"' not in card
    assert move_page(sale, stage) in card
    # Whoever posts without having asked is asked then.
    answer = client.post(reverse("deals:move", args=[sale.pk]), {"stage": stage.pk})
    assert answer.status_code == 200
    assert made.form_name in answer.context["form"].errors
    sale.refresh_from_db()
    assert sale.stage != stage
    set_values("deal", {sale.pk: {made.pk: 5}})
    card = client.get(sale.get_absolute_url()).content.decode()
    assert f'name="stage" value="{stage.pk}"' in card


def test_every_type_can_be_asked_for_by_a_move(client: Client, ann: Any, sale: Deal) -> None:
    from tests.labels.people import fields_of_every_type

    made = fields_of_every_type("deals")
    won = make.default_stages()["won"]
    asked_at(won, *made.values())
    assert client.get(move_page(sale, won)).status_code == 200
    refused = client.post(reverse("deals:move", args=[sale.pk]), {"stage": won.pk})
    assert set(refused.context["form"].errors) == {one.form_name for one in made.values()}
    name = {kind: one.form_name for kind, one in made.items()}
    sent = {
        name["text"]: "x", name["long_text"]: "x", name["whole"]: "0", name["number"]: "0",
        name["money"]: "1", name["yes_no"]: "no", name["date"]: "2026-01-01",
        name["moment"]: "2026-01-01T10:00", name["email"]: "a@b.org", name["phone"]: "1",
        name["url"]: "b.org", f"{name['address']}_city": "Ulm",
        name["choice"]: made["choice"].options.first().pk,
        name["choices"]: [made["choices"].options.first().pk],
        name["user"]: ann.pk, name["contact"]: sale.primary_contact_id,
    }  # fmt: skip
    done = client.post(reverse("deals:move", args=[sale.pk]), {"stage": won.pk, **sent})
    assert done.status_code == 302, done.context["form"].errors
    assert missing_fields([sale.pk], won) == {}


def test_a_field_removed_after_the_page_was_shown_is_asked_for_no_more(
    client: Client, ann: Any, sale: Deal
) -> None:
    made = deal_field("Competitor")
    won = make.default_stages()["won"]
    asked_at(won, made)
    CustomField.objects.filter(pk=made.pk).update(deleted_at=timezone.now())
    answer = client.post(reverse("deals:move", args=[sale.pk]), {"stage": won.pk, made.form_name: "Acme"})  # fmt: skip
    assert answer.status_code == 302


def test_a_field_removed_while_the_deal_moves_moves_nothing(
    client: Client, ann: Any, sale: Deal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deals import card_forms

    made = deal_field("Competitor")
    won = make.default_stages()["won"]
    asked_at(won, made)
    real = card_forms.set_values

    def meanwhile(*args: Any, **more: Any) -> Any:
        CustomField.objects.filter(pk=made.pk).update(deleted_at=timezone.now())
        return real(*args, **more)

    monkeypatch.setattr(card_forms, "set_values", meanwhile)
    answer = client.post(reverse("deals:move", args=[sale.pk]), {"stage": won.pk, made.form_name: "Acme"})  # fmt: skip
    assert answer.status_code == 200
    assert "gone" in text(answer)
    sale.refresh_from_db()
    assert sale.group == "active"


# -- at a stage: the form


def test_the_form_asks_for_what_a_reached_stage_needs(client: Client, ann: Any, sale: Deal) -> None:
    made = deal_field("Competitor")
    lost = make.default_stages()["lost"]
    asked_at(lost, made)
    assert send(client, edit_page(sale), having="version", name="Other").status_code == 302
    refused = send(client, edit_page(sale), having="version", stage=lost.pk)
    assert refused.status_code == 200
    assert refused.context["form"].errors[made.form_name] == [
        "A deal in the stage “Lost” needs it."
    ]
    done = send(
        client, edit_page(sale), having="version", stage=lost.pk, **{made.form_name: "Acme"}
    )
    assert done.status_code == 302
    assert value(sale, made) == "Acme"


def test_a_deal_that_is_in_the_stage_already_is_not_held_up_but_keeps_what_it_has(
    client: Client, ann: Any
) -> None:
    sale = make.deal(make.person(), "lost")
    made = deal_field("Competitor")
    asked_at(sale.stage, made)
    assert send(client, edit_page(sale), having="version", name="Other").status_code == 302
    assert send(client, edit_page(sale), having="version", **{made.form_name: "Acme"}).status_code == 302  # fmt: skip
    assert (
        send(client, edit_page(sale), having="version", **{made.form_name: ""}).status_code == 200
    )
    assert value(sale, made) == "Acme"


def test_a_new_deal_reaches_its_first_stage(client: Client, ann: Any) -> None:
    made = deal_field("Origin")
    stage = make.default_stages()["incoming"]
    asked_at(stage, made)
    ada = make.person("Ada")
    page = reverse("deals:new") + f"?contact={ada.pk}"
    refused = send(client, page, having="version", name="Audit", stage=stage.pk)
    assert refused.status_code == 200
    assert made.form_name in refused.context["form"].errors
    assert not Deal.objects.exists()
    done = send(
        client, page, having="version", name="Audit", stage=stage.pk, **{made.form_name: "Web"}
    )
    assert done.status_code == 302
    assert value(Deal.objects.get(), made) == "Web"


# -- many deals


def test_missing_fields_says_of_each_deal_what_it_lacks() -> None:
    first, second, removed = deal_field("First"), deal_field("Second"), deal_field("Gone")
    won = make.default_stages()["won"]
    asked_at(won, first, second, removed)
    CustomField.objects.filter(pk=removed.pk).update(deleted_at=timezone.now())
    one, two, three = (make.deal(make.person()) for _each in range(3))
    set_values("deal", {one.pk: {first.pk: "x"}, two.pk: {first.pk: "x", second.pk: "y"}})
    ids = [one.pk, two.pk, three.pk]
    assert missing_fields(ids, won) == {one.pk: [second], three.pk: [first, second]}
    assert missing_fields(ids, make.default_stages()["lost"]) == {}
    assert missing_fields([], won) == {}


def test_missing_fields_of_many_costs_the_same() -> None:
    won = make.default_stages()["won"]

    def cost(many: int) -> int:
        asked_at(won, *(deal_field(f"Field {many} {number}") for number in range(many)))
        ids = [make.deal(make.person()).pk for _each in range(many)]
        with known_once(), CaptureQueriesContext(connection) as queries:
            assert len(missing_fields(ids, won)) == many
        return len(queries)

    assert cost(2) == cost(20) <= 4


# -- reasons, and what is archived


@pytest.mark.parametrize(
    ("category", "name", "switch", "reasons"),
    [
        ("lost", "loss_reason", "asks_loss_reason", LossReason),
        ("unqualified", "unqualified_reason", "asks_unqualified_reason", UnqualifiedReason),
    ],
)
def test_a_move_asks_for_the_reason_where_the_account_wants_it(
    client: Client, ann: Any, sale: Deal, category: str, name: str, switch: str, reasons: Any
) -> None:
    stage = make.default_stages()[category]
    price = reasons.objects.create(name="Best price")
    reasons.objects.create(name="Old price", archived=True)
    shown = text(client.get(move_page(sale, stage)))
    assert "Best price" in shown
    assert "Old price" not in shown
    Account.objects.create(**{switch: False})
    assert "Best price" not in text(client.get(move_page(sale, stage)))
    Account.objects.update(**{switch: True})
    done = send(
        client, move_page(sale, stage), to=reverse("deals:move", args=[sale.pk]), **{name: price.pk}
    )
    assert done.status_code == 302
    sale.refresh_from_db()
    assert getattr(sale, name) == price


def test_archived_reasons_and_sources_are_offered_where_they_are_chosen(
    client: Client, ann: Any
) -> None:
    old = LossReason.objects.create(name="Old", archived=True)
    source = DealSource.objects.create(name="Fair", archived=True)
    having = make.deal(make.person(), "lost", loss_reason=old, source=source)
    without = make.deal(make.person(), "lost")
    for name, one in (("loss_reason", old), ("source", source)):
        assert one in client.get(edit_page(having)).context["form"].fields[name].queryset
        assert one not in client.get(edit_page(without)).context["form"].fields[name].queryset
    assert send(client, edit_page(having), having="version", name="Other").status_code == 302
    having.refresh_from_db()
    assert (having.loss_reason, having.source) == (old, source)
    assert send(client, edit_page(without), having="version", source=source.pk).status_code == 200


def test_archived_stages_and_pipelines_are_not_offered_but_kept(
    client: Client, ann: Any, sale: Deal
) -> None:
    stages = make.default_stages()
    other = Stage.objects.create(
        pipeline=sale.stage.pipeline, category="in_progress", name="Old", archived=True
    )
    away = Pipeline.objects.create(name="Away", archived=True)
    Stage.objects.create(pipeline=away, category="incoming", name="Far")
    offered = client.get(edit_page(sale)).context["form"].fields["stage"].queryset
    assert set(stages.values()) < set(offered)
    assert not {"Old", "Far"} & {stage.name for stage in offered}
    assert "Old" not in text(client.get(sale.get_absolute_url()))
    assert send(client, edit_page(sale), having="version", stage=other.pk).status_code == 200
    answer = client.post(reverse("deals:move", args=[sale.pk]), {"stage": other.pk})
    assert answer.status_code == 302
    sale.refresh_from_db()
    assert sale.stage == stages["incoming"]
    # Who is in it stays in it, and may leave.
    Deal.objects.filter(pk=sale.pk).update(stage=other)
    assert "Old" in text(client.get(sale.get_absolute_url()))
    assert send(client, edit_page(sale), having="version", name="New").status_code == 302
    assert Deal.objects.get(pk=sale.pk).stage == other


def test_the_default_of_a_field_is_proposed_by_a_move(client: Client, ann: Any, sale: Deal) -> None:
    made = deal_field("Kind", "choice", default="New")
    new = option(made, "New")
    won = make.default_stages()["won"]
    asked_at(won, made)
    done = send(client, move_page(sale, won), to=reverse("deals:move", args=[sale.pk]))
    assert done.status_code == 302
    assert value(sale, made) == new.pk
