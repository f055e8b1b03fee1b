"""The table of the cache: counters of guesses, which all processes share."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_users_are_invited")]

    # Django's cache writes the table by itself: there is no model of it.
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.CreateModel(
                    name="SignInCounter",
                    fields=[
                        (
                            "cache_key",
                            models.CharField(max_length=255, primary_key=True, serialize=False),
                        ),
                        ("value", models.TextField()),
                        ("expires", models.DateTimeField(db_index=True)),
                    ],
                    options={"db_table": "sign_in_counter"},
                )
            ]
        )
    ]
