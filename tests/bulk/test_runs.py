"""Runs: what they do to each row, that they are one, halt, go on, and are undone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm import nightly
from crm.bulk import services, work
from crm.bulk.models import KEPT_FOR, BulkRow, BulkRun
from crm.heart import take_over_from_the_dead
from tests.bulk.runs import (
    after_chunk,
    chunks_of,
    owners,
    refusals,
    start,
    start_later,
    states,
    user,
)
from tests.deals.factories import company, person

pytestmark = pytest.mark.django_db
State = BulkRun.State


@pytest.fixture
def ann():
    return user("ann")


@pytest.fixture
def bob():
    return user("bob")


def people(number: int, **more):
    return [person(**more) for _ in range(number)]


# -- rows


def test_few_are_worked_off_at_once_and_each_row_has_its_outcome(ann, bob) -> None:
    people(2)
    person(owner=bob)
    run = start("contact.owner", ann, {"owner": bob.pk})
    assert run.state == State.DONE
    assert owners() == ["bob", "bob", "bob"]
    assert states(run) == ["done", "done", "unchanged"]
    assert (run.total, run.at, run.done, run.unchanged, run.refused) == (3, 3, 2, 1, 0)
    assert run.finished_at
    assert run.started_at


def test_only_what_is_selected_is_touched(ann, bob) -> None:
    _first, second, _third = people(3)
    start("contact.owner", ann, {"owner": bob.pk}, Contact.objects.exclude(pk=second.pk))
    assert owners() == ["bob", "", "bob"]


def test_updated_at_moves_with_what_changed_and_with_nothing_else(ann, bob) -> None:
    changed, same = person(), person(owner=bob)
    long_ago = timezone.now() - timedelta(days=9)
    Contact.objects.update(updated_at=long_ago)
    start("contact.owner", ann, {"owner": bob.pk})
    changed.refresh_from_db()
    same.refresh_from_db()
    assert changed.updated_at > long_ago
    assert same.updated_at == long_ago


def test_refusals_stand_beside_what_is_done(ann) -> None:
    firm, one = company("Firm"), person("One")
    run = start("contact.set", ann, {"values": {"title": "CEO", "city": "Köln"}})
    one.refresh_from_db()
    firm.refresh_from_db()
    assert (one.title, one.city) == ("CEO", "Köln")
    assert (firm.title, firm.city) == ("", "")
    assert refusals(run) == {"Firm": "A company has no job title."}
    assert (run.done, run.refused) == (1, 1)


def test_values_are_cleared(ann) -> None:
    one = person(city="Köln", description="Much")
    start("contact.set", ann, {"values": {"city": "", "description": ""}})
    one.refresh_from_db()
    assert (one.city, one.description) == ("", "")


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"values": {}},
        {"values": {"name": "x"}},
        {"values": {"prospect_mark": "lost"}},
        {"values": {"website": "no address"}},
        {"values": {"city": "x" * 121}},
    ],
)
def test_what_cannot_be_set_starts_no_run(ann, params) -> None:
    person()
    with pytest.raises(ValidationError):
        start("contact.set", ann, params)
    assert not BulkRun.objects.exists()


def test_who_may_not_sign_in_becomes_no_owner(ann) -> None:
    person()
    gone = user(is_active=False)
    with pytest.raises(ValidationError, match="may sign in"):
        start("contact.owner", ann, {"owner": gone.pk})
    assert not BulkRun.objects.exists()


def test_nothing_selected_starts_no_run(ann) -> None:
    for rows in (Contact.objects.all(), Contact.objects.none()):
        with pytest.raises(ValidationError, match="Nothing is selected"):
            start("contact.owner", ann, {"owner": None}, rows)
    assert not BulkRun.objects.exists()


def test_counts_that_do_not_add_up_cannot_be_stored(ann) -> None:
    person()
    run = start("contact.owner", ann, {"owner": ann.pk})
    with pytest.raises(IntegrityError), transaction.atomic():
        BulkRun.objects.filter(pk=run.pk).update(done=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        BulkRow.objects.create(run=run, position=2, record_id=run.rows.get().record_id)


# -- what was confirmed


def test_a_count_that_moved_stops_it_and_leaves_nothing_behind(ann, bob) -> None:
    people(3)
    with pytest.raises(services.CountMoved) as raised:
        start("contact.owner", ann, {"owner": bob.pk}, expected=2)
    assert (raised.value.expected, raised.value.count) == (2, 3)
    assert not BulkRun.objects.exists()
    assert not BulkRow.objects.exists()
    assert owners() == ["", "", ""]


def test_a_form_sent_twice_makes_one_run(ann, bob) -> None:
    people(2)
    first = start("contact.owner", ann, {"owner": bob.pk}, token="once")
    Contact.objects.update(owner=None)
    second = start("contact.owner", ann, {"owner": bob.pk}, token="once")
    assert first == second
    assert owners() == ["", ""]


def test_the_token_of_somebody_else_gives_nothing_away(ann, bob) -> None:
    person()
    start("contact.owner", ann, {"owner": bob.pk}, token="once")
    with pytest.raises(ValidationError, match="sent before"):
        start("contact.owner", bob, {"owner": bob.pk}, token="once")
    assert BulkRun.objects.count() == 1


def test_who_matches_only_later_is_not_touched(ann, bob) -> None:
    people(2, city="Köln")
    run = start_later("contact.owner", ann, {"owner": bob.pk}, Contact.objects.filter(city="Köln"))
    person(city="Köln")
    work.work_off(run.pk)
    assert owners() == ["bob", "bob", ""]


# -- halting and going on


def test_many_are_left_to_a_worker(ann, bob, django_capture_on_commit_callbacks) -> None:
    people(3)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    assert run.state == State.QUEUED
    assert states(run) == ["waiting"] * 3
    with chunks_of("contact.owner", 2):
        work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (State.DONE, 3)
    assert owners() == ["bob"] * 3


@pytest.mark.parametrize(
    ("halt", "expected"), [(services.pause, State.PAUSED), (services.cancel, State.CANCELLED)]
)
def test_halting_takes_effect_after_the_chunk(ann, bob, halt, expected) -> None:
    people(5)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    with chunks_of("contact.owner", 2), after_chunk(1, lambda: halt(run)):
        work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at, run.done) == (expected, 2, 2)
    assert owners() == ["bob", "bob", "", "", ""]


def test_a_paused_run_goes_on_where_it_was(ann, bob) -> None:
    people(5)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    with chunks_of("contact.owner", 2), after_chunk(1, lambda: services.pause(run)):
        work.work_off(run.pk)
    Contact.objects.update(owner=None)
    assert services.resume(run)
    run.refresh_from_db()
    assert (run.state, run.at, run.done) == (State.DONE, 5, 5)
    # The first two were done before the pause, and not again.
    assert owners() == ["", "", "bob", "bob", "bob"]


def test_what_has_ended_is_neither_paused_nor_cancelled_nor_resumed(ann, bob) -> None:
    person()
    run = start("contact.owner", ann, {"owner": bob.pk})
    assert not services.pause(run)
    assert not services.cancel(run)
    assert not services.resume(run)
    run.refresh_from_db()
    assert run.state == State.DONE


def test_a_run_that_somebody_works_on_is_left_to_them(ann, bob) -> None:
    people(2)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    assert work._claim(run.pk, "first")
    assert not work._claim(run.pk, "second")
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.at, run.claimed_by) == (0, "first")


def test_a_run_whose_worker_died_is_taken_over(ann, bob) -> None:
    people(2)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    assert work._claim(run.pk, "first")
    BulkRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (State.DONE, 2)
    assert work._chunk(run.pk, "first", None, 5) is None  # type: ignore[arg-type]


def test_a_run_that_lost_its_worker_may_be_resumed_by_hand(ann, bob) -> None:
    person()
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    work._claim(run.pk, "dead")
    assert not services.resume(run)
    BulkRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=10))
    run.refresh_from_db()
    assert services.resume(run)
    assert owners() == ["bob"]


# -- what goes wrong


def test_an_unexpected_error_keeps_what_is_done_and_may_be_resumed(ann, bob, monkeypatch) -> None:
    people(4)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    update = ContactQuerySet.update
    calls = []

    def breaks(self, **values):
        calls.append(1)
        if len(calls) == 2:
            update(self, **values)
            raise RuntimeError("a plug was pulled")
        return update(self, **values)

    with chunks_of("contact.owner", 2):
        monkeypatch.setattr(ContactQuerySet, "update", breaks)
        work.work_off(run.pk)
        run.refresh_from_db()
        assert (run.state, run.at) == (State.FAILED, 2)
        assert "RuntimeError" in run.problem
        assert "plug" not in run.problem
        assert owners() == ["bob", "bob", "", ""]
        assert services.resume(run)
    run.refresh_from_db()
    assert (run.state, run.problem, run.done) == (State.DONE, "", 4)


def test_an_error_in_a_small_run_shows_as_its_problem(ann, bob, monkeypatch) -> None:
    person()
    monkeypatch.setattr(ContactQuerySet, "update", lambda *a, **k: 1 / 0)
    run = start("contact.owner", ann, {"owner": bob.pk})
    assert (run.state, run.at) == (State.FAILED, 0)
    assert "ZeroDivisionError" in run.problem


def test_an_owner_who_left_meanwhile_stops_the_run(ann, bob) -> None:
    people(4)
    run = start_later("contact.owner", ann, {"owner": bob.pk})

    def leave():
        bob.is_active = False
        bob.save()

    with chunks_of("contact.owner", 2), after_chunk(1, leave):
        work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at) == (State.FAILED, 2)
    assert "may sign in" in run.problem


def test_a_run_of_a_user_who_may_not_sign_in_any_more_stops(ann, bob) -> None:
    people(4)
    run = start_later("contact.owner", ann, {"owner": bob.pk})

    def leave():
        ann.is_active = False
        ann.save()

    with chunks_of("contact.owner", 2), after_chunk(1, leave):
        work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at) == (State.FAILED, 2)
    assert "sign in any more" in run.problem
    assert owners() == ["bob", "bob", "", ""]


def test_rights_are_asked_again_when_a_chunk_runs(ann, bob, monkeypatch) -> None:
    mine, theirs = person("Mine", owner=ann), person("Theirs", owner=ann)
    run = start_later("contact.set", ann, {"values": {"city": "Köln"}})
    theirs.owner = bob
    theirs.save()
    monkeypatch.setattr(ContactQuerySet, "editable_by", lambda self, user: self.filter(owner=user))
    work.work_off(run.pk)
    run.refresh_from_db()
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.city, theirs.city) == ("Köln", "")
    assert refusals(run) == {"Theirs": "You may not change it."}


def test_what_is_gone_by_then_is_refused(ann, bob) -> None:
    gone, _stays = people(2)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    pk = gone.pk
    gone.delete()
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.refused) == (State.DONE, 1, 1)
    assert refusals(run) == {str(pk): "It is not there any more."}


# -- undo


def test_undo_puts_each_back_where_it_was(ann, bob) -> None:
    person(owner=ann)
    person()
    person(owner=bob)
    run = start("contact.owner", ann, {"owner": bob.pk})
    undo = services.undo(run, user=ann)
    assert owners() == ["ann", "", "bob"]
    assert (undo.state, undo.total, undo.done) == (State.DONE, 2, 2)
    assert services.undone_by(run) == undo


def test_undo_refuses_what_was_edited_since(ann, bob) -> None:
    cat, dog = person("Cat"), person("Dog")
    run = start("contact.set", ann, {"values": {"city": "Köln", "state": "NRW"}})
    cat.refresh_from_db()
    cat.city = "Bonn"
    cat.save()
    undo = services.undo(run, user=ann)
    cat.refresh_from_db()
    dog.refresh_from_db()
    assert (cat.city, cat.state) == ("Bonn", "NRW")
    assert (dog.city, dog.state) == ("", "")
    assert refusals(undo) == {"Cat": "It was edited since, and stays as it is."}


def test_undo_leaves_alone_what_is_as_before_already(ann, bob) -> None:
    one = person()
    run = start("contact.owner", ann, {"owner": bob.pk})
    Contact.objects.filter(pk=one.pk).update(owner=None)
    undo = services.undo(run, user=ann)
    assert (undo.done, undo.unchanged, undo.refused) == (0, 1, 0)


def test_undo_refuses_a_value_that_does_not_exist_any_more(ann, bob) -> None:
    eve = user("eve")
    person("One", owner=eve)
    person("Two", owner=ann)
    run = start("contact.owner", ann, {"owner": bob.pk})
    eve.delete()
    undo = services.undo(run, user=ann)
    assert owners() == ["bob", "ann"]
    assert refusals(undo) == {"One": "What it had before does not exist any more."}


def test_an_undo_may_be_undone_which_does_it_again(ann, bob) -> None:
    person(owner=ann)
    person()
    run = start("contact.owner", ann, {"owner": bob.pk})
    again = services.undo(services.undo(run, user=ann), user=ann)
    assert owners() == ["bob", "bob"]
    assert again.done == 2


def test_a_run_is_undone_once(ann, bob) -> None:
    person()
    run = start("contact.owner", ann, {"owner": bob.pk})
    services.undo(run, user=ann)
    with pytest.raises(ValidationError, match="undone already"):
        services.undo(BulkRun.objects.get(pk=run.pk), user=ann)
    with pytest.raises(IntegrityError), transaction.atomic():
        BulkRun.objects.create(action=run.action, record="contact", token="x", undo_of=run)


def test_what_was_cancelled_halfway_is_undone_as_far_as_it_got(ann, bob) -> None:
    people(4)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    with chunks_of("contact.owner", 2), after_chunk(1, lambda: services.cancel(run)):
        work.work_off(run.pk)
    run.refresh_from_db()
    undo = services.undo(run, user=ann)
    assert undo.done == 2
    assert owners() == [""] * 4


def test_what_is_undone_is_not_resumed(ann, bob) -> None:
    people(4)
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    with chunks_of("contact.owner", 2), after_chunk(1, lambda: services.pause(run)):
        work.work_off(run.pk)
    with pytest.raises(ValidationError, match="not ended"):
        services.undo(run, user=ann)
    BulkRun.objects.filter(pk=run.pk).update(state=State.FAILED, finished_at=timezone.now())
    run.refresh_from_db()
    services.undo(run, user=ann)
    assert not services.resume(run)
    assert owners() == [""] * 4


def test_what_changed_nothing_has_nothing_to_undo(ann, bob) -> None:
    person(owner=bob)
    run = start("contact.owner", ann, {"owner": bob.pk})
    with pytest.raises(ValidationError, match="changed nothing"):
        services.undo(run, user=ann)


# -- in the end


def test_rows_are_dropped_after_thirty_days_and_undo_with_them(ann, bob) -> None:
    person()
    old = start("contact.owner", ann, {"owner": bob.pk})
    young = start("contact.owner", ann, {"owner": ann.pk})
    BulkRun.objects.filter(pk=old.pk).update(finished_at=timezone.now() - KEPT_FOR)
    assert services.purge_expired() == 1
    assert services.purge_expired() == 0
    old.refresh_from_db()
    assert not old.rows.exists()
    assert young.rows.exists()
    with pytest.raises(ValidationError, match="too long ago"):
        services.undo(old, user=ann)


@pytest.mark.parametrize(("minutes", "mails"), [(3, 1), (1, 0)])
def test_a_long_run_tells_its_user_by_mail(ann, bob, minutes, mails) -> None:
    people(2)
    run = start_later("contact.owner", ann, {"owner": bob.pk}, origin="https://crm.example.org")
    BulkRun.objects.update(created_at=timezone.now() - timedelta(minutes=minutes))
    work.work_off(run.pk)
    assert len(mail.outbox) == mails
    if mails:
        assert mail.outbox[0].to == ["ann@example.org"]
        assert mail.outbox[0].subject == "Done: Owner: bob"
        assert "Owner of 2 contacts set." in mail.outbox[0].body
        assert f"https://crm.example.org/runs/{run.pk}/" in mail.outbox[0].body


def test_who_has_no_address_gets_no_mail_and_a_mail_that_fails_ends_nothing(
    ann, bob, monkeypatch
) -> None:
    person()
    for address, owner in (("", bob), ("ann@example.org", ann)):
        ann.email = address
        ann.save()
        run = start_later("contact.owner", ann, {"owner": owner.pk})
        BulkRun.objects.update(created_at=timezone.now() - timedelta(hours=1))
        monkeypatch.setattr("crm.bulk.mail.EmailMessage.send", lambda self: 1 / 0)
        work.work_off(run.pk)
        run.refresh_from_db()
        assert run.state == State.DONE


@pytest.mark.parametrize(
    ("key", "params"),
    [("contact.owner", {"owner": None}), ("contact.set", {"values": {"city": "Köln"}})],
)
def test_the_queries_of_a_chunk_and_of_its_undo_do_not_grow(ann, key, params) -> None:
    def cost(number: int) -> tuple[int, int]:
        Contact.objects.all().delete()
        for one in people(number, owner=ann):
            one.city = f"City {one.pk}"
            one.save()
        with CaptureQueriesContext(connection) as done:
            run = start(key, ann, params)
        assert run.done == number
        with CaptureQueriesContext(connection) as undone:
            services.undo(run, user=ann)
        return len(done), len(undone)

    assert cost(2) == cost(40)
    # One of them the entry in the audit log.
    assert max(cost(2)) <= 32


# -- the worker's part


@pytest.fixture
def queue(settings):
    """Tasks wait in the database, as they do outside of tests."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    return DBTaskResult.objects.filter(task_path="crm.bulk.tasks.work_off_run")


