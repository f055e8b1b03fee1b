"""Browsers that an account has signed in with before, by a signed cookie. It lets nobody in."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from crm.accounts.models import User

AGE = 180 * 24 * 3600
SALT = "crm.accounts.devices"


def device_of(request: HttpRequest, user: User | None) -> str:
    """The name of this browser among those of ``user``; empty where they never signed in with it."""
    if user is None:
        return ""
    try:
        found = signing.loads(
            request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=SALT, max_age=AGE
        )
        owner, device = found
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return f"{owner} {device}" if owner == user.pk else ""


def remember_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    known = device_of(request, user)
    name = known.partition(" ")[2] or secrets.token_urlsafe(16)
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps([user.pk, name], salt=SALT),
        max_age=AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
