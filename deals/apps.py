from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DealsConfig(AppConfig):
    name = "deals"
    verbose_name = _("Deals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deals import (  # noqa: F401
            actions,
            bulk,
            company_actions,
            contact_actions,
            contact_listing,
            exports,
            holdings,
            label_actions,
            listing,
            quiet_actions,
            signals,
        )
