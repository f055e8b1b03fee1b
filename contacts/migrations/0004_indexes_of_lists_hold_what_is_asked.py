from django.db import migrations, models


class Migration(migrations.Migration):
    """The indexes of the lists hold both statuses and the kind, so that counting reads no rows."""

    dependencies = [
        ('contacts', '0003_history_tells_of_undone_merges'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='contact', name='contact_by_name'),
        migrations.RemoveIndex(model_name='contact', name='contact_by_prospect'),
        migrations.RemoveIndex(model_name='contact', name='contact_by_customer'),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(fields=['sort_key', 'id', 'customer_status', 'prospect_status', 'is_organization'], name='contact_by_name'),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(fields=['prospect_status', 'sort_key', 'id', 'customer_status', 'is_organization'], name='contact_by_prospect'),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(fields=['customer_status', 'sort_key', 'id', 'prospect_status', 'is_organization'], name='contact_by_customer'),
        ),
    ]
