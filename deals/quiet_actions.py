"""Marking quiet customers as Past Customers, once a person has confirmed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.statuses import CustomerStatus
from crm.bulk.actions import Outcome, refused, register
from crm.bulk.models import BulkRun
from crm.changes import one_change
from deals.contact_actions import SelectStatuses
from deals.services.quiet import still_quiet


@register
class ConfirmQuiet(SelectStatuses):
    """Selects Past Customer for those who are still quiet when it is their turn.

    A run of thousands takes a while; who has a deal by then is not what was confirmed.
    """

    key = "contact.quiet"
    label = gettext_lazy("Quiet customers")
    chunk = 2_000

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        with one_change():
            quiet = still_quiet(ids)
            outcomes = super().act([pk for pk in ids if pk in quiet], run) if quiet else []
        reason = _("It is not quiet any more.")
        return outcomes + [refused(pk, reason) for pk in ids if pk not in quiet]

    def _chosen(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {"customer": CustomerStatus.PAST.value}
