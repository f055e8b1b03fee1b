from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EmailsConfig(AppConfig):
    name = "emails"
    verbose_name = _("Bulk email")

    def ready(self) -> None:
        from anymail.signals import tracking

        from emails import actions, bulk, contact_listing  # noqa: F401
        from emails.reports import provider

        tracking.connect(provider.receive, dispatch_uid="emails.reports.provider")
