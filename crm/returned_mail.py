"""Where reports about mails come back to, as the environment names it: a mailbox, and the webhook of a provider."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from crm.mail_servers import PROVIDERS, BadAddress

MAILBOX_FORM = "Give imaps://user:password@host/folder, with %40 for an @ in the name."
WEBHOOK_FORM = (
    "Give the provider's name, a colon and a secret of at least 32 letters and digits, made with: "
    "python3 -c 'import secrets; print(secrets.token_hex(20))'"
)
# Tells nothing by itself.
SILENT = ("scaleway",)


def mailbox_of(url: str, *, tls_only: bool) -> dict[str, Any]:
    """Host, port, name, password and folder of a mailbox. Raises ``BadAddress``, which holds none of them."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise BadAddress("is not the address of a mailbox", MAILBOX_FORM) from None
    if parts.scheme not in ("imaps", "imap") or not parts.hostname or not parts.username:
        raise BadAddress("is not the address of a mailbox", MAILBOX_FORM)
    if parts.scheme == "imap" and tls_only:
        raise BadAddress("would send its password unencrypted", MAILBOX_FORM)
    folder = unquote(parts.path.strip("/")) or "INBOX"
    if not folder.isascii() or not folder.isprintable():
        raise BadAddress("names a folder beyond ASCII", "Give one of plain letters, such as INBOX.")
    return {
        "host": parts.hostname,
        "port": port or (993 if parts.scheme == "imaps" else 143),
        "tls": parts.scheme == "imaps",
        "user": unquote(parts.username),
        "password": unquote(parts.password or ""),
        "folder": folder,
    }


def webhook_of(text: str) -> dict[str, str]:
    """The provider whose reports are answered, and the secret of the address. Raises ``BadAddress``."""
    name, _colon, secret = text.strip().partition(":")
    name = name.strip().lower()
    if name not in PROVIDERS or name in SILENT:
        known = ", ".join(sorted(PROVIDERS.keys() - set(SILENT)))
        raise BadAddress("names no provider that reports", f"{WEBHOOK_FORM} Providers: {known}.")
    if not (secret.isascii() and secret.isalnum()) or len(secret) < 32:
        raise BadAddress("has a secret that can be guessed", WEBHOOK_FORM)
    return {"provider": name.replace("-", "_"), "secret": secret}
