"""What users choose for themselves: language, time zone, formats, theme, shortcuts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.accounts.models import User
from crm.accounts.people import change_user
from crm.accounts.people_forms import PreferencesForm
from crm.retry import retrying


@require_http_methods(["GET", "HEAD", "POST"])
@retrying
def preferences(request: HttpRequest) -> HttpResponse:
    me: Any = request.user
    user = User.objects.get(pk=me.pk)
    form = PreferencesForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            user = change_user(user, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            with translation.override(user.language or translation.get_language()):
                messages.success(request, _("Saved."))
            return redirect("preferences")
    return render(request, "people/preferences.html", {"form": form})
