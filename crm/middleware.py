from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.cache import patch_vary_headers
from django.utils.crypto import get_random_string

from crm.logs import request_id

METHODS = ("GET", "HEAD", "POST", "OPTIONS")

Handler = Callable[[HttpRequest], HttpResponse]

# Nothing of this product uses any of them, so a script that got in could not either.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in [
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
        "xr-spatial-tracking",
    ]
)


class RequestIdMiddleware:
    """Gives each request an id, found again in every log line and in the answer's headers."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Never taken from the client: what a stranger may choose, a stranger may forge in our logs.
        request_id.set(get_random_string(12))
        response = self.get_response(request)
        response["X-Request-ID"] = request_id.get()
        return response


class SecurityHeadersMiddleware:
    """The security headers that Django does not set itself."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Meant to send a request back as it came, with its cookies; views that answer any method would answer it.
        is_trace = request.method == "TRACE"
        response = HttpResponseNotAllowed(METHODS) if is_trace else self.get_response(request)
        response.setdefault("Cross-Origin-Embedder-Policy", "require-corp")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # One address answers htmx with a fragment and everybody else with a page: a cache must keep them apart.
        patch_vary_headers(response, ["HX-Request"])
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            # The back button after signing out, and any shared cache, must not show a page again.
            response.setdefault("Cache-Control", "no-store")
        return response
