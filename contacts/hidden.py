"""Contacts that records name and that their reader may not see: they are told of without a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from crm.accounts.doors import sees_all
from crm.accounts.levels import Area

A_COMPANY = _("a company you cannot see")
A_CONTACT = _("a contact you cannot see")


def sees_all_contacts(user: Any) -> bool:
    """Whether there is no contact that ``user`` may not see. No statement."""
    return sees_all(user, Area.CONTACTS, Area.CUSTOMERS)


def hidden_of(ids: Iterable[int | None], user: Any) -> frozenset[int]:
    """Those of these contacts that ``user`` may not see; a statement, and none for who sees them all."""
    asked = {pk for pk in ids if pk is not None}
    if not asked or sees_all_contacts(user):
        return frozenset()
    seen = Contact.objects.visible_to(user).filter(pk__in=asked).order_by()
    return frozenset(asked.difference(seen.values_list("pk", flat=True)))


def name_of(contact: Contact | None, hidden: Iterable[int]) -> str:
    """What it is called, unless it is among the ``hidden``; empty for None."""
    if contact is None:
        return ""
    if contact.pk in hidden:
        return str(A_COMPANY if contact.is_organization else A_CONTACT)
    return contact.name
