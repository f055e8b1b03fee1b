"""The Settings area: its first page, and the page of each category."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from crm.accounts.guards import administrators_only
from settings.categories import Category


@require_GET
@administrators_only
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "settings/overview.html")


@require_GET
@administrators_only
def category_page(request: HttpRequest, category: Category) -> HttpResponse:
    return render(request, "settings/category.html", {"category": category})
