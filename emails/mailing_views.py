"""Mailings: which there are, how far one is, what came of each recipient, and halting it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.accounts.access import may
from crm.accounts.doors import editable_or_refuse, visible_or_404
from crm.accounts.guards import needs
from crm.accounts.levels import Right
from crm.retry import retrying
from emails import sending
from emails.mailing_drafts import discard, duplicate
from emails.mailing_results import MailingResult
from emails.mailing_rows import LedgerRows
from emails.models import Mailing

PAGE = 30
# How long to wait before looking again, in seconds: what began a moment ago is watched closely.
WAITS = (1, 1, 1, 2, 2, 3, 4, 5)
# One that waits for its time.
RARELY = 30
State = Mailing.State
# What the list can be narrowed to.
SHOWN: dict[str, tuple[Any, tuple[str, ...]]] = {
    "": (gettext_lazy("All"), tuple(State.values)),
    "draft": (gettext_lazy("Drafts"), (State.DRAFT,)),
    "scheduled": (gettext_lazy("Scheduled"), (State.SCHEDULED,)),
    "on": (gettext_lazy("Sending"), (State.SENDING, State.PAUSED)),
    "over": (gettext_lazy("Sent"), (State.DONE, State.CANCELLED)),
}
# What lists and the frame of pages do not show, and may be long.
NOT_LISTED = ("html", "text", "selection", "measured_from")


@require_GET
@needs(Right.MAIL)
def mailings(request: HttpRequest) -> HttpResponse:
    """One's own; an administrator may ask for everybody's."""
    user: Any = request.user
    everybody = user.is_superuser and "everybody" in request.GET
    shown = request.GET.get("show", "")
    shown = shown if shown in SHOWN else ""
    found = Mailing.objects.visible_to(user).select_related("author", "sender").defer(*NOT_LISTED)
    if not everybody:
        found = found.filter(author=user)
    found = found.filter(state__in=SHOWN[shown][1])
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "results": [MailingResult(one, user) for one in page.object_list],
        "everybody": everybody,
        "shown": shown,
        "choices": [(key, label) for key, (label, _states) in SHOWN.items()],
        "token": secrets.token_urlsafe(16),
    }
    return render(request, "emails/mailings.html", context)


@never_cache
@require_GET
@needs(Right.MAIL)
def mailing(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is and what came of it; of a draft, the page that it is written on."""
    found = _seen(request, pk)
    if found.state == State.DRAFT:
        return redirect("emails:compose", found.pk)
    context = {**_shown(request, found), "links": found.links.all()}
    return render(request, "emails/mailing.html", context)


@never_cache
@require_GET
@needs(Right.MAIL)
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """What of the page changes while it is on: a fragment that asks for itself again."""
    found = _seen(request, pk)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("emails:mailing", found.pk)
    return render(request, "emails/mailing.html#progress", _shown(request, found))


def _seen(request: HttpRequest, pk: int) -> Mailing:
    rows = Mailing.objects.select_related("author", "sender")
    found: Mailing = visible_or_404(rows, request.user, pk)
    return found


def _shown(request: HttpRequest, found: Mailing) -> dict[str, Any]:
    looked = _looked(request)
    rows = LedgerRows(found, request.user, request.GET)
    return {
        "mailing": found,
        "result": MailingResult(found, request.user, rows),
        "rows": rows,
        "looked": looked + 1,
        "wait": WAITS[min(looked, len(WAITS) - 1)] if found.state == State.SENDING else RARELY,
        "was_on": "n" in request.GET,
        "token": secrets.token_urlsafe(16),
        "may_take_along": may(request.user, Right.EXPORT),
    }


def _looked(request: HttpRequest) -> int:
    """How often the page has looked, as it says itself."""
    text = request.GET.get("n", "")
    return min(int(text), 1000) if text.isascii() and text.isdigit() and len(text) < 6 else 0


# -- steps


STEPS: dict[str, Callable[..., Any]] = {
    "pause": sending.pause,
    "resume": sending.resume,
    "cancel": sending.cancel,
    "unschedule": sending.unschedule,
}


@require_POST
@needs(Right.MAIL)
@retrying
def turn(request: HttpRequest, pk: int, step: str) -> HttpResponse:
    """Pause, resume or cancel a mailing, or take a scheduled one back to a draft."""
    found: Mailing = editable_or_refuse(Mailing, request.user, pk)
    if step not in STEPS:
        raise Http404
    try:
        done = STEPS[step](found, user=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        if done is False:
            messages.warning(request, _("It is too late for that: see how it stands now."))
        elif step == "resume":
            request.session["mailings"] = True
    if step == "unschedule":
        return redirect("emails:review", found.pk)
    return redirect("emails:mailing", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.MAIL)
@retrying
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send once more what may or may not have arrived: first the page that says what that risks."""
    found: Mailing = visible_or_404(Mailing, request.user, pk)
    if request.method != "POST":
        if not MailingResult(found, request.user).may_resend:
            return redirect("emails:mailing", found.pk)
        return render(request, "emails/resend.html", {"mailing": found})
    found = editable_or_refuse(Mailing, request.user, pk)
    try:
        sending.resend_uncertain(found, user=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        request.session["mailings"] = True
    return redirect("emails:mailing", found.pk)


@require_POST
@needs(Right.MAIL)
@retrying
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found: Mailing = editable_or_refuse(Mailing, request.user, pk)
    try:
        discard(found)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("“%(subject)s” is deleted.") % {"subject": found})
    return redirect("emails:mailings")


@require_POST
@needs(Right.MAIL)
@retrying
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """A new draft that says the same to the same audience."""
    draft, problem = duplicate(
        _seen(request, pk),
        user=request.user,
        token=request.POST.get("token", ""),
        origin=f"{request.scheme}://{request.get_host()}",
    )
    if problem:
        messages.warning(request, problem)
    return redirect("emails:compose", draft.pk)


@never_cache
@require_GET
def indicator(request: HttpRequest) -> HttpResponse:
    """The mailings of the user that are being sent, for the frame of every page."""
    user: Any = request.user
    on = Mailing.objects.visible_to(user).filter(author=user, state__in=(State.SENDING,))
    found = list(on.defer(*NOT_LISTED))
    if not found:
        request.session.pop("mailings", None)
    looked = _looked(request)
    context = {
        "results": [MailingResult(one, user) for one in found],
        "looked": looked + 1,
        "wait": WAITS[min(looked, len(WAITS) - 1)],
    }
    return render(request, "emails/_on.html", context)
