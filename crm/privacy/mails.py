"""What bulk email holds of a person: their rows in ledgers, where their addresses stand, and what came back of mails.

An address that another contact has too stays known of that one; that nobody writes to it is remembered as a hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Q, QuerySet

from crm.privacy.subjects import Subject
from emails.addresses import normal
from emails.models import (
    Address,
    AddressEvent,
    Link,
    Mailing,
    Recipient,
    Report,
    SenderPause,
    Template,
    TemplateVersion,
)

# Tables whose texts may name somebody without saying by number whom.
LOOSE: list[tuple[Any, tuple[str, ...]]] = [
    (Mailing, ("subject", "html", "text", "sentence", "selection", "problem")),
    (Template, ("name",)),
    (TemplateVersion, ("subject", "html", "text")),
    (Link, ("url",)),
    (SenderPause, ("answer",)),
]


def addresses(subject: Subject) -> set[str]:
    """Of the person alone, as bulk email keeps them."""
    return {key for one in subject.of_nobody_else(subject.addresses) if (key := normal(one))}


def recipients(subject: Subject) -> QuerySet[Recipient]:
    theirs = Q(contact_id__in=subject.ids) | Q(address__in=addresses(subject))
    return Recipient.objects.filter(theirs).order_by("mailing", "position")


def singles(subject: Subject) -> QuerySet[Mailing]:
    """Mails that were written to the person and nobody else."""
    ids = recipients(subject).filter(mailing__is_single=True).values("mailing")
    return Mailing.objects.filter(pk__in=ids)


def mailings(subject: Subject) -> list[Mailing]:
    """Those to the person alone, and those that name them."""
    texts = ["subject", "html", "text", "sentence", "selection", "problem"]
    naming = subject.needles.rows(Mailing.objects.all(), texts)
    found = {one.pk: one for one in [*singles(subject), *naming]}
    return [found[pk] for pk in sorted(found)]


def by_address(model: Any) -> Callable[[Subject], Iterable[Any]]:
    return lambda subject: model.objects.filter(address__in=addresses(subject)).order_by("pk")


def is_in_flight(subject: Subject) -> Recipient | None:
    """A mail to the person that a worker has in hand just now: what the server answers would be written down."""
    sending = recipients(subject).filter(state=Recipient.State.SENDING)
    return sending.first()


def forget(subject: Subject) -> int:
    """Empty all of it; returns how many rows of ledgers. That a mail went out, and when, stays."""
    theirs = addresses(subject)
    singles(subject).update(subject="", html="", text="", sentence="", selection=[])
    number = recipients(subject).order_by().update(name="", address="", answer="")
    Report.objects.filter(address__in=theirs).update(address="", answer="")
    AddressEvent.objects.filter(address__in=theirs).update(address="", details={})
    Address.objects.filter(address__in=theirs).delete()
    return number
