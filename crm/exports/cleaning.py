"""The end of files that were written for people to take away."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from crm.bulk.models import BulkRun
from crm.exports.parts import folder

KEPT_FOR = timedelta(days=7)


def remove_old_files() -> int:
    """Remove files of exports that ended over a week ago, and parts nobody wrote to for that long.

    Returns how many. The runs stay: they say who took what along.
    """
    removed = 0
    old = BulkRun.objects.filter(
        action__endswith=".export", finished_at__lt=timezone.now() - KEPT_FOR
    )
    for run in old.exclude(file="").exclude(file=None):
        run.file.delete(save=False)
        BulkRun.objects.filter(pk=run.pk).update(file="", file_name="")
        removed += 1
    for part in folder().glob("*.part"):
        if part.stat().st_mtime < time.time() - KEPT_FOR.total_seconds():
            part.unlink(missing_ok=True)
            removed += 1
    return removed
