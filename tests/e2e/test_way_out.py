"""The page that a recipient unsubscribes on: by the keyboard, without scripts, on a telephone."""

from __future__ import annotations

from typing import Any

import pytest

from crm.accounts.models import User
from emails import ways_out
from emails.models import Address, Mailing, MailSettings, Recipient, Sender
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(db: Any) -> str:
    User.objects.create_user("anna", "anna@example.com", "a long password")
    MailSettings(postal_address="Example & Sons\n1 Example Road\n12345 Exampleton").save()
    sender = Sender.objects.create(name="Example & Sons", address="news@example.com")
    mailing = Mailing.objects.create(
        sender=sender, subject="News", state="done", total=1, sent=1, language="de"
    )
    Recipient.objects.create(
        mailing=mailing, position=1, contact_id=1, state="sent", address="ada@example.org"
    )
    return f"/u/{ways_out.token(mailing, 1)}?language=en"


def suppressed() -> str:
    return Address.objects.values_list("suppressed", flat=True).first() or ""


def pressed(page: Any, name: str) -> None:
    """Go to a button with the tabulator and press it."""
    for _step in range(8):
        page.keyboard.press("Tab")
        if page.locator(":focus").text_content() == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"no way to {name} by the keyboard")


def test_a_recipient_gets_out_and_back_in_by_keyboard_without_scripts(
    visitor: Any, path: str
) -> None:
    page = visitor(width=360, java_script_enabled=False)
    page.goto(path)
    assert suppressed() == ""
    pressed(page, "Unsubscribe")
    page.get_by_role("heading", name="You are unsubscribed").wait_for()
    assert suppressed() == "unsubscribed"
    pressed(page, "Undo")
    page.get_by_role("heading", name="You get our mails again").wait_for()
    assert suppressed() == ""
    assert page.context.cookies() == []


@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_can_be_read_and_used_by_everybody(visitor: Any, path: str, width: int) -> None:
    page = visitor(width=width)
    page.goto(path)
    assert faults(page) == []
    page.get_by_role("button", name="Unsubscribe").click()
    assert faults(page) == []
    page.get_by_role("link", name="Deutsch").click()
    assert page.locator("html").get_attribute("lang") == "de"
