from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from crm.backoffice import ReadOnlyAdmin
from crm.lists.models import ListAddress, ListPreference, ListTab, SmartList


@admin.register(SmartList)
class SmartListAdmin(admin.ModelAdmin):
    """Whose a list is and who sees it. What it asks for is changed where it can be seen, in the list itself."""

    list_display = ["name", "record", "owner", "shared", "team", "updated_at"]
    list_filter = ["record", "shared", "team"]
    list_select_related = ["owner", "team"]
    search_fields = ["name", "slug"]
    fields = [
        "name",
        "record",
        "slug",
        "owner",
        "shared",
        "team",
        "conditions",
        "text",
        "sort",
        "columns",
    ]
    readonly_fields = ["record", "slug", "conditions", "text", "sort", "columns"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(ListTab)
class ListTabAdmin(ReadOnlyAdmin):
    list_display = ["user", "record", "position", "ready", "saved"]
    list_filter = ["record"]
    list_select_related = ["user", "saved"]


@admin.register(ListPreference)
class ListPreferenceAdmin(ReadOnlyAdmin):
    list_display = ["user", "record", "density", "per_page", "own_tabs"]
    list_filter = ["record"]
    list_select_related = ["user"]


@admin.register(ListAddress)
class ListAddressAdmin(ReadOnlyAdmin):
    list_display = ["key", "query", "created_at"]
    search_fields = ["key"]
