from django.urls import path

from settings import account_views

urlpatterns = [
    path("account/", account_views.account, name="account"),
    path("currencies/", account_views.currencies, name="currencies"),
    path("currencies/<int:pk>/turn/", account_views.currency_turn, name="currency_turn"),
]
