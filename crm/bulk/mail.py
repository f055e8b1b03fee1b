"""Telling by e-mail that a long run has ended."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from crm.bulk.actions import action_of
from crm.bulk.models import BulkRun

logger = logging.getLogger(__name__)

LONG = timedelta(minutes=2)


def tell_of_end(run_id: int) -> None:
    """Mail the run's user, if it ended after more than two minutes and the user has an address.

    A mail that cannot be sent is logged: the run has ended all the same, and its page says so.
    """
    run = BulkRun.objects.select_related("user").get(pk=run_id)
    if run.state not in (BulkRun.State.DONE, BulkRun.State.FAILED) or not run.finished_at:
        return
    if run.user is None or not run.user.email or run.finished_at - run.created_at < LONG:
        return
    try:
        EmailMessage(_subject(run), _body(run), to=[run.user.email]).send()
    except Exception:
        logger.exception("The mail about run %s could not be sent", run_id)


def _subject(run: BulkRun) -> str:
    values = {"action": action_of(run.action).summary(run)}
    text = _("Stopped: %(action)s") if run.state == BulkRun.State.FAILED else _("Done: %(action)s")
    # A header has one line, whatever a record is called.
    return " ".join((text % values).split())[:200]


def _body(run: BulkRun) -> str:
    action = action_of(run.action)
    lines = [f"{action.told(run)}."]
    if run.problem:
        lines.append(run.problem)
    if run.sentence:
        lines.append(_("Selected: %(selection)s") % {"selection": run.sentence})
    if run.origin:
        lines.append(f"{run.origin}{run.get_absolute_url()}")
    return "\n\n".join(lines)
