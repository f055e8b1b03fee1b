from django.db import migrations

from crm.audit.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_entries_are_only_added"),
    ]

    operations = [migrations.RunPython(install, remove)]
