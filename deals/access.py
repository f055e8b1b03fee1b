"""What a user may do with deals and the contacts on them, besides what the querysets say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from contacts.models import Contact
from crm.accounts.access import level_of
from crm.accounts.levels import Area, Level
from deals.models import Deal


def may_create_deals(user: Any) -> bool:
    return level_of(user, Area.DEALS, "edit") > Level.NONE


def creators_only(user: Any) -> None:
    """Raises ``PermissionDenied`` for who may not add deals."""
    if not may_create_deals(user):
        raise PermissionDenied


def edits_all_contacts(user: Any) -> bool:
    """Whether there is no contact that ``user`` may not change. No statement."""
    areas = (Area.CONTACTS, Area.CUSTOMERS)
    return all(level_of(user, area, "edit") == Level.ALL for area in areas)


def editable_contacts(ids: Iterable[int | None], user: Any) -> frozenset[int]:
    """Those of these contacts that ``user`` may change; a statement, and none for who may change them all."""
    asked = frozenset(pk for pk in ids if pk is not None)
    if not asked or edits_all_contacts(user):
        return asked
    found = Contact.objects.editable_by(user).filter(pk__in=asked).order_by()
    return frozenset(found.values_list("pk", flat=True))


def back_to(request: HttpRequest, record: Deal | Contact, page: str = "") -> HttpResponse:
    """To ``page``, else to the record; to the list where one's own step took it out of one's sight, and say so."""
    if type(record).objects.visible_to(request.user).filter(pk=record.pk).exists():
        return redirect(page or record)
    words = {"name": record.name}
    messages.info(request, _("“%(name)s” is not among what you may see any more.") % words)
    return redirect("deals:list" if isinstance(record, Deal) else "contacts:list")
