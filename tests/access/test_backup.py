"""Backups: what comes back is what was there, on both databases; what is no backup changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import stat
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils import timezone

from contacts.models import Contact, StatusChange
from crm import nightly
from crm.accounts.models import Invitation, Team, User
from crm.audit.models import Action, Entry
from crm.audit.services import record
from crm.backup import restoring
from crm.backup.archive import opened
from crm.backup.making import make_backup
from crm.backup.moving import SEALED, move_to_postgres, unseal
from crm.backup.nightly import back_up
from crm.backup.restoring import restore
from crm.backup.stores import config_of, standing_in
from crm.backup.tables import NO_MODEL, NOT_KEPT, Schema
from crm.bulk.models import BulkRow, BulkRun
from crm.lists.models import ListAddress
from crm.models import Heartbeat
from crm.trash.models import TrashedRecord
from deals.models import Deal
from deals.services import check_statuses
from emails import standing
from emails.models import Mailing, Recipient, Sender, SenderPause
from tests.deals.factories import company, deal, person
from tests.deals.test_crash import Child, test_database_url

pytestmark = pytest.mark.django_db(transaction=True)
# On SQLite writers that never rest make each take seconds, and so does restoring one into new tables on either.
BACKUPS, RESTORES = (15, 1) if connection.vendor == "postgresql" else (5, 3)
BACKUPS = int(os.environ.get("STANDING_BACKUPS", BACKUPS))
RESTORES = int(os.environ.get("STANDING_RESTORES", RESTORES))
PASSWORD = "a long password"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HOSTILE = [
    'O\'Brien "Bobby"; DROP TABLE contacts_contact;--',
    "tab\tand line\nand return\r\nand \\N \\. and \\x41",
    "\u2028line\u2029paragraph\u0085next",
    "\u202eright to left",
    "😀 family 👩‍👩‍👧 e\u0301 \ufeff \ufffe",
    "=1+1",
    "<script>alert(1)</script>{{7*7}}%s%%",
    " ",
]
FLOATS = [0.1, 1e16, 1e22, 1e-7, 1.0, -0.5, 1.7976931348623157e308, 2**63, "1e16", None, [True]]


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    return settings.MEDIA_ROOT


@pytest.fixture
def quick_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of the newest version are copied into new SQLite files, not made again each time."""
    memory = connections["default"]
    if memory.vendor == "postgresql":
        return
    memory.ensure_connection()

    def copied(made: Any, archive: Any) -> None:
        made.ensure_connection()
        memory.connection.backup(made.connection)
        assert Schema(made).nodes == set(archive.manifest.migrations)

    monkeypatch.setattr(restoring, "_migrate", copied)


@pytest.fixture
def store(tmp_path: Path, quick_tables: None) -> Iterator[Any]:
    """A database as the product has it: on SQLite a file of its own, since the one of tests is in memory."""
    if connection.vendor == "postgresql":
        yield connection
        return
    with sqlite_file(tmp_path / "store.sqlite3") as made:
        yield made


@cache
def empty_sqlite() -> TemporaryDirectory[str]:
    """A folder with the product's tables in a file, ``empty.sqlite3``, for all tests on PostgreSQL to copy."""
    folder = TemporaryDirectory()
    with standing_in(config_of(f"sqlite:///{folder.name}/empty.sqlite3")):
        call_command("migrate", verbosity=0)
    return folder


