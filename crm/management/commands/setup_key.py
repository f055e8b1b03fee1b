from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from crm.accounts import welcome


class Command(BaseCommand):
    help = "Prints the setup key, which the page of the first start asks for in production."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        if not welcome.is_first_start():
            self.stdout.write("Somebody is here already: the page of the first start is gone.")
        else:
            self.stdout.write(welcome.setup_key())
