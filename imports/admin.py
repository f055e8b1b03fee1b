from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from crm.backoffice import ReadOnlyAdmin
from imports.models import ImportedRecord, ImportRun


@admin.register(ImportRun)
class ImportRunAdmin(admin.ModelAdmin):
    """What was loaded. Nobody edits history."""

    list_display = (
        "started_at",
        "source",
        "started_by",
        "created",
        "updated",
        "unchanged",
        "rejected",
    )
    list_select_related = ("started_by",)
    list_filter = ("source",)
    date_hierarchy = "started_at"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ImportedRecord)
class ImportedRecordAdmin(ReadOnlyAdmin):
    """Which row of a source became which record."""

    show_full_result_count = False
    ordering = ("-pk",)
