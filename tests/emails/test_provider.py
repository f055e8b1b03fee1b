"""Reports of a provider by its webhook: signed, at a secret address, and off unless somebody set it up."""

from __future__ import annotations

import hashlib
import hmac
import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from crm.mail_servers import PROVIDERS
from crm.returned_mail import SILENT, webhook_of
from emails import ways_out
from emails.models import Address, AddressEvent, Mailing, Recipient, Report
from emails.reports import provider
from tests.emails.delivered import mailing_to_two

SECRET = "a1b2c3d4e5f6" * 4
PATH = f"/mail/events/{SECRET}/"
KEY = "key-of-the-webhook"


@pytest.fixture
def mailing(db: Any) -> Mailing:
    return mailing_to_two()


@pytest.fixture
def mailgun(mailing: Mailing, settings: Any) -> None:
    settings.MAIL_WEBHOOK = {"provider": "mailgun", "secret": SECRET}
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY}


@pytest.fixture
def postmark(mailing: Mailing, settings: Any) -> None:
    settings.MAIL_WEBHOOK = {"provider": "postmark", "secret": SECRET}
    settings.ANYMAIL = {}


def signed(event: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    token, stamp = "t" * 50, "1795425120"
    digest = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"token": token, "timestamp": stamp, "signature": digest},
        "event-data": event,
    }


def told(mailing: Mailing, event: str, **more: Any) -> dict[str, Any]:
    """An event about the first mail, as Mailgun has it."""
    own = ways_out.message_id(mailing, 1).strip("<>")
    return {
        "event": event,
        "id": f"id-{event}",
        "timestamp": 1795425120.1,
        "recipient": "ada@example.org",
        "message": {"headers": {"message-id": own}},
        **more,
    }


def post(body: Any, path: str = PATH) -> int:
    program = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return program.post(path, body, content_type="application/json").status_code


def suppressed(address: str = "ada@example.org") -> str:
    row = Address.objects.filter(address=address)
    return row.values_list("suppressed", flat=True).first() or ""


UNKNOWN_USER = {
    "severity": "permanent",
    "reason": "bounce",
    "delivery-status": {"code": 550, "message": "5.1.1 The account does not exist"},
}
POLICY = {
    "severity": "permanent",
    "reason": "generic",
    "delivery-status": {"code": 554, "message": "5.7.1 Refused by policy"},
}


def test_there_is_no_such_page_unless_a_provider_is_set_up(mailing: Mailing, settings: Any) -> None:
    settings.MAIL_WEBHOOK = {}
    body = signed(told(mailing, "failed", **UNKNOWN_USER))
    assert post(body) == 404
    assert post(body, "/mail/events//") == 404
    assert suppressed() == ""


@pytest.mark.usefixtures("mailgun")
def test_a_bounce_is_signed_believed_counted_and_told_once(mailing: Mailing) -> None:
    body = signed(told(mailing, "failed", **UNKNOWN_USER))
    assert [post(body) for _time in range(3)] == [200, 200, 200]
    assert suppressed() == "bounced"
    mailing.refresh_from_db()
    assert (mailing.bounced, mailing.failed, mailing.sent) == (1, 1, 1)
    assert Report.objects.count() == AddressEvent.objects.count() == 1
    assert Report.objects.get().source == "Mailgun"


@pytest.mark.usefixtures("mailgun")
def test_what_is_not_signed_by_the_provider_is_refused(mailing: Mailing) -> None:
    event = told(mailing, "failed", **UNKNOWN_USER)
    bodies: list[Any] = [
        signed(event, "another key"), {"event-data": event}, {}, [], "x", b"{", b"\xff",
    ]  # fmt: skip
    assert [post(body) for body in bodies] == [400] * len(bodies)
    assert suppressed() == ""


@pytest.mark.usefixtures("mailgun")
def test_who_does_not_know_the_secret_finds_nothing(mailing: Mailing) -> None:
    body = signed(told(mailing, "failed", **UNKNOWN_USER))
    for wrong in (SECRET[:-1], SECRET + "a", "x", SECRET.upper()):
        assert post(body, f"/mail/events/{wrong}/") == 404
    assert suppressed() == ""


@pytest.mark.usefixtures("mailgun")
def test_looking_at_the_address_changes_nothing(client: Client, mailing: Mailing) -> None:
    assert client.get(PATH).status_code == 405
    assert client.head(PATH).status_code == 200
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    ("event", "more", "standing", "counted", "state"),
    [
        ("complained", {}, "complained", "complained", "sent"),
        ("unsubscribed", {}, "unsubscribed", "unsubscribed", "sent"),
        ("failed", POLICY, "", "bounced", "failed"),
        ("failed", {"severity": "temporary", "reason": "generic"}, "", "", "sent"),
        ("opened", {}, "", "", "sent"),
        ("clicked", {"url": "https://example.org"}, "", "", "sent"),
        ("delivered", {}, "", "", "sent"),
    ],
)
@pytest.mark.usefixtures("mailgun")
def test_each_event_does_what_it_means(
    mailing: Mailing, event: str, more: dict[str, Any], standing: str, counted: str, state: str
) -> None:
    assert post(signed(told(mailing, event, **more))) == 200
    assert suppressed() == standing
    assert suppressed("byron@example.org") == ""
    mailing.refresh_from_db()
    counts = {name: getattr(mailing, name) for name in ("bounced", "complained", "unsubscribed")}
    assert [name for name, number in counts.items() if number] == ([counted] if counted else [])
    assert Recipient.objects.get(position=1).state == state


