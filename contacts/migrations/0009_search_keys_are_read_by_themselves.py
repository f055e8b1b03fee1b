from django.db import migrations

from contacts.keys import SearchIndex

INDEX = SearchIndex(fields=["search_key", "is_organization"], name="contact_by_search")


def create(apps, schema_editor):
    """PostgreSQL has it already, under another name."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER INDEX contact_by_trigrams RENAME TO contact_by_search")
    else:
        schema_editor.add_index(apps.get_model("contacts", "Contact"), INDEX)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER INDEX contact_by_search RENAME TO contact_by_trigrams")
    else:
        schema_editor.remove_index(apps.get_model("contacts", "Contact"), INDEX)


class Migration(migrations.Migration):
    """On SQLite the search reads an index instead of whole rows."""

    dependencies = [
        ("contacts", "0008_duplicates_are_found_in_indexes_alone"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop)],
            state_operations=[migrations.AddIndex(model_name="contact", index=INDEX)],
        ),
    ]
