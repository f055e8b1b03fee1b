from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrashConfig(AppConfig):
    name = "crm.trash"
    label = "trash"
    verbose_name = _("Trash")
    default_auto_field = "django.db.models.BigAutoField"
