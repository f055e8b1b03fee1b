from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deals", "0007_deals_have_collaborators"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="dealchange",
            index=models.Index(fields=["recorded_at", "id"], name="dealchange_by_time"),
        ),
    ]
