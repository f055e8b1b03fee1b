from django.db import ProgrammingError, migrations

REMEDY = (
    "The search needs PostgreSQL's extension pg_trgm, which the user of this database may not "
    "create. Have a superuser run, in this database: CREATE EXTENSION pg_trgm; and migrate again. "
    "It comes with PostgreSQL, on some systems in a package of its own (postgresql-contrib)."
)


def create(apps, schema_editor):
    """Without locking anybody out. SQLite reads all keys, which takes it no longer."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if not cursor.fetchone():
            try:
                cursor.execute("CREATE EXTENSION pg_trgm")
            except ProgrammingError as error:
                raise RuntimeError(REMEDY) from error
        # What a broken attempt left behind is invalid.
        cursor.execute("DROP INDEX CONCURRENTLY IF EXISTS contact_by_trigrams")
        cursor.execute(
            """CREATE INDEX CONCURRENTLY contact_by_trigrams ON contacts_contact
            USING gin (search_key gin_trgm_ops)"""
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("DROP INDEX CONCURRENTLY IF EXISTS contact_by_trigrams")


class Migration(migrations.Migration):
    """On PostgreSQL an index finds parts of words among a million contacts."""

    atomic = False

    dependencies = [
        ("contacts", "0006_keys_are_computed_anew"),
    ]

    operations = [
        migrations.RunPython(create, drop),
    ]
