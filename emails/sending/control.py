"""Starting mailings, halting them, and letting them go on: only this changes what a mailing is at.

Everything here locks the mailing's row first, so that of two who do the same at once the second finds it done.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.audit import services as audit
from crm.audit.models import Action
from emails import checking, ledger
from emails.models import Mailing, Recipient
from emails.reasons import LeftOut
from emails.sending import ending, retries, rows, slices, thresholds, ticking

State = Mailing.State
NOT_STARTED = (State.DRAFT, State.SCHEDULED)


class CountMoved(ValidationError):
    """There are ``count`` to be mailed by now, not as many as were confirmed."""

    def __init__(self, expected: int, count: int) -> None:
        self.expected, self.count = expected, count
        text = ngettext(
            "You confirmed %(expected)d recipients; by now it is %(count)d. Nothing was sent. Look at who gets it "
            "and confirm again.",
            "You confirmed %(expected)d recipients; by now they are %(count)d. Nothing was sent. Look at who gets "
            "it and confirm again.",
            count,
        )
        super().__init__(text % {"expected": expected, "count": count}, code="count_moved")


def start(mailing: Mailing, *, user: Any, expected: int | None) -> bool:
    """Start sending to everybody whom the mailing is for now; whether it was started by that.

    Of one that was started before, nothing happens, so that a second click or a form sent again sends nothing twice.
    Raises ``CountMoved`` unless as many are to be mailed as ``expected`` (None: however many), ``ValidationError``
    for what keeps it from being sent, ``PermissionDenied`` if it is not the user's.
    """
    checked = _checked(mailing, user)
    with transaction.atomic():
        row = _theirs(mailing, user)
        is_new = row.state in NOT_STARTED
        if is_new:
            _refuse_other_text(row, checked)
            _start(row, expected)
            audit.record(Action.MAIL_STARTED, row, actor=user, **_told(row))
    mailing.refresh_from_db()
    if is_new:
        ticking.kick(mailing.sender_id)
    return is_new


def _checked(mailing: Mailing, user: Any) -> Mailing:
    """The mailing as it was found in order; looking through its recipients takes longer than a row may be locked.

    Raises ``ValidationError`` with all that is not.
    """
    row = Mailing.objects.select_related("author", "sender").get(pk=mailing.pk)
    if row.state in NOT_STARTED and _is_theirs(mailing, user):
        author = slices.author_of(row)
        wrong = [one for one in checking.problems(row, author) if one.blocks]
        if wrong:
            raise ValidationError([f"{one.where}: {one.what} {one.mend}" for one in wrong])
    return row


def _refuse_other_text(row: Mailing, checked: Mailing) -> None:
    written = ("subject", "html", "text", "sender_id", "selection")
    if any(getattr(row, name) != getattr(checked, name) for name in written):
        raise ValidationError(
            _("The mail was changed a moment ago. Look at it again, and then send it.")
        )


def _start(row: Mailing, expected: int | None) -> None:
    """Freeze the audience and let a mailing go. Its row is locked."""
    ledger.write(row, slices.author_of(row))
    if expected is not None and row.waiting != expected:
        raise CountMoved(expected, row.waiting)
    if not row.waiting:
        raise ValidationError(
            _("Nobody is left to mail: everybody is left out. Look at who is, and why.")
        )
    row.state, row.problem = State.SENDING, ""
    row.started_at = timezone.now()
    row.save(update_fields=["state", "problem", "started_at"])


def schedule(mailing: Mailing, *, user: Any, at: datetime, expected: int | None = None) -> bool:
    """Have a mailing started at a moment; whether that is new. Whom it is for is found out then.

    Raises ``ValidationError`` for a moment that is over, and all that ``start`` raises.
    """
    checked = _checked(mailing, user)
    with transaction.atomic():
        row = _theirs(mailing, user)
        is_new = row.state in NOT_STARTED and (row.state, row.scheduled_at) != (State.SCHEDULED, at)
        if is_new:
            if at <= timezone.now():
                raise ValidationError(_("This moment is over. Choose a later one, or send it now."))
            _refuse_other_text(row, checked)
            if expected is not None and row.waiting != expected:
                raise CountMoved(expected, row.waiting)
            row.state, row.scheduled_at, row.problem = State.SCHEDULED, at, ""
            row.save(update_fields=["state", "scheduled_at", "problem"])
            audit.record(Action.MAIL_SCHEDULED, row, actor=user, at=at.isoformat())
    mailing.refresh_from_db()
    return is_new


def unschedule(mailing: Mailing, *, user: Any) -> bool:
    """Make a mailing that waits for its time a draft again; whether it waited."""
    with transaction.atomic():
        row = _theirs(mailing, user)
        waited = row.state == State.SCHEDULED
        if waited:
            row.state, row.scheduled_at = State.DRAFT, None
            row.save(update_fields=["state", "scheduled_at"])
            audit.record(Action.MAIL_CANCELLED, row, actor=user)
    mailing.refresh_from_db()
    return waited


def start_scheduled(mailing_id: int) -> bool:
    """Start a mailing whose time has come; whether it was started by that.

    One that cannot be sent is a draft again, and its author is told why.
    """
    row = Mailing.objects.select_related("author", "sender").get(pk=mailing_id)
    if not _is_due(row):
        return False
    with slices.as_its_author(row):
        try:
            checked = _checked(row, row.author)
            with transaction.atomic():
                row = rows.locked(mailing_id)
                if not _is_due(row):
                    return False
                _refuse_other_text(row, checked)
                _start(row, None)
                audit.record(Action.MAIL_STARTED, row, actor=row.author, **_told(row))
        except ValidationError as error:
            _drop(mailing_id, " ".join(error.messages))
            return False
    ticking.kick(row.sender_id)
    return True


def _is_due(row: Mailing) -> bool:
    at = row.scheduled_at
    return row.state == State.SCHEDULED and at is not None and at <= timezone.now()


def _drop(mailing_id: int, problem: str) -> None:
    with transaction.atomic():
        row = rows.locked(mailing_id)
        if row.state != State.SCHEDULED:
            return
        row.state, row.scheduled_at, row.problem = State.DRAFT, None, problem
        row.save(update_fields=["state", "scheduled_at", "problem"])
        audit.record(Action.MAIL_PAUSED, row, actor=None, reason=problem)
    ending.tell_not_started(row)


def pause(mailing: Mailing, *, user: Any) -> bool:
    """Halt a mailing; what is in hand at the moment still goes out. Whether it was being sent."""
    with transaction.atomic():
        row = _theirs(mailing, user)
        halts = row.state == State.SENDING
        if halts:
            row.state, row.problem = State.PAUSED, ""
            row.save(update_fields=["state", "problem"])
            audit.record(Action.MAIL_PAUSED, row, actor=user)
    mailing.refresh_from_db()
    return halts


def resume(mailing: Mailing, *, user: Any) -> bool:
    """Let a paused mailing go on; whether it does. What it paused itself for is measured anew from here.

    Raises ``ValidationError`` while it could not be sent.
    """
    with transaction.atomic():
        row = _theirs(mailing, user)
        goes_on = row.state == State.PAUSED
        if goes_on:
            slices.author_of(row)
            row.state, row.problem = State.SENDING, ""
            row.measured_from = thresholds.measured(row)
            row.save(update_fields=["state", "problem", "measured_from"])
            ending.end_if_done(row)
            audit.record(Action.MAIL_RESUMED, row, actor=user)
            # Somebody says that the server is well again: it is asked at once.
            retries.end_pauses(row.sender, [""])
    mailing.refresh_from_db()
    if goes_on:
        ticking.kick(mailing.sender_id)
    return goes_on


def cancel(mailing: Mailing, *, user: Any) -> bool:
    """End a mailing: nobody else is mailed, and what is in hand at the moment still goes out. Whether it was on.

    One that waits for its time is a draft again.
    """
    if mailing.state == State.SCHEDULED:
        return unschedule(mailing, user=user)
    with transaction.atomic():
        row = _theirs(mailing, user)
        ends = row.state in (State.SENDING, State.PAUSED)
        if ends:
            row.state, row.finished_at = State.CANCELLED, timezone.now()
            row.save(update_fields=["state", "finished_at"])
            waiting = Recipient.objects.filter(mailing=row.pk, state=Recipient.State.WAITING)
            number = waiting.update(
                state=Recipient.State.LEFT_OUT,
                reason=LeftOut.CANCELLED,
                due_at=None,
                changed_at=timezone.now(),
            )
            rows.count(row, [(Recipient.State.WAITING, Recipient.State.LEFT_OUT, number)])
            audit.record(Action.MAIL_CANCELLED, row, actor=user, **_told(row))
    mailing.refresh_from_db()
    return ends


def resend_uncertain(mailing: Mailing, *, user: Any) -> int:
    """Send those mails again of which nobody knows whether they arrived; how many. Some may get it twice.

    Raises ``ValidationError`` while it could not be sent.
    """
    with transaction.atomic():
        row = _theirs(mailing, user)
        number = 0
        if row.state in (State.SENDING, State.PAUSED, State.DONE) and row.uncertain:
            slices.author_of(row)
            uncertain = Recipient.objects.filter(mailing=row.pk, state=Recipient.State.UNCERTAIN)
            number = uncertain.update(
                state=Recipient.State.WAITING,
                reason="",
                claimed_by="",
                attempts=0,
                first_at=None,
                due_at=None,
                changed_at=timezone.now(),
            )
            rows.count(row, [(Recipient.State.UNCERTAIN, Recipient.State.WAITING, number)])
            if row.state == State.DONE:
                row.state, row.finished_at = State.SENDING, None
                row.save(update_fields=["state", "finished_at"])
            audit.record(Action.MAIL_RESENT, row, actor=user, count=number)
    mailing.refresh_from_db()
    if number:
        ticking.kick(mailing.sender_id)
    return number


def _theirs(mailing: Mailing, user: Any) -> Mailing:
    """The mailing with its row locked. Raises ``PermissionDenied`` for whom it is not visible to."""
    if not _is_theirs(mailing, user):
        raise PermissionDenied
    return rows.locked(mailing.pk)


def _is_theirs(mailing: Mailing, user: Any) -> bool:
    return Mailing.objects.editable_by(user).filter(pk=mailing.pk).exists()


def _told(row: Mailing) -> dict[str, Any]:
    """What the audit log keeps of it."""
    with translation.override("en"):
        return {
            "to": row.sentence,
            "sender": str(row.sender),
            "count": row.waiting,
            "left_out": row.left_out,
            "sent": row.sent,
        }
