"""People with passwords and second factors, and signing them in through the page."""

from __future__ import annotations

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from crm.accounts.factor_forms import PERIOD
from crm.accounts.models import User
from settings.models import Account
from tests.access.worlds import administrator, member

PASSWORD = "correct horse battery staple"
WRONG = "wrong horse battery staple"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN = "/accounts/login/"
SECOND = "/accounts/login/second/"
SECURITY = "/accounts/security/"
MISMATCH = "That name and password do not belong together."


def with_password(user: User, password: str = PASSWORD) -> User:
    user.email = f"{user.username}@example.org"
    user.set_password(password)
    user.save()
    return user


def ann() -> User:
    return with_password(member("ann"))


def root() -> User:
    return with_password(administrator())


def app_of(user: User) -> Authenticator:
    """Sets up an authenticator app with SECRET; no code of it was used yet."""
    return TOTP.activate(user, SECRET).instance


def recovery_codes(user: User) -> list[str]:
    return RecoveryCodes.activate(user).get_unused_codes()


def code(offset: int = 0, secret: str = SECRET) -> str:
    """What the app shows now, or so many half minutes from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + offset))


def post(client: Client, name: str, password: str, **more: Any) -> Any:
    return client.post(LOGIN, {"username": name, "password": password}, **more)


def signed_in(user: User, **headers: Any) -> Client:
    """A browser in which the user has signed in by password, and code where they have an app."""
    client = Client(**headers)
    answer = post(client, user.username, PASSWORD)
    if answer["Location"].startswith(SECOND):
        answer = client.post(SECOND, {"code": code()})
    assert answer.status_code == 302, answer.content.decode()
    assert is_in(client)
    return client


def is_in(client: Client) -> bool:
    return client.get("/accounts/security/").status_code == 200


def copy_of(client: Client) -> Client:
    """Another browser with the cookies of this one: a stolen session."""
    other = Client()
    other.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    return other


def confirm(client: Client, password: str = PASSWORD) -> None:
    """Types the password once more, as what changes the sign-in asks for."""
    assert client.post("/accounts/confirm/", {"password": password}).status_code == 302


def require_factor(**roles: bool) -> None:
    Account.objects.update_or_create(
        pk=1, defaults={f"factor_of_{role}": wanted for role, wanted in roles.items()}
    )
