"""The back office of tags and fields. They are made, renamed and removed as on the pages of Settings; merged, moved
and brought back there alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from crm.backoffice import LawfulAdmin, ReadOnlyAdmin, few_enough, report_refusals
from settings.models import Account, Currency, CustomField, Option, Removal, Tag
from settings.outcomes import of_deleting, told
from settings.services import delete_label
from settings.services.fields import save_field
from settings.services.making import change_tag, create_tag

Label = Tag | CustomField


class LabelAdmin(LawfulAdmin):
    """A removed one can be looked at; it is changed no more."""

    readonly_fields = ["created_at", "created_by", "updated_at", "deleted_at"]
    search_fields = ["name"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        alive = obj is None or obj.deleted_at is None
        return alive and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        alive = obj is None or obj.deleted_at is None
        return alive and super().has_delete_permission(request, obj)

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Not the rows that would go, which stay for 30 days, but what it means."""
        lines: list[Any] = []
        for label in objs:
            meaning = [str(line.text) for line in of_deleting(label).lines]
            lines += [f"{label.name} ({label.get_category_display()})", meaning]
        count = {str(self.opts.verbose_name_plural): len(objs)}
        return lines, count, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        try:
            messages.info(request, told(delete_label(obj)))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        refusals = []
        for label in few_enough(self, request, queryset):
            try:
                delete_label(label)
            except ValidationError as error:
                refusals.append((label.name, error))
        report_refusals(self, request, refusals)


@admin.register(Tag)
class TagAdmin(LabelAdmin):
    list_display = ["name", "category", "color", "deleted_at"]
    list_filter = ["category", "deleted_at"]
    fields = ["category", "name", "color", *LabelAdmin.readonly_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, *(["category"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if change:
            change_tag(obj, name=obj.name, color=obj.color)
        else:
            obj.pk = create_tag(obj.category, name=obj.name, color=obj.color).pk


@admin.register(CustomField)
class CustomFieldAdmin(LabelAdmin):
    """Renamed here; what a field is, its type and options, is changed where it says what becomes of the values."""

    list_display = ["name", "category", "type", "deleted_at"]
    list_filter = ["category", "type", "deleted_at"]
    readonly_fields = [
        "category",
        "type",
        "applies_to",
        "required",
        "filterable",
        "default",
        "currency",
        *LabelAdmin.readonly_fields,
    ]
    fields = ["name", "help_text", *readonly_fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        save_field(obj)


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
