"""The whole way of a mailing, by mouse and by keyboard alone: from a list to the card of whom it reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from crm.accounts.models import User
from deals.services import select_status
from emails import ledger
from emails.models import Address, Mailing, MailSettings, Recipient, Sender
from tests.deals.factories import company, person
from tests.e2e.conftest import faults
from tests.e2e.test_lists import ready
from tests.emails.smtp import Server

pytestmark = pytest.mark.django_db(transaction=True)
# More than a page of 25 holds.
CUSTOMERS = 27
MAILED = CUSTOMERS - 1


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", "anna@example.org", "x", first_name="Anna")


@pytest.fixture
def book() -> None:
    """Customers of whom one has unsubscribed, and others who get nothing."""
    acme = company("Acme")
    for number in range(CUSTOMERS):
        one = person(f"Customer {number:02}", company=acme, email=f"c{number}@example.com")
        select_status(one, customer="current")
    person("Other", email="other@example.com")
    Address.objects.create(
        address="c5@example.com", suppressed="unsubscribed", suppressed_at=timezone.now()
    )
    MailSettings(postal_address="1 Long Lane, Springfield").save()
    Sender.objects.create(name="Example News", address="news@example.org")


@pytest.fixture
def post(settings: Any) -> Iterator[Server]:
    """A mail server that takes everything."""
    with Server() as server:
        settings.MAILERS = server.mailers()
        yield server


@pytest.fixture
def no_worker() -> Iterator[Any]:
    """Nobody sends until it is stopped: then whoever lets the mailing go on does, in the request."""
    patch = mock.patch("emails.sending.ticking.kick", return_value=0)
    patch.start()
    yield patch
    mock.patch.stopall()


def letters(server: Server) -> list[EmailMessage]:
    return [message_from_bytes(one.raw, policy=default) for one in server.letters]  # type: ignore[misc]


def way_out(letter: EmailMessage) -> str:
    """The address of the link to unsubscribe, as recipients click it in the text."""
    body = letter.get_body(("plain",))
    assert body is not None
    found = re.search(r"https?://\S+/u/\S+", body.get_content())
    assert found is not None, body.get_content()
    return found[0]


def test_current_customers_are_mailed_and_one_unsubscribes(
    visitor: Any, anna: User, book: None, post: Server, no_worker: Any
) -> None:
    page = visitor(anna)
    page.goto("/contacts/?per_page=25")

    # Filter Current Customers, select all that match, and write.
    page.click("#add-filter")
    page.click("#editor a:text-is('Customer Status')")
    page.check("#editor label:has-text('Current Customer') input")
    page.click("#editor .editor-foot button")
    page.wait_for_url(re.compile("customer_status=current"))
    ready(page)
    page.check("#pick-page")
    page.click("#pick-all")
    page.click("#act button[formaction='/mailings/new/contact/']:visible")
    expect(page.locator("#audience")).to_contain_text(f"{MAILED} recipients")
    expect(page.locator("#audience")).to_contain_text("Customer Status is Current Customer")
    page.fill("#id_subject", "Spring is here")
    page.click("#rich")
    page.keyboard.type("Dear readers, spring is here.")

    # Preview and test.
    page.click("button[value=preview]")
    mail = page.frame_locator("iframe")
    expect(mail.locator("body")).to_contain_text("Dear readers, spring is here.")
    expect(page.locator("#recipient")).to_contain_text(f"of {MAILED}")
    page.go_back()
    page.click("button[value=test]")
    expect(page.locator(".notice").first).to_contain_text("A test was sent to anna@example.org.")
    (test,) = letters(post)
    assert "anna@example.org" in test["To"]

    # Look who gets it, and send.
    page.click("button[value=review]")
    expect(page.locator("#to-be-mailed")).to_have_text(str(MAILED))
    assert faults(page) == []
    page.click("a:text-is('Unsubscribed')")
    expect(page.locator("#rows .row-line")).to_have_count(1)
    expect(page.locator("#rows .row-line")).to_contain_text("c5@example.com")
    page.click("#send-now")
    page.wait_for_url(re.compile(r"/mailings/\d+/$"))

    # Watch: it looks again by itself, and goes on where it is told to.
    expect(page.locator("progress")).to_have_attribute("value", "0")
    with page.expect_response("**/progress/**"):
        pass
    page.reload()
    expect(page.locator("#mailings-on")).to_contain_text("Spring is here")
    page.click("#mailing-pause")
    expect(page.locator("#mailing h2")).to_contain_text("Paused")
    no_worker.stop()
    page.click("#mailing-resume")
    expect(page.locator("#mailing h2")).to_contain_text("Sent")
    mailing = Mailing.objects.get()
    assert (mailing.sent, mailing.left_out, len(post.letters)) == (MAILED, 1, MAILED + 1)
    page.fill("#ledger-q", "c7@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("#rows .row-line")).to_have_count(1)
    expect(page.locator("#rows .row-line")).to_contain_text("Sent")
    assert faults(page) == []

    # Somebody unsubscribes, without an account.
    letter = next(one for one in letters(post) if "c7@example.com" in str(one["To"]))
    reader = visitor()
    reader.goto(way_out(letter))
    assert faults(reader) == []
    reader.click("button[value=leave]")
    expect(reader.locator("h1")).to_have_text("You are unsubscribed")

    # It stands on the card, and on the mailing.
    page.click("#rows .row-line a.row-title")
    expect(page.locator("#history")).to_contain_text("A mail was sent: Spring is here")
    expect(page.locator("#history")).to_contain_text("Unsubscribed")
    expect(page.locator("#mail")).to_contain_text("Cannot be mailed")
    expect(page.locator("#mail-contact")).to_be_disabled()
    assert faults(page) == []
    page.click("#history a:text-is('Spring is here')")
    expect(page.locator("#mailing dl").last).to_contain_text(re.compile(r"Unsubscribed\s*1"))


def test_the_same_by_keyboard_alone(visitor: Any, anna: User, book: None, post: Server) -> None:
    page = visitor(anna)
    press = page.keyboard.press

    def tab_to(selector: str, key: str = "Tab") -> None:
        """Goes there with Tab as people do; fails where the focus is lost or caught."""
        for _step in range(200):
            if page.evaluate("(one) => document.activeElement.matches(one)", selector):
                return
            press(key)
        raise AssertionError(f"{selector} cannot be reached")

    page.goto("/contacts/?per_page=25")
    press("f")
    page.wait_for_selector("#editor input[type=search]:focus")
    page.keyboard.type("customer status")
    tab_to("#editor a:not([href*='_since']):not([href*='_days'])[href*='customer_status']")
    press("Enter")
    page.wait_for_selector("#editor [name=value]")
    tab_to("#editor [value=current]")
    press("Space")
    press("Enter")
    page.wait_for_url(re.compile("customer_status=current"))
    ready(page)
    page.focus("#list-q")
    tab_to("#pick-page")
    press("Space")
    tab_to("#pick-all")
    press("Enter")
    tab_to("#act button[formaction='/mailings/new/contact/']")
    press("Enter")
    page.wait_for_url("**/write/")

    tab_to("#id_subject")
    page.keyboard.type("Spring is here")
    tab_to("#rich")
    page.keyboard.type("Dear readers, spring is here.")
    # Tab belongs to the text in some editors; here it leads on.
    tab_to("button[value=preview]")
    press("Enter")
    page.wait_for_url("**/preview/**")
    tab_to("a[href$='/review/']")
    press("Enter")
    page.wait_for_url("**/review/")
    tab_to("#send-now")
    press("Enter")
    page.wait_for_url(re.compile(r"/mailings/\d+/$"))
    expect(page.locator("#mailing h2")).to_contain_text("Sent")
    assert Mailing.objects.get().sent == MAILED

    reader = visitor()
    reader.goto(way_out(letters(post)[0]))
    for _step in range(10):
        if reader.evaluate("document.activeElement.value") == "leave":
            break
        reader.keyboard.press("Tab")
    reader.keyboard.press("Enter")
    expect(reader.locator("h1")).to_have_text("You are unsubscribed")

    tab_to("#rows .row-line a.row-title")
    press("Enter")
    page.wait_for_url("**/contacts/**")
    expect(page.locator("#history")).to_contain_text("Unsubscribed")


def test_a_mailing_is_sent_later_without_scripts(
    visitor: Any, anna: User, book: None, no_worker: Any
) -> None:
    page = visitor(anna, java_script_enabled=False)
    page.goto("/contacts/?per_page=25&customer_status=current")
    page.select_option("select[name=scope]", "all")
    page.click("#act button[formaction='/mailings/new/contact/']:visible")
    page.fill("#id_subject", "Spring is here")
    page.fill("#id_html", "<p>Dear readers</p>")
    page.click("button[value=review]")
    page.click(".send-later summary")
    page.fill("#id_day", "2031-03-30")
    page.fill("#id_time", "02:30")
    page.select_option("#id_zone", "Europe/Berlin")
    page.click("#send-later")
    expect(page.locator(".send-later .notice")).to_contain_text("clocks are put forward")
    visitor.complaints.clear()
    page.fill("#id_time", "09:30")
    page.click("#send-later")
    expect(page.locator("#mailing h2")).to_contain_text("Scheduled")
    page.click("#mailing-unschedule")
    page.click("#send-now")
    expect(page.locator("#mailing h2")).to_contain_text("Sending")
    page.click("#mailing h2 a:text-is('Refresh')")
    expect(page.locator("progress")).to_have_attribute("max", str(MAILED))


def test_the_pages_have_no_faults_in_the_dark_on_a_telephone(
    visitor: Any, anna: User, book: None
) -> None:
    page = visitor(anna, scheme="dark", width=360)
    mailing = halted(anna)
    draft = Mailing.objects.get(state="draft")
    card = mailing.recipients.get(state="failed").contact_id
    found = {}
    for address in (
        "/mailings/",
        f"/mailings/{draft.pk}/review/?show=left_out-unsubscribed",
        f"/mailings/{mailing.pk}/",
        f"/mailings/{mailing.pk}/resend/",
        f"/contacts/{card}/",
    ):
        page.goto(address)
        for one in page.locator("#mail details, .send-later").all():
            one.evaluate("one => { one.open = true; }")
        if wrong := faults(page):
            found[address] = wrong
    assert found == {}


def halted(author: User) -> Mailing:
    """A mailing that paused itself, with each kind of recipient, beside a draft."""
    given: dict[str, Any] = {
        "author": author,
        "sender": Sender.objects.get(),
        "subject": "Spring is here",
        "html": "<p>Dear readers</p>",
        "selection": [["state", ""], ["count", "28"], ["scope", "all"]],
        "sentence": "everything",
        "origin": "https://crm.example.org",
    }
    ledger.write(Mailing.objects.create(**given), author)
    mailing = Mailing.objects.create(**given)
    ledger.write(mailing, author)
    waiting = mailing.recipients.filter(state="waiting").order_by("position")
    for row, state in zip(waiting[:3], ("sent", "uncertain", "failed"), strict=True):
        values = {"state": state, "answer": "550 5.1.1 no such user", "changed_at": timezone.now()}
        Recipient.objects.filter(mailing=mailing, position=row.position).update(**values)
    counts = {"sent": 1, "uncertain": 1, "failed": 1, "waiting": mailing.waiting - 3}
    problem = "7.1 % of the mails came back."
    Mailing.objects.filter(pk=mailing.pk).update(
        state="paused", started_at=timezone.now(), seconds=9, problem=problem, **counts
    )
    return mailing
