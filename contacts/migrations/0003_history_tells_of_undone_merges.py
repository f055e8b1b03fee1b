from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0002_contacts_are_looked_up_by_match_keys'),
    ]

    operations = [
        migrations.AlterField(
            model_name='statuschange',
            name='cause',
            field=models.CharField(choices=[('deal_opened', 'deal opened'), ('deal_moved', 'deal moved'), ('deal_joined', 'added to a deal'), ('deal_left', 'removed from a deal'), ('deal_deleted', 'deal deleted'), ('deal_restored', 'deal restored'), ('stage_changed', 'stage given another category'), ('selected', 'selected'), ('win_forgotten', 'win forgotten'), ('merged', 'merged'), ('unmerged', 'merge undone'), ('imported', 'imported'), ('recounted', 'recounted')], max_length=20, verbose_name='why'),
        ),
    ]
