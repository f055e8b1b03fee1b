"""Codes of authenticator apps, each of which works once, and keys."""

from __future__ import annotations

import struct
import time
from typing import Any

from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

PERIOD = 30


def step_of(secret: str, code: str) -> int | None:
    """Which half minute of the clock, one off at most, a code belongs to; None for a wrong one."""
    now = int(time.time()) // PERIOD
    for step in (now - 1, now, now + 1):
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
            return step
    return None


def use_code(user: Any, code: str) -> Authenticator | None:
    """The authenticator that accepts this code of an app, or recovery code, which is used up by that."""
    with transaction.atomic():
        rows = Authenticator.objects.select_for_update().filter(user=user)
        found = {one.type: one for one in rows.exclude(type=Authenticator.Type.WEBAUTHN)}
        app = found.get(Authenticator.Type.TOTP)
        if app is not None:
            step = step_of(decrypt(app.data["secret"]), code)
            # Codes of a step that was used, and of those before, have been seen by others, perhaps.
            if step is not None and step > app.data.get("last_step", 0):
                app.data["last_step"] = step
                app.save(update_fields=["data"])
                return app
        codes = found.get(Authenticator.Type.RECOVERY_CODES)
        return codes if codes is not None and codes.wrap().validate_code(code) else None


class _CodeField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        super().__init__(max_length=40, widget=forms.TextInput(attrs=attrs), **kwargs)


class _OnceForm:
    user: Any
    cleaned_data: dict[str, Any]
    _emit_authentication_failed: Any

    def clean_code(self) -> str:
        forgive = check_rate_limit(self.user, error_key="rate_limited")
        code = str(self.cleaned_data["code"])
        found = use_code(self.user, code)
        if found is None:
            one = Authenticator.objects.filter(user=self.user).order_by("-type").first()
            self._emit_authentication_failed(one)
            raise get_adapter().validation_error("incorrect_code")
        found.user = self.user
        self.authenticator = found
        forgive()
        return code


class CodeForm(_OnceForm, AuthenticateForm):
    code = _CodeField(
        label=_("Code"), help_text=_("Of your authenticator app, or one of your recovery codes.")
    )


class ConfirmCodeForm(_OnceForm, ReauthenticateForm):
    code = _CodeField(
        label=_("Code"), help_text=_("Of your authenticator app, or one of your recovery codes.")
    )


class ActivateForm(ActivateTOTPForm):
    code = _CodeField(label=_("Code"), help_text=_("The six digits that the app shows now."))

    def clean_code(self) -> str:
        forgive = check_rate_limit(self.user, error_key="rate_limited")
        code = str(self.cleaned_data["code"])
        step = step_of(self.secret, code)
        if step is None:
            raise get_adapter().validation_error("incorrect_code")
        # Kept with the authenticator when it is made: the code that began it is no second one.
        context.request.totp_step = step
        forgive()
        return code


# What reading a credential raises that no browser made.
NONSENSE = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)


class _RefusesNonsense:
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except NONSENSE as error:
            raise get_adapter().validation_error("incorrect_code") from error


class PasskeyAloneForm(_RefusesNonsense, LoginWebAuthnForm):
    pass


class PasskeyForm(_RefusesNonsense, AuthenticateWebAuthnForm):
    pass


class ConfirmPasskeyForm(_RefusesNonsense, ReauthenticateWebAuthnForm):
    pass


class AddPasskeyForm(AddWebAuthnForm):
    name = forms.CharField(
        label=_("Name"), required=False, max_length=100, help_text=_("Such as “Phone”.")
    )
    passwordless = forms.BooleanField(
        label=_("Sign in with it alone, without name and password"), required=False, initial=True
    )

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except NONSENSE as error:
            raise get_adapter().validation_error("incorrect_code") from error
        return cleaned