@contextmanager
def sqlite_file(path: Path) -> Iterator[Any]:
    """The product on SQLite, in a file."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as file:
            connection.connection.backup(file)
    else:
        shutil.copyfile(f"{empty_sqlite().name}/empty.sqlite3", path)
    with standing_in(config_of(f"sqlite:///{path}")) as made:
        yield made


def world(media: Path) -> None:
    """Something of each kind that one database writes otherwise than the other."""
    chief = User.objects.create_superuser("chief", "chief@example.com", PASSWORD)
    Team.objects.create(name="North").members.add(chief)
    firm = company("Firm")
    for number, text in enumerate(HOSTILE):
        one = person(f"Hostile {number}", company=firm, description=text, owner=chief)
        Contact.objects.filter(pk=one.pk).update(street=text)
    won = deal(one, "won", name=HOSTILE[0], value=Decimal("12345678901.25"), owner=chief)
    Deal.objects.filter(pk=won.pk).update(estimated_close_date=date(2024, 2, 29))
    gone = person("Gone")
    TrashedRecord.objects.create(
        kind="contact",
        record_id=2**62 + 1,
        name="Gone",
        data={"floats": FLOATS, "z": 1, "a": {"é\u2028": HOSTILE}, "big": 2**70},
        deleted_at=datetime(2024, 3, 31, 1, 59, 59, 999_999, tzinfo=UTC),
        deleted_by=chief,
    )
    gone.delete()
    run = BulkRun.objects.create(action="contact.tag", record="contact", user=chief, seconds=0.1)
    BulkRow.objects.create(run=run, position=1, record_id=one.pk)
    sender = Sender.objects.create(
        name="News", address="news@example.org", check_results={"é": [1]}
    )
    mailing = Mailing.objects.create(subject="Für alle", sender=sender, sent=2, total=2)
    for position, address in ((2, "b@example.org"), (1, "a@example.org")):
        Recipient.objects.create(
            mailing=mailing, position=position, contact_id=position, address=address, state="sent"
        )
    SenderPause.objects.create(sender=sender, domain="example.org", until=timezone.now())
    standing.suppress(["a@example.org"], "bounced", mailing_id=mailing.pk, position=1)
    for key in ("b", "A", "a", "Z", "é", "_"):
        ListAddress.objects.create(key=key, query=key)
    Client().force_login(chief)
    Heartbeat.objects.create(
        worker_id="old", started_at=timezone.now(), beat_at=timezone.now() - timedelta(hours=1)
    )
    TOTP.activate(chief, SECRET)
    invited = User.objects.create_user("invited")
    Invitation.objects.create(
        user=invited, digest="d" * 64, by=chief, expires_at=timezone.now() + timedelta(days=1)
    )
    record(Action.ACCESS_CHANGED, invited, before={"view_deals": 0}, after={"view_deals": 3})
    (media / "runs").mkdir()
    (media / "runs" / "schön.csv").write_bytes(b"\x00\xff" * 70_000)
    (media / "empty").touch()


def digests() -> dict[str, str]:
    """The SHA-256 of each table's rows, the audit log aside, which tells of backups."""
    from django.db import connection as used

    return {
        table.name: table.digest(used) for table in Schema(used).kept if table.name != "audit_entry"
    }


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def said(refusal: Any) -> str:
    return " ".join(refusal.value.messages)


def works() -> None:
    """What a product does on tables that somebody filled past it: sign in, search, count on, keep its log."""
    from django.db import connection as used

    client = Client()
    assert client.login(username="chief", password=PASSWORD)
    sealed = Authenticator.objects.get(type="totp").data["secret"]
    assert SECRET not in sealed
    assert get_adapter().decrypt(sealed) == SECRET
    assert "Hostile 3" in client.get("/contacts/", {"q": "hostile 3"}).content.decode()
    highest = max(Contact.objects.values_list("pk", flat=True))
    assert person("Next").pk > highest
    entry = Entry.objects.get(action=Action.ACCESS_CHANGED)
    assert entry.after == {"view_deals": 3}
    with (
        pytest.raises(IntegrityError, match="only ever added"),
        transaction.atomic(),
        used.cursor() as cursor,
    ):
        cursor.execute("UPDATE audit_entry SET action = 'forged'")
    assert check_statuses().differences == []


# -- what comes back


def test_what_is_restored_is_what_was_backed_up(store: Any, media: Path, tmp_path: Path) -> None:
    world(media)
    before, files = digests(), tree(media)
    made = make_backup(tmp_path / "one.zip")
    assert stat.S_IMODE((tmp_path / "one.zip").stat().st_mode) == 0o600
    assert Entry.objects.get(action=Action.BACKED_UP).details["file"] == "one.zip"
    # Everything is lost or changed.
    Contact.objects.filter(last_name="Hostile 1").update(street="")
    Deal.objects.all().delete()
    User.objects.create_user("intruder")
    (media / "empty").write_text("no longer")
    (media / "more").touch()

    assert restore(tmp_path / "one.zip").rows == made.rows

    assert digests() == before
    assert tree(media) == files
    assert not list(media.glob(".restore-*"))
    assert not User.objects.filter(username="intruder").exists()
    works()
    entry = Entry.objects.get(action=Action.RESTORED)
    assert entry.details["backup"] == "one.zip"
    assert entry.details["rows"] == made.rows


