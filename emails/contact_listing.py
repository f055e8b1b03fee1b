"""What bulk email adds to the lists of contacts: whether an address may be mailed, and on what legal basis.

An address belongs to a contact by the key that both have stored. Domains beyond ASCII have two: contacts keep them as
they are written. Whoever was erased is known by hashes alone, and what is no address by looking at it: both are told in
the cell and in the ledger of each mailing, and no filter can ask for them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import idna
from django.db.models import CharField, Q, Value
from django.utils.translation import gettext_lazy as _

from contacts.listing import CONTACTS
from contacts.models import Contact
from crm.lists.kinds import Choice
from crm.lists.registry import Cell, Condition, Context, Field
from crm.suppression.services import suppressed
from emails.addresses import normal
from emails.models import Address, MailSettings
from emails.reasons import Basis, LeftOut
from emails.standing import STRENGTH

MAILING = _("Bulk email")
MAILABLE = "mailable"
WORDS = {
    MAILABLE: _("Can be mailed"),
    **{one.value: LeftOut(one.value).label for one in STRENGTH},
    LeftOut.NO_BASIS.value: LeftOut.NO_BASIS.label,
    LeftOut.NO_ADDRESS.value: LeftOut.NO_ADDRESS.label,
}


def _choices(context: Context) -> list[tuple[str, str]]:
    return [(code, str(label)) for code, label in WORDS.items()]


def _basis_required(context: Context) -> bool:
    found: bool = context.once(
        "mailing needs a basis", lambda: MailSettings.current().basis_required
    )
    return found


def _having(context: Context, wanted: Q, holds: Callable[[Address], bool]) -> Q:
    """The contacts whose address is one of these."""
    found = Q(match_email__in=Address.objects.filter(wanted).values("address"))
    written = [text for row, text in _written_otherwise(context) if holds(row)]
    return found | Q(match_email__in=written) if written else found


def _written_otherwise(context: Context) -> list[tuple[Address, str]]:
    """Addresses at domains beyond ASCII, with how people write them."""

    def look_up() -> list[tuple[Address, str]]:
        rows = Address.objects.filter(Q(address__contains="@xn--") | Q(address__contains=".xn--"))
        return [(row, _written(row.address)) for row in rows]

    found: list[tuple[Address, str]] = context.once("addresses written otherwise", look_up)
    return found


def _written(address: str) -> str:
    local, _at, domain = address.partition("@")
    try:
        return f"{local}@{idna.decode(domain)}".casefold()
    except idna.IDNAError:
        return address


def _stands(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    found = Q(pk__in=[])
    for value in values:
        found |= _stands_so(value, context)
    return found


def _stands_so(value: str, context: Context) -> Q:
    if value == LeftOut.NO_ADDRESS:
        return Q(match_email="")
    if value in STRENGTH:
        return _having(context, Q(suppressed=value), lambda row: row.suppressed == value)
    required = _basis_required(context)
    if value == LeftOut.NO_BASIS and not required:
        return Q(pk__in=[])
    free = ~Q(match_email="")
    free &= ~_having(context, ~Q(suppressed=""), lambda row: bool(row.suppressed))
    if not required:
        return free
    based = _having(context, ~Q(basis=""), lambda row: bool(row.basis))
    return free & ~based if value == LeftOut.NO_BASIS else free & based


def _based(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    if op == "empty":
        return ~_having(context, ~Q(basis=""), lambda row: bool(row.basis))
    wanted = list(values)
    return _having(context, Q(basis__in=wanted), lambda row: row.basis in wanted)


class Seen(NamedTuple):
    """How the address of a contact stands, a code of ``WORDS`` or ``LeftOut``, and its legal basis."""

    code: str
    basis: str = ""


def standings(rows: Sequence[Any], context: Context, fields: Sequence[Field]) -> dict[int, Seen]:
    """For the contacts of a page how their addresses stand. Three statements in a list, four for a file."""
    written = {pk: email.strip() for pk, email in _emails(rows)}
    addresses = {pk: normal(email) for pk, email in written.items()}
    known, required = _known(set(addresses.values()) - {""})
    erased = suppressed(address for address in addresses.values() if address)

    def seen(pk: int) -> Seen:
        address = addresses[pk]
        if not address:
            return Seen(LeftOut.INVALID.value if written[pk] else LeftOut.NO_ADDRESS.value)
        why, basis = known.get(address, ("", ""))
        if address in erased:
            why = LeftOut.ERASED.value
        return Seen(why or (LeftOut.NO_BASIS.value if required and not basis else MAILABLE), basis)

    return {pk: seen(pk) for pk in written}


def _emails(rows: Sequence[Any]) -> list[tuple[int, str]]:
    """Rows of a list have them; those of a file are keys."""
    if all(isinstance(row, Contact) for row in rows):
        return [(row.pk, row.email) for row in rows]
    ids = [row.pk for row in rows]
    return list(Contact.objects.filter(pk__in=ids).order_by().values_list("pk", "email"))


def _known(addresses: Collection[str]) -> tuple[dict[str, tuple[str, str]], bool]:
    """What is stored of these addresses, and whether a basis is required, in one statement: a list has few to spare."""
    rows = Address.objects.filter(address__in=addresses).order_by()
    nothing = Value("", CharField())
    required = MailSettings.objects.filter(basis_required=True).order_by()
    found = rows.values_list("address", "suppressed", "basis").union(
        required.values_list(nothing, nothing, nothing), all=True
    )
    known = {address: (why, basis) for address, why, basis in found}
    return known, known.pop("", None) is not None


def _stands_cell(context: Context) -> Callable[[Any, Any], Cell]:
    words: Mapping[str, Any] = {one.value: one.label for one in LeftOut} | WORDS
    return lambda row, found: Cell(str(words[found.code]) if found else "")


def _basis_cell(context: Context) -> Callable[[Any, Any], Cell]:
    labels = dict(Basis.choices)
    return lambda row, found: Cell(str(labels.get(found.basis, "")) if found else "")


_field = partial(Field, section=MAILING, loader=standings, needs=["email"])
CONTACTS.add(
    _field(
        name="mail_standing",
        label=_("Mail standing"),
        kind=Choice(_choices),
        where=_stands,
        cell=_stands_cell,
    ),
    _field(
        name="legal_basis",
        label=_("Legal basis"),
        kind=Choice(lambda context: [(one.value, str(one.label)) for one in Basis], nullable=True),
        where=_based,
        cell=_basis_cell,
    ),
)
