"""Reading the mailbox every few minutes, by whichever worker comes first."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.tasks import TaskResultStatus, task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from crm.actor import said_to_come_from

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)


@task()
def read_mailbox() -> dict[str, int]:
    """How many messages there were of each kind."""
    from emails.reports.mailbox import MailboxError, read_new

    with said_to_come_from("worker"):
        try:
            return dict(read_new())
        except MailboxError as error:
            # The next reading may find it again; a task that failed would tell no more.
            logger.warning("%s", error)
            return {}


def schedule() -> bool:
    """Have the mailbox read if that was long enough ago; whether that is now. One statement where it is not."""
    if not settings.BOUNCES_IMAP:
        return False
    readings = DBTaskResult.objects.filter(task_path=read_mailbox.module_path)
    if readings.filter(enqueued_at__gt=timezone.now() - EVERY).exists():
        return False
    if readings.filter(status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING]).exists():
        return False
    # Two workers at once make two readings: the second finds everything seen.
    read_mailbox.enqueue()
    return True
