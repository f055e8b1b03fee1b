"""Pipelines and stages in Settings: what is kept to, what is foreseen, what follows."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, StatusChange
from crm.accounts.models import User
from crm.changes import one_change
from crm.retry import retrying
from deals.models import Deal, DealContact, DealParty, LossReason, Pipeline, Stage
from deals.services import check_statuses, preview, select_status
from deals.services import pipelines as service
from deals.services.restaging import change_category, foresee, move_deals
from deals.stages import GROUP_OF, Category
from tests.deals.factories import company, deal, default_stages, person
from tests.forms import send
from tests.proof.racing import Rounds
from tests.site.admin_pages import admin_pages, administrator  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return User.objects.create_user("ann", is_superuser=True)


@pytest.fixture
def web(ann) -> Client:
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def stages():
    return default_stages()


def page(name, *args):
    return reverse(f"deals:{name}", args=args)


def shown(answer):
    return answer.content.decode()


def statuses(contact):
    contact.refresh_from_db()
    return [contact.prospect_status, contact.customer_status]


def in_step():
    return [str(one) for one in check_statuses().differences] == []


def turn(web, record, do):
    kind = type(record).__name__.lower()
    return web.post(page(f"{kind}_turn", record.pk), {"do": do}, follow=True)


def names(pipeline):
    return list(pipeline.stages.order_by("position").values_list("name", flat=True))


# -- who may


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("pipelines", ""), ("pipeline_new", ""), ("pipeline", "pipeline"),
        ("pipeline_archive", "pipeline"), ("stage_new", "pipeline"), ("stage", "stage"),
        ("stage_category", "stage"), ("stage_move_deals", "stage"),
    ],
)  # fmt: skip
def test_only_administrators_come_here(client, web, stages, name, what):
    records = {"pipeline": stages["won"].pipeline, "stage": stages["won"]}
    args = [records[what].pk] if what else []
    client.force_login(User.objects.create_user("bob"))
    assert client.get(page(name, *args)).status_code == 403
    assert client.post(page(name, *args)).status_code in (403, 405)
    assert web.get(page(name, *args)).status_code in (200, 302)
    if what:
        assert web.get(page(name, 10**9)).status_code == 404


def test_turning_and_ending_are_for_administrators_too(client, stages):
    client.force_login(User.objects.create_user("bob"))
    stage = stages["unqualified"]
    assert client.post(page("stage_end", stage.pk, "delete")).status_code == 403
    assert client.post(page("stage_turn", stage.pk), {"do": "down"}).status_code == 403
    assert client.post(page("pipeline_turn", stage.pipeline_id), {"do": "up"}).status_code == 403
    assert Stage.objects.filter(pk=stage.pk).exists()


# -- pipelines


def test_a_new_pipeline_has_the_usual_stages(web, stages):
    send(web, page("pipeline_new"), name="  Renewals  2 ")
    pipeline = Pipeline.objects.get(name="Renewals 2")
    assert not pipeline.is_default
    assert pipeline.position > stages["won"].pipeline.position
    assert [one.category for one in pipeline.stages.all()] == [
        "incoming", "in_progress", "in_progress", "in_progress", "won", "lost", "unqualified",
    ]  # fmt: skip
    assert "Renewals 2" in shown(web.get(page("pipelines")))


@pytest.mark.parametrize("name", ["", " ", "sALES", "x" * 121, "a\x07b"])
def test_a_name_that_is_none_or_taken_is_refused(web, stages, name):
    Pipeline.objects.update(name="Sales")
    before = Pipeline.objects.count()
    answer = send(web, page("pipeline_new"), name=name)
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in shown(answer)
    assert Pipeline.objects.count() == before


def test_renaming_keeps_deals_and_refuses_a_name_that_another_has(web, stages):
    pipeline = stages["won"].pipeline
    other = service.add_pipeline("Renewals")
    assert send(web, page("pipeline", pipeline.pk), name="New business").status_code == 302
    assert "already" in shown(send(web, page("pipeline", other.pk), name="new Business"))
    other.refresh_from_db()
    assert other.name == "Renewals"


def test_pipelines_are_ordered_by_buttons(web, stages):
    default = stages["won"].pipeline
    for name in ("B", "C"):
        service.add_pipeline(name)
    third = Pipeline.objects.get(name="C")
    for _ in range(5):
        turn(web, third, "up")
    assert Pipeline.objects.first().name == "C"
    turn(web, third, "down")
    assert list(Pipeline.objects.values_list("name", flat=True))[:2] == [default.name, "C"]


def test_there_is_always_one_default_pipeline_in_use(web, stages):
    default = stages["won"].pipeline
    other = service.add_pipeline("Renewals")
    answer = web.post(page("pipeline_archive", default.pk), follow=True)
    assert "Make another one the default first" in shown(answer)
    turn(web, other, "default")
    assert Pipeline.objects.get(is_default=True) == other
    assert web.post(page("pipeline_archive", default.pk)).status_code == 302
    assert "is archived" in shown(turn(web, default, "default"))
    assert Pipeline.objects.get(is_default=True) == other
    Pipeline.objects.update(is_default=False)
    answer = web.post(page("pipeline_archive", other.pk), follow=True)
    assert "only pipeline in use" in shown(answer)
    assert not Pipeline.objects.get(pk=other.pk).archived


def test_an_archived_pipeline_says_how_many_deals_stay_and_takes_no_more(web, stages):
    other = service.add_pipeline("Renewals")
    first = other.stages.first()
    staying, _won = (
        deal(person(), stage=first),
        deal(person(), stage=other.stages.get(category="won")),
    )
    assert "1 active deal stays in it" in shown(web.get(page("pipeline_archive", other.pk)))
    send(web, page("pipeline_archive", other.pk))
    assert first not in Stage.objects.live()
    assert Stage.objects.first_open() == stages["incoming"]
    staying.refresh_from_db()
    assert (staying.stage, staying.group) == (first, "active")
    assert statuses(staying.primary_contact) == ["current", "none"]
    turn(web, other, "unarchive")
    assert first in Stage.objects.live()


# -- stages


def test_a_stage_is_added_where_its_category_belongs(web, stages):
    pipeline = stages["won"].pipeline
    before = names(pipeline)
    won = before.index("Won")
    send(web, page("stage_new", pipeline.pk), name="Demo", category="in_progress", likelihood=40)
    assert names(pipeline) == [*before[:won], "Demo", *before[won:]]
    assert "already" in shown(
        send(web, page("stage_new", pipeline.pk), name="DEMO", category="won", likelihood=40)
    )
    refused = send(web, page("stage_new", pipeline.pk), name="B", category="won", likelihood=101)
    assert 'aria-invalid="true"' in shown(refused)
    assert pipeline.stages.filter(name__in=["DEMO", "B"]).count() == 0


def test_name_and_likelihood_are_changed_at_once_and_move_nobody(web, stages):
    star = person()
    deal(star)
    stage = stages["incoming"]
    history = StatusChange.objects.count()
    send(web, page("stage", stage.pk), having="likelihood", name="First look", likelihood="5")
    stage.refresh_from_db()
    assert (stage.name, stage.likelihood, stage.category) == ("First look", 5, "incoming")
    assert StatusChange.objects.count() == history


def test_stages_are_ordered_by_buttons_past_archived_ones(web, stages):
    pipeline = stages["won"].pipeline
    before = names(pipeline)
    pipeline.stages.filter(category="in_progress").update(archived=True)
    turn(web, stages["won"], "up")
    assert names(pipeline)[0] == "Won"
    turn(web, stages["won"], "up")
    turn(web, stages["won"], "nonsense")
    assert set(names(pipeline)) == set(before)


@pytest.mark.parametrize("need", ["won", "lost"])
@pytest.mark.parametrize("how", ["archive", "delete"])
def test_a_stage_that_the_pipeline_needs_stays(web, stages, need, how):
    answer = web.get(page("stage_end", stages[need].pk, how))
    assert f"would have no stage for {need} deals" in shown(answer)
    answer = web.post(page("stage_end", stages[need].pk, how), follow=True)
    assert f"would have no stage for {need} deals" in shown(answer)
    stages[need].refresh_from_db()
    assert not stages[need].archived
    Stage.objects.create(pipeline=stages[need].pipeline, name="Another", category=need)
    web.post(page("stage_end", stages[need].pk, how))
    assert not Stage.objects.live().filter(pk=stages[need].pk).exists()


def test_one_of_two_open_stages_goes_and_the_last_one_stays(web, stages):
    Stage.objects.filter(category="in_progress").exclude(pk=stages["in_progress"].pk).delete()
    assert web.post(page("stage_end", stages["incoming"].pk, "delete")).status_code == 302
    assert not Stage.objects.filter(pk=stages["incoming"].pk).exists()
    with pytest.raises(ValidationError, match="no stage for open deals"):
        service.archive_stage(stages["in_progress"])
    with pytest.raises(ValidationError, match="no stage for open deals"):
        change_category(stages["in_progress"], "won")
    in_progress = Stage.objects.get(pk=stages["in_progress"].pk)
    assert (in_progress.archived, in_progress.category) == (False, "in_progress")


def test_a_pipeline_does_without_a_stage_for_unqualified(web, stages):
    opened = deal(person())
    web.post(page("stage_end", stages["unqualified"].pk, "delete"))
    card = shown(web.get(opened.get_absolute_url()))
    assert "closing-lost" in card
    assert "closing-unqualified" not in card


def test_a_pipeline_that_lacked_a_stage_before_can_still_be_mended(web, stages):
    bare = Pipeline.objects.create(name="Loaded", position=9)
    only = Stage.objects.create(pipeline=bare, name="Open", category="incoming")
    assert "It has no stage for won deals and lost deals." in shown(web.get(page("pipelines")))
    service.edit_stage(only, name="Opened", likelihood=1)
    service.archive_pipeline(bare)
    with pytest.raises(ValidationError, match="no stage for won deals and lost deals"):
        service.unarchive_pipeline(bare)
    service.add_stage(bare, name="Won", category="won", likelihood=100)
    service.add_stage(bare, name="Lost", category="lost", likelihood=0)
    service.unarchive_pipeline(bare)
    assert Stage.objects.live().filter(pipeline=bare).count() == 3


def test_a_stage_with_deals_is_emptied_first(web, stages):
    stage = stages["unqualified"]
    star = person()
    deal(star, "unqualified")
    for end in (service.archive_stage, service.delete_stage):
        with pytest.raises(ValidationError, match="1 deal is in"):
            end(stage)
    answer = web.get(page("stage_end", stage.pk, "delete"))
    move = page("stage_move_deals", stage.pk)
    assert answer.url == f"{move}?then=delete"
    asked = f"{move}?then=delete&to={stages['won'].pk}"
    assert "Current Customer" in shown(web.get(asked))
    answer = send(web, asked, to=move)
    assert answer.status_code == 302
    assert not Stage.objects.filter(pk=stage.pk).exists()
    assert statuses(star) == ["none", "current"]
    assert in_step()


def test_moving_and_archiving_is_one_change(web, stages):
    """What refuses the end of the stage takes the moves back with it."""
    star = person()
    deal(star, "won")
    move = page("stage_move_deals", stages["won"].pk)
    asked = f"{move}?then=archive&to={stages['lost'].pk}"
    answer = send(web, asked, to=move)
    assert answer.status_code == 422
    assert "would have no stage for won deals" in shown(answer)
    assert statuses(star) == ["none", "current"]
    assert StatusChange.objects.filter(contact=star).count() == 1


@pytest.mark.parametrize("target", ["archived", "archived pipeline", "itself", "0", "x"])
def test_deals_are_not_moved_to_what_takes_none(web, stages, target):
    other = service.add_pipeline("Renewals")
    deal(person())
    Stage.objects.filter(pk=stages["lost"].pk).update(archived=True)
    Pipeline.objects.filter(pk=other.pk).update(archived=True)
    to = {
        "archived": stages["lost"].pk,
        "archived pipeline": other.stages.first().pk,
        "itself": stages["incoming"].pk,
    }.get(target, target)
    move = page("stage_move_deals", stages["incoming"].pk)
    answer = web.post(move, {"to": to, "seen": 1})
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in shown(answer)
    assert stages["incoming"].deals.count() == 1


# -- what another category does


def test_another_category_is_shown_first_and_then_done_with_the_statuses(web, ann, stages):
    star = person("Lovelace")
    sold = deal(star, "in_progress")
    stage = stages["in_progress"]
    category = page("stage_category", stage.pk)
    asked = shown(web.get(f"{category}?category=won"))
    assert "1 deal is closed with this" in asked
    assert "Current Customer" in asked
    assert "Lovelace" in asked
    assert statuses(star) == ["current", "none"]
    answer = send(web, f"{category}?category=won", to=category)
    assert "Lovelace" in shown(web.get(answer.url))
    assert statuses(star) == ["none", "current"]
    sold.refresh_from_db()
    assert sold.closed_at is not None
    row = StatusChange.objects.filter(contact=star, status="customer").get()
    assert (row.cause, row.actor, row.deal_name) == ("stage_changed", ann, sold.name)
    assert in_step()


def test_reopening_by_category_clears_the_close_dates(web, stages):
    star = person()
    won = deal(star, "won")
    Stage.objects.create(pipeline=stages["won"].pipeline, name="Sold", category="won")
    category = page("stage_category", stages["won"].pk)
    assert "is active again and loses its close date" in shown(
        web.get(f"{category}?category=incoming")
    )
    send(web, f"{category}?category=incoming", to=category)
    won.refresh_from_db()
    assert (won.group, won.closed_at) == ("active", None)
    assert statuses(star) == ["current", "none"]


def test_a_category_of_the_same_group_moves_nobody(web, stages):
    star = person()
    lost = deal(star, "lost", closed_at=timezone.now() - timedelta(days=9))
    Stage.objects.create(pipeline=stages["won"].pipeline, name="Gone", category="lost")
    at, history = lost.closed_at, StatusChange.objects.count()
    category = page("stage_category", stages["lost"].pk)
    assert "Nobody&#x27;s status changes" in shown(
        web.get(f"{category}?category=unqualified")
    ).replace("'", "&#x27;")
    send(web, f"{category}?category=unqualified", to=category)
    lost.refresh_from_db()
    assert (lost.closed_at, StatusChange.objects.count()) == (at, history)


def test_what_was_confirmed_in_another_tab_is_not_done_blindly(web, stages):
    star = person()
    deal(star, "in_progress")
    stage = stages["in_progress"]
    category = page("stage_category", stage.pk)
    seen = {"category": "won", "was": "in_progress", "seen": "1"}
    deal(person(), "in_progress")
    answer = web.post(category, seen)
    assert answer.status_code == 409
    assert "By now 2 deals are in it" in shown(answer)
    Stage.objects.filter(pk=stage.pk).update(category="lost")
    answer = web.post(category, seen | {"seen": "2"})
    assert answer.status_code == 409
    assert "was given the category “Lost” meanwhile" in shown(answer)
    assert statuses(star) == ["lost", "none"]
    assert send_again(web, category, answer).status_code == 302
    assert statuses(star) == ["none", "current"]


def send_again(web, address, answer):
    from tests.forms import forms_of

    form = next(one for one in forms_of(answer) if "seen" in one.names)
    return web.post(address, form.data())


def test_a_stage_deleted_in_another_tab_is_refused(web, stages):
    stage = Stage.objects.get(pk=stages["unqualified"].pk)
    service.delete_stage(stages["unqualified"])
    with pytest.raises(ValidationError, match="does not exist any more"):
        change_category(stage, "lost")
    with pytest.raises(ValidationError, match="does not exist any more"):
        service.edit_stage(stage, name="x", likelihood=0)


# -- what is foreseen is what happens


def crowd(seed):
    """Deals in every stage with stars, companies, co-workers, kept wins and marks."""
    draw = random.Random(seed)
    stages = default_stages()
    firms = [company() for _ in range(4)]
    people = [person(company=draw.choice([*firms, None])) for _ in range(12)]
    for _ in range(26):
        one = deal(draw.choice(firms + people), draw.choice(Category.values))
        for other in draw.sample(people, draw.randint(0, 3)):
            if other.pk != one.primary_contact_id:
                DealContact.objects.create(deal=one, contact=other)
        if draw.random() < 0.3:
            DealContact.objects.filter(deal=one).delete()
    sold = deal(firms[0], "won")
    for one in people:
        if one.company == firms[0]:
            DealContact.objects.create(deal=sold, contact=one)
    DealContact.objects.filter(deal=sold).delete()
    # Closed deals of people who found an employer since have no company.
    loners = [one for one in people if one.company is None]
    for one in loners[: len(loners) // 2 + 1]:
        one.company = draw.choice(firms)
        one.save()
    for one in draw.sample(firms + people, 8):
        kind, value = draw.choice(
            [
                ("customer", "past"),
                ("customer", "current"),
                ("prospect", "lost"),
                ("prospect", "none"),
            ]
        )
        try:
            select_status(one, **{kind: value})
        except ValidationError:
            continue
    return draw, stages


def summed(changes):
    return sorted((row.contact_id, row.status, row.old, row.new) for row in changes)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_foreseen_is_what_follows(ann, seed, monkeypatch):
    monkeypatch.setattr("deals.services.restaging.NAMED_AT_MOST", 1_000)
    _draw, stages = crowd(seed)
    moved = 0
    for stage in stages.values():
        for category in Category.values:
            group = GROUP_OF[category]
            foreseen = foresee(stage, group, ann)
            with preview() as seen:
                Stage.objects.filter(pk=stage.pk).update(category=category)
            assert summed(foreseen.changes) == summed(seen.changes), (stage, category)
            with preview() as seen:
                Deal.objects.filter(stage=stage).update(stage=stages[category])
            assert summed(foreseen.changes) == summed(seen.changes), (stage, category)
            assert foreseen.contacts == len({row.contact_id for row in seen.changes})
            assert sum(one.number for one in foreseen.movements) == len(seen.changes)
            moved += foreseen.contacts
    assert moved
    assert DealParty.objects.filter(kept=True).exists()


# -- many, and at once


def many_deals(stage, number):
    with one_change():
        contacts = Contact.objects.bulk_create(
            Contact(last_name=f"Person {n}", name=f"Person {n}") for n in range(number)
        )
        Deal.objects.bulk_create(
            Deal(name=f"Deal {one.pk}", primary_contact=one, stage=stage) for one in contacts
        )


def statements(work):
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def test_statements_do_not_grow_with_the_deals(ann, stages):
    counts = []
    for number in (2, 38):
        many_deals(stages["in_progress"], number)
        stage = Stage.objects.get(pk=stages["in_progress"].pk)
        counts.append(
            [
                statements(lambda stage=stage: foresee(stage, "won", ann)),
                statements(lambda stage=stage: change_category(stage, "won")),
                statements(lambda stage=stage: move_deals(stage, stages["lost"])),
            ]
        )
        Stage.objects.filter(pk=stage.pk).update(category="in_progress")
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_ten_thousand_deals_follow(ann, stages):
    many_deals(stages["in_progress"], 10_000)
    assert foresee(stages["in_progress"], "won", ann).contacts == 10_000
    change_category(Stage.objects.get(pk=stages["in_progress"].pk), "won")
    move_deals(Stage.objects.get(pk=stages["in_progress"].pk), stages["lost"])
    assert Contact.objects.filter(prospect_status="lost").count() == 10_000


def test_the_page_costs_the_same_for_few_and_for_many(web, stages):
    web.get(page("pipelines"))
    counts = []
    for number in (1, 19):
        for n in range(number):
            other = service.add_pipeline(f"Pipeline {number} {n}")
            deal(person(), stage=other.stages.first())
        counts.append(statements(lambda: web.get(page("pipelines"))))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=1+1", "\u202egnp", "ü" * 120])
def test_hostile_names_are_shown_as_they_are(web, stages, name):
    pipeline = stages["won"].pipeline
    send(web, page("stage_new", pipeline.pk), name=name, category="won", likelihood=1)
    stage = Stage.objects.get(name=name)
    deal(person(), stage=stage)
    for address in (
        page("pipelines"),
        page("stage", stage.pk),
        page("stage_category", stage.pk) + "?category=lost",
        page("stage_move_deals", stage.pk) + f"?to={stages['lost'].pk}",
        page("stage_end", stages["unqualified"].pk, "delete"),
    ):
        assert "<script>alert" not in shown(web.get(address))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_deal_moves_while_its_stage_gets_another_category():
    with Rounds(2) as racing:
        for number in range(12):
            stages = default_stages()
            odd = Stage.objects.create(
                pipeline=stages["won"].pipeline, name=f"Odd {number}", category="in_progress"
            )
            star = person()
            inside, outside = deal(star, stage=odd), deal(star)
            leaving, joining = Deal.objects.get(pk=inside.pk), Deal.objects.get(pk=outside.pk)
            leaving.stage, joining.stage = stages["lost"], odd
            moving = leaving if number % 2 else joining
            changing = Stage.objects.get(pk=odd.pk)
            errors = racing.run(
                retrying(lambda changing=changing: change_category(changing, "won")),
                retrying(moving.save),
            )
            assert errors == [None, None]
            assert in_step()
            assert set(Deal.objects.filter(stage=odd).values_list("group", flat=True)) <= {"won"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_of_two_stages_for_won_two_people_archive_one():
    with Rounds(2) as racing:
        for number in range(8):
            stages = default_stages()
            Stage.objects.filter(category="won").update(archived=False)
            other, _new = Stage.objects.get_or_create(
                pipeline=stages["won"].pipeline, name="Sold", category="won", position=9
            )
            assert stages["won"] != other
            errors = racing.run(
                retrying(partial(service.archive_stage, stages["won"])),
                retrying(partial(service.archive_stage, other)),
            )
            assert sorted(type(one).__name__ for one in errors) == ["NoneType", "ValidationError"]
            assert Stage.objects.live().filter(category="won").count() == 1, number


# -- the admin keeps to the same


def test_the_admin_keeps_the_stages_a_pipeline_needs(admin_pages, stages):
    won, pipeline = stages["won"], stages["won"].pipeline
    assert "no stage for won deals" in shown(admin_pages.change(won, category="lost"))
    assert "no stage for won deals" in shown(admin_pages.change(won, archived="on"))
    admin_pages.delete(won)
    admin_pages.act("delete_selected", won, post="yes")
    row = list(pipeline.stages.all()).index(won)
    answer = admin_pages.change(pipeline, **{f"stages-{row}-category": "lost"})
    assert "no stage for won deals" in shown(answer)
    won.refresh_from_db()
    assert (won.category, won.archived) == ("won", False)


def test_the_admin_archives_no_stage_with_deals_and_no_default_pipeline(admin_pages, stages):
    stage = stages["unqualified"]
    deal(person(), "unqualified")
    assert "1 deal is in" in shown(admin_pages.change(stage, archived="on"))
    row = list(stage.pipeline.stages.all()).index(stage)
    answer = admin_pages.change(stage.pipeline, **{f"stages-{row}-archived": "on"})
    assert "1 deal is in" in shown(answer)
    assert "the default first" in shown(admin_pages.change(stage.pipeline, archived="on"))
    admin_pages.add(Pipeline, name="Renewals")
    other = Pipeline.objects.get(name="Renewals")
    assert other.stages.count() == 7
    admin_pages.change(other, archived="on")
    assert Pipeline.objects.get(archived=True) == other
    stage.refresh_from_db()
    assert not stage.archived


def test_the_admin_offers_deals_nothing_that_is_archived(admin_pages, stages):
    opened = deal(person())
    other = service.add_pipeline("Renewals")
    service.archive_pipeline(other)
    answer = admin_pages.change(opened, stage=other.stages.first().pk)
    assert answer.status_code == 200
    opened.refresh_from_db()
    assert opened.stage == stages["incoming"]


def test_the_admin_deletes_no_reason_that_a_deal_has(admin_pages):
    used, unused = (LossReason.objects.create(name=name) for name in ("Used", "Unused"))
    lost = deal(person(), "lost", loss_reason=used)
    for reason in (used, unused):
        admin_pages.delete(reason)
    admin_pages.act("delete_selected", used, post="yes")
    lost.refresh_from_db()
    assert lost.loss_reason == used
    assert not LossReason.objects.filter(pk=unused.pk).exists()
    assert "already" in shown(admin_pages.add(LossReason, name="USED"))
