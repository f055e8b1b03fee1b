"""Who writes mails in tests, from which list, and to whom."""

from __future__ import annotations

from typing import Any

from django.test import Client

from contacts.models import Contact
from crm.accounts.models import User
from emails.models import Mailing, Sender
from tests.forms import ShownForm, forms_of


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def sender(**more: Any) -> Sender:
    return Sender.objects.create(**{"name": "Example News", "address": "news@example.org", **more})


def posted(**more: Any) -> dict[str, Any]:
    """What the list of all contacts posts, of a page of its own."""
    return {
        "scope": "all",
        "state": "",
        "list": "",
        "count": str(Contact.objects.count()),
        "token": "page-one",
        **more,
    }


def drafted(client: Client, record: str = "contact", **more: Any) -> Mailing:
    """The draft that the button in a list makes."""
    answer = client.post(f"/mailings/new/{record}/", posted(**more))
    assert answer.status_code == 302, answer.content.decode()[:500]
    return Mailing.objects.get(pk=answer.headers["Location"].split("/")[2])


def write_url(mailing: Mailing) -> str:
    return f"/mailings/{mailing.pk}/write/"


def form_of(client: Client, mailing: Mailing) -> ShownForm:
    """The composer's form as its page shows it."""
    return next(one for one in forms_of(client.get(write_url(mailing))) if "subject" in one.names)
