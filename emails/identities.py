"""Keeping senders, and the mail servers they use: names in the setting MAILERS, which only the environment fills."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import InvalidMailer, MailerDoesNotExist
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from emails.addresses import normal, sendable
from emails.domain_check import Asked, check
from emails.domain_lookup import Lookup, is_name
from emails.letters import encoded, line, mailbox, quoted_printable
from emails.models import Mailing, Sender
from emails.transport import Answer, Result, transport

DEFAULT, CONSOLE, FILES = "default", "console", "filebased"
_SMTP = "django.core.mail.backends.smtp.EmailBackend"
_SECRET = ("password", "api_key", "api_token", "secret_key", "server_token")
# What a change of makes the last check of the domain one of something else.
_CHECKED = ("address", "bounces_to", "mailer", "dkim_selector")


@dataclass(frozen=True)
class MailServer:
    """``kind`` is “smtp”, the name of a provider, or what Django calls a backend that sends nothing; ``host`` is where
    SMTP goes."""

    name: str
    kind: str
    host: str = ""
    port: int = 0
    folder: str = ""

    @property
    def label(self) -> str:
        if self.kind == FILES:
            where = _("written to files, sent to nobody")
        elif self.kind == CONSOLE:
            where = _("shown on the console, sent to nobody")
        else:
            where = f"{self.host}:{self.port}" if self.host else self.kind
        return f"{self.name} ({where})"

    @property
    def is_fit(self) -> bool:
        """Whether mailings may go over it: thousands of mails on a console help nobody."""
        return self.kind != CONSOLE


def mail_servers() -> list[MailServer]:
    """All there are, as they may be shown: without names and passwords."""
    return [_server(name, config) for name, config in settings.MAILERS.items()]


def _server(name: str, config: dict[str, Any]) -> MailServer:
    kind = config.get("BACKEND", _SMTP).split(".")[-2]
    options = config.get("OPTIONS", {})
    if kind == "smtp":
        return MailServer(name, kind, str(options.get("host", "")), int(options.get("port") or 25))
    folder = str(options.get("file_path", "")).removeprefix(f"{settings.BASE_DIR}/")
    return MailServer(name, kind, folder=folder)


def server_of(sender: Sender) -> MailServer | None:
    """None where MAILERS has none of its name any more."""
    return next((one for one in mail_servers() if one.name == sender.mailer), None)


def first_fit() -> str:
    """The mail server of a sender that nothing else is said of."""
    return next((one.name for one in mail_servers() if one.is_fit), DEFAULT)


def problem_with(sender: Sender) -> str:
    """Why nothing can be sent under this identity now, as a sentence; empty if it can."""
    server = server_of(sender)
    if not sender.is_active:
        return _("The sender %(sender)s is switched off. Choose another.") % {"sender": sender}
    if server is None:
        return _(
            "The mail server “%(name)s” of the sender %(sender)s is not there any more. An administrator can choose "
            "another under Settings › Senders."
        ) % {"name": sender.mailer, "sender": sender}
    if not server.is_fit:
        return _(
            "No mail server is set up (EMAIL_URL). An administrator can let %(sender)s write files instead, under "
            "Settings › Senders."
        ) % {"sender": sender}
    return ""


def note_on(sender: Sender) -> str:
    """What has to be known before sending: that mails of this sender reach nobody. Empty where they do."""
    server = server_of(sender)
    if server is None or server.kind != FILES:
        return ""
    return _("Nobody gets these mails: they are written to files in %(folder)s.") % {
        "folder": server.folder
    }


# -- keeping them


def save_sender(sender: Sender, **values: Any) -> Sender:
    """Set these fields of a sender, new or stored, and store it. Raises ``ValidationError`` by field."""
    with transaction.atomic():
        stored = _locked(sender) if sender.pk else sender
        before = {name: getattr(stored, name) for name in _CHECKED}
        for name, value in values.items():
            setattr(stored, name, value)
        _check(stored)
        if any(before[name] != getattr(stored, name) for name in _CHECKED):
            stored.checked_at, stored.check_results = None, {}
        stored.full_clean()
        try:
            with transaction.atomic():
                stored.save()
        except IntegrityError:
            raise ValidationError({"address": _taken()}) from None
    return stored


def _locked(sender: Sender) -> Sender:
    found = Sender.objects.select_for_update(no_key=True).filter(pk=sender.pk).first()
    if found is None:
        raise ValidationError(_("This sender does not exist any more."))
    return found


def _check(sender: Sender) -> None:
    wrong: dict[str, str] = {}
    sender.name = " ".join(sender.name.split())
    if not sender.name.isprintable():
        wrong["name"] = _("Write the name in letters, digits and blanks.")
    for name in ("address", "reply_to", "bounces_to"):
        given = getattr(sender, name)
        setattr(sender, name, sendable(given))
        if given and not sendable(given):
            wrong[name] = _(
                "Mail servers do not take this address. Write it as in crm@example.org."
            )
    others = Sender.objects.exclude(pk=sender.pk).values_list("address", flat=True)
    if normal(sender.address) in {normal(one) for one in others}:
        wrong["address"] = _taken()
    if sender.dkim_selector and not is_name(sender.dkim_selector):
        wrong["dkim_selector"] = _("Give the selector alone, such as s1, without “_domainkey”.")
    fit = [one.name for one in mail_servers() if one.is_fit]
    if sender.mailer not in fit:
        wrong["mailer"] = _("There is no such mail server for mailings: %(names)s.") % {
            "names": ", ".join(fit) or _("set EMAIL_URL first")
        }
    if wrong:
        raise ValidationError(wrong)


def _taken() -> str:
    return _("Another sender has this address already. Change that one instead.")


def switch(sender: Sender, *, on: bool) -> Sender:
    """Let it be chosen again, or no more. Mailings that it sends already go on: pause them."""
    with transaction.atomic():
        stored = _locked(sender)
        stored.is_active = on
        stored.save(update_fields=["is_active"])
    return stored


def was_used(sender: Sender) -> bool:
    return Mailing.objects.filter(sender=sender).exists()


def delete_sender(sender: Sender) -> None:
    """Raises ``ValidationError`` where a mailing names it."""
    with transaction.atomic():
        stored = _locked(sender)
        if was_used(stored):
            raise ValidationError(
                _("Mailings name this sender, so that it stays. Switch it off instead.")
            )
        stored.delete()


# -- trying them


def check_domain(sender: Sender, lookup: Lookup | None = None) -> dict[str, Any]:
    """Ask the DNS about the sender's domain and store what was found; takes up to ten seconds."""
    domain = sendable(sender.address).rpartition("@")[2]
    bounces = sendable(sender.bounces_to).rpartition("@")[2] or domain
    server = server_of(sender)
    host = server.host if server else ""
    found = check(Asked(domain, bounces, sender.dkim_selector, host), lookup)
    # Not of what somebody changed meanwhile; and no setting, which the audit log would tell of.
    same = Sender.objects.filter(pk=sender.pk, **{name: getattr(sender, name) for name in _CHECKED})
    same.update(checked_at=timezone.now(), check_results=found)
    return found


