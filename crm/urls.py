from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from crm import views
from crm.accounts import invitation_views, preference_views, welcome_views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="contacts:list"), name="home"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("accounts/", include("crm.accounts.urls")),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("welcome/", welcome_views.welcome, name="welcome"),
    path("invitation/", invitation_views.invitation, name="invitation"),
    path("preferences/", preference_views.preferences, name="preferences"),
    path("settings/", include("crm.accounts.people_urls")),
    path("settings/", include("settings.urls")),
    path("", include("crm.traces.urls")),
    path("", include("crm.privacy.urls")),
    path("", include("crm.lists.urls")),
    path("", include("crm.bulk.urls")),
    path("", include("contacts.urls")),
    path("", include("deals.urls")),
    path("", include("emails.urls")),
]
