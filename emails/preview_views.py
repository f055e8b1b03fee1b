"""Looking at a mail before it is sent: as any of its recipients, light and dark, narrow and wide, and as plain text."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from crm.accounts.doors import visible_or_404
from crm.accounts.guards import needs
from crm.accounts.levels import Right
from emails.models import Mailing
from emails.previews import LOOKS, Preview, in_look, number_of, preview_of, sample_of

# The page may hold the mail in a frame; the mail itself runs nothing, asks for nothing but our pictures, and has the
# styles that it needs.
WITH_FRAME: Any = {**settings.SECURE_CSP, "frame-src": [CSP.SELF]}
MAIL_ALONE: Any = {
    "default-src": [CSP.NONE],
    "img-src": [CSP.SELF],
    "style-src": [CSP.UNSAFE_INLINE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.NONE],
    "frame-ancestors": [CSP.SELF],
    "sandbox": True,
}
WIDTHS = ("wide", "narrow")


@require_safe
@needs(Right.MAIL)
@csp_override(WITH_FRAME)
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """``n`` is the recipient, ``look`` “light” or “dark”, ``width`` “wide” or “narrow”, ``part`` “text” or nothing."""
    mailing = _mailing(request, pk)
    of, number = number_of(mailing), _number(request)
    context = {
        "mailing": mailing,
        "shown": _shown(mailing, number, request),
        "number": number,
        "of": of,
        "previous": _url(request, n=number - 1) if 1 < number <= of else "",
        "next": _url(request, n=number + 1) if number < of else "",
        **switches(request, reverse("emails:preview_mail", args=[mailing.pk])),
    }
    return render(request, "emails/preview.html", context)


@require_safe
@needs(Right.MAIL)
@xframe_options_sameorigin
@csp_override(MAIL_ALONE)
def preview_mail(request: HttpRequest, pk: int) -> HttpResponse:
    """The mail alone, for the frame of the preview."""
    mailing = _mailing(request, pk)
    return alone(_shown(mailing, _number(request), request), request)


def _mailing(request: HttpRequest, pk: int) -> Mailing:
    found: Mailing = visible_or_404(
        Mailing.objects.select_related("author", "sender"), request.user, pk
    )
    return found


def _number(request: HttpRequest) -> int:
    text = request.GET.get("n", "1")
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < 1:
        raise Http404
    return int(text)


def _shown(mailing: Mailing, number: int, request: HttpRequest) -> Preview:
    if number == 1 and not number_of(mailing):
        return sample_of(mailing, request.user)
    try:
        return preview_of(mailing, number, request.user)
    except IndexError:
        raise Http404 from None


# -- what previews of mailings and of templates share


def alone(shown: Preview, request: HttpRequest) -> HttpResponse:
    look = _one_of(request, "look", LOOKS)
    return HttpResponse(in_look(shown.html, look))


def switches(request: HttpRequest, frame: str) -> dict[str, Any]:
    """The ways to look at it, each as an address, and the address of the frame."""
    look, width = _one_of(request, "look", LOOKS), _one_of(request, "width", WIDTHS)
    part = _one_of(request, "part", ("mail", "text"))
    asked = urlencode({name: request.GET[name] for name in ("n",) if name in request.GET})
    return {
        "look": look,
        "width": width,
        "part": part,
        "frame": f"{frame}?{asked}{'&' if asked else ''}look={look}",
        "parts": [
            (_("Mail"), "mail", _url(request, part=""), part == "mail"),
            (_("Plain text"), "note", _url(request, part="text"), part == "text"),
        ],
        "looks": [
            (_("Light"), "sun", _url(request, look=""), look == "light"),
            (_("Dark"), "moon", _url(request, look="dark"), look == "dark"),
        ],
        "widths": [
            (_("Wide"), "device-desktop", _url(request, width=""), width == "wide"),
            (_("Narrow"), "device-mobile", _url(request, width="narrow"), width == "narrow"),
        ],
    }


def _one_of(request: HttpRequest, name: str, known: tuple[str, ...]) -> str:
    """What the address asks for; the first of them where it asks for nothing that there is."""
    asked = request.GET.get(name, "")
    return asked if asked in known else known[0]


def _url(request: HttpRequest, **changed: Any) -> str:
    params = {
        name: request.GET[name] for name in ("n", "part", "look", "width") if name in request.GET
    }
    asked = {name: value for name, value in {**params, **changed}.items() if value != ""}
    return f"{request.path}?{urlencode(asked)}" if asked else request.path
