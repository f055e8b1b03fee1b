"""Sending mailings: see docs/mailing.md, “How sending works”.

control     starting, scheduling, halting, going on; called by views
ticking     sees that somebody sends; called by every worker's heart
slices      batch after batch over one connection; what a task runs
batches     rows in hand, and what becomes of them, a transaction each
handing     what a server's answers mean for a row and for those after it
dead        what workers that died had in hand
"""

from emails.sending.control import (
    CountMoved,
    cancel,
    pause,
    resend_uncertain,
    resume,
    schedule,
    start,
    start_scheduled,
    unschedule,
)
from emails.sending.results import check_thresholds, note_result
from emails.sending.slices import work
from emails.sending.ticking import tick
from emails.sending.trial import send_test

__all__ = [
    "CountMoved",
    "cancel",
    "check_thresholds",
    "note_result",
    "pause",
    "resend_uncertain",
    "resume",
    "schedule",
    "send_test",
    "start",
    "start_scheduled",
    "tick",
    "unschedule",
    "work",
]
