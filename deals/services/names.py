"""Deals by name for whoever reads of them; those that the reader may not see by their number alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.access import level_of
from crm.accounts.levels import Area, Level
from crm.actor import current_actor
from crm.bulk.among import among
from deals.models import Deal

NAMED_AT_MOST = 5
# The reader is whoever acts now; None, the product itself, is told everything.
ACTING: Any = object()


def reader_of(reader: Any) -> Any:
    return current_actor() if reader is ACTING else reader


def sees_all_deals(reader: Any) -> bool:
    return reader is None or level_of(reader, Area.DEALS, "view") == Level.ALL


def hidden_among(ids: Iterable[int], reader: Any) -> set[int]:
    """Those of these deals that ``reader`` may not see, deleted ones among them.

    None of them, and no statement, for who sees all deals.
    """
    wanted = set(ids)
    if not wanted or sees_all_deals(reader):
        return set()
    seen = Deal.objects.visible_to(reader).filter(among(wanted)).order_by()
    return wanted - set(seen.values_list("pk", flat=True))


def names_of(deals: Sequence[str | None]) -> str:
    """The names of deals in quotation marks, the first few of many: “Audit”, “Review” and 3 more.

    None stands for a deal that the reader may not see.
    """
    told = [name for name in deals if name is not None]
    hidden = len(deals) - len(told)
    named = ", ".join(_("“%(deal)s”") % {"deal": name} for name in told[:NAMED_AT_MOST])
    if (more := len(told) - NAMED_AT_MOST) > 0:
        named = ngettext("%(deals)s and %(more)d more", "%(deals)s and %(more)d more", more) % {
            "deals": named,
            "more": more,
        }
    if not hidden:
        return named
    if not named:
        return deals_unseen(hidden)
    return _("%(deals)s and %(hidden)s") % {"deals": named, "hidden": deals_unseen(hidden)}


def deals_unseen(number: int) -> str:
    text = ngettext("a deal you cannot see", "%(number)d deals you cannot see", number)
    return text % {"number": number}
