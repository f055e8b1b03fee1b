from django.urls import path, register_converter

from settings import overview_views
from settings.addresses import CategoryConverter

register_converter(CategoryConverter, "category")

app_name = "settings"

urlpatterns = [
    path("", overview_views.overview, name="overview"),
    path("<category:category>/", overview_views.category_page, name="category"),
]
