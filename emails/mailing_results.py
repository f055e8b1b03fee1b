"""A mailing as its pages show it: in words and numbers, with what may be done with it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from emails.mailing_rows import LedgerRows
from emails.models import Mailing

State = Mailing.State
# Nobody knows how fast it goes before this many seconds.
KNOWN_AFTER = 5
RESENDABLE = (State.SENDING, State.PAUSED, State.DONE)
ICONS = {
    State.DRAFT: "pencil",
    State.SCHEDULED: "calendar",
    State.SENDING: "clock",
    State.PAUSED: "alert-triangle",
    State.CANCELLED: "ban",
    State.DONE: "circle-check",
}


class MailingResult:
    """``mailing`` for ``user``, who may see it; ``rows`` is its ledger, where that is shown."""

    def __init__(self, mailing: Mailing, user: Any, rows: LedgerRows | None = None) -> None:
        self.mailing = mailing
        self.user = user
        self.rows = rows

    @property
    def icon(self) -> str:
        return ICONS[State(self.mailing.state)]

    @property
    def is_draft(self) -> bool:
        return self.mailing.state == State.DRAFT

    @property
    def is_on(self) -> bool:
        return self.mailing.state == State.SENDING

    @property
    def may_change(self) -> bool:
        """Whether it may be another one in a moment, without anybody here doing something."""
        return self.mailing.state in (State.SCHEDULED, State.SENDING)

    @property
    def has_ended(self) -> bool:
        return self.mailing.state in (State.CANCELLED, State.DONE)

    @property
    def audience(self) -> int:
        """How many are or were to be mailed."""
        return self.mailing.total - self.mailing.left_out

    @property
    def at(self) -> int:
        """How many of them are through, one way or the other."""
        return self.mailing.sent + self.mailing.uncertain + self.mailing.failed

    @property
    def percent(self) -> int:
        return 100 * self.at // self.audience if self.audience else 100

    # -- in words

    @property
    def told(self) -> str:
        """What came of it so far, or whom it is to go to."""
        mailing = self.mailing
        if mailing.state in (State.DRAFT, State.SCHEDULED):
            found = [_numbered("%(number)s recipient", "%(number)s recipients", mailing.waiting)]
        else:
            found = [_("%(number)s sent") % {"number": intcomma(mailing.sent)}]
            more = (
                (_("%(number)s queued"), mailing.waiting + mailing.sending),
                (_("%(number)s uncertain"), mailing.uncertain),
                (_("%(number)s failed"), mailing.failed),
            )
            found += [text % {"number": intcomma(number)} for text, number in more if number]
        if mailing.left_out:
            found.append(_("%(number)s left out") % {"number": intcomma(mailing.left_out)})
        return ", ".join(found)

    @cached_property
    def _rate(self) -> float:
        """Mails a second; 0 while nobody knows."""
        seconds = self.mailing.seconds
        return self.at / seconds if seconds >= KNOWN_AFTER and self.at else 0

    @property
    def rate(self) -> str:
        if not self._rate:
            return ""
        if self._rate >= 1:
            number = round(self._rate)
            text = ngettext("%(number)s a second", "%(number)s a second", number)
            return text % {"number": intcomma(number)}
        number = max(round(self._rate * 60), 1)
        text = ngettext("%(number)s a minute", "%(number)s a minute", number)
        return text % {"number": intcomma(number)}

    @property
    def time_left(self) -> str:
        """As far as the server's pace tells it: waits for limits are not in it."""
        if not self._rate or not self.is_on:
            return ""
        return _("%(span)s left") % {"span": span((self.mailing.waiting) / self._rate)}

    # -- what may be done

    @property
    def may_pause(self) -> bool:
        return self.mailing.state == State.SENDING

    @property
    def may_resume(self) -> bool:
        return self.mailing.state == State.PAUSED

    @property
    def may_cancel(self) -> bool:
        return self.mailing.state in (State.SENDING, State.PAUSED)

    @property
    def may_unschedule(self) -> bool:
        return self.mailing.state == State.SCHEDULED

    @property
    def may_resend(self) -> bool:
        return bool(self.mailing.uncertain) and self.mailing.state in RESENDABLE


def _numbered(one: str, many: str, number: int) -> str:
    return ngettext(one, many, number) % {"number": intcomma(number)}


def span(seconds: float) -> str:
    """About how long, in words."""
    if seconds < 60:
        return _("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 90:
        return _numbered("about %(number)s minute", "about %(number)s minutes", minutes)
    hours = round(seconds / 3600)
    if hours < 36:
        return _numbered("about %(number)s hour", "about %(number)s hours", hours)
    return _numbered("about %(number)s day", "about %(number)s days", round(seconds / 86400))
