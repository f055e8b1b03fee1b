"""The addresses of signing in. Those of django-allauth are named one by one: what is not here cannot be reached."""

from allauth.account import views as account_views
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.totp import views as app_views
from allauth.mfa.webauthn import views as key_views
from django.conf import settings
from django.urls import path, re_path, reverse_lazy

from crm.accounts import sign_in_views as views

COMPANY = {"provider_id": settings.OIDC_ID}
HOME = reverse_lazy("mfa_index")

urlpatterns = [
    path("login/", views.SignIn.as_view(), name="account_login"),
    path("logout/", views.SignOut.as_view(), name="account_logout"),
    path("login/cancel/", views.cancel, name="sign_in_cancel"),
    path("confirm/", views.Confirm.as_view(), name="account_reauthenticate"),
    path("password/", views.ChangePassword.as_view(), name="account_change_password"),
    path("password/reset/", views.ResetPassword.as_view(), name="account_reset_password"),
    path(
        "password/reset/sent/",
        account_views.password_reset_done,
        name="account_reset_password_done",
    ),
    path(
        "password/reset/done/",
        account_views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        account_views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("security/", views.security, name="mfa_index"),
    path("security/sessions/end/", views.end_other_sessions, name="sessions_end_others"),
    path("security/sessions/<int:pk>/end/", views.end_session, name="session_end"),
    path("security/app/", app_views.activate_totp, name="mfa_activate_totp"),
    path("security/app/remove/", app_views.deactivate_totp, name="mfa_deactivate_totp"),
    path("security/codes/", code_views.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "security/codes/new/",
        code_views.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "security/codes/file/",
        code_views.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path("security/passkeys/add/", key_views.add_webauthn, name="mfa_add_webauthn"),
    path(
        "security/passkeys/<int:pk>/",
        key_views.EditWebAuthnView.as_view(success_url=HOME),
        name="mfa_edit_webauthn",
    ),
    path(
        "security/passkeys/<int:pk>/remove/",
        key_views.RemoveWebAuthnView.as_view(success_url=HOME),
        name="mfa_remove_webauthn",
    ),
    path("login/second/", views.SecondStep.as_view(), name="mfa_authenticate"),
    path("login/passkey/", key_views.login_webauthn, name="mfa_login_webauthn"),
    path("confirm/code/", views.ConfirmByCode.as_view(), name="mfa_reauthenticate"),
    path("confirm/passkey/", key_views.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("company/", views.company_start, COMPANY, name="openid_connect_login"),
    path("company/back/", views.company_back, COMPANY, name="openid_connect_callback"),
]
