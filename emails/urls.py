from django.urls import include, path

app_name = "emails"
urlpatterns = [
    path("", include("emails.compose_urls")),
    path("", include("emails.template_urls")),
    path("", include("emails.mailing_urls")),
    path("settings/mail/", include("emails.settings_urls")),
    path("", include("emails.public_urls")),
]
