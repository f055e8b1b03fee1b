"""The pages of Settings that are about deals. Included in the address space of deals."""

from django.urls import path

from deals import pipeline_views, quiet_views, reason_views, restage_views

STAGE = "pipelines/stages/<int:pk>/"

urlpatterns = [
    path("pipelines/", pipeline_views.pipelines, name="pipelines"),
    path("pipelines/new/", pipeline_views.pipeline_new, name="pipeline_new"),
    path("pipelines/<int:pk>/", pipeline_views.pipeline, name="pipeline"),
    path("pipelines/<int:pk>/turn/", pipeline_views.pipeline_turn, name="pipeline_turn"),
    path("pipelines/<int:pk>/archive/", pipeline_views.pipeline_archive, name="pipeline_archive"),
    path("pipelines/<int:pk>/stages/new/", pipeline_views.stage_new, name="stage_new"),
    path(STAGE, pipeline_views.stage, name="stage"),
    path(f"{STAGE}turn/", pipeline_views.stage_turn, name="stage_turn"),
    path(f"{STAGE}category/", restage_views.stage_category, name="stage_category"),
    path(f"{STAGE}move/", restage_views.stage_move_deals, name="stage_move_deals"),
    path(f"{STAGE}end/<slug:how>/", pipeline_views.stage_end, name="stage_end"),
    path("reasons/", reason_views.reasons, name="reasons"),
    path("reasons/switches/", reason_views.switches, name="reason_switches"),
    path("sources/", reason_views.sources, name="sources"),
    path("reasons/<slug:kind>/new/", reason_views.reason_new, name="reason_new"),
    path("reasons/<slug:kind>/<int:pk>/", reason_views.reason, name="reason"),
    path("reasons/<slug:kind>/<int:pk>/turn/", reason_views.reason_turn, name="reason_turn"),
    path("quiet/", quiet_views.quiet, name="quiet"),
    path("quiet/settings/", quiet_views.quiet_settings, name="quiet_settings"),
    path("quiet/<int:pk>/again/", quiet_views.again, name="quiet_again"),
]
