"""Pictures of mails, for everybody who knows their address: recipients have no account."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from emails.models import Image

YEAR = 365 * 24 * 3600
# Whatever a browser takes the file for, opened by itself it runs nothing and asks for nothing.
POLICY: Any = {"default-src": [CSP.NONE], "sandbox": True, "frame-ancestors": [CSP.NONE]}


@login_not_required
@require_safe
@csp_override(POLICY)
def picture(request: HttpRequest, key: str, extension: str) -> HttpResponseBase:
    image = Image.objects.filter(key=key).first()
    if image is None or image.extension != extension:
        raise Http404
    try:
        file = image.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, content_type=image.content_type)
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    # Another picture has another address.
    response["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    # Mail programs in the browser show it on a page of their own.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
