"""A mailing that is over, for what comes back after it."""

from __future__ import annotations

from django.core.cache import cache

from crm.accounts.models import User
from emails.models import Mailing, Recipient, Sender


def mailing_to_two() -> Mailing:
    """Sent to ada@example.org and byron@example.org, and nothing came back yet."""
    cache.clear()
    User.objects.create_user("anna", "anna@example.com", "a long password")
    sender = Sender.objects.create(name="Example Co", address="news@example.com")
    mailing = Mailing.objects.create(
        sender=sender, subject="News", origin="https://crm.example.com", state="done",
        total=2, sent=2,
    )  # fmt: skip
    for position, name in enumerate(("ada", "byron"), 1):
        Recipient.objects.create(
            mailing=mailing, position=position, contact_id=position, state="sent",
            address=f"{name}@example.org",
        )  # fmt: skip
    return mailing
