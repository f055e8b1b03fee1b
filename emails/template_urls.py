from django.urls import path

from emails import template_views as views

urlpatterns = [
    path("mailings/templates/", views.templates, name="templates"),
    path("mailings/templates/new/", views.new, name="template_new"),
    path("mailings/templates/<int:pk>/", views.edit, name="template_edit"),
    path("mailings/templates/<int:pk>/delete/", views.delete, name="template_delete"),
    path("mailings/templates/<int:pk>/versions/", views.versions, name="template_versions"),
    path(
        "mailings/templates/<int:pk>/versions/<int:number>/", views.version, name="template_version"
    ),
    path(
        "mailings/templates/<int:pk>/versions/<int:number>/mail/",
        views.version_mail,
        name="template_mail",
    ),
    path(
        "mailings/templates/<int:pk>/versions/<int:number>/restore/",
        views.restore,
        name="template_restore",
    ),
    path("mailings/<int:pk>/template/", views.choose, name="choose_template"),
    path("mailings/<int:pk>/keep/", views.keep, name="keep_as_template"),
]
