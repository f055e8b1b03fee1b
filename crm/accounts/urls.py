from django.urls import include, path

from crm.accounts import views

urlpatterns = [
    path("", include("crm.accounts.sign_in_urls")),
    path("language/", views.set_language, name="set_language"),
    path("theme/", views.set_theme, name="set_theme"),
    path("shortcuts/", views.shortcuts, name="shortcuts"),
]