def test_each_table_is_in_a_backup_or_left_out_for_a_reason(store: Any, tmp_path: Path) -> None:
    every = {
        model._meta.label_lower: model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }
    made = make_backup(tmp_path / "one.zip")
    assert NOT_KEPT.keys() <= every.keys()
    assert all(NOT_KEPT.values())
    kept = {table for label, table in every.items() if label not in NOT_KEPT}
    assert {part.name for part in made.tables} == kept
    # Also of what no model knows.
    assert all(NO_MODEL.values())
    assert {*store.introspection.table_names()} == {*every.values(), *NO_MODEL}


def test_nobody_is_signed_in_by_a_restore(store: Any, media: Path, tmp_path: Path) -> None:
    world(media)
    client = Client()
    client.force_login(User.objects.get(username="chief"))
    make_backup(tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as zipped:
        assert not [name for name in zipped.namelist() if "session" in name or "heart" in name]
    assert client.get("/contacts/").status_code == 200
    restore(tmp_path / "one.zip")
    assert client.get("/contacts/").status_code == 302


def test_no_number_is_given_twice_after_a_restore(store: Any, media: Path, tmp_path: Path) -> None:
    person("First")
    last = person("Last")
    number = last.pk
    last.delete()
    make_backup(tmp_path / "one.zip")
    restore(tmp_path / "one.zip")
    # The one in the trash comes back under its number.
    assert person("Next").pk > number


def test_the_secret_key_is_in_no_archive(
    store: Any, media: Path, tmp_path: Path, settings: Any
) -> None:
    world(media)
    output = StringIO()
    call_command("backup", str(tmp_path / "one.zip"), stdout=output)
    assert "secret key" in output.getvalue()
    with zipfile.ZipFile(tmp_path / "one.zip") as zipped:
        for name in zipped.namelist():
            assert settings.SECRET_KEY.encode() not in zipped.read(name)


def test_an_archive_of_an_older_version_is_migrated(tmp_path: Path) -> None:
    with sqlite_file(tmp_path / "old.sqlite3") as old:
        person("Old", company=company("Firm"))
        loader = MigrationLoader(old)
        *_older, last, newest = sorted(key for key in loader.graph.nodes if key[0] == "deals")
        call_command("migrate", *last, verbosity=0)
        make_backup(tmp_path / "old.zip")
        assert newest not in Schema(old).nodes
    with standing_in(config_of(f"sqlite:///{tmp_path}/new.sqlite3")) as new:
        restore(tmp_path / "old.zip")
        assert newest in Schema(new).nodes
        assert Schema(new).is_newest
        assert Contact.objects.get(last_name="Old").company.name == "Firm"
        assert Entry.objects.filter(action=Action.RESTORED).count() == 1


# -- while others write


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """A process that changes deals, two at a time, in the database of ``url``."""
    if connection.vendor == "postgresql":
        url = test_database_url()
    else:
        url = f"sqlite:///{tmp_path}/live.sqlite3"
        connection.ensure_connection()
        with closing(sqlite3.connect(tmp_path / "live.sqlite3")) as file:
            connection.connection.backup(file)
    child = Child(url, tmp_path / "log")
    child.url = url  # type: ignore[attr-defined]
    child.ask("prepare")
    yield child
    child.process.stdin.close()  # type: ignore[union-attr]
    child.process.wait(30)


@pytest.mark.slow
def test_each_backup_made_while_others_write_is_of_one_moment(
    child: Child, quick_tables: None, tmp_path: Path
) -> None:
    pids = [child.ask("work"), child.ask("work")]
    paths = [tmp_path / f"{number}.zip" for number in range(BACKUPS)]
    with standing_in(config_of(child.url)):  # type: ignore[attr-defined]
        for path in paths:
            make_backup(path)
            time.sleep(0.1)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    child.ask("wait")
    moments = {json.dumps(stages_of(path)) for path in paths}
    assert len(moments) > 1, "nobody wrote meanwhile"
    for path in paths:
        stages = stages_of(path)
        pairs = [(stages[f"Deal {n}"], stages[f"Deal {n + 1}"]) for n in range(0, 8, 2)]
        # Each change moves both deals of a pair.
        assert [pair for pair in pairs if pair[0] != pair[1]] == []
    for number, path in enumerate(paths[:: BACKUPS // RESTORES][:RESTORES]):
        with standing_in(config_of(f"sqlite:///{tmp_path}/restored{number}.sqlite3")):
            restore(path)
            from tests.proof.child import half_done

            assert half_done() == []
            assert StatusChange.objects.exists()


def stages_of(path: Path) -> dict[str, int]:
    with opened(path) as archive:
        archive.check()
        part = next(part for part in archive.manifest.tables if part.name == "deals_deal")
        name, stage = part.columns.index("name"), part.columns.index("stage_id")
        rows = [json.loads(line) for line in archive.lines(part)]
    return {row[name]: row[stage] for row in rows}


# -- between the databases

needs_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="there is no PostgreSQL server in this run"
)


@pytest.fixture
def empty_postgresql() -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    name = f"{connection.settings_dict['NAME']}_moved"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    yield test_database_url().replace(f"/{connection.settings_dict['NAME']}", f"/{name}")
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@needs_postgresql
def test_moved_to_postgresql_and_back_each_table_is_the_same(
    tmp_path: Path, media: Path, empty_postgresql: str
) -> None:
    with sqlite_file(tmp_path / "old.sqlite3"):
        world(media)
        before = digests()
        assert move_to_postgres(empty_postgresql).rows > 50
        # What somebody saved here now would be lost.
        with pytest.raises(Exception, match=SEALED):
            person("Late")
        assert unseal() == len(before) + 1
        person("Stays after all")
    with standing_in(config_of(empty_postgresql)):
        assert digests() == before
        works()
        Contact.objects.get(last_name="Next").delete()
        make_backup(tmp_path / "moved.zip")
        after = digests()
    with standing_in(config_of(f"sqlite:///{tmp_path}/back.sqlite3")):
        restore(tmp_path / "moved.zip")
        assert digests() == after


@needs_postgresql
def test_nothing_is_moved_over_what_is_there(tmp_path: Path, empty_postgresql: str) -> None:
    with standing_in(config_of(empty_postgresql)):
        call_command("migrate", verbosity=0)
        User.objects.create_user("somebody")
        before = digests()
    with sqlite_file(tmp_path / "old.sqlite3"):
        with pytest.raises(ValidationError, match="users in the new database"):
            move_to_postgres(empty_postgresql)
        # Not moved, so not sealed either.
        person("Goes on")
    with standing_in(config_of(empty_postgresql)):
        assert digests() == before


@needs_postgresql
def test_what_postgresql_cannot_hold_is_named_and_nothing_is_moved(
    tmp_path: Path, empty_postgresql: str
) -> None:
    with sqlite_file(tmp_path / "old.sqlite3") as old:
        one = person("Nul")
        with old.cursor() as cursor:
            cursor.execute("UPDATE contacts_contact SET street = 'a' || char(0) || 'b'")
        with pytest.raises(ValidationError) as refusal:
            move_to_postgres(empty_postgresql)
        assert "contacts_contact" in said(refusal)
        one.delete()
        person("Goes on")
    with standing_in(config_of(empty_postgresql)):
        assert not Contact.objects.exists()


def test_only_sqlite_is_moved_and_only_to_postgresql(store: Any) -> None:
    url = "postgres://a:b@127.0.0.1:1/c" if connection.vendor == "postgresql" else "sqlite:///x"
    with pytest.raises(ValidationError, match=r"SQLite|postgres://"):
        move_to_postgres(url)


# -- what is no backup


@pytest.fixture
def archive(store: Any, media: Path, tmp_path: Path) -> Path:
    world(media)
    make_backup(tmp_path / "good.zip")
    return tmp_path / "good.zip"


Parts = dict[str, bytes]


def rewritten(path: Path, change: Callable[[Parts], None]) -> Path:
    """The archive with its parts changed, and its manifest agreeing with rows that were."""
    with zipfile.ZipFile(path) as zipped:
        parts = {name: zipped.read(name) for name in zipped.namelist()}
    change(parts)
    bad = path.with_name("bad.zip")
    with zipfile.ZipFile(bad, "w") as zipped:
        for name, content in parts.items():
            zipped.writestr(name, content)
    return bad


def manifest_of(parts: Parts) -> dict[str, Any]:
    return json.loads(parts["manifest.json"])


def put(parts: Parts, manifest: dict[str, Any]) -> None:
    parts["manifest.json"] = json.dumps(manifest).encode()


def with_rows(parts: Parts, name: str, content: bytes) -> None:
    """Rows with an honest hash: what only the database can find wrong."""
    parts[f"tables/{name}.jsonl"] = content
    manifest = manifest_of(parts)
    table = next(one for one in manifest["tables"] if one["name"] == name)
    table |= {
        "bytes": len(content),
        "rows": content.count(b"\n"),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    put(parts, manifest)


def change_a_row(parts: Parts) -> None:
    rows = parts["tables/contacts_contact.jsonl"]
    parts["tables/contacts_contact.jsonl"] = rows.replace(b"Hostile 1", b"Hostile X")


def of_the_future(parts: Parts) -> None:
    put(parts, manifest_of(parts) | {"product": "9.0", "version": 99})


def with_newer_migrations(parts: Parts) -> None:
    manifest = manifest_of(parts)
    manifest["migrations"].append(["contacts", "9999_the_future"])
    put(parts, manifest)


def with_a_column_more(parts: Parts) -> None:
    manifest = manifest_of(parts)
    manifest["tables"][0]["columns"].append("more")
    put(parts, manifest)


def without_a_migration(parts: Parts) -> None:
    manifest = manifest_of(parts)
    manifest["migrations"].remove(["contacts", "0001_initial"])
    put(parts, manifest)


def claiming_less(parts: Parts) -> None:
    manifest = manifest_of(parts)
    for table in manifest["tables"]:
        table["rows"] += 1
    put(parts, manifest)


def of_another_program(parts: Parts) -> None:
    put(parts, {"format": "photos", "version": 1})


def listing_nonsense(parts: Parts) -> None:
    put(parts, manifest_of(parts) | {"tables": [{"name": 5}]})


WRONG: dict[str, tuple[Callable[[Parts], Any], str]] = {
    "a changed row": (change_a_row, "SHA-256"),
    "a table less": (lambda parts: parts.pop("tables/deals_deal.jsonl"), "missing"),
    "a file less": (lambda parts: parts.pop("media/empty"), "missing"),
    "a file more": (lambda parts: parts.update({"media/x": b""}), "does not name"),
    "a way out": (lambda parts: parts.update({"media/../../x": b""}), "no name"),
    "a way to the root": (lambda parts: parts.update({"/etc/x": b""}), "no name"),
    "another system's way": (lambda parts: parts.update({"media/..\\x": b""}), "no name"),
    "no manifest": (lambda parts: parts.pop("manifest.json"), "no backup of Standing"),
    "no JSON": (lambda parts: parts.update({"manifest.json": b"{"}), "no backup of Standing"),
    "another program": (of_another_program, "no backup of Standing"),
    "nonsense": (listing_nonsense, "no backup of Standing"),
    "a newer format": (of_the_future, "newer"),
    "newer migrations": (with_newer_migrations, "newer"),
    "holes in its migrations": (without_a_migration, "hang together"),
    "other columns": (with_a_column_more, "columns"),
    "other numbers": (claiming_less, "rows and not"),
}


def test_what_is_no_whole_backup_is_refused_and_changes_nothing(archive: Path, media: Path) -> None:
    before, files = digests(), tree(media)
    for name, (change, expected) in WRONG.items():
        with pytest.raises(ValidationError) as refusal:
            restore(rewritten(archive, change))
        assert expected in said(refusal), name
        assert "bad.zip" in said(refusal)
    content = archive.read_bytes()
    broken = archive.with_name("broken.zip")
    middle = len(content) // 2
    for bad in (b"", b"PK", b"text", content[:middle], content[middle:], content[:-30]):
        broken.write_bytes(bad)
        with pytest.raises(ValidationError, match=r"broken\.zip"):
            restore(broken)
    for at in range(100, len(content) - 100, len(content) // 23):
        broken.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        # Where a byte says nothing it is whole; what it never does is fail in another way.
        with suppress(ValidationError), opened(broken) as one:
            one.check()
    with pytest.raises(ValidationError, match="There is no file"):
        restore(archive.with_name("nowhere.zip"))
    assert digests() == before
    assert tree(media) == files
    assert not Entry.objects.filter(action=Action.RESTORED).exists()


def test_a_link_in_an_archive_is_refused(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as zipped:
        link = zipfile.ZipInfo("media/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
    with pytest.raises(ValidationError, match="no name that a backup holds"):
        restore(archive)


def without_users(parts: Parts) -> None:
    with_rows(parts, "accounts_user", b"")


def with_an_impossible_deal(parts: Parts) -> None:
    row = parts["tables/deals_deal.jsonl"].splitlines()[0]
    with_rows(parts, "deals_deal", row + b"\n" + row + b"\n")


@pytest.mark.parametrize(
    ("change", "expected"),
    [(without_users, "hang together"), (with_an_impossible_deal, "deals_deal")],
)
def test_rows_that_the_database_refuses_leave_everything_as_it_was(
    archive: Path, media: Path, change: Callable[[Parts], None], expected: str
) -> None:
    before, files = digests(), tree(media)
    with pytest.raises(ValidationError, match=expected):
        restore(rewritten(archive, change))
    assert digests() == before
    assert tree(media) == files
    assert Client().login(username="chief", password=PASSWORD)
    assert [path.name for path in archive.parent.glob(".*")] == []


def test_a_restore_that_fails_at_its_end_gives_the_files_back(
    archive: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (media / "empty").write_text("newer")
    before, files = digests(), tree(media)

    @contextmanager
    def failing(folder: Path) -> Iterator[None]:
        with exchanged(folder):
            assert (media / "empty").read_text() == ""
            yield from fails()

    def fails() -> Iterator[None]:
        raise OSError("the disk is gone")

    exchanged = restoring.media.exchanged
    monkeypatch.setattr(restoring.media, "exchanged", failing)
    with pytest.raises(OSError, match="disk is gone"):
        restore(archive)
    assert digests() == before
    assert tree(media) == files


# -- who else is there


def test_nothing_is_restored_under_a_running_product(archive: Path) -> None:
    Heartbeat.objects.create(
        worker_id="w", started_at=timezone.now(), beat_at=timezone.now() - timedelta(seconds=9)
    )
    before = digests()
    with pytest.raises(ValidationError, match="is running"):
        restore(archive)
    assert digests() == before


def test_nothing_is_restored_into_a_file_that_somebody_has_open(archive: Path, store: Any) -> None:
    if store.vendor == "postgresql":
        pytest.skip("there is no file")
    before = digests()
    with closing(sqlite3.connect(store.settings_dict["NAME"])) as other:
        other.execute("SELECT count(*) FROM contacts_contact").fetchall()
        with pytest.raises(ValidationError, match="open"):
            restore(archive)
    assert digests() == before
    restore(archive)


def test_a_broken_file_is_replaced(archive: Path, store: Any) -> None:
    if store.vendor == "postgresql":
        pytest.skip("there is no file")
    path = Path(store.settings_dict["NAME"])
    store.close()
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    call_command("restore", str(archive), yes=True, stdout=StringIO())
    assert User.objects.filter(username="chief").exists()


# -- the commands


def test_a_restore_asks_before_it_replaces_anything(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user("newer")
    output = StringIO()
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("restore", str(archive), stdout=output)
    assert "REPLACES ALL" in output.getvalue()
    assert User.objects.filter(username="newer").exists()
    monkeypatch.setattr("sys.stdin", StringIO("yes\n"))
    call_command("restore", str(archive), stdout=output)
    assert not User.objects.filter(username="newer").exists()
    assert "every status is what a recount gives" in output.getvalue()


def test_a_backup_never_takes_the_place_of_a_file(store: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(tmp_path / "mine"))
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_backup_that_fails_leaves_nothing_behind(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(archive: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("crm.backup.making.add_files", fail)
    with pytest.raises(CommandError, match="No space left"):
        call_command("backup", str(tmp_path / "to" / "one.zip"))
    assert list((tmp_path / "to").iterdir()) == []
    assert not Entry.objects.filter(action=Action.BACKED_UP).exists()


def test_the_night_makes_a_backup_and_keeps_the_newest(
    store: Any, tmp_path: Path, settings: Any
) -> None:
    settings.BACKUP_DIR, settings.BACKUP_KEEP = str(tmp_path / "nights"), 2
    (tmp_path / "nights").mkdir()
    for day in range(1, 5):
        (tmp_path / "nights" / f"standing-nightly-2024010{day}T030000Z.zip").touch()
    (tmp_path / "nights" / "standing-20240101T030000Z.zip").touch()
    fine, found = nightly.JOBS["back_up"]()
    assert fine
    assert "removed 3" in found
    names = sorted(path.name for path in (tmp_path / "nights").iterdir())
    assert len(names) == 3
    assert names[0] == "standing-20240101T030000Z.zip"
    assert names[1] == "standing-nightly-20240104T030000Z.zip"
    with opened(tmp_path / "nights" / names[2]) as one:
        one.check()


def test_without_a_folder_the_night_says_that_there_is_no_backup(settings: Any) -> None:
    settings.BACKUP_DIR = ""
    assert "BACKUP_DIR is not set" in back_up()
