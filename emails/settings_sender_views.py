"""Settings › Senders: who mails come from. For administrators, whose password is asked for again before a change."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts.guards import administrators_only
from crm.retry import retrying
from emails import identities
from emails.domain_advice import STATES, in_words
from emails.domain_check import worst
from emails.models import Sender
from emails.settings_forms import SenderForm

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@administrators_only
def senders(request: HttpRequest) -> HttpResponse:
    found = Sender.objects.select_related("user")
    context = {
        "in_use": [_row(one) for one in found if one.is_active],
        "off": [_row(one) for one in found if not one.is_active],
        "servers": identities.mail_servers(),
    }
    return render(request, "emails/settings/senders.html", context)


def _row(one: Sender) -> dict[str, Any]:
    state = worst(one.check_results)
    return {
        "one": one,
        "state": state,
        "state_label": STATES.get(state, ""),
        "server": identities.server_of(one),
        "problem": identities.problem_with(one) if one.is_active else "",
    }


@get_or_post
@administrators_only
@reauthentication_required
@retrying
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, Sender())


@get_or_post
@administrators_only
@reauthentication_required
@retrying
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Sender, pk=pk))


def _edit(request: HttpRequest, sender: Sender) -> HttpResponse:
    form = SenderForm(request.POST if request.method == "POST" else None, sender=sender)
    if request.method == "POST" and form.is_valid():
        try:
            stored = identities.save_sender(sender, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("emails:sender", stored.pk)
    return render(request, "emails/settings/sender_form.html", {"form": form, **_about(sender.pk)})


@require_safe
@administrators_only
def sender(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Sender.objects.select_related("user"), pk=pk)
    context = {
        **_about(pk),
        "server": identities.server_of(found),
        "problem": identities.problem_with(found),
        "note": identities.note_on(found),
        "findings": in_words(found.check_results),
        "checked_domain": found.check_results.get("domain", ""),
        "was_used": identities.was_used(found),
        "to": getattr(request.user, "email", ""),
    }
    return render(request, "emails/settings/sender.html", context)


def _about(pk: int | None) -> dict[str, Any]:
    """The sender as stored, whatever a form that was refused has made of it."""
    stored = Sender.objects.select_related("user").filter(pk=pk).first() if pk else None
    return {"sender": stored, "settings_here": reverse("emails:senders")}


@require_POST
@administrators_only
@reauthentication_required
@retrying
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    on = request.POST.get("do") == "on"
    found = identities.switch(get_object_or_404(Sender, pk=pk), on=on)
    text = _("%(name)s is in use again.") if on else _("%(name)s is switched off.")
    messages.success(request, text % {"name": found})
    return redirect("emails:sender", pk)


@get_or_post
@administrators_only
@reauthentication_required
@retrying
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Sender, pk=pk)
    if request.method != "POST":
        context = {**_about(pk), "was_used": identities.was_used(found)}
        return render(request, "emails/settings/sender_delete.html", context)
    try:
        identities.delete_sender(found)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("emails:sender", pk)
    messages.success(request, _("%(name)s is deleted.") % {"name": found})
    return redirect("emails:senders")


@require_POST
@administrators_only
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks the DNS, and nobody else: the domain of a sender, never a server that a form names."""
    identities.check_domain(get_object_or_404(Sender, pk=pk))
    return redirect(f"{reverse('emails:sender', args=[pk])}#domain")


@require_POST
@administrators_only
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """To oneself, over the server that the environment names: no form chooses whom the machine talks to."""
    found = get_object_or_404(Sender, pk=pk)
    to = getattr(request.user, "email", "")
    try:
        answer = identities.send_test(found, to)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("emails:sender", pk)
    told = {"to": to, "answer": answer.text or _("nothing further")}
    if not identities.was_taken(answer):
        messages.error(
            request, _("The test mail was not taken. The server said: %(answer)s") % told
        )
    elif note := identities.note_on(found):
        messages.success(request, _("The test mail is written. %(note)s") % {"note": note})
    else:
        text = _("The test mail to %(to)s was taken. The server said: %(answer)s")
        messages.success(request, text % told)
    return redirect("emails:sender", pk)
