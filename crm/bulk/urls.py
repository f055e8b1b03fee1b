from django.urls import path

from crm.bulk import run_views

app_name = "bulk"

urlpatterns = [
    path("runs/", run_views.runs, name="runs"),
    path("runs/on/", run_views.indicator, name="indicator"),
    path("runs/<int:pk>/", run_views.run, name="run"),
    path("runs/<int:pk>/progress/", run_views.progress, name="progress"),
    path("runs/<int:pk>/file/", run_views.download, name="file"),
    path("runs/<int:pk>/<slug:step>/", run_views.turn, name="turn"),
]
