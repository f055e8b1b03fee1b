"""What a change would do, made ready for whoever is asked before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contacts.models import Contact, StatusChange
from contacts.statuses import StatusKind
from deals.models import Deal
from deals.notices import KeptWin
from deals.services.preview import Preview


@dataclass(frozen=True)
class Effects:
    """What a change would do, for the page that asks before doing it.

    ``hidden`` is how many more contacts get another status, and ``hidden_kept`` how many more wins are kept, of whom
    or of which the reader may see nothing else.
    """

    changes: Sequence[StatusChange]
    kept: Sequence[KeptWin]
    hidden: int = 0
    hidden_kept: int = 0


def effects_of(seen: Preview, user: Any) -> Effects:
    """``seen`` with everybody loaded whom the user may see, in the order of their names."""
    visible = Contact.objects.visible_to(user)
    moved = {row.contact_id for row in seen.changes}
    contacts = visible.in_bulk(moved)
    changes = [row for row in seen.changes if row.contact_id in contacts]
    order = list(StatusKind.values)
    changes.sort(key=lambda row: (row.contact.sort_key, row.contact_id, order.index(row.status)))
    keeping = visible.in_bulk({contact_id for _deal, contact_id in seen.newly_kept})
    deals = Deal.objects.visible_to(user).in_bulk({deal for deal, _contact in seen.newly_kept})
    kept = [
        KeptWin(keeping[contact_id], deals[deal_id])
        for deal_id, contact_id in seen.newly_kept
        if contact_id in keeping and deal_id in deals
    ]
    return Effects(changes, kept, len(moved) - len(contacts), len(seen.newly_kept) - len(kept))
