"""Seeing the product as somebody else does, without being able to change anything.

Between starting and stopping, the requests of an administrator are answered as the previewed user's. The administrator
stays whoever acts, as ``request.previewer``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from crm.accounts.along import ALONG
from crm.accounts.guards import is_administrator
from crm.accounts.models import User
from crm.audit.models import Action
from crm.audit.services import record

# In the session: {"by": the administrator's id, "user": the previewed user's}.
KEY = "preview"
SAFE = ("GET", "HEAD")
STOP = "people:preview_stop"
# Whoever looks on guards the way in of nobody else, and the back office is not the user's.
CLOSED = ("/accounts/", "/preferences/", "/invitation/", f"/{settings.ADMIN_PATH}")


def start(request: HttpRequest, user: User) -> None:
    """Show this session the product as ``user`` sees it. Raises ``ValidationError``."""
    if not user.is_active or user.is_superuser:
        raise ValidationError(
            _("%(name)s cannot be previewed: only active members can be.") % {"name": user}
        )
    record(Action.PREVIEWED, user)
    request.session[KEY] = {"by": request.user.pk, "user": user.pk}


def stop(request: HttpRequest) -> int | None:
    """Go on as oneself; returns the id of the user who was previewed."""
    preview: dict[str, Any] = request.session.pop(KEY, None) or {}
    return preview.get("user")


class PreviewMiddleware:
    """From here on everybody finds the previewed user signed in. After what ends sessions, before all that asks who."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        preview = request.session.get(KEY)
        if preview:
            previewer: Any = request.user
            user = _previewed(preview, previewer)
            if user is None:
                # What was meant for the preview must not be done with the rights of an administrator.
                stop(request)
                return redirect("home")
            request.previewer = previewer  # type: ignore[attr-defined]
            request.user = user
        response = self.get_response(request)
        if preview and response.get("Content-Disposition", "").startswith("attachment"):
            # Not closed: that would end the request, and its connection to the database with it.
            return _refuse(request)
        return response

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        if not hasattr(request, "previewer"):
            return None
        match = request.resolver_match
        if match is not None and match.view_name == STOP:
            return None
        if request.method not in SAFE or request.path_info.startswith(CLOSED):
            return _refuse(request)
        return None


def _previewed(preview: dict[str, Any], previewer: Any) -> User | None:
    """The user to be previewed, as long as the one is an administrator and the other a member who is let in."""
    if not is_administrator(previewer) or previewer.pk != preview.get("by"):
        return None
    members = User.objects.filter(is_active=True, is_superuser=False)
    return members.annotate(**ALONG).filter(pk=preview.get("user", 0)).first()


def _refuse(request: HttpRequest) -> HttpResponse:
    return render(request, "people/preview_refused.html", status=403)
