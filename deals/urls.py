from django.urls import include, path

from crm.bulk import views as bulk_views
from crm.exports import views as export_views
from deals import card_views, cell_views, form_views, option_views, trash_views, views

app_name = "deals"

urlpatterns = [
    path("settings/", include("deals.settings_urls")),
    path("deals/", views.DealList.as_view(), name="list"),
    path("deals/lists/<slug:slug>/", views.DealList.as_view(), name="list"),
    path("deals/act/", bulk_views.act, {"record": "deal"}, name="act"),
    path("deals/options/", option_views.options, name="options"),
    path("deals/export/", export_views.export, {"record": "deal"}, name="export"),
    path("deals/new/", form_views.new, name="new"),
    path("deals/preview/", form_views.preview_form, name="preview"),
    path("deals/<int:pk>/preview/", form_views.preview_form, name="preview"),
    path("deals/move-along/", card_views.move_along, name="move_along"),
    path("deals/<int:pk>/", card_views.card, name="card"),
    path("deals/<int:pk>/cell/<str:name>/", cell_views.DealCell.as_view(), name="cell"),
    path("deals/<int:pk>/tags/", card_views.tags, name="tags"),
    path("deals/<int:pk>/collaborators/", card_views.collaborators, name="collaborators"),
    path("deals/<int:pk>/edit/", form_views.edit, name="edit"),
    path("deals/<int:pk>/move/", card_views.move, name="move"),
    path("deals/<int:pk>/star/", card_views.star, name="star"),
    path("deals/<int:pk>/contacts/add/", card_views.link_add, name="link_add"),
    path("deals/<int:pk>/contacts/<int:link>/remove/", card_views.link_remove, name="link_remove"),
    path("deals/<int:pk>/forget-win/", card_views.forget, name="forget_win"),
    path("deals/<int:pk>/delete/", card_views.delete, name="delete"),
    path("trash/", trash_views.trash, name="trash"),
    path("trash/<int:pk>/restore/", trash_views.restore, name="restore"),
]
