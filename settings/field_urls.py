from django.urls import path

from settings import field_views

urlpatterns = [
    path("<category:category>/fields/new/", field_views.new, name="field_new"),
    path("fields/<int:pk>/", field_views.edit, name="field_edit"),
    path("fields/<int:pk>/type/", field_views.change_type, name="field_type"),
    path("fields/<int:pk>/options/", field_views.options, name="options"),
    path("fields/<int:pk>/options/new/", field_views.new_option, name="option_new"),
    path("options/<int:pk>/", field_views.edit_option, name="option_edit"),
]
