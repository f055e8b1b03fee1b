"""The categories of stages, and the groups the status law counts deals in."""

from __future__ import annotations

from datetime import date, datetime, time

from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Category(TextChoices):
    """What a stage means; the values are those of Zendesk Sell's API."""

    INCOMING = "incoming", _("Incoming")
    IN_PROGRESS = "in_progress", _("In progress")
    WON = "won", pgettext_lazy("deal", "Won")
    LOST = "lost", pgettext_lazy("deal", "Lost")
    UNQUALIFIED = "unqualified", _("Unqualified")


class Group(TextChoices):
    ACTIVE = "active", _("Active")
    WON = "won", pgettext_lazy("deal", "Won")
    LOST = "lost", pgettext_lazy("deal", "Lost")


GROUP_OF: dict[str, str] = {
    Category.INCOMING.value: Group.ACTIVE.value,
    Category.IN_PROGRESS.value: Group.ACTIVE.value,
    Category.WON.value: Group.WON.value,
    Category.LOST.value: Group.LOST.value,
    Category.UNQUALIFIED.value: Group.LOST.value,
}


def as_moment(value: date | datetime | None, now: datetime) -> datetime | None:
    """``value`` as a moment: a date is the end of that day, or ``now`` if that is earlier.

    Raises ``ValidationError`` for a moment in the future.
    """
    if value is None:
        return None
    if not isinstance(value, datetime):
        if value > timezone.localdate(now):
            raise ValidationError({"closed_at": _("A deal cannot be closed in the future.")})
        end = datetime.combine(value, time.max, tzinfo=timezone.get_current_timezone())
        return min(end, now)
    if timezone.is_naive(value):
        value = timezone.make_aware(value)
    if value > now:
        raise ValidationError({"closed_at": _("A deal cannot be closed in the future.")})
    return value
