"""The forms of signing in and of passwords."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import (
    ChangePasswordForm,
    ReauthenticateForm,
    ResetPasswordKeyForm,
    UserTokenForm,
)
from allauth.account.internal import flows
from allauth.account.models import Login
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.accounts.tasks import mail_reset_link


def _password(label: Any, autocomplete: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, max_length=1000, widget=widget)


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("Username or e-mail"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    password = _password(_("Password"), "current-password")

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        self.request = request
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors:
            adapter = get_adapter()
            self.user: Any = adapter.authenticate(self.request, **data)
            if self.user is None:
                raise adapter.validation_error("invalid_login")
        return data

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        login = Login(user=self.user, redirect_url=redirect_url)
        response = flows.login.perform_password_login(request, {}, login)
        request.session.set_expiry(settings.SESSION_COOKIE_AGE)
        return response


class ConfirmForm(ReauthenticateForm):
    password = _password(_("Password"), "current-password")


class PasswordForm(ChangePasswordForm):
    oldpassword = _password(_("Current password"), "current-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new_password(self)

    def clean_oldpassword(self) -> str:
        # Guesses here count as guesses there: else a stolen session could go on guessing.
        if not get_adapter().reauthenticate(self.user, self.cleaned_data["oldpassword"]):
            raise get_adapter().validation_error("enter_current_password")
        return str(self.cleaned_data["oldpassword"])


class ResetForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def save(self, request: HttpRequest) -> str:
        # Nobody is looked up before the answer: how long it takes says nothing either.
        address = str(self.cleaned_data["email"])
        mail_reset_link.enqueue(
            address, request.build_absolute_uri("/").rstrip("/"), get_language() or "en"
        )
        return address


class ResetTokenForm(UserTokenForm):
    def _get_user(self, uidb36: str) -> Any:
        user = super()._get_user(uidb36)
        return user if user is not None and user.is_active else None


class NewPasswordForm(ResetPasswordKeyForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new_password(self)


def _name_new_password(form: forms.Form) -> None:
    labels = {"password1": _("New password"), "password2": _("New password, again")}
    for name, label in labels.items():
        form.fields[name].label = label
        form.fields[name].widget.attrs.pop("placeholder", None)
