"""What dead workers had in hand: nobody knows whether it was sent, and nobody sends it again by themselves."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from crm.retry import retrying
from emails.models import Mailing, Recipient
from emails.reasons import Failure
from emails.sending import ending, rows
from emails.sending.liveness import holding
from emails.sending.rows import State


def bury(sender_id: int, *, own_slot: int | None = None) -> int:
    """Make uncertain what workers had in hand that are gone; how many mails that are.

    ``own_slot`` is the connection's number that the caller holds and has nothing in hand for yet.
    """
    mailings = Mailing.objects.filter(sender=sender_id, sending__gt=0).order_by("pk")
    number = 0
    for mailing_id in mailings.values_list("pk", flat=True):
        in_hand = Recipient.objects.filter(mailing=mailing_id, state=State.SENDING).order_by()
        for claim in set(in_hand.values_list("claimed_by", flat=True)):
            number += _bury(sender_id, mailing_id, claim, own_slot)
    return number


def _bury(sender_id: int, mailing_id: int, claim: str, own_slot: int | None) -> int:
    slot = _slot_of(claim)
    if slot == own_slot:
        return _make_uncertain(mailing_id, claim)
    # Held while it is done, so that nobody begins under this number meanwhile.
    with holding(sender_id, slot) as hold:
        return _make_uncertain(mailing_id, claim) if hold is not None else 0


@retrying
def _make_uncertain(mailing_id: int, claim: str) -> int:
    with transaction.atomic():
        mailing = rows.locked(mailing_id)
        found = Recipient.objects.filter(
            mailing=mailing_id, state=State.SENDING, claimed_by=claim
        ).update(state=State.UNCERTAIN, reason=Failure.STOPPED, changed_at=timezone.now())
        rows.count(mailing, [(State.SENDING, State.UNCERTAIN, found)])
        has_ended = ending.end_if_done(mailing)
    if has_ended:
        ending.tell(mailing)
    return found


def _slot_of(claim: str) -> int:
    """Claims read “sender.slot/random”."""
    return int(claim.partition("/")[0].partition(".")[2])
