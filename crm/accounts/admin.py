from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Team, User


@admin.register(User)
class UserAdmin(StockUserAdmin):
    fieldsets = (
        *(StockUserAdmin.fieldsets or ()),
        (_("Preferences"), {"fields": ("language", "time_zone", "theme", "shortcuts")}),
    )


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ["name"]
    search_fields = ["name"]
    filter_horizontal = ["members", "managers"]
