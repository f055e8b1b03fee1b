"""What a sender may send in a minute, an hour, a day: counted by all workers in one place."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q, Sum
from django.utils import timezone

from emails.models import Sender, SenderMinute

# An hour and a day are the sixty and 1,440 minutes that end with the present one, so that no limit is passed by
# sending before and after a full hour.
_WINDOWS = (("per_minute", 1), ("per_hour", 60), ("per_day", 24 * 60))
KEPT = timedelta(days=2)


def room(sender: Sender) -> int | None:
    """How many mails the sender may still take on now; None where it has no limits. One statement."""
    limits = [(getattr(sender, name), minutes) for name, minutes in _WINDOWS]
    if all(limit is None for limit, _minutes in limits):
        return None
    now = this_minute()
    sums = {
        f"in_{minutes}": Sum("taken", filter=Q(minute__gt=now - timedelta(minutes=minutes)))
        for _limit, minutes in limits
    }
    longest = max(minutes for _limit, minutes in limits)
    counted = SenderMinute.objects.filter(
        sender=sender, minute__gt=now - timedelta(minutes=longest)
    )
    used = counted.aggregate(**sums)
    left = [limit - (used[f"in_{minutes}"] or 0) for limit, minutes in limits if limit is not None]
    return max(0, min(left))


def take(sender: Sender, number: int) -> None:
    """Count ``number`` mails to this minute. Whoever calls this has the sender's row locked."""
    now = this_minute()
    minutes = SenderMinute.objects.filter(sender=sender, minute=now)
    if not minutes.update(taken=F("taken") + number):
        SenderMinute.objects.create(sender=sender, minute=now, taken=number)
        SenderMinute.objects.filter(sender=sender, minute__lt=now - KEPT).delete()


def used_since(sender: Sender, moment: datetime) -> int:
    """How many mails the sender has taken on since then."""
    minutes = SenderMinute.objects.filter(sender=sender, minute__gte=moment)
    return minutes.aggregate(all=Sum("taken"))["all"] or 0


def this_minute() -> datetime:
    return timezone.now().replace(second=0, microsecond=0)
