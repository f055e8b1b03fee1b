"""What is reached without signing in: the ways out of mails, pictures in them, reports of providers."""

from django.urls import path, re_path

from emails import picture_views, public_views

urlpatterns = [
    re_path(
        r"^i/(?P<key>[A-Za-z0-9_-]{22})\.(?P<extension>png|jpg|gif)$",
        picture_views.picture,
        name="picture",
    ),
    # As short as can be: it stands in a header of every mail (emails.ways_out.address).
    path("u/<str:token>", public_views.way_out, name="way_out"),
    path("c/<str:token>", public_views.click, name="click"),
    path("mail/events/<str:token>/", public_views.provider_events, name="provider_events"),
]
