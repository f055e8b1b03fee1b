"""Drafts that are thrown away, and mailings that are written once more."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from emails import ledger
from emails.drafts import first_sender, senders_of
from emails.models import Mailing, Recipient


def discard(mailing: Mailing) -> None:
    """Delete a draft. Raises ``ValidationError`` for anything else: what was sent is kept for good."""
    with transaction.atomic():
        locked = Mailing.objects.select_for_update(of=("self",)).filter(pk=mailing.pk).first()
        if locked is None:
            return
        if locked.state != Mailing.State.DRAFT:
            raise ValidationError(
                _("Only drafts can be deleted. What was sent, and to whom, is kept for good.")
            )
        rows = Recipient.objects.filter(mailing=locked.pk)
        rows._raw_delete(rows.db)  # type: ignore[attr-defined]
        locked.delete()


def duplicate(mailing: Mailing, *, user: Any, token: str, origin: str = "") -> tuple[Mailing, str]:
    """A draft of ``user`` that says the same to the same audience, and why nobody is in it, if its list is gone.

    ``token`` is of the page that it was asked for on: sent twice, it makes one.
    """
    sender = mailing.sender
    if sender is None or not senders_of(user).filter(pk=sender.pk).exists():
        sender = first_sender(user)
    with transaction.atomic():
        draft, made = Mailing.objects.get_or_create(
            token=f"again-{mailing.pk}-{token or secrets.token_urlsafe(24)}"[:64],
            author=user,
            defaults={
                "sender": sender,
                "subject": mailing.subject,
                "html": mailing.html,
                "text": mailing.text,
                "template": mailing.template,
                "record": mailing.record,
                "selection": mailing.selection,
                "sentence": mailing.sentence,
                "is_single": mailing.is_single,
                "language": mailing.language,
                "origin": origin,
            },
        )
    if not made:
        return draft, ""
    try:
        ledger.write(draft, user)
    except ValidationError as refusal:
        return draft, " ".join(refusal.messages)
    return draft, ""
