from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language as remember_language

from crm.accounts.models import User


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponseBase:
    """Keeps the chosen language: in a cookie for everybody, and with the account for who is signed in."""
    language = request.POST.get("language", "")
    if request.user.is_authenticated and check_for_language(language):
        request.user.language = language
        request.user.save(update_fields=["language"])
    return remember_language(request)


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponseBase:
    """Keeps the chosen theme, as `set_language` keeps the language, and goes back to where it was chosen."""
    theme = request.POST.get("theme", "")
    response = HttpResponseRedirect(_back(request))
    if theme in User.Theme.values:
        if request.user.is_authenticated:
            request.user.theme = theme
            request.user.save(update_fields=["theme"])
        response.set_cookie(
            settings.THEME_COOKIE_NAME,
            theme,
            max_age=365 * 24 * 3600,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def shortcuts(request: HttpRequest) -> HttpResponseBase:
    """The keys of lists, and the switch for those that are single letters. What htmx asks for opens in a panel."""
    if request.method == "POST":
        wanted = request.POST.get("shortcuts") == "on"
        User.objects.filter(username=request.user.get_username()).update(shortcuts=wanted)
        return HttpResponseRedirect(_back(request))
    in_panel = request.htmx  # type: ignore[attr-defined]
    return render(request, "accounts/_shortcuts.html" if in_panel else "accounts/shortcuts.html")


def _back(request: HttpRequest) -> str:
    """The page of this site that the request comes from."""
    back = request.headers.get("Referer", "")
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(
        back, allowed_hosts=hosts, require_https=request.is_secure()
    ):
        return back
    return "/"
