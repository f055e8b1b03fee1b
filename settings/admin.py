"""The back office of tags and fields. They are made, removed and merged on the pages of Settings."""

from __future__ import annotations

from django.contrib import admin

from crm.backoffice import ReadOnlyAdmin
from settings.models import Account, Currency, CustomField, Option, Removal, Tag


@admin.register(Tag)
class TagAdmin(ReadOnlyAdmin):
    list_display = ["name", "category", "color", "deleted_at"]
    list_filter = ["category"]


@admin.register(CustomField)
class CustomFieldAdmin(ReadOnlyAdmin):
    list_display = ["name", "category", "type", "deleted_at"]
    list_filter = ["category", "type"]


@admin.register(Option)
class OptionAdmin(ReadOnlyAdmin):
    list_display = ["name", "field", "retired"]
    list_select_related = ["field"]


@admin.register(Removal)
class RemovalAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "how", "category", "kept", "lost", "removed_at", "undone_at"]
    list_filter = ["kind", "how"]


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "currency", "language", "time_zone"]


@admin.register(Currency)
class CurrencyAdmin(ReadOnlyAdmin):
    list_display = ["code", "archived"]
