"""Acting on what was reported, once, and only on what is about a mail of ours.

A report is as easy to write as any mail. What proves that one is ours is a token in what it brings along of the mail
(``ways_out``): without it the report is kept and nothing else happens, so that nobody can have addresses suppressed
that are not their own. A provider proves itself by the secret of its webhook, and is believed.

Each step does nothing the second time. The report is written down last: whatever is killed in between is done again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from crm.retry import retrying
from emails import leaving, sending, standing, ways_out
from emails.models import AddressEvent, Mailing, Recipient, Report
from emails.reasons import Failure, Suppressed
from emails.reports.reading import Notice, Outcome, read
from emails.reports.verdicts import Verdict, judge

logger = logging.getLogger(__name__)

Kind = Report.Kind


@dataclass(frozen=True)
class Mail:
    """A mail of ours: the row of the ledger, and the address that it went to."""

    mailing: Mailing
    position: int
    address: str


class TooSoon(Exception):
    """The mail is in a worker's hands still: what it came to is not written down yet. To be told again in a while."""


def take_in(raw: bytes, *, source: str) -> Report | None:
    """Read a message and act on it; returns what was written down of it, None for what is no report or not news.

    Raises ``TooSoon``.
    """
    key = f"mail:{hashlib.sha256(raw).hexdigest()}"
    if Report.objects.filter(key=key).exists():
        return None
    notice = read(raw)
    if not notice.outcomes:
        return None
    return take(notice.outcomes, mail=proven(notice), key=key, source=source)


def proven(notice: Notice) -> Mail | None:
    """The mail that a notice holds a proof of."""
    if notice.kind == Kind.UNSUBSCRIBED:
        found = ways_out.read_request(notice.evidence) or ways_out.read_any(notice.evidence)
    else:
        found = ways_out.read_any(notice.evidence)
    return mail_at(*found) if found else None


def mail_at(mailing: Mailing, position: int) -> Mail | None:
    """None for a test mail, and for whom was erased: of them nothing is known any more."""
    rows = Recipient.objects.filter(mailing=mailing, position=position)
    address = rows.values_list("address", flat=True).first()
    return Mail(mailing, position, address) if address else None


@retrying
def take(
    outcomes: Sequence[Outcome],
    *,
    mail: Mail | None,
    key: str,
    source: str,
    at: datetime | None = None,
) -> Report | None:
    """Act on what became of a mail, and write it down under ``key``; None if that was done before.

    Raises ``TooSoon``.
    """
    if Report.objects.filter(key=key).exists():
        return None
    outcome = _about(outcomes, mail)
    if mail:
        if outcome.kind != Kind.UNSUBSCRIBED and _is_in_hand(mail):
            raise TooSoon
        _act(outcome, mail)
    elif outcome.kind != Kind.UNREADABLE:
        logger.info("A report about no mail of ours was put aside: %s", key)
    report, is_new = Report.objects.get_or_create(
        key=key,
        defaults={
            "source": source[:40],
            "kind": outcome.kind,
            "address": mail.address if mail else "".join(outcome.addresses[:1])[:254],
            "mailing_id": mail.mailing.pk if mail else None,
            "position": mail.position if mail else None,
            "answer": outcome.answer[:500],
            "at": at or timezone.now(),
        },
    )
    return report if is_new else None


def _is_in_hand(mail: Mail) -> bool:
    rows = Recipient.objects.filter(mailing=mail.mailing, position=mail.position)
    return rows.filter(state=Recipient.State.SENDING).exists()


_TELLING = (Kind.DELIVERED, Kind.COMPLAINED, Kind.UNSUBSCRIBED, Kind.PUT_OFF)


def _about(outcomes: Sequence[Outcome], mail: Mail | None) -> Outcome:
    """The outcome for our recipient, of several behind an address: for one of whom it arrived, the address lives."""
    named = [one for one in outcomes if mail and mail.address in one.addresses]
    if named:
        return named[0]
    return min(outcomes, key=lambda one: one.kind not in _TELLING)


def _act(outcome: Outcome, mail: Mail) -> None:
    details = {"answer": outcome.answer, "status": outcome.status}
    its: dict[str, Any] = {"mailing_id": mail.mailing.pk, "position": mail.position}
    if outcome.kind == Kind.BOUNCED:
        _bounced(outcome, mail, details, its)
    elif outcome.kind == Kind.PUT_OFF:
        _put_off(mail, details, its)
    elif outcome.kind == Kind.COMPLAINED:
        _note(mail, outcome)
        standing.suppress([mail.address], Suppressed.COMPLAINED, details=details, **its)
    elif outcome.kind == Kind.UNSUBSCRIBED:
        leaving.leave(mail.mailing, mail.position, by="mail")
    elif outcome.kind == Kind.DELIVERED:
        _note(mail, outcome)
        standing.arrived([mail.address])


def _bounced(outcome: Outcome, mail: Mail, details: dict[str, str], its: dict[str, Any]) -> None:
    verdict = outcome.verdict or judge(outcome.status, outcome.answer)
    if verdict is Verdict.DEAD and outcome.addresses and mail.address not in outcome.addresses:
        # It went on to somebody else, who is gone: one of a list behind the address, or where it is forwarded to.
        verdict = Verdict.FULL
    if verdict is Verdict.DEAD:
        _note(mail, outcome)
        standing.suppress([mail.address], Suppressed.BOUNCED, details=details, **its)
    else:
        _note(mail, outcome, reason=Failure.REJECTED)
        if verdict is Verdict.FULL:
            _put_off(mail, details, its)


def _note(mail: Mail, outcome: Outcome, *, reason: str = Failure.REFUSED) -> None:
    """With the recipient's row and the counts of the mailing, which pauses itself when there are too many."""
    sending.note_result(
        mail.mailing.pk, mail.position, outcome.kind, answer=outcome.answer, reason=reason
    )


def _put_off(mail: Mail, details: dict[str, str], its: dict[str, Any]) -> None:
    """Once for each mail: servers send a warning every few hours before they give up."""
    events = AddressEvent.objects.filter(address=mail.address, kind=AddressEvent.Kind.PUT_OFF)
    if not events.filter(**its).exists():
        standing.put_off(mail.address, details=details, **its)
