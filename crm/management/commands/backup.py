from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError

from crm.backup.making import make_backup


class Command(BaseCommand):
    help = (
        "Writes all data and files into one archive, as they are at this moment; people go on working. "
        "It can be restored into SQLite and into PostgreSQL."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", nargs="?", help="Where to; if not given, into BACKUP_DIR or var/backups."
        )

    def handle(self, *, file: str | None, verbosity: int, **options: Any) -> None:
        path = Path(file).absolute() if file else _usual_path()
        try:
            manifest = make_backup(path)
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        if not verbosity:
            return
        size = path.stat().st_size / 1e6
        self.stdout.write(
            f"{path}: {manifest.rows:,} rows of {len(manifest.tables)} tables and "
            f"{len(manifest.media):,} files, {size:,.1f} MB."
        )
        self.stdout.write(
            "It holds everything but the secret key: keep SECRET_KEY (or var/secret_key) too, apart from it. "
            "Without it nobody's second factor works after restoring elsewhere."
        )


def _usual_path() -> Path:
    folder = Path(settings.BACKUP_DIR or settings.VAR_DIR / "backups")
    return folder / f"standing-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
