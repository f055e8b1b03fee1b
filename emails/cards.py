"""What the card of a contact says about mailing it: whether it can be, why not, and on what ground."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import Any

from django.db.models import DateTimeField, TextField, Value
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from contacts.models import Contact
from crm.accounts.access import may
from crm.accounts.levels import Right
from crm.suppression.services import suppressed as erased_among
from emails.addresses import normal
from emails.models import Address, MailSettings
from emails.reasons import Basis, Suppressed
from emails.standing import NO_GROUND, Ground, Standing

_COLUMNS = ("what", "why", "since", "basis_", "source_", "text_", "at_")
_ADDRESS, _REQUIRED = "address", "required"


class MailCard:
    """The mail standing of ``contact`` for ``user``, who sees it. Three statements at most."""

    def __init__(self, contact: Contact, user: Any, *, may_edit: bool) -> None:
        self.contact = contact
        self.user = user
        self.may_edit = may_edit

    @cached_property
    def address(self) -> str:
        return normal(self.contact.email)

    @property
    def standing(self) -> Standing:
        return self._found[0]

    @cached_property
    def is_erased(self) -> bool:
        return bool(erased_among([self.contact.email]))

    @cached_property
    def _found(self) -> tuple[Standing, bool]:
        """Where the address stands, and whether every address needs a legal basis; one statement."""
        standing, required = Standing(address=self.address), False
        for what, why, since, *ground in _of_address(self.address):
            if what == _REQUIRED:
                required = True
            else:
                ground = Ground(*ground) if ground[0] else NO_GROUND
                standing = Standing(
                    address=self.address, suppressed=why, suppressed_at=since, ground=ground
                )
        return standing, required

    @cached_property
    def obstacle(self) -> str:
        """Why nobody may mail the contact, in a sentence; empty where it can be mailed."""
        if not self.contact.email:
            return _("There is no e-mail address.")
        if not self.address:
            return _("The e-mail address is not a valid one.")
        if self.is_erased:
            return _("A person with this address was erased at their request.")
        if self.standing.suppressed:
            return str(_SENTENCES[Suppressed(self.standing.suppressed)]())
        if self._found[1] and not self.standing.ground.basis:
            return _("There is no legal basis for mailing this address.")
        return ""

    @property
    def why_not(self) -> str:
        """Why the reader cannot mail the contact; empty where they can."""
        if not may(self.user, Right.MAIL):
            return _("You do not have the right to mail. An administrator can give it to you.")
        return self.obstacle

    @property
    def may_lift(self) -> bool:
        """Nothing lifts what erasing a person left behind."""
        return bool(self.user.is_superuser and self.standing.suppressed and not self.is_erased)

    @property
    def may_suppress(self) -> bool:
        suppressed = self.standing.suppressed or self.is_erased
        return bool(self.may_edit and self.address and not suppressed)

    @property
    def may_set_basis(self) -> bool:
        return bool(self.may_edit and self.address and not self.is_erased)

    @property
    def bases(self) -> list[tuple[str, Any]]:
        return Basis.choices

    @cached_property
    def token(self) -> str:
        """Of the button that begins a mail: pressed twice, it begins one."""
        return secrets.token_urlsafe(24)


_SENTENCES = {
    Suppressed.UNSUBSCRIBED: lambda: _("They unsubscribed."),
    Suppressed.BOUNCED: lambda: _("Mails to this address came back."),
    Suppressed.COMPLAINED: lambda: _("They reported a mail as unwanted."),
    Suppressed.BLOCKED: lambda: _("Somebody here decided not to mail this address."),
    Suppressed.ERASED: lambda: _("A person with this address was erased at their request."),
}


def _of_address(address: str) -> Any:
    """The row of an address, and one that says that all need a legal basis, in one statement."""
    found = Address.objects.filter(address=address).annotate(
        what=Value(_ADDRESS, TextField()),
        why=Cast("suppressed", TextField()),
        since=Cast("suppressed_at", DateTimeField()),
        basis_=Cast("basis", TextField()),
        source_=Cast("basis_source", TextField()),
        text_=Cast("basis_text", TextField()),
        at_=Cast("basis_at", DateTimeField()),
    )
    nothing, never = Value("", TextField()), Value(None, DateTimeField())
    required = MailSettings.objects.filter(basis_required=True).annotate(
        what=Value(_REQUIRED, TextField()), why=nothing, since=never, basis_=nothing,
        source_=nothing, text_=nothing, at_=never,
    )  # fmt: skip
    return found.values_list(*_COLUMNS).union(required.values_list(*_COLUMNS), all=True)
