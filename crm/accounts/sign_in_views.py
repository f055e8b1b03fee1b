"""Signing in and out, and the page on which people see to it. The steps themselves are those of django-allauth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account import views as account_views
from allauth.account.internal.decorators import login_not_required
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.base import views as factor_views
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import get_adapter as get_company_adapter
from allauth.socialaccount.providers.openid_connect import views as company_views
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

from crm.accounts.invitations import mail_is_set_up
from crm.accounts.second_factor import is_missing
from crm.accounts.sessions import current_key, device_words, end_others, end_sessions, sessions_of

TOO_MANY = {"too_many_login_attempts", "rate_limited"}


class AnswersTooMany:
    """A form that was refused because there were too many attempts is answered 429, not as a wrong one."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        codes = {error.code for errors in form.errors.as_data().values() for error in errors}
        if codes & TOO_MANY:
            response.status_code = 429
            response["Retry-After"] = "3600"
        return response


class SignIn(AnswersTooMany, account_views.LoginView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"company": company_sign_in(self.request)}


class SignOut(account_views.LogoutView):
    http_method_names = ["post"]


class Confirm(AnswersTooMany, account_views.ReauthenticateView):
    """Asks for the password once more, before something that a stolen session must not do."""


class ChangePassword(AnswersTooMany, account_views.PasswordChangeView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user: Any = request.user
        if not user.has_usable_password():
            messages.info(request, _("You sign in without a password."))
            return redirect("mfa_index")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response


class ResetPassword(account_views.PasswordResetView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"mail_is_set_up": mail_is_set_up()}


class SecondStep(AnswersTooMany, factor_views.AuthenticateView):
    """Asks for the second factor of who has given the first."""


class ConfirmByCode(AnswersTooMany, factor_views.ReauthenticateView):
    pass


@login_not_required
def company_start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Leads to the company's identity provider."""
    return _with_company(company_views.login, request, provider_id)


@login_not_required
def company_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Where the identity provider leads back to."""
    return _with_company(company_views.callback, request, provider_id)


def _with_company(
    step: Callable[..., HttpResponse], request: HttpRequest, provider_id: str
) -> HttpResponse:
    try:
        return step(request, provider_id)
    except (RequestException, KeyError, ValueError) as error:
        # It is down, or says something else than such providers do: not for the person to mend.
        try:
            get_company_adapter().on_authentication_error(request, None, exception=error)
        except ImmediateHttpResponse as answer:
            return answer.response
        raise


def company_sign_in(request: HttpRequest) -> dict[str, str] | None:
    """The name of the company's identity provider and where to go for it; None without one."""
    if not settings.SOCIALACCOUNT_PROVIDERS:
        return None
    provider = get_company_adapter().get_provider(request, settings.OIDC_ID)
    following = request.POST.get("next") or request.GET.get("next")
    kwargs = {"next": following} if following else {}
    return {"name": provider.name, "url": provider.get_login_url(request, **kwargs)}


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """How the user signs in, and where they are signed in now."""
    user: Any = request.user
    found = list(Authenticator.objects.filter(user=user).order_by("pk"))
    codes = next((one for one in found if one.type == Authenticator.Type.RECOVERY_CODES), None)
    key = current_key(request)
    context = {
        "app": next((one for one in found if one.type == Authenticator.Type.TOTP), None),
        "passkeys": [one for one in found if one.type == Authenticator.Type.WEBAUTHN],
        "codes": codes,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "missing": is_missing(user),
        "has_password": user.has_usable_password(),
        "sessions": [
            {"session": one, "device": device_words(one), "current": one.session_key == key}
            for one in sessions_of(user)
        ],
    }
    return render(request, "accounts/security.html", context)


@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """End one session of the user's own, wherever it is."""
    user: Any = request.user
    found = UserSession.objects.filter(user=user, pk=pk).first()
    if found is None:
        raise Http404
    if found.session_key == current_key(request):
        messages.error(request, _("You are in this session yourself. To end it, sign out."))
    else:
        end_sessions(user, [found], "ended by the user")
        messages.success(request, _("The session was ended."))
    return redirect(_to_sessions())


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    number = end_others(user, current_key(request), "ended by the user")
    text = ngettext("%(number)d session was ended.", "%(number)d sessions were ended.", number)
    messages.success(request, text % {"number": number})
    return redirect(_to_sessions())


@require_POST
@login_not_required
def cancel(request: HttpRequest) -> HttpResponse:
    """Leave a sign-in that waits for its second factor."""
    request.session.flush()
    return redirect("account_login")


def _to_sessions() -> str:
    return f"{reverse('mfa_index')}#sessions"
