"""Settings › Users: who there is, what they may do, and whether they are let in. For administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts import access_words, invitations, lost, people
from crm.accounts.guards import administrators_only
from crm.accounts.holdings import hand_over, held_by
from crm.accounts.models import Invitation, User
from crm.accounts.people_forms import AccessForm, HandOverForm, ProfileForm
from crm.accounts.second_factor import has_factor
from crm.accounts.teams import set_teams
from crm.retry import retrying

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@administrators_only
def users(request: HttpRequest) -> HttpResponse:
    found = (
        User.objects.annotate(has_factor=has_factor())
        .select_related("invitation")
        .prefetch_related("teams", "managed_teams")
        .order_by("first_name", "last_name", "username")
    )
    rows = [(one, access_words.summary(one)) for one in found]
    context = {
        "let_in": [row for row in rows if row[0].is_active],
        "deactivated": [row for row in rows if not row[0].is_active],
    }
    return render(request, "people/users.html", context)


@get_or_post
@administrators_only
@retrying
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """A user's page; posting changes the profile."""
    found = _found(pk)
    form = ProfileForm(request.POST or None, user=found)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                people.change_user(found, **form.of_the_user())
                sent = form.cleaned_data
                set_teams(found, members_of=sent["teams"], managers_of=sent["managed"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("people:user", pk)
    return _page(request, found, profile=form)


@require_POST
@administrators_only
@retrying
def access(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a user sees and does. Without scripts the buttons of ready-made sets come here to fill the table."""
    found = _found(pk)
    if ready := AccessForm.filled_with(request.POST.get("set", "")):
        return _page(request, found, access=ready, filled=True)
    form = AccessForm(request.POST)
    if form.is_valid():
        try:
            people.change_user(found, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect(f"{reverse('people:user', args=[pk])}#access")
    return _page(request, found, access=form)


@require_safe
@administrators_only
def access_table(request: HttpRequest) -> HttpResponse:
    """The table of access filled with a ready-made set, for a form that is being filled in."""
    form = AccessForm.filled_with(request.GET.get("set", ""))
    if form is None:
        return redirect("people:users")
    return render(
        request, "people/_access_table.html", {"access": form, "filled": True, "is_fragment": True}
    )


@require_POST
@administrators_only
@retrying
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    found = people.activate(_found(pk))
    messages.success(request, _("%(name)s is active again.") % {"name": found})
    return redirect("people:user", pk)


@get_or_post
@administrators_only
@retrying
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first, and offers to hand over what the user has."""
    found = _found(pk)
    form = HandOverForm(
        request.POST if request.method == "POST" else None, user=found, required=False
    )
    if request.method == "POST" and form.is_valid():
        to = form.cleaned_data["to"]
        try:
            with transaction.atomic():
                if to is not None:
                    hand_over(found, to)
                people.deactivate(found)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("%(name)s is deactivated.") % {"name": found})
            return redirect("people:user", pk)
    return _asking(request, found, form, "people/deactivate.html")


@get_or_post
@administrators_only
@retrying
def hand_over_records(request: HttpRequest, pk: int) -> HttpResponse:
    found = _found(pk)
    form = HandOverForm(request.POST if request.method == "POST" else None, user=found)
    if request.method == "POST" and form.is_valid():
        to = form.cleaned_data["to"]
        try:
            hand_over(found, to)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            names = {"name": found, "to": to}
            messages.success(request, _("What was %(name)s’s is %(to)s’s now.") % names)
            return redirect("people:user", pk)
    return _asking(request, found, form, "people/hand_over.html")


def _found(pk: int) -> User:
    found = User.objects.annotate(has_factor=has_factor()).select_related("invitation")
    return get_object_or_404(found, pk=pk)


def _asking(request: HttpRequest, user: User, form: HandOverForm, template: str) -> HttpResponse:
    context = {
        "one": user,
        "form": form,
        "held": held_by(user),
        "settings_here": reverse("people:users"),
    }
    return render(request, template, context)


def _page(request: HttpRequest, user: User, **more: Any) -> HttpResponse:
    # What a form set on the user is not stored if it was refused.
    stored = _found(user.pk)
    context = {
        "one": stored,
        "profile": ProfileForm(user=stored),
        "access": AccessForm.of(stored),
        "sentences": access_words.sentences(stored),
        "held": held_by(stored),
        "invitation": Invitation.objects.filter(user=stored).select_related("by").first(),
        "may_be_invited": invitations.may_be_invited(stored),
        "may_get_a_link": lost.may_get_a_link(stored),
        "may_be_previewed": stored.is_active and not stored.is_superuser,
        "myself": stored.pk == request.user.pk,
        **more,
    }
    return render(request, "people/user.html", context)
