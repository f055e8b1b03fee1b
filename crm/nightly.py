"""What runs every night, once, whichever worker comes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from crm.models import NightlyRun

# What a job prints can be long; the page needs its end, where the totals are.
KEPT_OUTPUT = 4000
TASKS_KEPT = timedelta(days=14)


def check_statuses() -> tuple[bool, str]:
    """Whether every contact's statuses are what a recount gives, and the differences."""
    output = StringIO()
    try:
        call_command("check_statuses", stdout=output, stderr=output)
    except CommandError as error:
        return False, f"{output.getvalue()}{error}"
    except SystemExit as end:
        return end.code in (None, 0), output.getvalue()
    return True, output.getvalue()


def empty_trash() -> tuple[bool, str]:
    """Removes for good what has been in the trash longer than it is kept."""
    from crm.trash.services import purge_expired

    return True, str(purge_expired())


def empty_removed() -> tuple[bool, str]:
    """Drops tags and custom fields for good that were removed longer ago than they can come back."""
    from settings.services import purge_expired

    return True, str(purge_expired())


def remove_exports() -> tuple[bool, str]:
    """Removes files that were exported over a week ago."""
    from crm.exports.cleaning import remove_old_files

    return True, str(remove_old_files())


def drop_old_runs() -> tuple[bool, str]:
    """Drops rows and files of runs that nobody can undo any more."""
    from crm.bulk.services import purge_expired

    return True, str(purge_expired())


def forget_sessions() -> tuple[bool, str]:
    """Removes sessions that nobody can go on with."""
    from crm.accounts.sessions import forget_over

    return True, str(forget_over())


def forget_words() -> tuple[bool, str]:
    """Drops words that search knows and nobody has any more."""
    from crm.privacy.copies import forget_unused_words

    return True, str(forget_unused_words())


def forget_tasks() -> tuple[bool, str]:
    """Removes finished tasks that nobody looks up any more: a mailing leaves hundreds."""
    finished = DBTaskResult.objects.finished()
    removed, _kinds = finished.filter(finished_at__lt=timezone.now() - TASKS_KEPT).delete()
    return True, str(removed)


def back_up() -> tuple[bool, str]:
    """Makes the backup of the night, where there is a folder for it."""
    from crm.backup.nightly import back_up

    return True, back_up()


def shorten_audit_log() -> tuple[bool, str]:
    """Removes entries of the audit log that are older than the account keeps them."""
    from crm.audit.retention import remove_older
    from settings.models import Account

    return True, str(remove_older(Account.current().audit_days))


JOBS: dict[str, Callable[[], tuple[bool, str]]] = {
    "check_statuses": check_statuses,
    "empty_trash": empty_trash,
    "empty_removed": empty_removed,
    "drop_old_runs": drop_old_runs,
    "remove_exports": remove_exports,
    "forget_sessions": forget_sessions,
    "forget_words": forget_words,
    "forget_tasks": forget_tasks,
    "shorten_audit_log": shorten_audit_log,
    "back_up": back_up,
}


def schedule(now: datetime | None = None) -> list[NightlyRun]:
    """Enqueues what is due today and nobody has enqueued yet; the runs it enqueued.

    A machine that was off at the hour catches up when it is on again.
    """
    from crm.tasks import run_nightly

    local = timezone.localtime(now, timezone.get_default_timezone())
    if local.hour < settings.NIGHTLY_HOUR:
        return []
    done = set(NightlyRun.objects.filter(day=local.date()).values_list("job", flat=True))
    enqueued = []
    for job in JOBS.keys() - done:
        # Row and task together: a crash between them would lose the night, or run it twice.
        with transaction.atomic():
            run, is_mine = NightlyRun.objects.get_or_create(job=job, day=local.date())
            if is_mine:
                run_nightly.enqueue(run.pk)
                enqueued.append(run)
    return enqueued


def run(run_id: int) -> bool:
    """Does one nightly job and keeps what it found. True when all was well."""
    row = NightlyRun.objects.get(pk=run_id)
    row.started_at = timezone.now()
    row.save(update_fields=["started_at"])
    try:
        row.ok, found = JOBS[row.job]()
    except Exception as error:
        row.ok, found = False, f"{type(error).__name__}: {error}"
        raise
    finally:
        row.found = found[-KEPT_OUTPUT:]
        row.finished_at = timezone.now()
        row.save(update_fields=["finished_at", "ok", "found"])
    return bool(row.ok)
