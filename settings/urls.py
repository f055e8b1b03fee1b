from django.urls import include, path, register_converter

from settings import overview_views, removal_views, removed_views, tag_views
from settings.addresses import CategoryConverter, KindConverter

register_converter(CategoryConverter, "category")
register_converter(KindConverter, "kind")

app_name = "settings"

urlpatterns = [
    path("", overview_views.overview, name="overview"),
    path("", include("settings.account_urls")),
    path("compare/", overview_views.compare, name="compare"),
    path("removed/", removed_views.removed, name="removed"),
    path("removed/undo/", removed_views.undo, name="undo"),
    path("<category:category>/", overview_views.category_page, name="category"),
    path("<category:category>/tags/new/", tag_views.new, name="tag_new"),
    path("<category:category>/tags/makers/", tag_views.makers, name="tag_makers"),
    path("<category:category>/<kind:kind>/order/", tag_views.order, name="order"),
    path("", include("settings.field_urls")),
    path("tags/<int:pk>/", tag_views.edit, name="tag_edit"),
    path("<kind:kind>/<int:pk>/delete/", removal_views.delete, name="delete"),
    path("<kind:kind>/<int:pk>/merge/", removal_views.merge, name="merge"),
    path("<kind:kind>/<int:pk>/move/", removal_views.move, name="move"),
]
