"""The page at the end of a way out: reached from a mail, by people and by their mail programs.

Nobody signs in here and nothing is remembered in the browser: no session, no cookie, no token against forged requests.
The signed address is what proves that somebody may. Only POST changes anything (RFC 8058): programs that look at every
link of a mail unsubscribe nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.crypto import constant_time_compare
from django.utils.csp import CSP
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts.models import Contact
from crm.accounts.throttle import too_many_forged
from emails import clicks, leaving, ways_out
from emails.leaving import State
from emails.models import Mailing, MailSettings, Recipient
from emails.reports import provider
from emails.reports.taking import TooSoon
from emails.values import language_of
from settings.catalogue import catalogue

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
# A page without scripts, whose one form leads to itself.
POLICY = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}
LANGUAGES = [code for code, _name in settings.LANGUAGES]


def public(view: View) -> View:
    """Let everybody in, and leave no trace of the address: it is as good as a key."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return login_not_required(csrf_exempt(never_cache(csp_override(POLICY)(answered))))


def refuse_forged(request: HttpRequest) -> HttpResponse:
    """What is forged is answered like what is not there, and too much of it is not looked at for long.

    Counted by where it comes from, and only what is forged: a true way out is open to everybody, also behind an address
    that others guess from.
    """
    if too_many_forged(request):
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    raise Http404


@public
@require_http_methods(["GET", "HEAD", "POST"])
def way_out(request: HttpRequest, token: str) -> HttpResponse:
    found = ways_out.read(token)
    if found is None:
        return refuse_forged(request)
    mailing, position = found
    step = _step(request)
    if step == "leave":
        state = leaving.leave(mailing, position, by=_by(request))
    elif step == "return":
        state = leaving.come_back(mailing, position)
    else:
        state = leaving.state_of(mailing, position)
    return _page(request, mailing, position, state, step)


@login_not_required
@csrf_exempt
@never_cache
def provider_events(request: HttpRequest, token: str) -> HttpResponse:
    """Where a provider tells what became of mails; there is no such page unless one is set up."""
    secret = settings.MAIL_WEBHOOK.get("secret", "")
    if not secret or not constant_time_compare(token, secret):
        return refuse_forged(request)
    try:
        return provider.answer(request)
    except TooSoon:
        # Providers tell again what was not taken.
        return HttpResponse(status=503, headers={"Retry-After": "60"})
    except (ValueError, TypeError, LookupError, AttributeError):
        # No JSON, or none that the provider would send.
        logger.warning("An event of the provider could not be read", exc_info=True)
        return HttpResponse(status=400)


@public
@require_http_methods(["GET", "HEAD"])
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Lead on to a link of a mailing, and count it where that is turned on.

    A count is a note on what was asked for, as a log is, and no change that the reader asked for: it may be made by
    GET (RFC 9110, 9.2.1). Programs that look at links are counted with the people. Those that only ask for the head are
    not.
    """
    found = clicks.read(token)
    if found is None:
        return refuse_forged(request)
    link, position = found
    if request.method == "GET":
        clicks.note(link, position)
    # Stored with the mailing; nothing of the address that was asked for goes into it.
    return HttpResponseRedirect(link.url)


def _step(request: HttpRequest) -> str:
    if request.method != "POST":
        return ""
    if request.POST.get("List-Unsubscribe") == "One-Click":
        return "leave"
    return request.POST.get("step", "")


def _by(request: HttpRequest) -> str:
    return "page" if "step" in request.POST else "one click"


def _page(
    request: HttpRequest, mailing: Mailing, position: int, state: State, step: str
) -> HttpResponse:
    row = Recipient.objects.filter(mailing=mailing, position=position)
    contact_id, address = row.values_list("contact_id", "address").first() or (0, "")
    language = _language(request, mailing, contact_id)
    with translation.override(language):
        context = {
            "state": state.value,
            "returned": step == "return" and state is State.OPEN,
            "address": masked(address),
            "sender": mailing.sender.name if mailing.sender else "",
            "postal_address": MailSettings.current().postal_address,
            "path": request.path,
            "language": language,
            "languages": [
                (code, translation.get_language_info(code)["name_local"]) for code in LANGUAGES
            ],
        }
        page = render_to_string("emails/way_out.html", context)
    return HttpResponse(page, headers={"Content-Language": language})


def _language(request: HttpRequest, mailing: Mailing, contact_id: int) -> str:
    """The one asked for, else the recipient's as in the mail; what the browser prefers is not asked."""
    asked = request.GET.get("language", "")
    if asked in LANGUAGES:
        return asked
    own = Contact.objects.filter(pk=contact_id).values_list("language", flat=True).first()
    return language_of(own or "", catalogue().account.language, mailing)


def masked(address: str) -> str:
    """Enough of an address for whoever knows it: ``a•••@e•••.org``."""
    local, at, domain = address.rpartition("@")
    if not at:
        return ""
    name, dot, end = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••{dot}{end}"
