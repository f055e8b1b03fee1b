"""The product's pages and, beside them, the plain one that they are held against."""

from django.urls import path

from benchmarks.plain import contacts, count, labels
from crm.urls import urlpatterns as product

urlpatterns = [
    path("plain/", contacts),
    path("plain/count/", count),
    path("plain/labels/", labels),
    *product,
]
