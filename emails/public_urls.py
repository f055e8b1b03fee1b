"""What is reached without signing in: the ways out of mails, pictures in them, reports of providers."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
