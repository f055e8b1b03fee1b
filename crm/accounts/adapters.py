"""How signing in with django-allauth differs here: nobody signs up, and every step is counted and written down."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import get_login_redirect_url
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.backends import hash_in_vain, user_called
from crm.accounts.devices import remember_device
from crm.accounts.models import User
from crm.accounts.sealing import seal, unseal
from crm.accounts.throttle import Verdict, count_guess
from crm.actor import address_of
from crm.audit.models import Action
from crm.audit.services import record

logger = logging.getLogger(__name__)

MISMATCH = gettext_lazy("That name and password do not belong together. Both are case-sensitive.")
TOO_MANY = gettext_lazy(
    "Too many attempts. Try again in an hour, or reset the password, which lets you in at once."
)
TOO_MANY_CODES = gettext_lazy("Too many attempts. Try again in an hour.")


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "invalid_login": MISMATCH,
        "too_many_login_attempts": TOO_MANY,
        "rate_limited": TOO_MANY_CODES,
        "enter_current_password": gettext_lazy("That is not your current password."),
        "incorrect_password": gettext_lazy("That is not your password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str) -> bool:
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or "0.0.0.0"  # noqa: S104

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return str(redirect("mfa_index").url)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user whose name and password these are. Raises ``ValidationError`` after too many guesses."""
        name, password = str(credentials["username"]), str(credentials["password"])
        user = user_called(name)
        guess = count_guess(request, name, user)
        if guess.verdict is Verdict.SHUT:
            # One line of the log each, no entry: the audit log is kept for years.
            logger.warning("Too many attempts to sign in: one more was not looked at.")
            raise self.validation_error("too_many_login_attempts")
        if guess.verdict is Verdict.QUIET:
            hash_in_vain(password)
            found = None
        else:
            found = authenticate(request, username=name, password=password)
        if not isinstance(found, User):
            record(Action.SIGN_IN_FAILED, user, actor=None, name=name[:150])
            return None
        guess.take_back()
        return found

    def reauthenticate(self, user: Any, password: str) -> bool:
        found = self.authenticate(context.request, username=user.username, password=password)
        return found is not None and found.pk == user.pk

    def set_password(self, user: Any, password: str) -> None:
        user.set_password(password)
        user.save(update_fields=["password"])

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        # As if there were no such user: who was let go is nobody's business.
        record(Action.SIGN_IN_FAILED, user, actor=None)
        messages.error(request, _("That did not sign you in."))
        return redirect("account_login")

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        # Not by super(), whose signal has every session of the user looked up, one by one.
        response = redirect(get_login_redirect_url(request, kwargs.get("redirect_url")))
        remember_device(request, response, user)
        return response


class FactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy(
            "That did not fit. A code is good for a minute and works once."
        ),
    }

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def _get_site_name(self) -> str:
        return str(settings.SITE_NAME)

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        return _("Passkey")


class CompanyAdapter(DefaultSocialAccountAdapter):
    """Sign-in by a company's own identity provider: for users that there are, by their verified e-mail address."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def authenticate_by_email(self, sociallogin: Any) -> None:
        # It would take the user's password away; pre_social_login looks the user up instead.
        return None

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Sets the user who signs in, or refuses: then ``ImmediateHttpResponse`` leads back to the sign-in page."""
        if sociallogin.state.get("process", AuthProcess.LOGIN) != AuthProcess.LOGIN:
            self._refuse(request, "", None)
        claims = sociallogin.account.extra_data
        told = claims.get("userinfo") or claims.get("id_token") or {}
        email = str(told.get("email") or "")
        same = {one["sub"] for one in claims.values() if isinstance(one, dict) and "sub" in one}
        if told.get("email_verified") is not True or not email or len(same) != 1:
            self._refuse(request, email, None)
        found = list(User.objects.filter(email__iexact=email)[:2])
        if len(found) != 1 or not found[0].is_active:
            self._refuse(request, email, found[0] if len(found) == 1 else None)
        sociallogin.user = found[0]

    def _refuse(self, request: HttpRequest, email: str, user: User | None) -> NoReturn:
        record(Action.SIGN_IN_FAILED, user, actor=None, name=email[:150], by="company")
        messages.error(
            request,
            _(
                "Nobody here signs in with that account. Whoever administers Standing adds people, by the address "
                "that your company has verified."
            ),
        )
        raise ImmediateHttpResponse(redirect("account_login"))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> NoReturn:
        if error == AuthError.CANCELLED:
            messages.info(request, _("You did not sign in with your company."))
            raise ImmediateHttpResponse(redirect("account_login"))
        logger.warning("Signing in by the identity provider failed: %s", error, exc_info=exception)
        messages.error(request, _("The sign-in with your company did not work. Try again."))
        raise ImmediateHttpResponse(redirect("account_login"))
