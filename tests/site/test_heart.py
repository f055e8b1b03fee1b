from datetime import UTC, datetime, timedelta

import pytest
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult, get_date_max

from crm import nightly
from crm.heart import DEAD_AFTER, MAX_ATTEMPTS, Heart, take_over_from_the_dead
from crm.models import Heartbeat, NightlyRun

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)


def beat(worker, ago=timedelta(0)):
    now = timezone.now()
    Heartbeat.objects.create(worker_id=worker, started_at=now - ago, beat_at=now - ago)


def running_task(*workers):
    return DBTaskResult.objects.create(
        status=TaskResultStatus.RUNNING,
        args_kwargs={"args": [], "kwargs": {}},
        task_path="crm.tasks.run_nightly",
        worker_ids=list(workers),
        backend_name="default",
        run_after=get_date_max(),
    )


def test_the_task_of_a_living_worker_stays_with_it():
    beat("alive")
    task = running_task("alive")
    assert take_over_from_the_dead() == 0
    task.refresh_from_db()
    assert task.status == TaskResultStatus.RUNNING


@pytest.mark.parametrize("beats", [True, False])
def test_the_task_of_a_dead_worker_becomes_ready_again(beats):
    if beats:
        beat("dead", DEAD_AFTER + timedelta(seconds=1))
    task = running_task("dead")
    assert take_over_from_the_dead() == 1
    task.refresh_from_db()
    assert task.status == TaskResultStatus.READY


def test_a_task_that_took_several_workers_with_it_fails():
    task = running_task(*[f"dead{number}" for number in range(MAX_ATTEMPTS)])
    take_over_from_the_dead()
    task.refresh_from_db()
    assert task.status == TaskResultStatus.FAILED
    assert task.finished_at


def test_a_heart_leaves_no_row_when_it_stops():
    heart = Heart("me")
    heart.beat()
    assert Heartbeat.objects.filter(pk="me").exists()
    heart.stop()
    assert not Heartbeat.objects.exists()


@pytest.fixture
def jobs(monkeypatch):
    ran = []
    monkeypatch.setattr(nightly, "JOBS", {"one": lambda: (ran.append(1) or True, "fine")})
    return ran


def test_nothing_is_started_before_the_hour(jobs, settings):
    settings.NIGHTLY_HOUR = 5
    assert nightly.schedule(NIGHT) == []
    assert jobs == []


def test_a_job_runs_once_a_night_however_often_it_is_asked_for(jobs, settings):
    settings.NIGHTLY_HOUR = 4
    nightly.schedule(NIGHT)
    nightly.schedule(NIGHT)
    assert jobs == [1]
    nightly.schedule(NIGHT + timedelta(days=1))
    assert jobs == [1, 1]
    assert set(NightlyRun.objects.values_list("ok", "found")) == {(True, "fine")}


def test_a_job_that_breaks_is_kept_with_its_error(monkeypatch):
    monkeypatch.setattr(nightly, "JOBS", {"one": lambda: 1 / 0})
    run = NightlyRun.objects.create(job="one", day=NIGHT.date())
    with pytest.raises(ZeroDivisionError):
        nightly.run(run.pk)
    run.refresh_from_db()
    assert run.ok is False
    assert run.found.startswith("ZeroDivisionError")


def test_readyz_tells_of_a_missing_worker_and_of_the_last_status_check(client):
    assert client.get("/readyz").status_code == 503
    beat("alive")
    NightlyRun.objects.create(
        job="check_statuses", day=NIGHT.date(), finished_at=NIGHT, ok=False, found="2 differences"
    )
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["check_statuses"]["found"] == "2 differences"


def test_the_night_forgets_tasks_that_ended_long_ago_and_no_others():
    old, new, on = running_task("a"), running_task("a"), running_task("a")
    for task, days in ((old, 15), (new, 13)):
        ended = {"status": TaskResultStatus.SUCCESSFUL, "return_value": None}
        task.finished_at = timezone.now() - timedelta(days=days)
        DBTaskResult.objects.filter(pk=task.pk).update(**ended, finished_at=task.finished_at)
    assert nightly.JOBS["forget_tasks"]() == (True, "1")
    assert set(DBTaskResult.objects.values_list("pk", flat=True)) == {new.pk, on.pk}
