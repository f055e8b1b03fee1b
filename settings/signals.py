"""What was read of tags and fields is forgotten when one of them is written."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from settings.catalogue import forget
from settings.models import Account, Currency, CustomField, Option, Tag


@receiver([post_save, post_delete])
def labels_changed(sender: Any, **kwargs: Any) -> None:
    if sender in (Tag, CustomField, Option, Account, Currency):
        forget()


@receiver(m2m_changed, sender=Account.quiet_except.through)
def exceptions_changed(**kwargs: Any) -> None:
    forget()
