from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation

from crm.accounts.second_factor import is_missing
from crm.accounts.sessions import BEGAN, SEEN, end_outlived, seen_again
from crm.formats import locale_of


class PreferencesMiddleware:
    """Shows the pages in the language and time zone of the signed-in user, or else of the account.

    A language chosen before signing in, which is in the cookie, is the user's own; what the browser asks for is not.
    Must come after the authentication middleware; LocaleMiddleware, which reads the cookie and the browser, comes
    before it and stands for everybody who has chosen nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        zone = None
        if user.is_authenticated:
            zone = user.zone
            chosen = user.language or request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
            language = user.language or (None if chosen else user.account_language)
            if language:
                translation.activate(language)
                request.LANGUAGE_CODE = translation.get_language()
            if user.formats:
                translation.activate(locale_of(translation.get_language() or "en", user.formats))
        # The thread serves others afterwards: no zone must be taken over from the request before.
        with timezone.override(zone):
            return self.get_response(request)


class SessionAgeMiddleware:
    """Ends a session that nobody used for long, or that is old. Must come before anything that asks for the user."""

    # How often the use of a session is written down: each time is a statement more.
    EVERY = 300

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = request.session
        if SESSION_KEY in session:
            now = int(timezone.now().timestamp())
            idle = now - session.get(SEEN, 0)
            if now - session.get(BEGAN, 0) >= settings.SESSION_COOKIE_AGE:
                end_outlived(request, "too old")
            elif idle >= settings.SESSION_IDLE_AGE:
                end_outlived(request, "not used")
            elif idle >= self.EVERY:
                seen_again(request)
        return self.get_response(request)


class SecondFactorMiddleware:
    """Shows who lacks the second factor that their role needs nothing but the pages to set one up."""

    ALLOWED = frozenset(
        {
            "mfa_index",
            "mfa_activate_totp",
            "mfa_add_webauthn",
            "mfa_view_recovery_codes",
            "mfa_download_recovery_codes",
            "account_reauthenticate",
            "account_logout",
            "set_language",
            "set_theme",
            "favicon",
            "healthz",
            "readyz",
            # From a mail, as everybody else who gets it.
            "emails:way_out",
            "emails:click",
            "emails:picture",
        }
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        # Of whoever previews the product as somebody else, their own counts.
        user = getattr(request, "previewer", None) or request.user
        if not user.is_authenticated or not is_missing(user):
            return None
        match = request.resolver_match
        if match is not None and match.view_name in self.ALLOWED:
            return None
        if request.headers.get("HX-Request"):
            # A part of a page cannot be exchanged for another page: the browser goes there.
            return HttpResponse(status=403, headers={"HX-Redirect": reverse("mfa_index")})
        if request.method in ("GET", "HEAD"):
            return redirect("mfa_index")
        return render(request, "accounts/factor_missing.html", status=403)
