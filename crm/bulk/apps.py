from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BulkConfig(AppConfig):
    name = "crm.bulk"
    label = "bulk"
    verbose_name = _("Acting on many")
    default_auto_field = "django.db.models.BigAutoField"
