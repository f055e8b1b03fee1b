"""When a mailing pauses itself: too many of its mails come back, or are complained about."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from emails import standing
from emails.models import Mailing, MailSettings
from emails.reasons import Failure, Suppressed
from emails.sending import ending
from emails.sending.rows import Outcome, State

if TYPE_CHECKING:
    from emails.sending.batches import Batch

# Of fewer, chance says more than the share.
BOUNCES_AT_LEAST = 5
COMPLAINTS_AT_LEAST = 3
_BOUNCES = (Failure.REFUSED, Failure.REJECTED)


def is_bounce(outcome: Outcome) -> bool:
    return outcome.state == State.FAILED and outcome.reason in _BOUNCES


def suppress_bounced(batch: Batch, outcomes: Iterable[Outcome]) -> None:
    """Let nobody write again to the addresses that were refused for good."""
    addresses = {row.position: row.address for row in batch.rows}
    for one in outcomes:
        if one.state == State.FAILED and one.reason == Failure.REFUSED:
            standing.suppress(
                [addresses[one.position]],
                Suppressed.BOUNCED,
                mailing_id=batch.mailing.pk,
                position=one.position,
                details={"answer": one.answer},
            )


def check(mailing: Mailing) -> bool:
    """Pause a mailing that passed what an administrator allows; whether it did. Its row is locked."""
    if mailing.state != Mailing.State.SENDING:
        return False
    limits = MailSettings.current()
    since = mailing.measured_from
    tried = tried_of(mailing) - since.get("tried", 0)
    bounced = mailing.bounced - since.get("bounced", 0)
    complained = mailing.complained - since.get("complained", 0)
    if bounced >= BOUNCES_AT_LEAST and _passes(bounced, tried, limits.bounces_at_most):
        ending.pause_by_itself(
            mailing,
            _("%(share)s %% of the mails were refused or came back; %(most)s %% are allowed.")
            % {"share": _share(bounced, tried), "most": number_format(limits.bounces_at_most)},
        )
        return True
    if complained >= COMPLAINTS_AT_LEAST and _passes(complained, tried, limits.complaints_at_most):
        ending.pause_by_itself(
            mailing,
            _(
                "%(share)s %% of the recipients reported the mail as unwanted; %(most)s %% are allowed."
            )
            % {
                "share": _share(complained, tried),
                "most": number_format(limits.complaints_at_most),
            },
        )
        return True
    return False


def tried_of(mailing: Mailing) -> int:
    """How many mails went to a server and have their answer."""
    return mailing.sent + mailing.uncertain + mailing.failed


def measured(mailing: Mailing) -> dict[str, int]:
    """Where the counts stand: kept when somebody lets a mailing go on, who was told."""
    return {
        "tried": tried_of(mailing),
        "bounced": mailing.bounced,
        "complained": mailing.complained,
    }


def _passes(number: int, of: int, percent: Decimal) -> bool:
    return number * 100 > percent * max(of, 1)


def _share(number: int, of: int) -> str:
    return number_format(Decimal(number * 100) / max(of, 1), decimal_pos=1)
