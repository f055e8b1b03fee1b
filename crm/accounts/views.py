from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import (
    LoginView,
    LogoutView,
    PasswordChangeDoneView,
    PasswordChangeView,
)
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as remember_language

from crm.accounts.forms import SignInForm


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    form_class = SignInForm
    redirect_authenticated_user = True


class SignOut(LogoutView):
    pass


class ChangePassword(PasswordChangeView):
    pass


class PasswordChanged(PasswordChangeDoneView):
    pass


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponseBase:
    """Keeps the chosen language: in a cookie for everybody, and with the account for who is signed in."""
    language = request.POST.get("language", "")
    if request.user.is_authenticated and check_for_language(language):
        request.user.language = language
        request.user.save(update_fields=["language"])
    return remember_language(request)
