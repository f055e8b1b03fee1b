"""Mailings: the list of them, what is looked at before one goes out, how far it is; and mail on contacts' cards."""

from django.urls import path

from emails import mailing_log_views, mailing_review_views, mailing_views, single_views

urlpatterns = [
    path("mailings/", mailing_views.mailings, name="mailings"),
    path("mailings/on/", mailing_views.indicator, name="indicator"),
    path("mailings/<int:pk>/", mailing_views.mailing, name="mailing"),
    path("mailings/<int:pk>/progress/", mailing_views.progress, name="progress"),
    path("mailings/<int:pk>/review/", mailing_review_views.review, name="review"),
    path("mailings/<int:pk>/resend/", mailing_views.resend, name="resend"),
    path("mailings/<int:pk>/delete/", mailing_views.delete, name="delete"),
    path("mailings/<int:pk>/again/", mailing_views.again, name="again"),
    path("mailings/<int:pk>/log/", mailing_log_views.download, name="log"),
    path("mailings/<int:pk>/turn/<slug:step>/", mailing_views.turn, name="turn"),
    path("contacts/<int:pk>/mail/", single_views.single, name="single"),
    path("contacts/<int:pk>/mail/standing/", single_views.change_standing, name="standing"),
]
