from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "contacts"
    verbose_name = _("Contacts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from contacts import (  # noqa: F401
            actions,
            bulk,
            collaborators_follow,
            exports,
            holdings,
            label_actions,
            labels_follow,
            listing,
        )
