"""What was read of tags and fields is forgotten when one of them is written."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from settings.catalogue import forget
from settings.models import Account, Currency, CustomField, Option, Tag


# Of each by name: a receiver of all senders would keep every model from deleting rows in one statement.
@receiver([post_save, post_delete], sender=Tag)
@receiver([post_save, post_delete], sender=CustomField)
@receiver([post_save, post_delete], sender=Option)
@receiver([post_save, post_delete], sender=Account)
@receiver([post_save, post_delete], sender=Currency)
def labels_changed(**kwargs: Any) -> None:
    forget()


@receiver(m2m_changed, sender=Account.quiet_except.through)
def exceptions_changed(**kwargs: Any) -> None:
    forget()
