from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0007_trigrams_lead_to_parts_of_words'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='contact',
            name='contact_by_match_name',
        ),
        migrations.RemoveIndex(
            model_name='contact',
            name='contact_by_match_phone',
        ),
        migrations.RemoveIndex(
            model_name='contact',
            name='contact_by_match_email',
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(condition=models.Q(('match_name', ''), _negated=True), fields=['match_name', 'is_organization', 'id'], name='contact_by_match_name'),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(condition=models.Q(('match_phone', ''), _negated=True), fields=['match_phone', 'is_organization', 'id'], name='contact_by_match_phone'),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(condition=models.Q(('match_email', ''), _negated=True), fields=['match_email', 'is_organization', 'id'], name='contact_by_match_email'),
        ),
    ]