def send_test(sender: Sender, to: str) -> Answer:
    """Mail one letter to ``to``; what the server answered, without what it was given to let us in."""
    address = sendable(to)
    if not address:
        raise ValidationError(
            _("You have no e-mail address that a mail could be sent to. Give one in your profile.")
        )
    try:
        connection = transport(sender.mailer)
    except (MailerDoesNotExist, InvalidMailer):
        raise ValidationError(
            _("The mail server “%(name)s” is not there any more. Choose another.")
            % {"name": sender.mailer}
        ) from None
    with connection:
        answer = connection.send(
            sender.bounces_to or sender.address, address, _letter(sender, address)
        )
    return answer._replace(text=without_secrets(sender.mailer, answer.text))


def was_taken(answer: Answer) -> bool:
    return answer.result is Result.SENT


def _letter(sender: Sender, address: str) -> bytes:
    text = _(
        "This is a test mail from %(name)s <%(address)s>.\n\nIf you read it in your inbox, mails under this name "
        "arrive. Look at its source: “dkim=pass”, “spf=pass” and “dmarc=pass” should stand there.\n"
    ) % {"name": sender.name, "address": sender.address}
    domain = sender.address.rpartition("@")[2]
    headers = {
        "From": mailbox(sender.name, sender.address),
        "To": address,
        "Subject": encoded(_("Test mail")),
        "Date": format_datetime(timezone.now()),
        "Message-ID": f"<{uuid4().hex}@{domain}>",
        **({"Reply-To": sender.reply_to} if sender.reply_to else {}),
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
    }
    head = b"".join(line(name, value) for name, value in headers.items())
    return head + b"\r\n" + quoted_printable(text)


def without_secrets(mailer: str, text: str) -> str:
    """What a server said, where it repeats what it was told."""
    options = settings.MAILERS.get(mailer, {}).get("OPTIONS", {})
    user = str(options.get("username") or "")
    for name in _SECRET:
        secret = str(options.get(name) or "")
        if secret:
            plain = f"\0{user}\0{secret}"
            for told in (secret, _base64(secret), _base64(plain), _base64(user) if user else ""):
                text = text.replace(told, "…") if told else text
    return text


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
