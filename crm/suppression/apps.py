from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SuppressionConfig(AppConfig):
    name = "crm.suppression"
    label = "suppression"
    verbose_name = _("Addresses not to be written to")
    default_auto_field = "django.db.models.BigAutoField"
