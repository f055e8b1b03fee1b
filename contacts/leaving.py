"""Where one goes after a step, and what one is told where the step took the contact out of one's sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.hidden import hidden_of
from contacts.models import Contact
from crm.accounts.access import level_of
from crm.accounts.levels import Area, Level

NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Before:
    """What it rests on whether one sees a contact, as it was before the step."""

    in_customers: bool
    owner_id: int | None

    @classmethod
    def of(cls, contact: Contact) -> Before:
        return cls(_in_customers(contact), contact.owner_id)


def back_to(
    request: HttpRequest, contact: Contact, before: Before | None = None, page: str = ""
) -> HttpResponse:
    """To ``page``, else to the card; to the list with a plain message where the reader sees the contact no more."""
    gone = gone_sentence(contact, request.user, before)
    if not gone:
        return redirect(page or contact)
    messages.warning(request, gone)
    return redirect("contacts:list")


def tell_of_gone(request: HttpRequest, changed: Sequence[tuple[Contact, Before]]) -> None:
    """Say of contacts that one step changed which of them the reader sees no more: the first few by name and reason."""
    hidden = hidden_of((contact.pk for contact, _before in changed), request.user)
    gone = [(contact, before) for contact, before in changed if contact.pk in hidden]
    for contact, before in gone[:NAMED_AT_MOST]:
        messages.warning(request, gone_sentence(contact, request.user, before))
    if (more := len(gone) - NAMED_AT_MOST) > 0:
        text = ngettext(
            "%(number)d more contact is out of your sight now, for the same reason.",
            "%(number)d more contacts are out of your sight now, for the same reason.",
            more,
        )
        messages.warning(request, text % {"number": more})


def gone_sentence(contact: Contact, user: Any, before: Before | None = None) -> str:
    """Why ``user``, who saw the contact until just now, may not see it any more; empty where they may.

    ``before`` is how it was then; without it the contact is new.
    """
    if Contact.objects.visible_to(user).filter(pk=contact.pk).exists():
        return ""
    stored = Contact.objects.select_related("owner").filter(pk=contact.pk).first()
    if stored is None:
        return _("%(name)s is deleted.") % {"name": contact.name}
    why = {"happened": _what_happened(stored, before), "seen": _what_is_seen(stored, user)}
    return _("%(happened)s, and %(seen)s.") % why


def _in_customers(contact: Contact) -> bool:
    return (contact.prospect_status, contact.customer_status) != ("none", "none")


def _what_happened(contact: Contact, before: Before | None) -> str:
    name = {"name": contact.name}
    if before is not None and before.in_customers != _in_customers(contact):
        if before.in_customers:
            return _("%(name)s is no prospect or customer any more") % name
        return _("%(name)s is a prospect or customer now") % name
    if before is not None and before.owner_id == contact.owner_id:
        return _("You do not collaborate on %(name)s any more") % name
    if contact.owner is None:
        return _("%(name)s belongs to nobody now") % name
    return _("%(name)s belongs to %(owner)s now") % {**name, "owner": contact.owner}


def _what_is_seen(contact: Contact, user: Any) -> str:
    level = level_of(user, Area.CUSTOMERS if _in_customers(contact) else Area.CONTACTS, "view")
    if level_of(user, Area.CUSTOMERS, "view") == level_of(user, Area.CONTACTS, "view"):
        words = {
            Level.NONE: _("you see no contacts"),
            Level.OWN: _("you see only your own contacts"),
            Level.TEAM: _("you see only the contacts of your team"),
        }
    elif _in_customers(contact):
        words = {
            Level.NONE: _("you see no prospects and customers"),
            Level.OWN: _("you see only your own prospects and customers"),
            Level.TEAM: _("you see only the prospects and customers of your team"),
        }
    else:
        words = {
            Level.NONE: _("you see no other contacts"),
            Level.OWN: _("you see only your own other contacts"),
            Level.TEAM: _("you see only the other contacts of your team"),
        }
    return words[level]
