from __future__ import annotations

from django.contrib import admin

from crm.backoffice import ReadOnlyAdmin
from crm.bulk.models import BulkRun


@admin.register(BulkRun)
class BulkRunAdmin(ReadOnlyAdmin):
    """Who did what to how many. Runs are started, halted and undone on their own pages."""

    list_display = ["action", "user", "state", "total", "done", "refused", "created_at"]
    list_filter = ["action", "state"]
    list_select_related = ["user"]
    sortable_by = ()
    search_fields = ["sentence"]
    show_full_result_count = False
