"""What an administrator does for somebody who lost a password or a second factor. Never for themselves."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts import second_factor
from crm.accounts.invitations import mail_is_set_up
from crm.accounts.models import User
from crm.accounts.resets import reset_link
from crm.actor import current_actor
from crm.audit.models import Action
from crm.audit.services import record


def may_get_a_link(user: User) -> bool:
    """Whether this is somebody with a password; where mail is set up they ask for a link themselves."""
    return bool(user.is_active and user.has_usable_password() and not mail_is_set_up())


def new_password_link(user: User, site: str) -> str:
    """The address under which ``user`` sets a new password, once and within an hour; to be handed over at once.

    ``site`` is the address of this installation, without a slash at its end. Raises ``ValidationError``.
    """
    _refuse_oneself(user)
    if not may_get_a_link(user):
        text = _("%(name)s has no password, or can have a link mailed from the sign-in page.")
        raise ValidationError(text % {"name": user})
    with transaction.atomic():
        record(Action.SIGN_IN_CHANGED, user, what="link for a new password")
        return reset_link(user, site)


def remove_factors(user: User) -> int:
    """Take away every second factor, and end the sessions; returns how many there were. Raises ``ValidationError``."""
    _refuse_oneself(user)
    return second_factor.remove_factors(user)


def _refuse_oneself(user: User) -> None:
    actor = current_actor()
    if actor is not None and actor.pk == user.pk:
        # A session left open must not be worth more than its password.
        raise ValidationError(_("For yourself you do this under “Sign-in and security”."))
