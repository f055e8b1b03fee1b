import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settings", "0002_roles_can_need_a_second_factor")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="audit_days",
            field=models.PositiveSmallIntegerField(
                default=730,
                help_text="Days. Older entries are removed every night.",
                validators=[
                    django.core.validators.MinValueValidator(30),
                    django.core.validators.MaxValueValidator(7300),
                ],
                verbose_name="audit log is kept for",
            ),
        ),
    ]
