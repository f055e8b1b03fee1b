"""Secrets that the database keeps, such as of authenticator apps, are of no use without ``SECRET_KEY``."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def seal(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises ``cryptography.fernet.InvalidToken`` where neither the key nor a former one has sealed it."""
    return _keys().decrypt(sealed.encode()).decode()


def _keys() -> MultiFernet:
    return MultiFernet([_key(one) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    # The secret key signs cookies as well: a key of its own, so that neither use says anything about the other.
    digest = hashlib.sha256(b"crm.accounts.sealing" + secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
