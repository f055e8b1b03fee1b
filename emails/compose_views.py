"""Writing a mail: from the selection of a list to a draft that can be looked at, tried and checked."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts.doors import visible_or_404
from crm.accounts.guards import needs
from crm.accounts.levels import Right
from crm.bulk.pages import list_url
from crm.lists.registry import registry_of
from crm.lists.selection import Selection
from crm.retry import retrying
from emails import ledger, sending
from emails.compose_forms import ComposeForm
from emails.compose_pages import concerns_of, field_groups, picture_hint
from emails.drafts import make_draft
from emails.models import Mailing
from emails.pictures import store_picture
from emails.rendering import WIDEST, plain

RECORDS = ("contact", "deal")
# Where the buttons of the form lead, once what is written is saved.
STEPS = {
    "preview": "emails:preview",
    "review": "emails:review",
    "template": "emails:choose_template",
    "keep": "emails:keep_as_template",
}
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_POST
@needs(Right.MAIL)
@retrying
def new(request: HttpRequest, record: str) -> HttpResponse:
    """A draft to the rows that a list posts. What cannot be chosen any more is told in the list."""
    if record not in RECORDS:
        raise Http404
    try:
        selection = Selection.of(registry_of(record), request.user, request.POST)
        mailing = make_draft(
            user=request.user,
            record=record,
            selection=selection,
            token=request.POST.get("token", "")[:64],
            origin=f"{request.scheme}://{request.get_host()}",
        )
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)
        return redirect(list_url(request, record))
    return redirect("emails:compose", mailing.pk)


@get_or_post
@needs(Right.MAIL)
@retrying
def compose(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        mailing = visible_or_404(Mailing.objects.select_related("author"), request.user, pk)
        if mailing.state != Mailing.State.DRAFT:
            return redirect("emails:mailing", mailing.pk)
        return _show(request, mailing, ComposeForm(instance=mailing, user=request.user))
    with transaction.atomic():
        mailing = locked_draft(request, pk)
        if mailing.state != Mailing.State.DRAFT:
            return _refuse_started(request, mailing)
        form = ComposeForm(request.POST, instance=mailing, user=request.user)
        if valid := form.is_valid():
            form.save()
    if request.htmx:  # type: ignore[attr-defined]
        return _tell_saved(request, mailing, form)
    if not valid:
        return _show(request, mailing, form, status=409 if form.differences else 422)
    return _go_on(request, mailing, form)


def locked_draft(request: HttpRequest, pk: int) -> Mailing:
    """Locked, so that of two saves at once the later one sees the earlier."""
    rows = Mailing.objects.select_for_update(of=("self",), no_key=True)
    found: Mailing = visible_or_404(rows, request.user, pk)
    return found


def _refuse_started(request: HttpRequest, mailing: Mailing) -> HttpResponse:
    told = _("This mailing was started meanwhile: what it says cannot be changed any more.")
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "emails/_saved.html", {"refusals": [told]}, status=409)
    messages.error(request, told)
    return redirect("emails:mailing", mailing.pk)


def _tell_saved(request: HttpRequest, mailing: Mailing, form: ComposeForm) -> HttpResponse:
    """What stands beside the buttons after the page saved by itself."""
    if form.is_valid():
        context: dict[str, Any] = {
            "saved_at": mailing.updated_at,
            "version": mailing.updated_at.isoformat(),
            "derived": None if mailing.text else plain(mailing.html),
        }
        return render(request, "emails/_saved.html", context)
    if form.differences:
        return render(request, "emails/_saved.html", {"conflict": True}, status=409)
    refusals = [text for errors in form.errors.values() for text in errors]
    return render(request, "emails/_saved.html", {"refusals": refusals}, status=422)


def _go_on(request: HttpRequest, mailing: Mailing, form: ComposeForm) -> HttpResponse:
    step = request.POST.get("then", "")
    if step in STEPS:
        return redirect(STEPS[step], mailing.pk)
    back = reverse("emails:compose", args=[mailing.pk])
    if step == "check":
        return redirect(f"{back}?check=1#check")
    if step == "test":
        _send_test(request, mailing)
    elif step == "count":
        _count(request, mailing)
    else:
        messages.success(request, _("Saved."))
    return redirect(back)


def _send_test(request: HttpRequest, mailing: Mailing) -> None:
    to = request.user.email  # type: ignore[union-attr]
    try:
        if not to:
            raise ValidationError(
                _("You have no e-mail address to send it to. An administrator can enter one.")
            )
        sending.send_test(mailing, user=request.user, to=to)
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)
    else:
        messages.success(request, _("A test was sent to %(address)s.") % {"address": to})


def _count(request: HttpRequest, mailing: Mailing) -> None:
    """Write the ledger of a draft anew, or tell what is wrong with its list."""
    try:
        with transaction.atomic():
            row = locked_draft(request, mailing.pk)
            ledger.write(row, row.author or request.user)
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)


def _show(
    request: HttpRequest, mailing: Mailing, form: ComposeForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "mailing": mailing,
        "form": form,
        "left_out": ledger.counts(mailing),
        "groups": field_groups(mailing.record, request.user),
        "picture_hint": picture_hint(),
        "example": '{{ first_name | "there" }}',
        "tab": request.POST.get("tab") or secrets.token_urlsafe(16),
        "problems": concerns_of(mailing, request.user) if "check" in request.GET else None,
        "to_me": request.user.email,  # type: ignore[union-attr]
    }
    return render(request, "emails/compose.html", context, status=status)


@get_or_post
@needs(Right.MAIL)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a picture in. The composer is told its address in mails and its size, or what is wrong with it; whoever has
    no scripts gets the tag to copy.
    """
    told = request.accepts("application/json") and not request.accepts("text/html")
    context: dict[str, Any] = {"picture_hint": picture_hint()}
    if request.method != "POST":
        return render(request, "emails/picture.html", context)
    try:
        picture = store_picture(request.FILES.get("file"), request.user)
    except ValidationError as error:
        if told:
            return JsonResponse({"problems": error.messages}, status=422)
        return render(
            request, "emails/picture.html", context | {"refusals": error.messages}, status=422
        )
    width = min(picture.width, WIDEST)
    height = max(round(picture.height * width / picture.width), 1)
    if told:
        return JsonResponse({"src": picture.path, "width": width, "height": height}, status=201)
    context["tag"] = format_html(
        '<img src="{}" alt="{}" width="{}" height="{}">',
        picture.path,
        request.POST.get("words", "")[:300],
        width,
        height,
    )
    return render(request, "emails/picture.html", context)
