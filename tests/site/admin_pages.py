"""The admin's forms as a browser fills them in."""

from __future__ import annotations

from typing import Any

import pytest
from django.forms import BaseForm
from django.test import Client
from django.urls import reverse

from crm.accounts.models import User
from deals.services import check_statuses


@pytest.fixture
def administrator(db: None) -> User:
    return User.objects.create_superuser("chief", email="chief@example.com", password="not used")


@pytest.fixture
def admin_pages(administrator: User) -> AdminPages:
    client = Client()
    client.force_login(administrator)
    return AdminPages(client)


class AdminPages:
    def __init__(self, client: Client) -> None:
        self.client = client

    def fill_in(self, page: Any) -> dict[str, Any]:
        """What a browser would post of this page if nobody typed anything."""
        forms = [page.context["adminform"].form]
        for inline in page.context["inline_admin_formsets"]:
            forms += [inline.formset.management_form, *inline.formset.initial_forms]
        return {name: value for form in forms for name, value in _values(form)}

    def change(self, record: Any, **values: Any) -> Any:
        """Open the change page of ``record``, enter ``values``, save; the answer."""
        url = self.url(type(record), "change", record.pk)
        data = self.fill_in(self.client.get(url)) | values
        return self.client.post(url, data)

    def add(self, model: type, **values: Any) -> Any:
        url = self.url(model, "add")
        return self.client.post(url, self.fill_in(self.client.get(url)) | values)

    def delete(self, record: Any) -> Any:
        return self.client.post(self.url(type(record), "delete", record.pk), {"post": "yes"})

    def act(self, action: str, *records: Any, **more: Any) -> Any:
        """Choose ``records`` in their list and run an action on them."""
        data = {"action": action, "index": "0", "_selected_action": [r.pk for r in records]}
        url = self.url(type(records[0]), "changelist")
        return self.client.post(url, data | more, follow=True)

    @staticmethod
    def url(model: Any, page: str, *args: Any) -> str:
        meta = model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def _values(form: BaseForm) -> list[tuple[str, Any]]:
    values = []
    for bound in form:
        value = bound.value()
        widgets = getattr(bound.field.widget, "widgets", None)
        if widgets:
            parts = bound.field.widget.decompress(value)
            values += [(f"{bound.html_name}_{i}", part or "") for i, part in enumerate(parts)]
        elif value is not None and value is not False:
            values.append((bound.html_name, value))
    return values


def statuses(contact: Any) -> list[str]:
    contact.refresh_from_db()
    return [contact.prospect_status, contact.customer_status]


def assert_nothing_differs() -> None:
    assert [str(difference) for difference in check_statuses().differences] == []


def errors(answer: Any) -> dict[str, list[str]]:
    """What the redisplayed form complains about."""
    assert answer.status_code == 200, "the form was accepted"
    return dict(answer.context["adminform"].form.errors)
