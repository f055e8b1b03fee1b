from django.urls import path

from crm.privacy import views

app_name = "privacy"

urlpatterns = [
    path("privacy/contacts/<int:pk>/", views.person, name="person"),
    path("privacy/contacts/<int:pk>/export/", views.export, name="export"),
    path("privacy/contacts/<int:pk>/erase/", views.erase, name="erase"),
]
