from django.urls import path

from emails import settings_address_views, settings_sender_views, settings_views

urlpatterns = [
    path("look/", settings_views.mail_settings, name="mail_settings"),
    path("senders/", settings_sender_views.senders, name="senders"),
    path("senders/new/", settings_sender_views.new, name="sender_new"),
    path("senders/<int:pk>/", settings_sender_views.sender, name="sender"),
    path("senders/<int:pk>/edit/", settings_sender_views.edit, name="sender_edit"),
    path("senders/<int:pk>/switch/", settings_sender_views.switch, name="sender_switch"),
    path("senders/<int:pk>/delete/", settings_sender_views.delete, name="sender_delete"),
    path("senders/<int:pk>/check/", settings_sender_views.check, name="sender_check"),
    path("senders/<int:pk>/test/", settings_sender_views.test, name="sender_test"),
    path("addresses/", settings_address_views.addresses, name="addresses"),
    path("addresses/block/", settings_address_views.block, name="address_block"),
    path("addresses/<int:pk>/lift/", settings_address_views.lift_one, name="address_lift"),
    path("reports/", settings_address_views.reports, name="reports"),
]
