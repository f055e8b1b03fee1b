"""The audit log is added to and read; nothing else, by any way."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from crm.audit import gate
from crm.audit.models import Action, Entry, Gate
from crm.audit.querysets import AppendOnlyError
from crm.audit.services import record
from tests.access.worlds import administrator

pytestmark = pytest.mark.django_db


def sql(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def entry() -> Entry:
    return record(Action.SIGNED_IN, email="ada@example.org")


def test_entry_is_neither_saved_again_nor_deleted(entry):
    entry.actor_name = "somebody else"
    with pytest.raises(AppendOnlyError):
        entry.save()
    with pytest.raises(AppendOnlyError):
        Entry.objects.get(pk=entry.pk).delete()
    assert Entry.objects.get().actor_name == ""


@pytest.mark.parametrize(
    "attempt",
    [
        lambda rows: rows.update(actor_name="x"),
        lambda rows: rows.delete(),
        lambda rows: rows.bulk_update(list(rows), ["actor_name"]),
        lambda rows: rows.update_or_create(action="denied"),
        lambda rows: rows.bulk_create([Entry(action="x")], ignore_conflicts=True),
        lambda rows: rows._raw_delete("default"),
    ],
)
def test_queryset_neither_updates_nor_deletes(entry, attempt):
    with pytest.raises(AppendOnlyError):
        attempt(Entry.objects.all())
    assert Entry.objects.get().actor_name == ""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_name = 'x'",
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET at = at",
    ],
)
def test_database_itself_refuses(entry, statement):
    """Also after every later migration: SQLite drops triggers with the table it makes anew."""
    with pytest.raises(DatabaseError, match="only ever added to"):
        sql(statement)
    assert Entry.objects.get().actor_name == ""


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
        "REPLACE INTO audit_entry SELECT * FROM audit_entry",
        "UPDATE OR REPLACE audit_entry SET actor_name = 'x'",
    ],
)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does not know them")
def test_entry_is_not_replaced_by_another(entry, statement):
    with pytest.raises(DatabaseError, match="only ever added to"):
        sql(statement)
    assert Entry.objects.get().actor_name == ""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite says it otherwise")
def test_entry_is_not_changed_by_one_that_comes_into_its_way(entry):
    with pytest.raises(DatabaseError, match="only ever added to"):
        sql(
            "INSERT INTO audit_entry SELECT * FROM audit_entry ON CONFLICT (id) DO UPDATE SET actor_name = 'x'"
        )
    assert Entry.objects.get().actor_name == ""


@pytest.mark.parametrize("act", ["change", "delete"])
def test_back_office_only_shows_entries(client, entry, act):
    client.force_login(administrator())
    page = reverse(f"admin:audit_entry_{act}", args=[entry.pk])
    assert client.post(page, {"actor_name": "x", "post": "yes"}).status_code == 403
    everything = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    client.post(reverse("admin:audit_entry_changelist"), everything)
    assert Entry.objects.get(pk=entry.pk).actor_name == ""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_table_is_not_truncated(entry):
    with pytest.raises(DatabaseError, match="only ever added to"):
        sql("TRUNCATE audit_entry")
    assert Entry.objects.count() == 1


def test_gate_lets_the_statements_inside_through_and_is_shut_again(entry):
    with gate.opened():
        entry.actor_name = "Erased"
        gate.rewrite([entry], ["actor_name"])
    assert Entry.objects.get().actor_name == "Erased"
    assert not Gate.objects.exists()
    with pytest.raises(DatabaseError):
        sql("DELETE FROM audit_entry")
    with gate.opened():
        assert gate.remove(Entry.objects.filter(pk=entry.pk)) == 1
    assert not Entry.objects.exists()


def test_gate_is_shut_when_what_went_through_fails(entry):
    def fail() -> None:
        with gate.opened():
            gate.remove(Entry.objects.all())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert Entry.objects.count() == 1
    assert not Gate.objects.exists()


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one transaction at a time"
)
def test_gate_left_behind_by_another_transaction_opens_nothing(entry):
    Gate.objects.create(transaction_id=1)
    with pytest.raises(DatabaseError):
        sql("DELETE FROM audit_entry")


@pytest.mark.django_db(transaction=True)
def test_tables_are_emptied_after_a_test_that_commits(entry):
    assert Entry.objects.count() == 1
