from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from crm import catalogues


class Command(BaseCommand):
    help = "Compiles the translation catalogues that changed. Needs no gettext."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="Also those that did not change.")

    def handle(self, *, force: bool, verbosity: int, **options: Any) -> None:
        written = catalogues.compile_all(force=force)
        if verbosity:
            self.stdout.write(f"Compiled: {', '.join(written) or 'nothing, all up to date'}")
