"""Who may enter pages that are not for everybody."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from crm.accounts.access import may
from crm.accounts.levels import Right


def is_administrator(user: Any) -> bool:
    return bool(user.is_active and user.is_superuser)


def administrators_only(view: Any) -> Any:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_administrator(request.user):
            raise PermissionDenied
        response: HttpResponse = view(request, *args, **kwargs)
        return response

    return guarded


def needs(*rights: Right) -> Any:
    """Only for users who have a right of their own, such as to export; of several, any."""

    def guard(view: Any) -> Any:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not any(may(request.user, right) for right in rights):
                raise PermissionDenied
            response: HttpResponse = view(request, *args, **kwargs)
            return response

        return guarded

    return guard
