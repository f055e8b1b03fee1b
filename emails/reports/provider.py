"""Reports of a provider, by its webhook: django-anymail checks that they are the provider's and reads them."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from importlib import import_module
from typing import Any

from anymail.signals import EventType, RejectReason
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views import View

from emails import ways_out
from emails.addresses import normal
from emails.models import Address, Recipient, Report
from emails.reports.anatomy import cleaned
from emails.reports.reading import Outcome
from emails.reports.taking import Mail, mail_at, take
from emails.reports.verdicts import Verdict, judge, statuses

logger = logging.getLogger(__name__)

Kind = Report.Kind
KINDS = {
    EventType.BOUNCED: Kind.BOUNCED,
    EventType.REJECTED: Kind.BOUNCED,
    EventType.FAILED: Kind.BOUNCED,
    EventType.DEFERRED: Kind.PUT_OFF,
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
    EventType.DELIVERED: Kind.DELIVERED,
}
# A mail that a provider did not even try to send says why: what its recipient did with mails before.
BEFORE = {RejectReason.SPAM: Kind.COMPLAINED, RejectReason.UNSUBSCRIBED: Kind.UNSUBSCRIBED}
VERDICTS = {
    RejectReason.INVALID: Verdict.DEAD,
    RejectReason.BOUNCED: Verdict.DEAD,
    RejectReason.TIMED_OUT: Verdict.FULL,
}
State = Recipient.State
# Of one in hand it is told again later.
SENT = (State.SENDING, State.SENT, State.UNCERTAIN, State.FAILED)


def answer(request: HttpRequest) -> HttpResponse:
    """What the provider of the settings is answered; its events are acted on by ``receive`` first.

    Raises ``SuspiciousOperation`` where its signature does not hold, and ``TooSoon``.
    """
    response: Any = _view()(request)
    return response  # type: ignore[no-any-return]


def _view() -> Any:
    name = settings.MAIL_WEBHOOK["provider"]
    module = import_module(f"anymail.webhooks.{name}")
    endings = ("TrackingWebhookView", "CombinedWebhookView")
    known: Any = next(
        one
        for name, one in vars(module).items()
        if name.endswith(endings) and issubclass(one, View) and one.__module__ == module.__name__
    )
    # The secret in the address stands for the name and password that some would send.
    ours: Any = type(known.__name__, (known,), {"warn_if_no_basic_auth": False})
    return ours.as_view()


def receive(sender: Any, event: Any, esp_name: str, **more: Any) -> Report | None:
    """Act on one event of ``anymail.signals.tracking``; None for what is of no interest or was told before."""
    outcome = outcome_of(event)
    if outcome is None:
        return None
    mail = mail_of(event)
    if outcome.kind == Kind.DELIVERED and not (mail and _is_news(mail)):
        # The usual end of each mail: a row for each would say nothing.
        return None
    return take(
        [outcome],
        mail=mail,
        key=key_of(event, esp_name),
        source=esp_name,
        at=event.timestamp if isinstance(event.timestamp, datetime) else None,
    )


def outcome_of(event: Any) -> Outcome | None:
    kind = KINDS.get(event.event_type)
    if event.event_type == EventType.REJECTED:
        kind = BEFORE.get(event.reject_reason, kind)
    if kind is None:
        return None
    said = cleaned(f"{event.mta_response or ''} {event.description or ''}")
    status = next((".".join(map(str, one)) for one in statuses(said)), "")
    verdict = None
    if kind == Kind.BOUNCED:
        verdict = judge("", said) if status else VERDICTS.get(event.reject_reason, Verdict.REFUSED)
    address = normal(event.recipient or "")
    return Outcome(
        kind=kind,
        addresses=(address,) if address else (),
        status=status,
        answer=said or str(event.reject_reason or ""),
        verdict=verdict,
    )


def mail_of(event: Any) -> Mail | None:
    """The mail that an event is about: by our Message-ID, else the last one to its recipient.

    The provider proved itself, so that what it says of a recipient is believed.
    """
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    named = f"{event.message_id or ''} {' '.join(map(str, metadata.values()))}"
    found = ways_out.read_any(named)
    if found:
        return mail_at(*found)
    address = normal(event.recipient or "")
    rows = Recipient.objects.filter(address=address, state__in=SENT) if address else None
    row = rows.select_related("mailing").order_by("-mailing", "-position").first() if rows else None
    return Mail(row.mailing, row.position, row.address) if row else None


def _is_news(mail: Mail) -> bool:
    rows = Recipient.objects.filter(mailing=mail.mailing, position=mail.position)
    was_put_off = Address.objects.filter(address=mail.address, soft_bounces__gt=0)
    return rows.filter(state=State.UNCERTAIN).exists() or was_put_off.exists()


def key_of(event: Any, esp_name: str) -> str:
    """What tells an event from every other: providers tell some twice, and again if they were not answered."""
    told = (
        esp_name, event.event_type, event.event_id, event.message_id, event.recipient, event.timestamp,
    )  # fmt: skip
    digest = hashlib.sha256("\n".join(str(one) for one in told).encode("utf-8", "replace"))
    return f"provider:{digest.hexdigest()}"
