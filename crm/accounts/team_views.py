"""Settings › Teams. For administrators."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.accounts import teams as service
from crm.accounts.guards import administrators_only
from crm.accounts.models import Team
from crm.accounts.people_forms import TeamForm
from crm.retry import retrying

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@administrators_only
def teams(request: HttpRequest) -> HttpResponse:
    found = Team.objects.prefetch_related("members", "managers")
    return render(request, "people/teams.html", {"teams": found})


@get_or_post
@administrators_only
@retrying
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, Team())


@get_or_post
@administrators_only
@retrying
def team(request: HttpRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Team, pk=pk))


def _edit(request: HttpRequest, team: Team) -> HttpResponse:
    form = TeamForm(request.POST or None, team=team)
    if request.method == "POST" and form.is_valid():
        try:
            service.save_team(team, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("people:teams")
    name = Team.objects.values_list("name", flat=True).get(pk=team.pk) if team.pk else ""
    context = {"team": team, "name": name, "form": form, "settings_here": reverse("people:teams")}
    return render(request, "people/team.html", context)


@get_or_post
@administrators_only
@retrying
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    team = get_object_or_404(Team, pk=pk)
    if request.method == "POST":
        service.delete_team(team)
        messages.success(request, _("The team “%(name)s” is deleted.") % {"name": team.name})
        return redirect("people:teams")
    context = {"team": team, "settings_here": reverse("people:teams")}
    return render(request, "people/team_delete.html", context)
