"""Whether somebody sees a record rests on its owner: with that in the indexes of lists, these alone pass over rows."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0013_companies_stand_apart_in_search_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="contact",
            name="contact_by_name",
        ),
        migrations.RemoveIndex(
            model_name="contact",
            name="contact_by_prospect",
        ),
        migrations.RemoveIndex(
            model_name="contact",
            name="contact_by_customer",
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=[
                    "sort_key",
                    "id",
                    "customer_status",
                    "prospect_status",
                    "is_organization",
                    "owner",
                ],
                name="contact_by_name",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=[
                    "prospect_status",
                    "sort_key",
                    "id",
                    "customer_status",
                    "is_organization",
                    "owner",
                ],
                name="contact_by_prospect",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=[
                    "customer_status",
                    "sort_key",
                    "id",
                    "prospect_status",
                    "is_organization",
                    "owner",
                ],
                name="contact_by_customer",
            ),
        ),
    ]
