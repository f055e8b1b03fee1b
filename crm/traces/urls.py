from django.urls import path

from crm.traces import log_views

app_name = "traces"

urlpatterns = [
    path("settings/audit/", log_views.log, name="log"),
]
