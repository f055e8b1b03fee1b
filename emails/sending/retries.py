"""When what was put off is tried again: each wait longer than the one before, none as long as another's."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from emails.models import Sender, SenderPause

# Seconds after the first, second … attempt; together a day.
DELAYS = (60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
LASTS = timedelta(hours=24)
# A mail that spent the day waiting for a mailing that was paused has its tries left.
TRIED_ENOUGH = 4
# So many mails to one domain put off in a row, and it is left alone for a while.
IN_A_ROW = 3
DOMAIN_DELAYS = (300, 900, 1_800, 3_600)
# A server that takes nothing at all; after the last of these the mailing pauses itself, an hour or two later.
SERVER_DELAYS = (3, 10, 30, 60, 300, 900, 1_800, 3_600)


def jittered(seconds: float) -> timedelta:
    """About ``seconds``: what was put off together does not come back together."""
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311


def next_attempt(attempts: int, first_at: datetime) -> datetime | None:
    """When a mail that was put off ``attempts`` times is tried again; None if it is given up."""
    now, last = timezone.now(), first_at + LASTS
    if attempts > len(DELAYS) or (attempts >= TRIED_ENOUGH and now >= last):
        return None
    at = now + jittered(DELAYS[attempts - 1])
    # Once more when the day is over, and not hours after.
    return last if now < last < at else at


def pauses_of(sender: Sender) -> dict[str, SenderPause]:
    """By domain; the one of "" is the whole sender's."""
    return {one.domain: one for one in SenderPause.objects.filter(sender=sender)}


def pause(sender: Sender, domain: str, answer: str) -> SenderPause | None:
    """Leave a domain alone for a while, or with "" the whole sender; None if it was the last time of that."""
    delays = DOMAIN_DELAYS if domain else SERVER_DELAYS
    known = SenderPause.objects.filter(sender=sender, domain=domain).first()
    times = known.times + 1 if known else 1
    if times > len(delays) and not domain:
        return None
    until = timezone.now() + jittered(delays[min(times, len(delays)) - 1])
    made, _created = SenderPause.objects.update_or_create(
        sender=sender,
        domain=domain,
        defaults={"until": until, "times": times, "answer": answer[:500]},
    )
    return made


def end_pauses(sender: Any, domains: Iterable[str]) -> None:
    SenderPause.objects.filter(sender=sender, domain__in=list(domains)).delete()


def standing(pauses: Mapping[str, SenderPause]) -> set[str]:
    """The domains of those that are not over."""
    now = timezone.now()
    return {domain for domain, one in pauses.items() if one.until > now}
