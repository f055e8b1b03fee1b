from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settings", "0001_tags_fields_and_the_account")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="factor_of_administrators",
            field=models.BooleanField(
                default=False, verbose_name="administrators need a second factor"
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="factor_of_members",
            field=models.BooleanField(default=False, verbose_name="members need a second factor"),
        ),
    ]
