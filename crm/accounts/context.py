from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from crm.accounts.models import User


def appearance(request: HttpRequest) -> dict[str, str]:
    """For every template: `theme`, which is "auto", "light" or "dark"; of the account, else of the browser's cookie."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return {"theme": user.theme}
    chosen = request.COOKIES.get(settings.THEME_COOKIE_NAME, "")
    return {"theme": chosen if chosen in User.Theme.values else User.Theme.AUTO.value}
