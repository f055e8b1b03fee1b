from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError

from crm.backup.moving import move_to_postgres, unseal


class Command(BaseCommand):
    help = (
        "Takes all data from the SQLite database in use to an empty PostgreSQL database. People can read "
        "meanwhile; what they save waits. Afterwards the SQLite database refuses to be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", nargs="?", help="postgres://user:password@host:5432/name")
        parser.add_argument(
            "--reopen",
            action="store_true",
            help="Stay with SQLite after all: let it be written again.",
        )

    def handle(self, *, url: str | None, reopen: bool, **options: Any) -> None:
        if bool(url) == reopen:
            raise CommandError("Give the address of the new database, or --reopen.")
        try:
            if reopen:
                self.stdout.write(f"{unseal()} tables can be written again.")
                return
            manifest = move_to_postgres(url or "")
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        self.stdout.write(
            f"Moved {manifest.rows:,} rows of {len(manifest.tables)} tables; each table was compared.\n"
            "Now end the product, set DATABASE_URL to the new database, and start it again. Keep SECRET_KEY "
            "and the folder of media files. Nothing can be saved in the SQLite database any more "
            "(--reopen lifts that)."
        )
