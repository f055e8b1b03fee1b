"""Mail servers as the environment names them, one address each: SMTP, and providers by their own interfaces.

Passwords and keys stand in these addresses and nowhere else; what is wrong with one is said without showing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

SMTP = "django.core.mail.backends.smtp.EmailBackend"
SMTP_FORMS = "smtp://user:password@host:587/?tls=True, or smtps:// for port 465"
PROVIDER = "anymail+"
TIMEOUT = 30
TRUE = frozenset(("1", "true", "yes", "on"))


@dataclass(frozen=True)
class Provider:
    """What django-anymail asks of one: settings that it needs, and those it knows besides."""

    needs: tuple[str, ...]
    knows: tuple[str, ...] = ()
    # What proves that a report is the provider's own, where it signs them.
    webhook: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.needs, *self.knows, *self.webhook, "api_url")


# Amazon SES needs a library that is not installed, and SendGrid is not supported by django-anymail any more: both take
# mail by SMTP.
PROVIDERS = {
    "brevo": Provider(("api_key",)),
    "mailersend": Provider(("api_token",), webhook=("signing_secret",)),
    "mailgun": Provider(("api_key",), ("sender_domain",), ("webhook_signing_key",)),
    "mailjet": Provider(("api_key", "secret_key")),
    "mailtrap": Provider(("api_token",), ("sandbox_id",)),
    "mandrill": Provider(("api_key",), webhook=("webhook_key", "webhook_url")),
    "postal": Provider(("api_key", "api_url"), webhook=("webhook_key",)),
    "postmark": Provider(("server_token",), ("message_stream",)),
    "resend": Provider(("api_key",), webhook=("signing_secret",)),
    "scaleway": Provider(("secret_key", "project_id"), ("region",)),
    "sparkpost": Provider(("api_key",), ("subaccount",)),
    "unisender-go": Provider(("api_key", "api_url")),
}


class BadAddress(ValueError):
    """``problem`` and ``remedy``, neither of which holds any of the address."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def mailer_of(url: str) -> dict[str, Any]:
    """An entry of Django's ``MAILERS``. Raises ``BadAddress``."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise BadAddress("is not the address of a mail server", f"Give {SMTP_FORMS}.") from None
    if parts.scheme.startswith(PROVIDER):
        return _provider(parts.scheme.removeprefix(PROVIDER), _query(parts))
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadAddress(
            "is not the address of a mail server",
            f"Give {SMTP_FORMS}, or anymail+PROVIDER://?api_key=KEY.",
        )
    query = _query(parts)
    if unknown := [name for name in query if name not in ("tls", "ssl", "timeout")]:
        raise BadAddress(f"has a part “{unknown[0]}” that is not known", f"Give {SMTP_FORMS}.")
    ssl = parts.scheme == "smtps" or query.get("ssl", "").lower() in TRUE
    seconds = query.get("timeout", str(TIMEOUT))
    if not (seconds.isascii() and seconds.isdigit() and 0 < int(seconds) <= 300):
        raise BadAddress(
            "has a timeout that is none", "Give seconds from 1 to 300, as in timeout=30."
        )
    options = {
        "host": parts.hostname,
        "port": port or (465 if ssl else 25),
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_tls": not ssl and query.get("tls", "").lower() in TRUE,
        "use_ssl": ssl,
        "timeout": int(seconds),
    }
    return {"BACKEND": SMTP, "OPTIONS": options}


def _query(parts: SplitResult) -> dict[str, str]:
    """Not as forms are read: a + in a key is a +."""
    pairs = (one.partition("=") for one in parts.query.split("&") if one)
    return {unquote(name): unquote(value) for name, _equals, value in pairs}


def _provider(name: str, options: dict[str, str]) -> dict[str, Any]:
    known = PROVIDERS.get(name)
    if known is None:
        raise BadAddress(
            "names a provider that is not known",
            f"Known are {', '.join(PROVIDERS)}; all others take mail by SMTP: give {SMTP_FORMS}.",
        )
    if lacking := [one for one in known.needs if not options.get(one)]:
        example = "&".join(f"{one}=…" for one in known.needs)
        raise BadAddress(f"lacks {lacking[0]}", f"Give anymail+{name}://?{example}.")
    if unknown := [one for one in options if one not in known.all]:
        raise BadAddress(
            f"has a part “{unknown[0]}” that is not known",
            f"{name} has {', '.join(dict.fromkeys(known.all))}.",
        )
    sending = {one: value for one, value in options.items() if one not in known.webhook}
    return {
        "BACKEND": f"anymail.backends.{name.replace('-', '_')}.EmailBackend",
        "OPTIONS": sending,
    }


def webhook_settings(urls: list[str]) -> dict[str, Any]:
    """The setting ANYMAIL, by which django-anymail checks what providers report: keys of those among ``urls``."""
    found: dict[str, Any] = {}
    for url in urls:
        parts = urlsplit(url.strip())
        name = parts.scheme.removeprefix(PROVIDER)
        if not parts.scheme.startswith(PROVIDER) or name not in PROVIDERS:
            continue
        of_reports = {*PROVIDERS[name].webhook, "api_key", "api_url"}
        found |= {
            f"{name}_{one}".upper().replace("-", "_"): value
            for one, value in _query(parts).items()
            if one in of_reports
        }
    return found
