from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, connection

from crm.backup.restoring import restore
from crm.backup.stores import has_people


class Command(BaseCommand):
    help = (
        "Puts a backup in the place of all data and files. Changes nothing unless all of it can be restored. "
        "End the product first."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="An archive that manage.py backup made.")
        parser.add_argument(
            "--yes", action="store_true", help="Do not ask before replacing what is there."
        )

    def handle(self, *, file: str, yes: bool, verbosity: int, **options: Any) -> None:
        if not yes and _is_in_use():
            self.ask()
        try:
            manifest = restore(Path(file).absolute())
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        if verbosity:
            self.stdout.write(
                f"Restored {manifest.rows:,} rows and {len(manifest.media):,} files, as they were at "
                f"{manifest.made_at}. Everybody signs in again."
            )
        call_command("check_statuses", stdout=self.stdout, stderr=self.stderr)

    def ask(self) -> None:
        where = connection.settings_dict["NAME"]
        self.stdout.write(
            f"There are data in the database {where}. Restoring REPLACES ALL of them, and all files; "
            "make a backup of them first if they are worth anything."
        )
        self.stdout.write("Type “yes” to replace them: ", ending="")
        self.stdout.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            raise CommandError("Nothing was changed.")


def _is_in_use() -> bool:
    try:
        return has_people(connection)
    except DatabaseError:
        # Unreadable, which may be why somebody restores: better asked once too often.
        return True
