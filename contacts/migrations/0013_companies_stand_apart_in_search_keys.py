from django.db import migrations, transaction
from django.db.models import F, Value
from django.db.models.functions import Replace

from contacts.keys import words

ROWS = 1_000


def part(apps, schema_editor):
    """A thousand rows at a time, each in a transaction of its own: nobody waits for long."""
    connection = schema_editor.connection
    contacts = apps.get_model("contacts", "Contact").objects.using(connection.alias)
    last = 0
    while True:
        rows = contacts.filter(pk__gt=last, company__isnull=False).order_by("pk")
        rows = list(rows.values_list("pk", "search_key", "company__name")[:ROWS])
        if not rows:
            return
        changes = []
        for pk, key, name in rows:
            behind = f" {words(name)} "
            if key.endswith(behind) and not key.endswith(f" {behind}"):
                changes.append([key[: -len(behind)] + " " + behind, pk])
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.executemany("UPDATE contacts_contact SET search_key = %s WHERE id = %s", changes)
        last = rows[-1][0]


def join(apps, schema_editor):
    contacts = apps.get_model("contacts", "Contact").objects.using(schema_editor.connection.alias)
    rows = contacts.filter(search_key__contains="  ")
    rows.update(search_key=Replace(F("search_key"), Value("  "), Value(" ")))


class Migration(migrations.Migration):
    """The words of a company can be told from a contact's own, for whoever may not see the company."""

    atomic = False

    dependencies = [
        ("contacts", "0012_status_changes_say_from_where"),
    ]

    operations = [
        migrations.RunPython(part, join, elidable=True),
    ]
