from django.db import migrations

from crm.audit.triggers import allow_replacing, forbid_replacing


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_the_database_keeps_entries"),
    ]

    operations = [migrations.RunPython(forbid_replacing, allow_replacing)]
