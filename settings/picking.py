"""Tags and fields as addresses name them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from settings.models import CustomField, Removal, Tag


def picked(kind: str, pk: int) -> Any:
    """The tag or field, be it removed; 404 for one that never was or is gone for good."""
    return get_object_or_404(Tag if kind == Removal.Kind.TAG else CustomField, pk=pk)


def gone(request: HttpRequest, label: Tag | CustomField) -> HttpResponse:
    """The answer to a page or a form that is about one which somebody removed meanwhile."""
    messages.error(request, _("“%(name)s” is removed already.") % {"name": label.name})
    return redirect("settings:category", label.category)


def home_of(label: Tag | CustomField) -> str:
    """The address of the page that it stands on."""
    return reverse("settings:category", args=[label.category])
