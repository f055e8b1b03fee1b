"""Writing a file in the background, and going on with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from contacts.exports import ExportContacts
from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm.bulk import actions, work
from crm.bulk.models import BulkRun
from crm.exports import services
from crm.exports.cleaning import remove_old_files
from crm.exports.fields import exports_of
from crm.exports.formats import format_of
from crm.exports.parts import part_path
from crm.exports.services import Wanted
from tests.exports.people import csv_rows, hard_contacts, user, xlsx_rows

pytestmark = pytest.mark.django_db

COLUMNS = ["name", "email", "phone", "created", "prospect_status"]
EXPORTS = exports_of("contact")


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture(autouse=True)
def action(monkeypatch: pytest.MonkeyPatch) -> ExportContacts:
    """A worker of its own for each test, with chunks of ten."""
    monkeypatch.setattr(ExportContacts, "chunk", 10)
    return new_worker(monkeypatch)


def new_worker(monkeypatch: pytest.MonkeyPatch) -> ExportContacts:
    worker = ExportContacts()
    monkeypatch.setitem(actions._actions, "contact.export", worker)
    return worker


def wanted(form: str) -> Wanted:
    return Wanted(format_of(form), COLUMNS, "All")


def begun(form: str, **more: Any) -> BulkRun:
    """A run that waits for a worker."""
    with pytest.MonkeyPatch.context() as patch:
        nobody = SimpleNamespace(enqueue=lambda pk: None)
        patch.setattr("crm.bulk.services.work_off_run", nobody)
        return services.start_export(
            EXPORTS,
            wanted(form),
            user=more.pop("user", None) or user(),
            selection=Contact.objects.order_by("-name", "pk"),
            count=Contact.objects.count(),
            sentence="everything",
            token=f"token-{form}",
        )


def at_once(run: BulkRun) -> bytes:
    """The same file, written without a run."""
    form = format_of(run.params["format"])
    sheet = wanted(form.key).sheet(EXPORTS, run.user)
    contacts = Contact.objects.order_by("-name", "pk")
    with services.whole_file(contacts, form.encoder(sheet)) as file:
        return file.read()


def rows_of(run: BulkRun, content: bytes) -> list[list[Any]]:
    return xlsx_rows(content) if run.params["format"] == "xlsx" else csv_rows(content)


def one_chunk(run_id: int, worker: str, action: Any, *more: Any) -> bool:
    """As the worker's loop, but that it ends after its first chunk."""
    work._chunk(run_id, worker, action, action.chunk)
    return False


FORMATS = pytest.mark.parametrize("form", ["csv", "raw", "xlsx", "mailchimp"])


@FORMATS
def test_file_of_a_run_is_the_file_that_is_given_at_once(form: str) -> None:
    hard_contacts()
    run = begun(form)
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.refused) == ("done", Contact.objects.count(), 0)
    content = run.file.read()
    assert rows_of(run, content) == rows_of(run, at_once(run))
    assert form == "xlsx" or content == at_once(run)
    assert run.file_name == wanted(form).file_name()
    assert not part_path(run.pk).exists()


@FORMATS
def test_killed_worker_leaves_nothing_double_and_nothing_out(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hard_contacts()
    run = begun(form)
    monkeypatch.setattr(work, "_all_chunks", one_chunk)
    work.work_off(run.pk)
    monkeypatch.undo()
    # Killed while it wrote the second chunk: bytes that no counter counts.
    with part_path(run.pk).open("ab") as part:
        part.write(b"half a row, and no end of")
    BulkRun.objects.filter(pk=run.pk).update(claimed_by="", state="running")
    new_worker(pytest.MonkeyPatch())
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at) == ("done", Contact.objects.count())
    content = run.file.read()
    assert rows_of(run, content) == rows_of(run, at_once(run))


def test_chunk_that_was_taken_back_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hard_contacts()
    run = begun("csv")
    tried: list[int] = []
    act = ExportContacts.act

    def act_then_fail(self: ExportContacts, ids: Any, run: BulkRun) -> Any:
        outcomes = act(self, ids, run)
        tried.append(run.at)
        if tried.count(run.at) == 1 and run.at == 20:
            raise RuntimeError("the database went away")
        return outcomes

    monkeypatch.setattr(ExportContacts, "act", act_then_fail)
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at) == ("failed", 20)
    BulkRun.objects.filter(pk=run.pk).update(state="queued", finished_at=None)
    work.work_off(run.pk)
    run.refresh_from_db()
    assert run.state == "done"
    assert run.file.read() == at_once(run)


def test_lost_part_stops_the_run_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    hard_contacts()
    run = begun("csv")
    run.params["bytes"] = 10
    run.save()
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.at) == ("failed", 0)
    assert "Export again" in run.problem
    assert not run.file


def test_row_that_left_the_users_sight_is_left_out_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("Seen", "Hidden", "Shown"):
        Contact.objects.create(is_organization=True, name=name)
    run = begun("csv")
    monkeypatch.setattr(
        ContactQuerySet, "visible_to", lambda self, user: self.exclude(name="Hidden")
    )
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.refused) == ("done", 2, 1)
    assert b"Hidden" not in run.file.read()


def test_row_that_was_deleted_meanwhile_is_left_out_and_counted() -> None:
    _kept, gone = (Contact.objects.create(is_organization=True, name=n) for n in ("Kept", "Gone"))
    run = begun("csv")
    gone.delete()
    work.work_off(run.pk)
    run.refresh_from_db()
    assert (run.done, run.refused) == (1, 1)
    assert [row[2] for row in csv_rows(run.file.read())[1:]] == ["Kept"]


def test_words_and_times_are_those_of_whoever_asked() -> None:
    Contact.objects.create(is_organization=True, name="Acme")
    run = begun("csv", user=user("carl", time_zone="Asia/Tokyo"))
    run.language = "de"
    run.save()
    work.work_off(run.pk)
    run.refresh_from_db()
    header, _row = csv_rows(run.file.read())
    assert any("(Asia/Tokyo)" in cell for cell in header)
    assert "Prospect Status" not in header


def test_format_that_there_is_none_of_starts_no_run() -> None:
    with pytest.raises(ValidationError, match="is no format"):
        ExportContacts().check({"format": "pdf"}, None)


def test_files_are_removed_after_a_week_and_the_record_stays(media: Path) -> None:
    hard_contacts()
    run = begun("csv")
    work.work_off(run.pk)
    assert remove_old_files() == 0
    assert [path for path in media.rglob("*") if path.is_file()]
    BulkRun.objects.update(finished_at=timezone.now() - timedelta(days=7, minutes=1))
    assert remove_old_files() == 1
    run.refresh_from_db()
    assert (bool(run.file), run.file_name, run.total) == (False, "", Contact.objects.count())
    assert not [path for path in media.rglob("*") if path.is_file()]
    assert remove_old_files() == 0


def test_parts_are_for_nobody_else_on_the_machine() -> None:
    hard_contacts()
    run = begun("csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "_all_chunks", one_chunk)
        work.work_off(run.pk)
    assert part_path(run.pk).stat().st_mode & 0o077 == 0
