"""The Settings area: who may enter it, and where its pages lead."""

from __future__ import annotations

import pytest
from django.urls import reverse

from crm.accounts.models import User
from settings.categories import Category

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return User.objects.create_user("anna", is_superuser=True)


def test_the_settings_are_for_administrators(client, anna):
    client.force_login(anna)
    assert client.get("/settings/").status_code == 200
    client.force_login(User.objects.create_user("ben"))
    assert client.get("/settings/").status_code == 403
    client.logout()
    assert "login" in client.get("/settings/").headers["Location"]


@pytest.mark.parametrize(
    ("category", "address"),
    [
        (Category.CONTACTS, "/settings/contacts/"),
        (Category.CUSTOMERS, "/settings/prospects-customers/"),
        (Category.DEALS, "/settings/deals/"),
    ],
)
def test_each_category_has_a_page_of_its_own(client, anna, category, address):
    client.force_login(anna)
    assert reverse("settings:category", args=[category]) == address
    page = client.get(address).content.decode()
    assert f"<h1>{category.label}</h1>".replace("&", "&amp;") in page
    assert f'href="{address}" aria-current="page"' in page


def test_only_administrators_are_led_to_the_settings(client, anna):
    client.force_login(anna)
    assert 'href="/settings/"' in client.get("/contacts/").content.decode()
    client.force_login(User.objects.create_user("ben"))
    assert 'href="/settings/"' not in client.get("/contacts/").content.decode()
