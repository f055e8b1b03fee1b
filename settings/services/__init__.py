"""What is done with tags and custom fields: reading and setting them, and removing the tags and fields themselves."""

from settings.services.assigning import Refused, change_tags, refusals, set_values
from settings.services.handing import counterpart
from settings.services.reading import Seen, names_for, seen_of, tags_of, values_of
from settings.services.removing import (
    Toll,
    delete_everywhere,
    delete_label,
    merge_labels,
    move_label,
    purge_expired,
    toll_of,
)
from settings.services.undoing import undo_removal

__all__ = [
    "Refused",
    "Seen",
    "Toll",
    "change_tags",
    "counterpart",
    "delete_everywhere",
    "delete_label",
    "merge_labels",
    "move_label",
    "names_for",
    "purge_expired",
    "refusals",
    "seen_of",
    "set_values",
    "tags_of",
    "toll_of",
    "undo_removal",
    "values_of",
]
