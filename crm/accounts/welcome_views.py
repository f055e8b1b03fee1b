"""The page of the first start."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from crm.accounts import welcome as service
from crm.accounts.people_forms import ChoosePasswordForm
from crm.retry import retrying


class FirstForm(ChoosePasswordForm):
    key = forms.CharField(
        label=_("Setup key"),
        max_length=60,
        help_text=_("Shown where Standing was started, and by: manage.py setup_key"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    username = forms.CharField(
        label=_("Account name"),
        max_length=150,
        help_text=_("To sign in with, besides the e-mail address."),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    field_order = ["key", "username", "first_name", "last_name", "email", "password", "again"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not service.asks_for_key():
            del self.fields["key"]

    def clean_key(self) -> None:
        if not service.is_setup_key(self.cleaned_data["key"]):
            raise ValidationError(_("This is not the setup key of this installation."))


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@retrying
def welcome(request: HttpRequest) -> HttpResponse:
    """Only asked as long as there is nobody; ``WelcomeMiddleware`` answers before."""
    form = FirstForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        names = ("username", "first_name", "last_name", "email", "password")
        try:
            user = service.create_first_administrator(
                **{name: form.cleaned_data[name] for name in names}
            )
        except service.AlreadyBegun:
            raise Http404 from None
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect("home")
    return render(request, "people/welcome.html", {"form": form})
