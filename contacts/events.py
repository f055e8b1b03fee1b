"""What contacts tell the rooms above them, which they may not call."""

from django.dispatch import Signal

# Sent inside the change, before the rows are written, with ``contact_ids``: the company of these
# contacts is about to become another one.
company_changing = Signal()
