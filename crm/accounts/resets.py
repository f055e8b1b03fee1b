"""Mails with a link under which a forgotten password is set anew."""

from __future__ import annotations

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from crm.accounts.models import User


def mail_reset(address: str, site: str, language: str) -> int:
    """Mail everybody with this address who signs in by password a link of their own; returns to how many."""
    users = User.objects.filter(email__iexact=address, is_active=True).order_by("pk")
    found = [user for user in users if user.has_usable_password()]
    for user in found:
        with translation.override(user.language or user.account_language or language):
            _mail(user, site)
    return len(found)


def reset_link(user: User, site: str) -> str:
    """The address under which ``user`` sets a new password, once and within an hour; for nobody else's eyes.

    ``site`` is the address of this installation, without a slash at its end.
    """
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    key = {"uidb36": user_pk_to_url_str(user), "key": token}
    return site + reverse("account_reset_password_from_key", kwargs=key)


def _mail(user: User, site: str) -> None:
    context = {"user": user, "site": site, "link": reset_link(user, site)}
    subject = render_to_string("account/email/reset_subject.txt", context)
    # To the stored address: what was typed may be another one that only compares equal.
    send_mail(
        " ".join(subject.split()),
        render_to_string("account/email/reset.txt", context),
        None,
        [user.email],
    )
