"""What contacts tell the rooms above them, which they may not call."""

from django.dispatch import Signal

# Sent inside the change, before the rows are written, with ``contact_ids``: the company of these
# contacts is about to become another one.
company_changing = Signal()

# Sent inside the change, with ``survivor_id`` and ``merged_id``: one contact was made of two, and
# the merged one is about to go. Whoever lets something follow puts into ``remembered``, under a
# key of its own and fit for JSON, what it takes to give it back. ``kept`` is whose value of a
# custom field stays: “ours”, “theirs” or “both” by its number, where somebody chose.
contact_merged = Signal()

# Sent inside the change, with ``survivor_id``, ``merged_id`` and what was ``remembered``: the merge
# is undone, and the merged contact is there again under its old number. What stays otherwise,
# because somebody edited it since, is added to ``told`` in sentences.
contact_unmerged = Signal()
