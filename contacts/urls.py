from django.urls import path

from contacts import card_views, cell_views, merge_views, views
from crm.bulk import views as bulk_views
from crm.exports import views as export_views

app_name = "contacts"

urlpatterns = [
    path("contacts/", views.ContactList.as_view(), name="list"),
    path("contacts/lists/<slug:slug>/", views.ContactList.as_view(), name="list"),
    path("contacts/act/", bulk_views.act, {"record": "contact"}, name="act"),
    path("contacts/export/", export_views.export, {"record": "contact"}, name="export"),
    path(
        "contacts/addresses/",
        export_views.copy_addresses,
        {"record": "contact"},
        name="addresses",
    ),
    path("contacts/options/", card_views.options, name="options"),
    path("contacts/new/person/", card_views.new_person, name="new_person"),
    path("contacts/new/company/", card_views.new_company, name="new_company"),
    path(
        "contacts/new/<str:kind>/duplicates/", merge_views.duplicate_hints, name="duplicate_hints"
    ),
    path("contacts/merge/", merge_views.merge_two, name="merge_two"),
    path("contacts/<int:pk>/merge/", merge_views.choose, name="merge"),
    path("contacts/<int:pk>/merge/<int:other>/", merge_views.merge_pair, name="merge_pair"),
    path("merges/<int:pk>/undo/", merge_views.undo, name="undo_merge"),
    path("contacts/<int:pk>/", card_views.card, name="card"),
    path("contacts/<int:pk>/cell/<str:name>/", cell_views.ContactCell.as_view(), name="cell"),
    path("contacts/<int:pk>/tags/", card_views.tags, name="tags"),
    path("contacts/<int:pk>/collaborators/", card_views.collaborators, name="collaborators"),
    path("contacts/<int:pk>/edit/", card_views.edit, name="edit"),
    path("contacts/<int:pk>/delete/", card_views.delete, name="delete"),
    path("contacts/<int:pk>/status/", card_views.select, name="select_status"),
    path("contacts/<int:pk>/explanation/", card_views.explanation, name="explanation"),
    path(
        "contacts/<int:pk>/employees/<str:kind>/<str:value>/",
        card_views.mark_employees,
        name="mark_employees",
    ),
]
