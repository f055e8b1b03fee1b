"""Letting in somebody new: a link that works once, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Invitation, Team, User
from crm.accounts.people import (
    LEVELS,
    change_user,
    free_username,
    locked,
    record_changes,
    refuse_editing_more_than_seeing,
    refuse_taken_address,
    snapshot,
)
from crm.accounts.teams import set_teams
from crm.actor import acting_as, current_actor
from crm.audit.models import Action
from crm.audit.services import record

HOLDS = timedelta(days=7)


def invite(*, teams: Iterable[Team] = (), **values: Any) -> tuple[User, str]:
    """Make a user of these fields (``email`` among them) who cannot sign in yet; returns it with the token of a link.

    Raises ``ValidationError`` by field for what is refused.
    """
    user = User(username=free_username(values["email"]))
    for name, value in values.items():
        setattr(user, name, value)
    user.set_unusable_password()
    with transaction.atomic():
        refuse_taken_address(user)
        refuse_editing_more_than_seeing({name: getattr(user, name) for name in LEVELS})
        user.full_clean(exclude={"password"})
        user.save(force_insert=True)
        set_teams(user, members_of=teams)
        token = new_link(user)
    return user, token


def may_be_invited(user: User) -> bool:
    """Whether this is somebody who never had a way in."""
    return bool(user.email) and not user.has_usable_password() and user.last_login is None


def new_link(user: User) -> str:
    """Invite a user who never signed in, anew where there is a link already, which then leads nowhere.

    Returns the token of the link. Raises ``ValidationError`` for somebody who has a way in.
    """
    with transaction.atomic():
        stored = locked(user)
        if not may_be_invited(stored):
            raise ValidationError(
                _("%(name)s signs in already, or has no e-mail address.") % {"name": stored}
            )
        if not stored.is_active:
            change_user(stored, is_active=True)
        token = secrets.token_urlsafe(32)
        now = timezone.now()
        Invitation.objects.update_or_create(
            user=stored,
            defaults={
                "digest": digest_of(token),
                "by": current_actor(),
                "sent_at": now,
                "expires_at": now + HOLDS,
            },
        )
        after = {name: snapshot(stored)[name] for name in ("email", "role", *LEVELS)}
        record(Action.USER_INVITED, stored, after=after)
    return token


def withdraw(user: User) -> None:
    """Let the link lead nowhere, and nobody in under this name. The user stays: records may be theirs."""
    with transaction.atomic():
        Invitation.objects.filter(user=user).delete()
        if user.is_active:
            change_user(user, is_active=False)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def invitation_of(digest: str) -> Invitation | None:
    """The invitation that a link of this digest stands for, as long as it holds."""
    found = Invitation.objects.select_related("user").filter(
        digest=digest, expires_at__gt=timezone.now(), user__is_active=True
    )
    return found.first()


def accept(digest: str, *, password: str, **names: str) -> User | None:
    """Take the name and password that somebody chose; None where the invitation holds no more.

    Raises ``ValidationError`` by field for a password or name that is refused.
    """
    with transaction.atomic():
        # The lock is what makes it work once: whoever comes second finds nothing.
        rows = Invitation.objects.select_for_update().filter(
            digest=digest, expires_at__gt=timezone.now(), user__is_active=True
        )
        invitation = rows.first()
        if invitation is None:
            return None
        user = User.objects.get(pk=invitation.user_id)
        before = snapshot(user)
        for name, value in names.items():
            setattr(user, name, value)
        try:
            validate_password(password, user)
        except ValidationError as refusal:
            raise ValidationError({"password": refusal.messages}) from refusal
        user.set_password(password)
        user.full_clean(exclude={"password"})
        user.save(update_fields=["password", *names])
        invitation.delete()
        with acting_as(user):
            record_changes(before, user)
    return user


# -- the mail


def mail_is_set_up() -> bool:
    """Whether mail reaches people. On one's own machine without a mail server it is only written to the screen."""
    backend = str(settings.MAILERS.get("default", {}).get("BACKEND", ""))
    return not backend.startswith("django.core.mail.backends.console")


def send(user: User, link: str, by: User) -> None:
    """Mail the link, in the user's language if one is set. Raises what the mail server's refusal raises."""
    with translation.override(user.language or translation.get_language()):
        days = HOLDS.days
        holds = ngettext(
            "It works once, within %(days)d day.", "It works once, within %(days)d days.", days
        )
        lines = [
            _("%(name)s invites you to Standing, to work there together.") % {"name": by},
            _("Choose a password under this link:"),
            link,
            holds % {"days": days},
            _("If you did not expect this, you need not do anything."),
        ]
        subject = _("Your invitation to Standing")
    EmailMessage(subject, "\n\n".join(lines), to=[user.email]).send()
