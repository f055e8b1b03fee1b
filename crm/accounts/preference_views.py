"""What users choose for themselves: language, time zone, formats, theme, shortcuts."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.accounts.models import User
from crm.accounts.people_forms import PreferencesForm


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    user = User.objects.get(pk=request.user.pk)
    form = PreferencesForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        for name, value in form.cleaned_data.items():
            setattr(user, name, value)
        user.save(update_fields=list(form.cleaned_data))
        with translation.override(user.language or translation.get_language()):
            messages.success(request, _("Saved."))
        return redirect("preferences")
    return render(request, "people/preferences.html", {"form": form})
