"""Unsubscribing by the way out of a mail, and taking that back.

What a way out does it can undo, and nothing else: complaints, bounces and what was blocked by hand stay, and so does
an unsubscribing by the way out of another mail.
"""

from __future__ import annotations

from enum import Enum

from django.db import transaction
from django.db.models import F

from crm.retry import retrying
from emails import standing
from emails.models import Address, AddressEvent, Mailing, Recipient
from emails.reasons import Suppressed


class State(Enum):
    # The address is mailed.
    OPEN = "open"
    # It is not, because of this way out.
    LEFT = "left"
    # It is not, for another reason.
    OFF = "off"
    # The mail was a test: nobody is concerned.
    TEST = "test"


def address_of(mailing: Mailing, position: int) -> str:
    """The address that a mail went to; empty for a test mail and once the person was erased."""
    row = Recipient.objects.filter(mailing=mailing, position=position)
    return row.values_list("address", flat=True).first() or ""


def state_of(mailing: Mailing, position: int) -> State:
    """Where the address stands for whoever holds this way out."""
    if not position:
        return State.TEST
    address = address_of(mailing, position)
    return _state(address, mailing, position) if address else State.OFF


def _state(address: str, mailing: Mailing, position: int) -> State:
    why = _why(address)
    if not why:
        return State.OPEN
    if why != Suppressed.UNSUBSCRIBED:
        return State.OFF
    return State.LEFT if _left_by(address) == (mailing.pk, position) else State.OFF


def _why(address: str) -> str:
    row = Address.objects.filter(address=address)
    return row.values_list("suppressed", flat=True).first() or ""


def _left_by(address: str) -> tuple[int | None, int | None] | None:
    """The way out that the address was last unsubscribed by."""
    events = AddressEvent.objects.filter(address=address, kind=AddressEvent.Kind.UNSUBSCRIBED)
    return events.order_by("-pk").values_list("mailing_id", "position").first()


@retrying
def leave(mailing: Mailing, position: int, *, by: str) -> State:
    """Mail this address no more; doing it again changes nothing. ``by``: "one click", "page", "mail" or "provider"."""
    with transaction.atomic():
        _lock(mailing)
        address = address_of(mailing, position)
        if not address or _why(address) == Suppressed.UNSUBSCRIBED:
            return state_of(mailing, position)
        # Also where it bounced or complained: should that be lifted, this stands.
        standing.suppress(
            [address],
            Suppressed.UNSUBSCRIBED,
            mailing_id=mailing.pk,
            position=position,
            details={"by": by},
        )
        after = _state(address, mailing, position)
        if after is State.LEFT:
            _count(mailing, 1)
    return after


@retrying
def come_back(mailing: Mailing, position: int) -> State:
    """Take back what this way out did; anything else stays."""
    with transaction.atomic():
        _lock(mailing)
        before = state_of(mailing, position)
        if before is not State.LEFT:
            return before
        standing.take_back(address_of(mailing, position), mailing_id=mailing.pk, position=position)
        _count(mailing, -1)
        return state_of(mailing, position)


def _lock(mailing: Mailing) -> None:
    """As the workers do, before its rows: whoever asks twice at once is counted once."""
    Mailing.objects.select_for_update(no_key=True).filter(pk=mailing.pk).values("pk").first()


def _count(mailing: Mailing, by: int) -> None:
    Mailing.objects.filter(pk=mailing.pk).update(unsubscribed=F("unsubscribed") + by)
