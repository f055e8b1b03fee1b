from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    default = True
    name = "crm"
    verbose_name = _("Operation")


class BackOfficeConfig(AdminConfig):
    default_site = "crm.backoffice.BackOffice"
