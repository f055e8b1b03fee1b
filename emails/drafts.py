"""Mails while they are written: begun from a selection, saved."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language

from crm.lists.selection import Selection
from emails import ledger
from emails.models import Mailing, Sender

# What saving a draft writes. Counts and states are others' to write, at the same time.
WRITTEN = ("subject", "html", "text", "sender", "language", "template", "updated_at", "written_in")


def make_draft(
    *, user: Any, record: str, selection: Selection, token: str, origin: str = ""
) -> Mailing:
    """A draft to those who are selected, with its ledger as it is now.

    ``token`` is of the page that it was asked for on: the same selection sent twice from one page is one draft, as
    long as it is a draft.
    """
    once = _once(token, record, selection)
    with transaction.atomic():
        found = Mailing.objects.filter(token=once).select_for_update().first()
        if found is not None:
            if found.author_id == user.pk and found.state == Mailing.State.DRAFT:
                return found
            once = secrets.token_urlsafe(24)
        mailing, made = Mailing.objects.get_or_create(
            token=once,
            defaults={
                "author": user,
                "record": record,
                "selection": [list(pair) for pair in selection.fields],
                "sentence": selection.sentence,
                "origin": origin,
                "language": user.account_language or user.language or get_language() or "en",
                "sender": first_sender(user),
            },
        )
        if made:
            ledger.write(mailing, user)
    return mailing


def _once(token: str, record: str, selection: Selection) -> str:
    """The page's token and what was chosen on it as one: going back and choosing others is another mail."""
    whole = repr((token or secrets.token_urlsafe(24), record, selection.fields))
    return hashlib.sha256(whole.encode()).hexdigest()


def first_sender(user: Any) -> Sender | None:
    """The user's own sender, where there is one, else one of everybody's; None where an administrator made none."""
    usable = list(senders_of(user))
    own = [one for one in usable if one.user_id is not None]
    return next(iter(own or usable), None)


def senders_of(user: Any) -> QuerySet[Sender]:
    return Sender.objects.usable_by(user)


def save_draft(mailing: Mailing, *, tab: str = "") -> None:
    """Store what a draft says. ``tab`` is the page that it was written in."""
    mailing.updated_at = timezone.now()
    mailing.written_in = tab[:22]
    mailing.save(update_fields=WRITTEN)
