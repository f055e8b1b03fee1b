"""The Settings area: its first page, the page of each category, and both categories of contacts side by side."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from crm.accounts.guards import administrators_only
from settings.catalogue import catalogue
from settings.categories import Category
from settings.forms import MakersForm, TagForm
from settings.rows import aligned, rows_of


@require_GET
@administrators_only
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "settings/overview.html")


@require_GET
@administrators_only
def category_page(request: HttpRequest, category: Category) -> HttpResponse:
    return show_category(request, category)


def show_category(
    request: HttpRequest, category: Category, form: TagForm | None = None, *, only: str = ""
) -> HttpResponse:
    """The page of a category, with ``form`` where what was typed into it was refused; ``only`` names a part of it."""
    tags, fields = rows_of(category)
    context: dict[str, Any] = {
        "category": category,
        "tags": tags,
        "fields": fields,
        "form": form or TagForm(),
        "makers": MakersForm({"makers": catalogue().account.tags_made_by}),
    }
    template = f"settings/category.html{f'#{only}' if only else ''}"
    return render(request, template, context, status=422 if form else 200)


@require_GET
@administrators_only
def compare(request: HttpRequest) -> HttpResponse:
    tags, fields = rows_of(Category.CONTACTS, Category.CUSTOMERS)
    context = {
        "parts": [("tag", aligned(tags)), ("field", aligned(fields))],
        "contacts": Category.CONTACTS,
        "customers": Category.CUSTOMERS,
    }
    return render(request, "settings/compare.html", context)
