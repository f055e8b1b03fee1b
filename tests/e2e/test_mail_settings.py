"""Settings › Mail, looked at in every size, light and dark, and by what reads pages to people."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from crm.accounts.models import User
from emails import standing
from emails.models import Address, MailSettings, Report, Sender
from tests.access.signing import LOGIN, PASSWORD, root
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "donaudampfschifffahrtselektrizitaetenhauptbetriebswerk"


@pytest.fixture
def admin() -> User:
    return root()


@pytest.fixture
def addresses(admin: User) -> list[str]:
    """Pages with the longest that people write on them."""
    MailSettings(postal_address=f"1 Long Lane\n{LONG}").save()
    one = Sender.objects.create(
        name=LONG.title(), address=f"news@{LONG}.example.org", per_minute=30, per_day=10_000
    )
    Sender.objects.create(name="Old", address="old@example.org", is_active=False)
    standing.suppress([f"{LONG}@example.com"], "unsubscribed")
    for number, kind in enumerate(Report.Kind.values):
        Report.objects.create(
            key=str(number), source="mailbox", kind=kind, address=f"{LONG}@example.com",
            answer=f"550 5.1.1 {LONG} does not exist", at=timezone.now(),
        )  # fmt: skip
    pk = Address.objects.get().pk
    return [
        "/settings/mail/look/",
        "/settings/mail/senders/",
        "/settings/mail/senders/new/",
        f"/settings/mail/senders/{one.pk}/",
        f"/settings/mail/senders/{one.pk}/edit/",
        f"/settings/mail/senders/{one.pk}/delete/",
        "/settings/mail/addresses/",
        f"/settings/mail/addresses/{pk}/lift/",
        "/settings/mail/reports/",
    ]


def test_the_pages_have_no_faults(
    visitor: Any, look: Any, admin: User, addresses: list[str]
) -> None:
    language, width = look
    User.objects.filter(pk=admin.pk).update(language=language)
    page = visitor(None, language=language, width=width)
    # By the page: whoever signed in just now is not asked for the password again.
    page.goto(LOGIN)
    page.fill("[name=username]", admin.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/contacts/")
    found = {}
    for address in addresses:
        page.goto(address)
        if wrong := faults(page):
            found[address] = wrong
    assert found == {}
