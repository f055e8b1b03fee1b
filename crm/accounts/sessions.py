"""The sessions of a user: where they are signed in, and ending that."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from crm.accounts.models import User
from crm.audit.models import Action
from crm.audit.services import record

BEGAN, SEEN = "began", "seen"


def begin(request: HttpRequest, user: User) -> None:
    """Let the session that begins with this request be counted in time, and listed."""
    now = int(timezone.now().timestamp())
    request.session[BEGAN] = request.session[SEEN] = now
    if request.META.get("REMOTE_ADDR"):
        if not request.session.session_key:
            request.session.save()
        UserSession.objects.create_from_request(request)


def seen_again(request: HttpRequest) -> None:
    """Write down that the session of this request is in use."""
    now = timezone.now()
    request.session[SEEN] = int(now.timestamp())
    UserSession.objects.filter(session_key=request.session.session_key).update(last_seen_at=now)


def sessions_of(user: User) -> list[UserSession]:
    """The user's sessions that are open, newest use first. Those that are over are forgotten."""
    listed = list(UserSession.objects.filter(user=user).order_by("-last_seen_at", "-pk"))
    stored = Session.objects.filter(
        session_key__in=[one.session_key for one in listed], expire_date__gt=timezone.now()
    )
    expected = user.get_session_auth_hash()
    open_keys = set()
    for session in stored:
        data = session.get_decoded()
        mine = data.get(SESSION_KEY) == str(user.pk)
        if mine and constant_time_compare(data.get(HASH_SESSION_KEY, ""), expected):
            open_keys.add(session.session_key)
    over = [one.pk for one in listed if one.session_key not in open_keys]
    if over:
        UserSession.objects.filter(pk__in=over).delete()
    return [one for one in listed if one.session_key in open_keys]


def end_sessions(user: User, ended: Iterable[UserSession], reason: str) -> int:
    """End these sessions of a user, with their next request at the latest; returns how many."""
    keys = [one.session_key for one in ended]
    number = 0
    if keys:
        with transaction.atomic():
            # Of those that are listed some are over, or go on under another key.
            number, _kinds = Session.objects.filter(session_key__in=keys).delete()
            UserSession.objects.filter(user=user, session_key__in=keys).delete()
            if number:
                record(Action.SESSION_ENDED, user, number=number, reason=reason)
    return number


def end_others(user: User, keep: str | None, reason: str) -> int:
    """End all sessions of a user but the one with this key; returns how many."""
    listed = UserSession.objects.filter(user=user).exclude(session_key=keep or "")
    return end_sessions(user, listed, reason)


def end_outlived(request: HttpRequest, reason: str) -> None:
    """End the session of this request, which goes on as nobody's."""
    user = User.objects.filter(pk=request.session.get(SESSION_KEY, 0)).first()
    key = request.session.session_key
    if user is not None:
        UserSession.objects.filter(session_key=key).delete()
        record(Action.SESSION_ENDED, user, actor=user, number=1, reason=reason)
    request.session.flush()


def forget_over() -> int:
    """Remove sessions that have expired, and what was listed of sessions that are gone; returns how many expired."""
    number, _kinds = Session.objects.filter(expire_date__lte=timezone.now()).delete()
    stored = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(stored)).delete()
    return number


_SYSTEMS = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
]
# Each names itself after those that it claims to be as well.
_BROWSERS = [
    ("Edg", "Edge"),
    ("OPR|Opera", "Opera"),
    ("Firefox|FxiOS", "Firefox"),
    ("Chrom|CriOS", "Chrome"),
    ("Safari", "Safari"),
]


def device_words(session: UserSession) -> tuple[str, str]:
    """Browser and system of a session, as it calls itself; empty where that says nothing."""

    def first(known: list[tuple[str, str]]) -> str:
        return next((name for sign, name in known if re.search(sign, session.user_agent)), "")

    return first(_BROWSERS), first(_SYSTEMS)


def current_key(request: Any) -> str | None:
    session = getattr(request, "session", None)
    return session.session_key if session is not None else None
