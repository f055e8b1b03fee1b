from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "crm.accounts"
    label = "accounts"
    verbose_name = _("Users and teams")

    def ready(self) -> None:
        from crm.accounts import sign_in_signals  # noqa: F401
        from crm.accounts.along import ask_along
        from crm.accounts.second_factor import has_factor

        ask_along(has_factor=has_factor())
