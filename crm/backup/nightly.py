"""A backup every night, and the end of old ones."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from crm.backup.making import make_backup

# Only those of the night are removed again, never one that somebody made.
NIGHTLY = "standing-nightly-"
ABANDONED_AFTER = 24 * 3600


def back_up() -> str:
    """Make the backup of this night and remove those over BACKUP_KEEP; what was done, in a sentence."""
    if not settings.BACKUP_DIR:
        return "No backup was made: BACKUP_DIR is not set."
    folder = Path(settings.BACKUP_DIR)
    path = folder / f"{NIGHTLY}{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
    manifest = make_backup(path)
    removed = rotate(folder, settings.BACKUP_KEEP)
    return f"{path.name}: {manifest.rows} rows, {len(manifest.media)} files; removed {removed}."


def rotate(folder: Path, keep: int) -> int:
    """Remove all but the newest ``keep`` backups of the night, and what a killed one left; how many."""
    old = sorted(folder.glob(f"{NIGHTLY}*.zip"))[:-keep]
    left = [
        part
        for part in folder.glob(f".{NIGHTLY}*.part")
        if part.stat().st_mtime < time.time() - ABANDONED_AFTER
    ]
    for path in [*old, *left]:
        path.unlink(missing_ok=True)
    return len(old)
