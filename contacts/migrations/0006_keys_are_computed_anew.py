import json

from django.db import migrations, transaction

from contacts.keys import contact_keys
from contacts.words import remember_words, vocabulary_of

ROWS = 1_000
SOURCES = (
    "is_organization", "name", "first_name", "last_name", "title", "email", "industry", "website",
    "street", "postal_code", "city", "state", "country", "description", "phone", "mobile",
)
KEYS = ("search_key", "sort_key", "folded", "match_name", "match_phone", "match_email")


def compute(apps, schema_editor):
    """A thousand rows at a time, each in a transaction of its own: nobody waits for long."""
    connection = schema_editor.connection
    contacts = apps.get_model("contacts", "Contact").objects.using(connection.alias)
    columns = ", ".join(f"{key} = %s" for key in KEYS)
    remembered, last = set(), 0
    while True:
        rows = contacts.filter(pk__gt=last).order_by("pk")
        rows = list(rows.values("pk", "company__name", *SOURCES)[:ROWS])
        if not rows:
            return
        words, changes = set(), []
        for row in rows:
            keys = contact_keys(row, row["company__name"] or "")
            words |= vocabulary_of(keys["search_key"])
            keys["folded"] = json.dumps(keys["folded"])
            changes.append([*(keys[key] for key in KEYS), row["pk"]])
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.executemany(f"UPDATE contacts_contact SET {columns} WHERE id = %s", changes)
            remember_words(words - remembered)
        remembered |= words
        last = rows[-1]["pk"]


class Migration(migrations.Migration):
    """Every contact gets its keys in the form that search and filters go by."""

    atomic = False

    dependencies = [
        ("contacts", "0005_texts_are_kept_folded"),
    ]

    operations = [
        migrations.RunPython(compute, migrations.RunPython.noop, elidable=True),
    ]
