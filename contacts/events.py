"""What contacts tell the rooms above them, which they may not call."""

from django.dispatch import Signal

# Sent inside the change, before the rows are written, with ``contact_ids``: the company of these
# contacts is about to become another one.
company_changing = Signal()

# Sent inside the change, with ``survivor_id`` and ``merged_id``: one contact was made of two, and
# the merged one is about to go.
contact_merged = Signal()
