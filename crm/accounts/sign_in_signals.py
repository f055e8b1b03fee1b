"""What follows signing in and out, and changing how one signs in. Written down with it, or not at all."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import password_changed, password_reset
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from crm.accounts.models import User
from crm.accounts.sessions import begin, current_key, end_others
from crm.accounts.throttle import forgive
from crm.audit.models import Action
from crm.audit.services import record


@receiver(user_logged_in)
def session_begins(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    begin(request, user)
    # By invitation as well, so not where django-allauth ends; without an address it is no sign-in of anybody's.
    if request.META.get("REMOTE_ADDR"):
        steps = get_authentication_records(request, user)
        names = [step.get("type") or step["method"] for step in steps]
        record(Action.SIGNED_IN, user, actor=user, steps=list(dict.fromkeys(names)))


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if user is not None:
        UserSession.objects.filter(session_key=current_key(request) or "").delete()
        record(Action.SIGNED_OUT, user, actor=user)


@receiver(password_changed)
def password_was_changed(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    record(Action.SIGN_IN_CHANGED, user, actor=user, what="password changed")
    end_others(user, current_key(request), "password changed")


@receiver(password_reset)
def password_was_reset(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    record(Action.SIGN_IN_CHANGED, user, actor=user, what="password reset")
    end_others(user, None, "password reset")
    forgive(request, user)


@receiver(authentication_failed)
def second_factor_failed(user: Any, **kwargs: Any) -> None:
    record(Action.SIGN_IN_FAILED, user, actor=None, step="second factor")


@receiver(post_save, sender=Authenticator)
def factor_added(instance: Authenticator, created: bool, raw: bool, **kwargs: Any) -> None:
    if not created or raw:
        return
    step = getattr(context.request, "totp_step", None)
    if instance.type == Authenticator.Type.TOTP and step is not None:
        instance.data["last_step"] = step
        instance.save(update_fields=["data"])
    _factor_changed(instance, "added")


@receiver(post_delete, sender=Authenticator)
def factor_removed(instance: Authenticator, origin: Any, **kwargs: Any) -> None:
    # With the user everything of theirs goes; that is written down as such.
    if not isinstance(origin, User) and getattr(origin, "model", None) is not User:
        _factor_changed(instance, "removed")


def _factor_changed(authenticator: Authenticator, what: str) -> None:
    user: Any = authenticator.user
    record(Action.SIGN_IN_CHANGED, user, what=f"{authenticator.type} {what}")
    request = context.request
    mine = request is not None and getattr(request, "user", None) == user
    end_others(user, current_key(request) if mine else None, "second factor changed")
