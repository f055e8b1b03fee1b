"""How a mailing comes to an end, or to a halt, and who is told."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.audit import services as audit
from crm.audit.models import Action
from emails.models import Mailing
from emails.sending import rows

logger = logging.getLogger(__name__)

State = Mailing.State
LONG = timedelta(minutes=2)


def end_if_done(mailing: Mailing) -> bool:
    """End a mailing of which nothing is left to send; whether it has ended by that. Its row is locked."""
    if mailing.state != State.SENDING or mailing.waiting or mailing.sending:
        return False
    mailing.state, mailing.finished_at, mailing.problem = State.DONE, timezone.now(), ""
    mailing.save(update_fields=["state", "finished_at", "problem"])
    return True


def pause_by_itself(mailing: Mailing, problem: str) -> None:
    """Halt a mailing for a reason that its page shows. Its row is locked."""
    mailing.state, mailing.problem = State.PAUSED, problem
    mailing.save(update_fields=["state", "problem"])
    audit.record(Action.MAIL_PAUSED, mailing, actor=None, reason=problem)


def stop(mailing_id: int, problem: str) -> None:
    """Pause a mailing that cannot go on, if it is being sent, and tell its author."""
    with transaction.atomic():
        mailing = rows.locked(mailing_id)
        if mailing.state == State.SENDING:
            pause_by_itself(mailing, problem)
    tell(mailing)


def note(mailing: Mailing, text: str) -> None:
    """Say on its page what holds a mailing up that goes on by itself; nothing with an empty text."""
    going = Mailing.objects.filter(pk=mailing.pk, state=State.SENDING).exclude(problem=text)
    going.update(problem=text)


# -- telling


def tell(mailing: Mailing) -> None:
    """Mail the author when a mailing that took long has ended, or has paused itself.

    Once each time; a mail that cannot be sent is logged: the page says the same.
    """
    halted = mailing.state == State.PAUSED and bool(mailing.problem)
    if not (halted or mailing.state == State.DONE) or mailing.started_at is None:
        return
    since = mailing.told_at or mailing.started_at
    if (mailing.finished_at or timezone.now()) - since < LONG or not _is_first(mailing):
        return
    _mail(mailing, _("Stopped: %(subject)s") if halted else _("Sent: %(subject)s"))


def tell_not_started(mailing: Mailing) -> None:
    """Mail the author that a scheduled mailing could not be started."""
    _mail(mailing, _("Not sent: %(subject)s"))


def _is_first(mailing: Mailing) -> bool:
    """Whether nobody else tells of this end: of two workers that see it, one does."""
    same = Mailing.objects.filter(pk=mailing.pk, told_at=mailing.told_at, state=mailing.state)
    return same.update(told_at=timezone.now()) == 1


def _mail(mailing: Mailing, subject: str) -> None:
    user = mailing.author
    if user is None or not user.email or not user.is_active:
        return
    language = getattr(user, "language", "") or mailing.language
    try:
        with translation.override(language):
            line = " ".join((subject % {"subject": mailing}).split())[:200]
            EmailMessage(line, _body(mailing), to=[user.email]).send()
    except Exception:
        logger.exception("The mail about mailing %s could not be sent", mailing.pk)


def _body(mailing: Mailing) -> str:
    lines = [mailing.problem] if mailing.problem else []
    sent = ngettext("%(sent)d mail was sent.", "%(sent)d mails were sent.", mailing.sent)
    lines.append(sent % {"sent": mailing.sent})
    if mailing.uncertain:
        lines.append(_("Uncertain: %(number)d") % {"number": mailing.uncertain})
    if mailing.failed:
        lines.append(_("Failed: %(number)d") % {"number": mailing.failed})
    if mailing.left_out:
        lines.append(_("Left out: %(number)d") % {"number": mailing.left_out})
    if mailing.origin:
        lines.append(f"{mailing.origin}{reverse('emails:mailing', args=[mailing.pk])}")
    return "\n\n".join(lines)
