from django.db import migrations, models

import contacts.models.history

COLUMNS = {"request_id": 12, "address": 45, "source": 10}


def column(name, length):
    default = getattr(contacts.models.history, f"_{name}")
    field = models.CharField(blank=True, db_default="", default=default, max_length=length)
    return migrations.AddField(model_name="statuschange", name=name, field=field)


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0011_contacts_have_collaborators"),
    ]

    operations = [
        # Not by AddField: it would say of all that happened before where the migration was run, and on SQLite write
        # the history anew, three times.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER TABLE contacts_statuschange ADD COLUMN {name} varchar({length}) DEFAULT '' NOT NULL",
                    f"ALTER TABLE contacts_statuschange DROP COLUMN {name}",
                )
                for name, length in COLUMNS.items()
            ],
            state_operations=[column(name, length) for name, length in COLUMNS.items()],
        ),
        migrations.AddIndex(
            model_name="statuschange",
            index=models.Index(fields=["recorded_at", "id"], name="statuschange_by_time"),
        ),
        migrations.AddIndex(
            model_name="contactchange",
            index=models.Index(fields=["recorded_at", "id"], name="contactchange_by_time"),
        ),
    ]