def run_next_task(worker: str) -> None:
    task = DBTaskResult.objects.ready().first()
    task.claim(worker)
    task.task.call(*task.args_kwargs["args"])


def test_the_task_of_a_run_is_written_with_it_or_not_at_all(ann, bob, queue) -> None:
    people(3)
    with pytest.raises(services.CountMoved):
        start("contact.owner", ann, {"owner": bob.pk}, expected=2, at_once=0)
    assert not queue.exists()
    run = start("contact.owner", ann, {"owner": bob.pk}, at_once=0)
    assert run.state == State.QUEUED
    assert queue.get().args_kwargs["args"] == [run.pk]
    start("contact.owner", ann, {"owner": None})
    assert queue.count() == 1


def test_a_run_outlives_the_worker_that_had_its_task(ann, bob, queue) -> None:
    people(6)
    run = start("contact.owner", ann, {"owner": bob.pk}, at_once=0)

    class Killed(BaseException):
        pass

    def killed() -> None:
        raise Killed

    with chunks_of("contact.owner", 2):
        with after_chunk(1, killed), pytest.raises(Killed):
            run_next_task("first")
        run.refresh_from_db()
        assert (run.state, run.at) == (State.RUNNING, 2)
        assert not DBTaskResult.objects.ready().exists()
        # Two minutes later the heart of another worker finds that nobody beats for it any more.
        BulkRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
        assert take_over_from_the_dead() == 1
        run_next_task("second")
    run.refresh_from_db()
    assert (run.state, run.done) == (State.DONE, 6)
    assert owners() == ["bob"] * 6


def test_old_runs_are_dropped_at_night(ann, bob) -> None:
    person()
    run = start("contact.owner", ann, {"owner": bob.pk})
    BulkRun.objects.update(finished_at=timezone.now() - KEPT_FOR)
    assert nightly.JOBS["drop_old_runs"]() == (True, "1")
    assert not run.rows.exists()
