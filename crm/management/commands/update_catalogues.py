from __future__ import annotations

import shutil
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from crm import catalogues


class Command(BaseCommand):
    help = "Writes new messages of the sources into the catalogues (`make messages`)."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        if not shutil.which("xgettext"):
            raise CommandError(
                "This needs xgettext (the package gettext) to read the messages out of the sources."
            )
        catalogues.make_messages(settings.BASE_DIR)
        for language in catalogues.LANGUAGES:
            problems = catalogues.inspect(language)
            self.stdout.write(
                f"{language}: {len(problems.untranslated)} to translate, {len(problems.fuzzy)} fuzzy to look at"
            )
