from django.urls import path

from crm.lists import reading_views, saved_views, tab_views

app_name = "lists"

urlpatterns = [
    path("lists/<slug:record>/columns/", reading_views.columns, name="columns"),
    path("lists/<slug:record>/tabs/", tab_views.arrange, name="tabs"),
    path("lists/<slug:record>/counts/", tab_views.counts, name="counts"),
    path("lists/<slug:record>/menu/", tab_views.menu, name="menu"),
    path("lists/<slug:record>/new/", saved_views.new, name="new"),
    path("lists/<slug:record>/<slug:slug>/save/", saved_views.save, name="save"),
    path("lists/<slug:record>/<slug:slug>/rename/", saved_views.rename, name="rename"),
    path("lists/<slug:record>/<slug:slug>/delete/", saved_views.delete, name="delete"),
]
