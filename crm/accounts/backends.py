from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.db.models import BooleanField
from django.http import HttpRequest

from crm.accounts.along import ALONG
from crm.accounts.models import User

# No user has this number: it stands where the statement is asked for another.
_ANY = -1


class UsernameOrEmailBackend(ModelBackend):
    """Signs in by username or, when exactly one user has it, by e-mail address."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        name = username if username is not None else kwargs.get(User.USERNAME_FIELD)
        if not name or password is None:
            return None
        user = user_called(name)
        if user is None or not user.has_usable_password():
            # Hashing here too keeps an unknown name as slow as a wrong password: time must not tell which it was.
            hash_in_vain(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None

    def get_user(self, user_id: Any) -> User | None:
        user = _found(user_id)
        return user if user and self.user_can_authenticate(user) else None


def _found(pk: Any) -> User | None:
    """The user of this number, with all that is asked along."""
    sql, params, truths = _statement(connection.vendor)
    asked = tuple(pk if one == _ANY else one for one in params)
    user = next(iter(User.objects.raw(sql, asked)), None)
    for name in truths if user else ():
        # SQLite has no truths, only 1 and 0.
        setattr(user, name, bool(getattr(user, name)))
    return user


@cache
def _statement(vendor: str) -> tuple[str, tuple[Any, ...], list[str]]:
    """The same for every page, so put together once: that takes longer than asking it."""
    query = User.objects.annotate(**ALONG).filter(pk=_ANY).query
    sql, params = query.sql_with_params()
    annotations = query.annotations.items()
    truths = [name for name, one in annotations if isinstance(one.output_field, BooleanField)]
    return sql, tuple(params), truths


def user_called(name: str) -> User | None:
    """The user who signs in under this name, deactivated ones too."""
    # The username wins: else somebody could take another's e-mail address as a username and block the sign-in.
    by_username = User.objects.filter(username=name).first()
    if by_username or "@" not in name:
        return by_username
    by_email = list(User.objects.filter(email__iexact=name)[:2])
    return by_email[0] if len(by_email) == 1 else None


def hash_in_vain(password: str) -> None:
    """Take as long as checking a password takes."""
    User().set_password(password)
