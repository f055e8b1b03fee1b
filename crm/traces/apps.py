from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TracesConfig(AppConfig):
    name = "crm.traces"
    label = "traces"
    verbose_name = _("Traces")

    def ready(self) -> None:
        from crm.traces import watching

        watching.watch()
