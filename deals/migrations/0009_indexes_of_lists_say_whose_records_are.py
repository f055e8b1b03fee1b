"""Whether somebody sees a record rests on its owner: with that in the indexes of lists, these alone pass over rows."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0014_indexes_of_lists_say_whose_records_are"),
        ("deals", "0008_changes_of_deals_are_read_by_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="deal",
            name="deal_by_opened",
        ),
        migrations.RemoveIndex(
            model_name="deal",
            name="deal_by_group",
        ),
        migrations.AddIndex(
            model_name="deal",
            index=models.Index(fields=["-opened_at", "-id", "owner"], name="deal_by_opened"),
        ),
        migrations.AddIndex(
            model_name="deal",
            index=models.Index(
                fields=["group", "-opened_at", "-id", "owner"], name="deal_by_group"
            ),
        ),
    ]
