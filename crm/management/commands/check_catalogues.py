from __future__ import annotations

import shutil
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from crm import catalogues

SHOWN = 20


class Command(BaseCommand):
    help = "Fails when a message is missing from a catalogue, left over, untranslated, fuzzy, or loses a placeholder."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--all", action="store_true", help=f"Show every message, not the first {SHOWN}."
        )

    def handle(self, *, all: bool, **options: Any) -> None:
        if not shutil.which("xgettext"):
            raise CommandError(
                "This needs xgettext (the package gettext) to read the messages out of the sources."
            )
        compared = catalogues.compare_with_sources()
        bad = []
        for language in catalogues.LANGUAGES:
            if not catalogues.catalogue(language).exists():
                bad.append(f"{language} has no catalogue")
                continue
            problems = catalogues.inspect(language)
            problems.missing, problems.left_over = (
                compared[language].missing,
                compared[language].left_over,
            )
            for kind, messages in vars(problems).items():
                if messages:
                    bad.append(f"{language}: {len(messages)} {kind.replace('_', ' ')}")
                    self.show(language, kind, messages if all else messages[:SHOWN])
        if bad:
            raise CommandError("; ".join(bad) + ". Run `make messages`, then translate.")
        self.stdout.write(f"Catalogues complete: {', '.join(catalogues.LANGUAGES)}")

    def show(self, language: str, kind: str, messages: list[str]) -> None:
        for message in messages:
            self.stderr.write(f"{language} {kind.replace('_', ' ')}: {message!r}")
