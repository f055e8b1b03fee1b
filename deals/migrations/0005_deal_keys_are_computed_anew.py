from django.db import migrations, transaction

from contacts.words import remember_words, vocabulary_of
from deals.keys import deal_keys

ROWS = 1_000
KEYS = ("search_key", "sort_key", "folded_name")


def compute(apps, schema_editor):
    """A thousand rows at a time, each in a transaction of its own: nobody waits for long."""
    connection = schema_editor.connection
    deals = apps.get_model("deals", "Deal").objects.using(connection.alias)
    columns = ", ".join(f"{key} = %s" for key in KEYS)
    remembered, last = set(), 0
    while True:
        rows = list(deals.filter(pk__gt=last).order_by("pk").values_list("pk", "name")[:ROWS])
        if not rows:
            return
        words, changes = set(), []
        for pk, name in rows:
            keys = deal_keys(name)
            words |= vocabulary_of(keys["search_key"])
            changes.append([*(keys[key] for key in KEYS), pk])
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.executemany(f"UPDATE deals_deal SET {columns} WHERE id = %s", changes)
            remember_words(words - remembered)
        remembered |= words
        last = rows[-1][0]


class Migration(migrations.Migration):
    """Every deal gets its keys in the form that search and filters go by."""

    atomic = False

    dependencies = [
        ("contacts", "0005_texts_are_kept_folded"),
        ("deals", "0004_deals_keep_search_keys"),
    ]

    operations = [
        migrations.RunPython(compute, migrations.RunPython.noop, elidable=True),
    ]
