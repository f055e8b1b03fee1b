from django.urls import path

from crm.accounts import views

urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", views.SignOut.as_view(), name="logout"),
    path("password/", views.ChangePassword.as_view(), name="password_change"),
    path("password/done/", views.PasswordChanged.as_view(), name="password_change_done"),
    path("language/", views.set_language, name="set_language"),
    path("theme/", views.set_theme, name="set_theme"),
    path("shortcuts/", views.shortcuts, name="shortcuts"),
]
