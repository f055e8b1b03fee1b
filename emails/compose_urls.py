from django.urls import path

from emails import compose_views, preview_views

urlpatterns = [
    path("mailings/new/<slug:record>/", compose_views.new, name="new"),
    path("mailings/pictures/", compose_views.upload, name="upload"),
    path("mailings/<int:pk>/write/", compose_views.compose, name="compose"),
    path("mailings/<int:pk>/preview/", preview_views.preview, name="preview"),
    path("mailings/<int:pk>/preview/mail/", preview_views.preview_mail, name="preview_mail"),
]
