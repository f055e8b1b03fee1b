"""The first start: while there is nobody, the first administrator is asked for; then there is no such page."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from crm.accounts.levels import Role
from crm.accounts.models import User
from crm.accounts.people import snapshot
from crm.actor import acting_as
from crm.audit.models import Action
from crm.audit.services import record

# What machines ask for, and what the page itself needs.
OPEN = ("healthz", "readyz", "favicon", "set_language", "set_theme")


class AlreadyBegun(Exception):
    """Somebody was first."""


def is_first_start() -> bool:
    return not User.objects.exists()


def asks_for_key() -> bool:
    """Where strangers reach it, being first proves nothing; on one's own machine nobody else is there."""
    return bool(settings.PRODUCTION)


def setup_key() -> str:
    """What only who runs the server knows: 100 bits of the secret key's, in groups that can be typed."""
    letters = salted_hmac("crm.accounts.welcome", "setup key", algorithm="sha256").hexdigest()[:25]
    return "-".join(letters[start : start + 5] for start in range(0, 25, 5))


def is_setup_key(typed: str) -> bool:
    plain = "".join(typed.split()).replace("-", "").lower()
    return constant_time_compare(plain, setup_key().replace("-", ""))


def create_first_administrator(*, username: str, password: str, email: str, **names: str) -> User:
    """Make the first user, an administrator with a way in; returns it.

    Raises ``AlreadyBegun`` where there is a user by now, ``ValidationError`` by field for what is refused.
    """
    user = User(username=username, email=email, **names)
    user.role = Role.ADMINISTRATOR
    with transaction.atomic():
        _wait_for_others()
        if not is_first_start():
            raise AlreadyBegun
        try:
            validate_password(password, user)
        except ValidationError as refusal:
            raise ValidationError({"password": refusal.messages}) from refusal
        user.set_password(password)
        user.full_clean()
        user.save(force_insert=True)
        with acting_as(user):
            after = {name: snapshot(user)[name] for name in ("username", "email", "role")}
            record(Action.USER_INVITED, user, after=after, first=True)
    return user


def _wait_for_others() -> None:
    """Two at once make one. SQLite has one writer at a time anyway."""
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(User._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


class WelcomeMiddleware:
    """Last of all: it answers before any view is asked, and as every other page where there is none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in _open_paths():
            return self.get_response(request)
        begins = not request.user.is_authenticated and is_first_start()
        asked = request.path_info == reverse("welcome")
        if asked and not begins:
            # Here and not in the view, so that it holds whatever else would be refused: method, token, header.
            raise Http404
        return redirect("welcome") if begins and not asked else self.get_response(request)


def _open_paths() -> set[str]:
    return {reverse(name) for name in OPEN}
