"""A person's data: all of it handed over, and all of it gone."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection, connections
from django.urls import reverse

from contacts.models import Contact, ContactValue, StatusChange
from contacts.words import SearchWord
from crm import nightly
from crm.audit.models import Action, Entry
from crm.backup.making import write_archive
from crm.bulk.models import BulkRow, BulkRun
from crm.bulk.services import undo
from crm.privacy.collecting import told_of
from crm.privacy.erasing import erase_person
from crm.privacy.holdings import EXCEPTIONS, HOLDINGS, NOT_TOLD
from crm.suppression.models import Salt, Suppression
from crm.suppression.services import normalised, suppress, suppressed
from crm.trash.models import TrashedRecord
from deals.models import Deal, MergeRecord
from deals.services import merge_contacts, restore, undo_merge
from deals.services.recount import recount_all
from emails.ledger import recheck
from emails.models import Address, Mailing, Recipient
from emails.reasons import LeftOut
from settings.services import set_values
from tests.access.checksums import checksum, differing
from tests.access.subjects import BIRD, Known, dump, known, unsaid
from tests.access.test_backup import sqlite_file
from tests.access.worlds import administrator, member
from tests.deals.factories import company, deal, person
from tests.imports.files import load_usual, write
from tests.labels.worlds import made_field

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(tmp_path, settings):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    return tmp_path / "media"


@pytest.fixture
def one() -> Known:
    return known()


def page(name: str, pk: int) -> str:
    return reverse(f"privacy:{name}", args=[pk])


# -- what an export must tell


def test_every_table_is_told_of_or_has_a_reason_why_not():
    labels = {one._meta.label_lower for one in apps.get_models(include_auto_created=True)}
    told = {one.model._meta.label_lower for one in HOLDINGS}
    assert labels - told - set(EXCEPTIONS) == set()
    assert set(EXCEPTIONS) - labels == set(), "reasons for tables that there are not"
    assert set(EXCEPTIONS) & told == set()
    assert all(str(reason).strip() for reason in EXCEPTIONS.values())


def test_every_column_is_told_of_or_has_a_reason_why_not():
    for holding in HOLDINGS:
        columns = {one.name for one in holding.model._meta.concrete_fields}
        left_out = NOT_TOLD.get(holding.model._meta.label_lower, {})
        assert {one.name for one in told_of(holding.model)} | set(left_out) == columns
        assert set(left_out) <= columns
        assert all(str(reason).strip() for reason in left_out.values())


def archive(client: Any, pk: int) -> tuple[dict[str, Any], str]:
    answer = client.post(page("export", pk))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert sorted(file.namelist()) == ["data.json", "index.html", "style.css"]
        return json.loads(file.read("data.json")), file.read("index.html").decode()


def test_export_tells_all_there_is(client, one):
    client.force_login(one.root)
    data, shown = archive(client, one.person.pk)
    told = json.dumps(data, ensure_ascii=False)
    assert len(one.words) > 20
    for word in one.words:
        assert word in told
        assert word in shown
    empty = {holding.name for holding in HOLDINGS if not data[holding.name]}
    assert empty == {"trash", "trashed_deals", "not_written_to"}
    assert data["statuses"][0]["cause"]
    assert data["deals"][0]["primary_contact_name"]
    assert {row["name"] for row in data["deals"]} >= {one.star.name, one.guest.name}


def test_export_is_written_down(client, one):
    client.force_login(one.root)
    archive(client, one.person.pk)
    entry = Entry.objects.get(action=Action.PERSON_EXPORTED)
    assert (entry.record_id, entry.actor_id) == (one.person.pk, one.root.pk)
    assert entry.details["rows"] > 20


def test_export_escapes_what_people_typed(client):
    client.force_login(administrator())
    eve = person("<script>alert(1)</script>", description="<img src=x onerror=alert(1)>")
    _data, shown = archive(client, eve.pk)
    assert "<script" not in shown
    assert "<img" not in shown


def test_person_in_the_trash_is_exported_too(client):
    client.force_login(administrator())
    eve = person("Deleted", description="Remembered")
    pk = eve.pk
    eve.delete()
    data, _shown = archive(client, pk)
    assert data["trash"][0]["data"]["row"]["description"] == "Remembered"
    assert client.get(page("person", pk)).status_code == 200


# -- who may


@pytest.mark.parametrize("name", ["person", "export", "erase"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_members_reach_no_page_of_it_whoever_is_asked_for(client, name, method):
    eve = person("Eve")
    before = checksum()
    client.force_login(member("max"))
    for pk in (eve.pk, eve.pk + 1000):
        answer = getattr(client, method)(page(name, pk), {"name": "Eve"})
        assert answer.status_code in (403, 405)
        assert "Eve" not in answer.content.decode()
    changed = set(differing(before, checksum())) - {"accounts_user"}
    assert changed == set()


def test_administrators_find_no_person_where_there_is_none_nor_a_company(client):
    client.force_login(administrator())
    for pk in (company("Works").pk, 999_999):
        assert client.get(page("person", pk)).status_code == 404
        assert client.post(page("export", pk)).status_code == 404
        assert client.post(page("erase", pk), {"name": "Works"}).status_code == 404


def test_card_leads_administrators_there_and_nobody_else(client):
    eve, works = person("Eve"), company("Works")
    client.force_login(administrator())
    assert page("person", eve.pk) in client.get(eve.get_absolute_url()).content.decode()
    assert "/privacy/" not in client.get(works.get_absolute_url()).content.decode()
    client.force_login(member("max"))
    assert "/privacy/" not in client.get(eve.get_absolute_url()).content.decode()


# -- erasing


def test_erased_person_is_found_nowhere(one, media, tmp_path, django_capture_on_commit_callbacks):
    assert unsaid(dump())
    with django_capture_on_commit_callbacks(execute=True):
        erase_person(one.person.pk)
    # As PostgreSQL and SQLite show them; sessions are coded.
    assert unsaid(dump(), "99887766", "99887755", "+49 170") == []
    sessions = [SessionStore().decode(row.session_data) for row in Session.objects.all()]
    assert unsaid([str(row) for row in sessions]) == []
    files = [path for path in media.rglob("*") if path.is_file()]
    assert [path for path in files if BIRD.encode() in path.read_bytes()] == []


def test_next_backup_does_not_hold_an_erased_person(
    one, tmp_path, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        erase_person(one.person.pk)
    path = tmp_path / "backup.zip"
    # As a backup is made, of what this connection shows.
    write_archive(path, connection)
    with zipfile.ZipFile(path) as file:
        held = {name: file.read(name) for name in file.namelist()}
    assert len(held) > 10
    assert [name for name, content in held.items() if BIRD.encode() in content] == []


def test_deals_keep_their_shape_and_statuses_stay_derived(one):
    columns = ["primary_contact", "company", "stage", "value", "closed_at", "opened_at", "group"]
    before = list(Deal.objects.order_by("pk").values_list(*columns))
    erase_person(one.person.pk)
    assert list(Deal.objects.order_by("pk").values_list(*columns)) == before
    kept = Contact.objects.get(pk=one.person.pk)
    assert kept.name == f"Erased person {kept.pk}"
    assert kept.customer_status == "past"
    assert kept.owner == one.root
    so_far = StatusChange.objects.count()
    recount_all(cause=StatusChange.Cause.RECOUNTED)
    assert StatusChange.objects.count() == so_far
    assert Contact.objects.rekey() == Deal.objects.rekey() == 0


def test_fields_of_others_still_point_to_the_erased(one):
    erase_person(one.person.pk)
    assert ContactValue.objects.get(contact=one.other).record_id == one.person.pk


def test_history_keeps_when_and_who_but_no_value(one):
    number = one.person.label_changes.count()
    statuses = one.person.status_changes.count()
    erase_person(one.person.pk)
    assert one.person.label_changes.count() == number
    assert one.person.status_changes.count() >= statuses
    assert {(row.old, row.new) for row in one.person.label_changes.all()} == {("", "")}


def test_audit_entries_stay_without_values_and_the_log_is_shut_again(one):
    number = Entry.objects.filter(record_id=one.person.pk, record="contacts.contact").count()
    erase_person(one.person.pk)
    entries = Entry.objects.filter(record_id=one.person.pk, record="contacts.contact")
    assert entries.count() == number + 1
    shared = entries.get(action=Action.SHARED)
    assert (shared.before, shared.after) == ({"name": "…"}, {"name": ["…"]})
    assert shared.actor_id == one.root.pk
    with pytest.raises(TypeError):
        entries.delete()


def test_erasing_is_written_down_without_the_person(client, one):
    client.force_login(one.root)
    client.post(page("erase", one.person.pk), {"name": one.person.name})
    entry = Entry.objects.get(action=Action.PERSON_ERASED)
    assert entry.record_name == f"Erased person {one.person.pk}"
    assert (entry.actor_id, entry.record_id) == (one.root.pk, one.person.pk)
    assert entry.details["fields"] == 3


def test_merge_with_the_person_cannot_be_undone_any_more(one):
    assert MergeRecord.objects.count() == 1
    erase_person(one.person.pk)
    assert not MergeRecord.objects.exists()


def test_person_who_was_parted_again_stays(one):
    eve = person("Stranger", email="eve@example.org", description="Her own")
    undo_merge(merge_contacts(one.person, eve))
    erase_person(one.person.pk)
    eve = Contact.objects.get(name="Stranger")
    assert (eve.email, eve.description) == ("eve@example.org", "Her own")
    assert suppressed(["eve@example.org"]) == {}


def test_undo_of_an_action_on_many_brings_nothing_of_the_person_back(one):
    erase_person(one.person.pk)
    run = BulkRun.objects.get(action="contact.set", total=2)
    assert (run.done, run.refused) == (1, 1)
    row = BulkRow.objects.get(run=run, record_id=one.person.pk)
    assert (row.state, row.before, row.after) == ("refused", "", "")
    undone = undo(BulkRun.objects.get(pk=run.pk), user=one.root)
    assert not undone.rows.filter(record_id=one.person.pk).exists()


def test_search_forgets_the_words_of_the_person_and_keeps_those_of_others():
    ada, eve = person("Lovelace", email="countess@example.org"), person("Neighbour")
    deal(ada, name="Lovelace engine"), deal(eve, name="Machine")
    assert SearchWord.objects.filter(word__in=["lovelace", "countess"]).count() == 2
    erase_person(ada.pk)
    assert not SearchWord.objects.filter(word__in=["lovelace", "countess"]).exists()
    assert SearchWord.objects.filter(word__in=["neighbour", "engine", "machine"]).count() == 3


def test_night_forgets_words_that_nobody_has_any_more():
    ada = person("Byron", first_name="Augusta")
    ada.last_name = "Lovelace"
    ada.save()
    assert SearchWord.objects.filter(word="byron").exists()
    assert nightly.JOBS["forget_words"]() == (True, "1")
    assert set(SearchWord.objects.values_list("word", flat=True)) == {"augusta", "lovelace"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL vacuums")
@pytest.mark.django_db(transaction=True)
def test_erased_person_is_not_even_in_the_file_of_sqlite(tmp_path):
    path = tmp_path / "store.sqlite3"
    with sqlite_file(path):
        there = known()
        connections["default"].cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert BIRD.encode() in path.read_bytes()
        erase_person(there.person.pk)
    for file in tmp_path.glob("store.sqlite3*"):
        assert BIRD.encode() not in file.read_bytes(), file.name


def test_word_that_somebody_else_has_stays():
    ada, twin = person("Lovelace", first_name="Ada"), person("Lovelace", first_name="Byron")
    erase_person(ada.pk)
    assert SearchWord.objects.filter(word="lovelace").exists()
    assert Contact.objects.get(pk=twin.pk).name == "Byron Lovelace"


def test_what_others_have_alike_is_left_alone():
    ada = person("Lovelace", first_name="Ada", country="Switzerland", title="Chief engineer")
    eve = person(
        "Else", first_name="Eve", country="Switzerland", description="Friend of Ada Lovelace"
    )
    asked = made_field("Wish", "text")
    set_values("contact", {eve.pk: {asked.pk: "old Switzerland"}})
    set_values("contact", {eve.pk: {asked.pk: "new"}})
    erase_person(ada.pk)
    eve.refresh_from_db()
    assert (eve.country, eve.description) == ("Switzerland", "Friend of Ada Lovelace")
    assert eve.label_changes.latest("pk").old == "old Switzerland"


def test_person_in_the_trash_is_erased_there_and_comes_back_as_nobody():
    ada, eve = person("Lovelace", first_name="Ada", email="ada@example.org"), person("Eve")
    sale = deal(ada, name="Engine for Ada Lovelace")
    joined = deal(eve, name="Other")
    joined.links.create(contact=ada, role="Mentor of machines")
    pk, sale_pk = ada.pk, sale.pk
    sale.delete()
    ada.delete()
    erase_person(pk)
    said = [text.lower() for text in dump() if "django_session" not in text]
    assert [text for text in said if "lovelace" in text or "mentor of" in text] == []
    restored = restore(TrashedRecord.objects.get(kind="contact", record_id=pk))
    assert restored.name == f"Erased person {pk}"
    again = restore(TrashedRecord.objects.get(kind="deal", record_id=sale_pk))
    assert again.name == f"Engine for Erased person {pk}"
    assert joined.links.get().role == ""


def test_nothing_is_erased_while_a_run_has_the_person(client, one):
    run = BulkRun.objects.create(
        action="contact.set", record="contact", user=one.root, token="on", state="paused", total=1
    )
    BulkRow.objects.create(run=run, position=1, record_id=one.person.pk)
    client.force_login(one.root)
    before = checksum()
    answer = client.post(page("erase", one.person.pk), {"name": one.person.name})
    assert answer.status_code == 409
    assert f"Run {run.pk}" in answer.content.decode()
    assert differing(before, checksum()) == []


def test_an_erased_person_who_waits_for_a_mail_gets_none(one):
    mailing = Mailing.objects.create(author=one.root, state="sending", waiting=1, total=1)
    row = Recipient.objects.create(
        mailing=mailing, position=1, contact_id=one.person.pk, address=one.person.email
    )
    erase_person(one.person.pk)
    row.refresh_from_db()
    assert (row.name, row.address) == ("", "")
    assert recheck(mailing, [row], one.root) == {1: LeftOut.ERASED}


def test_nothing_is_erased_while_a_mail_to_the_person_is_on_its_way(client, one):
    mailing = Mailing.objects.create(subject="News", state="sending", sending=1, total=1)
    Recipient.objects.create(
        mailing=mailing,
        position=1,
        contact_id=one.person.pk,
        state="sending",
        address="a@example.org",
    )
    client.force_login(one.root)
    client.post(page("erase", one.person.pk), {"name": one.person.name})
    one.person.refresh_from_db()
    assert BIRD in one.person.last_name


def test_an_address_that_somebody_else_has_too_stays_known_of_them(one):
    other = person("Partner", email=one.person.email)
    erase_person(one.person.pk)
    assert Address.objects.filter(address=other.email).exists()
    assert suppressed([other.email])


def test_files_of_exports_are_removed(one, django_capture_on_commit_callbacks):
    run = BulkRun.objects.get(action="contact.export")
    path = Path(settings.MEDIA_ROOT) / run.file.name
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        erase_person(one.person.pk)
    assert not path.exists()
    run.refresh_from_db()
    assert (run.file.name, run.file_name) == ("", "")


# -- asking first


def test_preview_says_in_numbers_what_goes_and_changes_nothing(client, one):
    client.force_login(one.root)
    before = checksum()
    answer = client.get(page("erase", one.person.pk))
    shown = answer.content.decode()
    assert differing(before, checksum()) == []
    assert ("3", "Values of custom fields removed") in answer.context["toll"]
    assert "This cannot be undone" in shown
    assert "Merges that cannot be undone any more" in shown


def test_preview_names_other_records_that_name_the_person(client):
    client.force_login(administrator())
    ada = person("Lovelace", first_name="Ada")
    eve = person("Eve", description="Knows Ada Lovelace well")
    answer = client.get(page("erase", ada.pk))
    assert answer.context["mentions"] == [eve]


@pytest.mark.parametrize("typed", ["", "Eve", "ada lovelace"])
def test_only_who_types_the_name_erases(client, typed):
    client.force_login(administrator())
    ada = person("Lovelace", first_name="Ada")
    assert client.post(page("erase", ada.pk), {"name": typed}).status_code == 200
    assert Contact.objects.get(pk=ada.pk).name == "Ada Lovelace"
    assert client.post(page("erase", ada.pk), {"name": " Ada  Lovelace "}).status_code == 302
    assert Contact.objects.get(pk=ada.pk).name == f"Erased person {ada.pk}"


# -- not to be written to


def test_all_addresses_of_the_person_are_remembered_as_hashes_alone(one):
    email, second = one.person.email, ContactValue.objects.get(text__contains="@").text
    erase_person(one.person.pk)
    assert suppressed([email.upper(), f" {second} ", "ada@example.org"]) == {
        email.upper(): "erased",
        f" {second} ": "erased",
    }
    assert Suppression.objects.count() >= 4
    assert all(len(row.digest) == 64 for row in Suppression.objects.all())


@pytest.mark.parametrize(
    ("written", "alike"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@example.org.", "ada@example.org"),
        ("ａda@example.org", "ada@example.org"),
    ],
)
def test_one_address_has_one_hash_however_it_is_written(written, alike):
    assert normalised(written) == normalised(alike)
    suppress([written], "erased")
    assert suppressed([alike]) == {alike: "erased"}


def test_hash_of_another_installation_is_another():
    suppress(["ada@example.org"], "erased")
    first = Suppression.objects.get().digest
    Suppression.objects.all().delete()
    Salt.objects.all().delete()
    suppress(["ada@example.org"], "erased")
    assert Suppression.objects.get().digest != first


def test_contact_with_the_address_of_an_erased_person_warns(client):
    client.force_login(administrator())
    suppress(["ada@example.org"], "erased")
    ada = person("Lovelace", email="ADA@example.org")
    eve = person("Eve", email="eve@example.org")
    told = "erased at their request"
    assert told in client.get(ada.get_absolute_url()).content.decode()
    assert told not in client.get(eve.get_absolute_url()).content.decode()


def test_load_says_how_many_addresses_are_of_erased_people(tmp_path):
    suppress(["ada@example.org"], "erased")
    write(tmp_path, people=["1,Ada,Lovelace,Ada@example.org,", "2,Eve,Else,eve@example.org,"])
    report = load_usual(tmp_path)
    assert list(report.notes.values()) == [1]
    assert "erased" in next(iter(report.notes))


def test_person_loaded_again_is_new_and_the_erased_one_stays_nobody(tmp_path):
    write(tmp_path, people="1,Ada,Lovelace,ada@example.org,")
    load_usual(tmp_path)
    first = Contact.objects.get()
    erase_person(first.pk)
    report = load_usual(tmp_path)
    assert Contact.objects.get(pk=first.pk).email == ""
    assert Contact.objects.exclude(pk=first.pk).get().email == "ada@example.org"
    assert sum(report.notes.values()) == 1
