from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

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
