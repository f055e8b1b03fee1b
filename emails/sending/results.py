"""What is heard of a mail after it was sent: it came back, was complained about, or arrived after all."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.retry import retrying
from emails.models import Mailing, Recipient, Report
from emails.reasons import Failure
from emails.sending import ending, rows, thresholds
from emails.sending.rows import State

Kind = Report.Kind
_SENT = (State.SENT, State.UNCERTAIN)


@retrying
def note_result(
    mailing_id: int,
    position: int,
    kind: str,
    *,
    answer: str = "",
    reason: str = Failure.REFUSED,
) -> bool:
    """Write a ``Report.Kind`` down with the mail that it is about; whether it was news.

    Bounced: the mail has failed, for ``reason``. Complained: it is counted, once. Delivered: a mail that was uncertain
    was sent. Others change no row. Whether the address is written to again is not decided here: see ``standing``.
    """
    with transaction.atomic():
        mailing = rows.locked(mailing_id)
        row = Recipient.objects.filter(mailing=mailing_id, position=position).first()
        if row is None or not _note(mailing, row, kind, answer, reason):
            return False
        paused = thresholds.check(mailing)
    if paused:
        ending.tell(mailing)
    return True


def _note(mailing: Mailing, row: Recipient, kind: str, answer: str, reason: str) -> bool:
    if kind == Kind.BOUNCED and row.state in _SENT:
        _turn(mailing, row, State.FAILED, reason=reason, answer=answer)
        _count(mailing, "bounced")
        return True
    if kind == Kind.COMPLAINED and row.state in _SENT and not row.complained_at:
        Recipient.objects.filter(mailing=mailing.pk, position=row.position).update(
            complained_at=timezone.now()
        )
        _count(mailing, "complained")
        return True
    if kind == Kind.DELIVERED and row.state == State.UNCERTAIN:
        _turn(mailing, row, State.SENT, reason="", answer=answer)
        return True
    return False


def _turn(mailing: Mailing, row: Recipient, state: str, *, reason: str, answer: str) -> None:
    Recipient.objects.filter(mailing=mailing.pk, position=row.position).update(
        state=state, reason=reason, answer=answer[:500], changed_at=timezone.now()
    )
    rows.count(mailing, [(row.state, state, 1)])


def _count(mailing: Mailing, name: str) -> None:
    Mailing.objects.filter(pk=mailing.pk).update(**{name: F(name) + 1})
    setattr(mailing, name, getattr(mailing, name) + 1)


def check_thresholds(mailing: Mailing) -> bool:
    """Pause a mailing of which too many came back or were complained about; whether it did."""
    with transaction.atomic():
        row = rows.locked(mailing.pk)
        paused = thresholds.check(row)
    if paused:
        ending.tell(row)
    mailing.refresh_from_db()
    return paused
