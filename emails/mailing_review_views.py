"""Looking once more before a mailing goes out: to whom, to whom not and why, and when."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm.accounts.doors import editable_or_refuse, visible_or_404
from crm.accounts.guards import needs
from crm.accounts.levels import Right
from crm.bulk.pages import TYPED_ABOVE
from crm.retry import retrying
from emails import ledger, sending
from emails.checking import problems
from emails.compose_pages import concerns_of
from emails.mailing_advice import Pace, warnings_of
from emails.mailing_forms import ScheduleForm
from emails.mailing_rows import LedgerRows
from emails.models import Mailing

State = Mailing.State


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.MAIL)
@retrying
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The ledger as it was last written. Counting anew, sending and scheduling are posted."""
    if request.method != "POST":
        found = _found(request, pk)
        return _show(request, found) if found.state == State.DRAFT else _elsewhere(found)
    found = editable_or_refuse(_rows(), request.user, pk)
    if found.state != State.DRAFT:
        # Pressed twice, or sent again by going back: it is on its way.
        return _elsewhere(found)
    if request.POST.get("step") not in ("send", "schedule"):
        return _count(request, found)
    return _go(request, found)


def _rows() -> Any:
    return Mailing.objects.select_related("author", "sender")


def _found(request: HttpRequest, pk: int) -> Mailing:
    found: Mailing = visible_or_404(_rows(), request.user, pk)
    return found


def _elsewhere(found: Mailing) -> HttpResponse:
    return redirect("emails:mailing", found.pk)


def _count(request: HttpRequest, found: Mailing) -> HttpResponse:
    """Write the ledger anew, from the list as it is now."""
    try:
        _write_anew(found)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("emails:review", found.pk)


def _write_anew(found: Mailing) -> None:
    with transaction.atomic():
        rows = Mailing.objects.select_for_update(of=("self",), no_key=True)
        locked = rows.get(pk=found.pk)
        if locked.state == State.DRAFT:
            ledger.write(locked, locked.author)


def _go(request: HttpRequest, found: Mailing) -> HttpResponse:
    """Send, now or later; or the page again, with what keeps it from that."""
    later = request.POST.get("step") == "schedule"
    form = ScheduleForm(request.POST, zone=_zone(request)) if later else None
    expected = _number(request.POST.get("expected", ""))
    typed_wrong = wrong_number(expected, request.POST.get("typed", ""))
    if typed_wrong or (form is not None and not form.is_valid()):
        return _show(request, found, form=form, typed_wrong=typed_wrong, status=422)
    if any(one.blocks for one in problems(found, found.author or request.user)):
        return _show(
            request, found, form=form, refusals=[_("Mend what the check found first.")], status=422
        )
    values: dict[str, Any] = {"user": request.user, "expected": expected}
    try:
        if form is not None:
            sending.schedule(found, at=form.cleaned_data["at"], **values)
        else:
            sending.start(found, **values)
    except sending.CountMoved as moved:
        _write_anew(found)
        return _show(request, _found(request, found.pk), form=form, moved=moved, status=409)
    except ValidationError as refusal:
        return _show(request, found, form=form, refusals=refusal.messages, status=422)
    request.session["mailings"] = True
    return _elsewhere(found)


def wrong_number(count: int, typed: str) -> str:
    """Why what was typed is not the number that many recipients ask for; empty if it is, or none is asked for."""
    digits = "".join(char for char in typed if char.isdigit())
    if count <= TYPED_ABOVE or digits == str(count):
        return ""
    return _("Type the number of recipients to confirm.")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _zone(request: HttpRequest) -> str:
    user: Any = request.user
    zone = user.zone or timezone.get_current_timezone()
    return str(getattr(zone, "key", "UTC"))


def _show(
    request: HttpRequest,
    found: Mailing,
    *,
    form: ScheduleForm | None = None,
    typed_wrong: str = "",
    moved: Any = None,
    refusals: Any = (),
    status: int = 200,
) -> HttpResponse:
    concerns = concerns_of(found, request.user)
    context = {
        "mailing": found,
        "rows": LedgerRows(found, request.user, request.GET),
        "concerns": concerns,
        "blocked": any(one.problem.blocks for one in concerns),
        "pace": Pace(found.sender, found.waiting) if found.sender else None,
        "warnings": warnings_of(found),
        "form": form or ScheduleForm(zone=_zone(request)),
        "scheduling": form is not None,
        "typed_wrong": typed_wrong,
        "send_wrong": typed_wrong and form is None,
        "schedule_wrong": typed_wrong and form is not None,
        "ask_number": found.waiting > TYPED_ABOVE,
        "moved": moved,
        "refusals": refusals,
    }
    return render(request, "emails/review.html", context, status=status)
