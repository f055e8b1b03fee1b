"""The triggers that keep entries as they were written, whoever writes to the table and however."""

from __future__ import annotations

from typing import Any

REFUSED = "The audit log is only ever added to."

_SQLITE = [
    f"""CREATE TRIGGER audit_entry_{act} BEFORE {act.upper()} ON audit_entry
    WHEN NOT EXISTS (SELECT 1 FROM audit_gate)
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"""  # noqa: S608
    for act in ("update", "delete")
]

# INSERT OR REPLACE removes a row without asking the triggers of deletion.
_NOT_REPLACED = f"""CREATE TRIGGER IF NOT EXISTS audit_entry_replace BEFORE INSERT ON audit_entry
    WHEN NOT EXISTS (SELECT 1 FROM audit_gate)
        AND EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"""  # noqa: S608

_POSTGRESQL = [
    f"""CREATE FUNCTION audit_entry_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM audit_gate WHERE transaction_id = txid_current()) THEN
            RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'restrict_violation';
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END $$""",  # noqa: S608
    """CREATE TRIGGER audit_entry_rows BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_is_kept()""",
    """CREATE TRIGGER audit_entry_table BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_is_kept()""",
]


def install(apps: Any, schema_editor: Any) -> None:
    """For a migration. SQLite loses them whenever a migration makes the table anew: install them again after it."""
    on_sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in [*_SQLITE, _NOT_REPLACED] if on_sqlite else _POSTGRESQL:
        schema_editor.execute(statement)


def remove(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for act in ("update", "delete", "replace"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS audit_entry_{act}")
        return
    for name in ("rows", "table"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS audit_entry_{name} ON audit_entry")
    schema_editor.execute("DROP FUNCTION IF EXISTS audit_entry_is_kept()")


def forbid_replacing(apps: Any, schema_editor: Any) -> None:
    """For databases whose triggers were installed before this one was among them."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(_NOT_REPLACED)


def allow_replacing(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER IF EXISTS audit_entry_replace")
