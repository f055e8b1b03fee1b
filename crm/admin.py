"""The admin site itself, and the pages of what keeps the product running."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.audit.models import Entry
from crm.backoffice import ReadOnlyAdmin, few_enough, report_refusals
from crm.models import Heartbeat, NightlyRun
from crm.trash.models import TrashedRecord
from deals.services import restore

admin.site.site_header = _("Standing")
admin.site.site_title = _("Standing")
admin.site.index_title = _("Administration")


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["worker_id", "started_at", "beat_at"]


@admin.register(NightlyRun)
class NightlyRunAdmin(ReadOnlyAdmin):
    list_display = ["job", "day", "started_at", "finished_at", "ok", "found"]
    list_filter = ["job", "ok"]


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor_name", "action", "record_name", "source", "address"]
    list_filter = ["action", "source"]
    search_fields = ["actor_name", "record_name", "request_id"]
    show_full_result_count = False


# Here and not in its app: restoring takes the services of the rooms above the trash.
@admin.register(TrashedRecord)
class TrashedRecordAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "deleted_at", "deleted_by"]
    list_filter = ["kind"]
    list_select_related = ["deleted_by"]
    search_fields = ["name"]
    show_full_result_count = False
    actions = ["restore"]

    def has_restore_permission(self, request: HttpRequest) -> bool:
        # Read-only otherwise, so that the right to change entries can mean only this.
        return request.user.has_perm("trash.change_trashedrecord")

    @admin.action(permissions=["restore"], description=_("Restore"))
    def restore(self, request: HttpRequest, rows: Any) -> None:
        """Restore each, contacts first: a deal does not come back without its main contact."""
        refusals, restored = [], 0
        for entry in few_enough(self, request, rows.order_by("kind", "deleted_at", "pk")):
            try:
                restore(entry)
            except ValidationError as refusal:
                refusals.append((entry.name, refusal))
            else:
                restored += 1
        if restored:
            text = ngettext("%(number)d was restored.", "%(number)d were restored.", restored)
            self.message_user(request, text % {"number": restored}, messages.SUCCESS)
        report_refusals(self, request, refusals)
