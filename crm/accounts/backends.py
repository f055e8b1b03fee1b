from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from crm.accounts.along import ALONG
from crm.accounts.models import User


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
        user = User.objects.annotate(**ALONG).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


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
