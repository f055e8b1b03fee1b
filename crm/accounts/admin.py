from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Invitation, Team, User
from crm.accounts.people import LEVELS, PREFERENCES, RIGHTS, record_changes, snapshot
from crm.accounts.teams import record_team, snapshot_of_team
from crm.backoffice import ReadOnlyAdmin


@admin.register(User)
class UserAdmin(StockUserAdmin):
    """Held to what Settings › Users is held to: by the model's own checks, and with the same audit entries."""

    fieldsets = (
        (None, {"fields": ("username",)}),
        (_("Personal info"), {"fields": ("first_name", "last_name", "email")}),
        (_("Access"), {"fields": ("is_active", "is_superuser", *LEVELS, *RIGHTS)}),
        (_("Preferences"), {"fields": PREFERENCES}),
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )
    filter_horizontal = ()
    list_display = ("username", "email", "first_name", "last_name", "is_superuser", "is_active")
    list_filter = ("is_superuser", "is_active")
    readonly_fields = ("last_login", "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Whoever leaves is deactivated: history goes on naming them.
        return False

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Nobody's password is set here: neither the old one is asked for nor the administrator's own."""
        return redirect("people:users")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = snapshot(User.objects.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)
        if before:
            record_changes(before, obj)


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ["name"]
    search_fields = ["name"]
    filter_horizontal = ["members", "managers"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = snapshot_of_team(form.instance)
        super().save_related(request, form, formsets, change)
        record_team(form.instance, before)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ["user", "by", "sent_at", "expires_at"]
    exclude = ["digest"]
