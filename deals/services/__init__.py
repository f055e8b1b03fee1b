"""All that changes deals, whom they count for, and with them the statuses.

Every function here is one change: it happens in one transaction, with the statuses and their
history right at its end, or not at all.
"""

from deals.services.explain import explain
from deals.services.merge import merge_contacts
from deals.services.preview import preview
from deals.services.recount import check_statuses
from deals.services.select import forget_win, select_status
from deals.services.stars import move_active_deals, set_primary_contact
from deals.services.sync import batched_status_sync, lock_deals_of, settle_now, sync_statuses
from deals.services.trash import restore
from deals.services.unmerge import undo_merge

__all__ = [
    "batched_status_sync",
    "check_statuses",
    "explain",
    "forget_win",
    "lock_deals_of",
    "merge_contacts",
    "move_active_deals",
    "preview",
    "restore",
    "select_status",
    "set_primary_contact",
    "settle_now",
    "sync_statuses",
    "undo_merge",
]
