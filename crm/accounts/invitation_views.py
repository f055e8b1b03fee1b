"""Inviting somebody, and the page that an invitation leads to."""

from __future__ import annotations

import logging

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts import invitations
from crm.accounts.guards import administrators_only
from crm.accounts.models import User
from crm.accounts.people_forms import AccessForm, ChoosePasswordForm, InviteForm
from crm.retry import retrying

logger = logging.getLogger(__name__)
get_or_post = require_http_methods(["GET", "HEAD", "POST"])
# Where a session keeps which invitation it was opened with: the hash, never the token.
OPENED = "invitation"


@get_or_post
@administrators_only
@retrying
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST or None)
    ready = AccessForm.filled_with(request.POST.get("set", ""))
    access = AccessForm(request.POST or None)
    if ready is not None:
        # Without scripts the buttons of sets send the form: it comes back filled, and nobody is invited yet.
        form = InviteForm(initial=request.POST.dict() | {"teams": request.POST.getlist("teams")})
    elif request.method == "POST" and form.is_valid() & access.is_valid():
        try:
            user, token = invitations.invite(**form.cleaned_data, **access.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            return _hand_out(request, user, token)
    context = {
        "form": form,
        "access": ready or (access if access.is_bound else AccessForm.filled_with("own")),
        "settings_here": reverse("people:users"),
    }
    return render(request, "people/invite.html", context)


@require_POST
@administrators_only
@retrying
def new_link(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    try:
        token = invitations.new_link(user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("people:user", pk)
    return _hand_out(request, user, token)


@require_POST
@administrators_only
@retrying
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    try:
        invitations.withdraw(user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("The invitation is withdrawn: its link leads nowhere."))
    return redirect("people:user", pk)


def _hand_out(request: HttpRequest, user: User, token: str) -> HttpResponse:
    """Mail the link, or show it, this once: it is stored nowhere."""
    link = request.build_absolute_uri(f"{reverse('invitation')}?token={token}")
    failed = False
    if invitations.mail_is_set_up():
        try:
            invitations.send(user, link, request.user)  # type: ignore[arg-type]
        except Exception:
            # Whatever the mail server has against it: the link can still be handed over by other means.
            logger.exception("The invitation of user %s could not be mailed", user.pk)
            failed = True
        else:
            messages.success(request, _("The invitation was sent to %(to)s.") % {"to": user.email})
            return redirect("people:user", user.pk)
    context = {
        "one": user,
        "link": link,
        "failed": failed,
        "days": invitations.HOLDS.days,
        "settings_here": reverse("people:users"),
    }
    return render(request, "people/link.html", context)


@login_not_required
@never_cache
@sensitive_post_parameters()
@get_or_post
@retrying
def invitation(request: HttpRequest) -> HttpResponse:
    """Where a link of an invitation leads: choose a name and a password. It works once.

    The token goes from the address into the session at once, as its hash, so that it stays in no history.
    """
    if token := request.GET.get("token", ""):
        digest = invitations.digest_of(token)
        if invitations.invitation_of(digest) is None:
            return _over(request)
        request.session[OPENED] = digest
        return redirect("invitation")
    digest = str(request.session.get(OPENED, ""))
    found = invitations.invitation_of(digest)
    if found is None:
        return _over(request)
    names = {"first_name": found.user.first_name, "last_name": found.user.last_name}
    form = ChoosePasswordForm(request.POST or None, initial=names)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            user = invitations.accept(digest, **{name: sent[name] for name in (*names, "password")})
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            if user is None:
                return _over(request)
            # Whoever was signed in here before is not any more.
            request.session.flush()
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect("home")
    return render(request, "people/invitation.html", {"form": form, "email": found.user.email})


def _over(request: HttpRequest) -> HttpResponse:
    request.session.pop(OPENED, None)
    return render(request, "people/invitation_over.html", status=404)