@pytest.mark.usefixtures("mailgun")
def test_what_is_told_before_the_mail_is_known_to_be_sent_is_told_again(mailing: Mailing) -> None:
    Recipient.objects.filter(position=1).update(state="sending")
    Mailing.objects.update(sent=1, sending=1)
    body = signed(told(mailing, "failed", **UNKNOWN_USER))
    assert post(body) == 503
    assert not Report.objects.exists()
    Recipient.objects.filter(position=1).update(state="sent")
    Mailing.objects.update(sent=2, sending=0)
    assert post(body) == 200
    mailing.refresh_from_db()
    assert (suppressed(), mailing.bounced) == ("bounced", 1)


@pytest.mark.usefixtures("mailgun")
def test_a_mail_that_was_uncertain_is_known_to_have_arrived(mailing: Mailing) -> None:
    Recipient.objects.filter(position=1).update(state="uncertain")
    Mailing.objects.update(sent=1, uncertain=1)
    post(signed(told(mailing, "delivered")))
    mailing.refresh_from_db()
    assert (mailing.sent, mailing.uncertain) == (2, 0)


@pytest.mark.usefixtures("postmark")
def test_a_provider_with_ids_of_its_own_is_understood_by_the_recipient(mailing: Mailing) -> None:
    older = Mailing.objects.create(sender=mailing.sender, subject="Older", total=1, sent=1)
    Recipient.objects.create(
        mailing=older, position=1, contact_id=1, state="left_out", address="ada@example.org"
    )
    event = {
        "RecordType": "SpamComplaint",
        "Type": "SpamComplaint",
        "ID": 42,
        "MessageID": "00000000-0000-0000-0000-000000000000",
        "Email": "Ada@Example.org",
        "BouncedAt": "2026-11-23T09:12:00Z",
    }
    assert post(json.dumps(event)) == 200
    assert suppressed() == "complained"
    mailing.refresh_from_db()
    older.refresh_from_db()
    assert (mailing.complained, older.complained) == (1, 0)


@pytest.mark.usefixtures("postmark")
def test_an_event_about_nobody_we_mailed_is_kept_without_effect(mailing: Mailing) -> None:
    event = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 43, "Email": "eve@example.net"}
    assert post(json.dumps(event)) == 200
    assert Report.objects.get().mailing_id is None
    assert not Address.objects.exists()


def event(**given: Any) -> SimpleNamespace:
    """What django-anymail makes of an event."""
    empty = dict.fromkeys(
        ("event_id", "message_id", "description", "mta_response", "reject_reason", "timestamp")
    )
    return SimpleNamespace(**empty | {"recipient": "ada@example.org", "metadata": {}} | given)


@pytest.mark.parametrize(
    ("given", "kind", "standing"),
    [
        ({"event_type": "rejected", "reject_reason": "bounced"}, "bounced", "bounced"),
        ({"event_type": "rejected", "reject_reason": "invalid"}, "bounced", "bounced"),
        ({"event_type": "rejected", "reject_reason": "spam"}, "complained", "complained"),
        ({"event_type": "rejected", "reject_reason": "unsubscribed"}, "unsubscribed", "unsubscribed"),
        ({"event_type": "rejected", "reject_reason": "blocked"}, "bounced", ""),
        ({"event_type": "bounced", "reject_reason": "timed_out"}, "bounced", ""),
        ({"event_type": "bounced", "reject_reason": "bounced"}, "bounced", "bounced"),
        ({"event_type": "bounced", "reject_reason": "other"}, "bounced", ""),
        ({"event_type": "failed"}, "bounced", ""),
        ({"event_type": "deferred"}, "put_off", ""),
    ],
)  # fmt: skip
def test_what_a_provider_would_not_send_is_taken_for_what_it_is(
    mailing: Mailing, given: dict[str, Any], kind: str, standing: str
) -> None:
    report = provider.receive(None, event(**given), "Example")
    assert report is not None
    assert report.kind == kind
    assert suppressed() == standing


@pytest.mark.parametrize(
    "given",
    [
        {"recipient": None},
        {"recipient": "\0\udcff@"},
        {"metadata": None, "message_id": "x" * 5000},
        {"description": "\0" * 900, "mta_response": "é" * 900},
        {"timestamp": "yesterday"},
    ],
)
def test_no_event_breaks_the_receiver(mailing: Mailing, given: dict[str, Any]) -> None:
    report = provider.receive(None, event(event_type="failed", **given), "Example")
    assert report is not None
    assert "\0" not in report.answer


@pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - set(SILENT)))
def test_each_provider_that_may_be_named_has_something_that_answers(
    settings: Any, name: str
) -> None:
    settings.MAIL_WEBHOOK = webhook_of(f"{name}:{SECRET}")
    settings.ANYMAIL = {
        f"{name}_{one}".upper().replace("-", "_"): "a2V5" for one in PROVIDERS[name].all
    }
    assert callable(provider._view())
