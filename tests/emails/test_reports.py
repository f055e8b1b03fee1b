"""What comes back of mails: thirty delivery reports as servers write them, and what nobody should be taken in by."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from emails import leaving, ways_out
from emails.models import Address, AddressEvent, Mailing, Recipient
from emails.reports.reading import read
from emails.reports.taking import take_in
from emails.reports.verdicts import Verdict, judge
from tests.emails.delivered import mailing_to_two

HERE = Path(__file__).parent / "reports"
# Name: what it is, what the address is suppressed for, the state and reason of the recipient's row, warnings counted.
DEAD = ("bounced", "bounced", "failed", "refused", 0)
FULL = ("bounced", "", "failed", "rejected", 1)
SPARED = ("bounced", "", "failed", "rejected", 0)
LATER = ("put_off", "", "sent", "", 1)
COMPLAINT = ("complained", "complained", "sent", "", 0)
LEFT = ("unsubscribed", "unsubscribed", "sent", "", 0)
NOTHING = ("", "", "sent", "", 0)
EXPECTED = {
    "amazon-ses-too-large": SPARED,
    "amazon-ses-unknown-user": DEAD,
    "arf-opt-out": LEFT,
    "arf-redacted-recipient": COMPLAINT,
    "arf-yahoo-abuse": COMPLAINT,
    "exchange-2003-in-words": DEAD,
    "exchange-access-denied": DEAD,
    "exchange-online-unknown-user": DEAD,
    "exim-old-unrouteable": DEAD,
    "exim-unknown-user": DEAD,
    "exim-warning": LATER,
    "forwarded-to-somebody-gone": FULL,
    "gmail-incomplete": LATER,
    "gmail-over-quota": FULL,
    "gmail-unknown-user": DEAD,
    "international-address": DEAD,
    "outlook-dmarc-policy": SPARED,
    "outlook-jmrp-complaint": COMPLAINT,
    "postfix-delayed": LATER,
    "postfix-delivered": ("delivered", "", "sent", "", 0),
    "postfix-gave-up": FULL,
    "postfix-mailbox-full": FULL,
    "postfix-no-such-domain": DEAD,
    "postfix-relaying-denied": SPARED,
    "postfix-unknown-user": DEAD,
    "qmail-full": FULL,
    "qmail-unknown-user": DEAD,
    "sendmail-old-transcript": DEAD,
    "sendmail-unknown-user": DEAD,
    "yahoo-no-account": DEAD,
    "yahoo-reputation": SPARED,
    "unsubscribe-by-mail": LEFT,
    "out-of-office-german": NOTHING,
    "out-of-office-outlook": NOTHING,
    "a-person-who-answers": NOTHING,
}


@pytest.fixture
def mailing(db: Any) -> Mailing:
    return mailing_to_two()


def raw(name: str, mailing: Mailing, position: int = 1) -> bytes:
    """A report about the mail to a recipient."""
    text = (HERE / f"{name}.eml").read_bytes()
    for place, value in {
        b"@MESSAGE-ID@": ways_out.message_id(mailing, position),
        b"@WAY-OUT@": ways_out.address(mailing, position),
        b"@TOKEN@": ways_out.token(mailing, position),
    }.items():
        text = text.replace(place, value.encode())
    return text


def became(mailing: Mailing, address: str = "ada@example.org") -> tuple[str, str, str, int]:
    row = Recipient.objects.get(mailing=mailing, address=address)
    standing = Address.objects.filter(address=address).first()
    return (
        standing.suppressed if standing else "",
        row.state,
        row.reason,
        standing.soft_bounces if standing else 0,
    )


def counts(mailing: Mailing) -> dict[str, int]:
    mailing.refresh_from_db()
    return {
        name: getattr(mailing, name)
        for name in ("sent", "failed", "bounced", "complained", "unsubscribed")
        if getattr(mailing, name)
    }


def test_the_corpus_is_the_table() -> None:
    assert {path.stem for path in HERE.glob("*.eml")} == set(EXPECTED)
    assert sum(bool(kind) for kind, *_more in EXPECTED.values()) >= 30


@pytest.mark.parametrize("name", EXPECTED)
def test_a_report_is_understood_and_acted_on(mailing: Mailing, name: str) -> None:
    kind, *expected = EXPECTED[name]
    report = take_in(raw(name, mailing), source="mailbox")
    assert (report.kind if report else "") == kind
    assert became(mailing) == tuple(expected)
    assert became(mailing, "byron@example.org") == ("", "sent", "", 0)
    if report:
        assert (report.mailing_id, report.position) == (mailing.pk, 1)
        assert report.address == "ada@example.org"
        assert report.answer


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("postfix-unknown-user", {"sent": 1, "failed": 1, "bounced": 1}),
        ("postfix-relaying-denied", {"sent": 1, "failed": 1, "bounced": 1}),
        ("postfix-delayed", {"sent": 2}),
        ("arf-yahoo-abuse", {"sent": 2, "complained": 1}),
        ("unsubscribe-by-mail", {"sent": 2, "unsubscribed": 1}),
        ("out-of-office-outlook", {"sent": 2}),
    ],
)
def test_a_report_is_counted_once_however_often_it_comes(
    mailing: Mailing, name: str, counted: dict[str, int]
) -> None:
    for extra in (b"", b"", b"\r\n.", b"\r\n.."):
        # The same again, and the same told by another message.
        take_in(raw(name, mailing) + extra, source="mailbox")
    assert counts(mailing) == counted
    assert AddressEvent.objects.count() == (1 if name not in SILENT else 0)


# Of these the recipient's row tells, or there is nothing to tell.
SILENT = ("postfix-relaying-denied", "out-of-office-outlook")


def test_what_came_back_stands_on_the_timeline_with_what_the_server_said(mailing: Mailing) -> None:
    take_in(raw("postfix-unknown-user", mailing), source="mailbox")
    event = AddressEvent.objects.get()
    assert (event.address, event.kind) == ("ada@example.org", "bounced")
    assert (event.mailing_id, event.position) == (mailing.pk, 1)
    assert "User unknown in virtual mailbox table" in event.details["answer"]


def test_a_mail_that_was_uncertain_and_came_back_was_sent(mailing: Mailing) -> None:
    Recipient.objects.filter(position=1).update(state="uncertain")
    Mailing.objects.update(sent=1, uncertain=1)
    take_in(raw("postfix-unknown-user", mailing), source="mailbox")
    assert became(mailing)[:3] == ("bounced", "failed", "refused")
    mailing.refresh_from_db()
    assert (mailing.sent, mailing.uncertain, mailing.failed) == (1, 0, 1)


def test_a_mailbox_that_stays_full_counts_as_dead_after_five_mails(mailing: Mailing) -> None:
    for number in range(5):
        another = Mailing.objects.create(
            sender=mailing.sender, subject=str(number), origin=mailing.origin, state="done",
            total=1, sent=1,
        )  # fmt: skip
        Recipient.objects.create(
            mailing=another, position=1, contact_id=1, state="sent", address="ada@example.org"
        )
        assert became(mailing)[0] == ""
        take_in(raw("postfix-mailbox-full", another), source="mailbox")
    assert became(mailing)[0] == "bounced"


def test_too_many_reports_pause_a_mailing(mailing: Mailing) -> None:
    Recipient.objects.bulk_create(
        Recipient(
            mailing=mailing, position=position, contact_id=position, state="sent",
            address=f"reader{position}@example.org",
        )
        for position in range(3, 8)
    )  # fmt: skip
    Mailing.objects.update(state="sending", total=8, sent=7, waiting=1)
    for position in range(3, 8):
        assert Mailing.objects.get().state == "sending"
        take_in(raw("postfix-relaying-denied", mailing, position), source="mailbox")
    mailing.refresh_from_db()
    assert mailing.state == "paused"
    assert mailing.problem


# -- what is not ours, or not true


def forged(name: str, mailing: Mailing) -> list[bytes]:
    """Reports of somebody who never got the mail that they name."""
    other = Mailing(pk=mailing.pk, key="x" * 43, origin=mailing.origin, sender=mailing.sender)
    text = (HERE / f"{name}.eml").read_bytes()
    made_up = text.replace(b"@MESSAGE-ID@", b"<standing.AQHaaaaaaaaaaaaaaaaaa@crm.example.com>")
    none = text.replace(b"@MESSAGE-ID@", b"").replace(b"@WAY-OUT@", b"").replace(b"@TOKEN@", b"x")
    unknown = ways_out.message_id(mailing, 99).encode()
    return [raw(name, other), made_up, none, text.replace(b"@MESSAGE-ID@", unknown)]


@pytest.mark.parametrize("name", [name for name, (kind, *_more) in EXPECTED.items() if kind])
def test_a_report_without_a_proof_of_ours_suppresses_nobody(mailing: Mailing, name: str) -> None:
    for text in forged(name, mailing):
        report = take_in(text, source="mailbox")
        assert report is None or report.mailing_id is None
    assert became(mailing) == ("", "sent", "", 0)
    assert counts(mailing) == {"sent": 2}
    assert not AddressEvent.objects.exists()


def test_a_proof_counts_for_its_own_recipient_whoever_the_report_names(mailing: Mailing) -> None:
    text = raw("postfix-unknown-user", mailing, position=2)
    take_in(text, source="mailbox")
    assert became(mailing) == ("", "sent", "", 0)
    # Byron's mail came back from an address that is not his: his own is spared at first.
    assert became(mailing, "byron@example.org") == ("", "failed", "rejected", 1)


def test_who_asks_by_mail_takes_off_nobody_whose_mail_they_quote(mailing: Mailing) -> None:
    text = raw("unsubscribe-by-mail", mailing) + ways_out.address(mailing, 2).encode()
    take_in(text, source="mailbox")
    assert leaving.state_of(mailing, 1) is leaving.State.LEFT
    assert leaving.state_of(mailing, 2) is leaving.State.OPEN


def test_a_report_about_somebody_erased_is_kept_without_effect(mailing: Mailing) -> None:
    Recipient.objects.filter(position=1).update(address="", name="")
    report = take_in(raw("postfix-unknown-user", mailing), source="mailbox")
    assert report is not None
    assert report.mailing_id is None
    assert not Address.objects.exists()


def test_a_report_about_a_test_mail_has_no_effect(mailing: Mailing) -> None:
    report = take_in(raw("postfix-unknown-user", mailing, position=0), source="mailbox")
    assert report is not None
    assert report.mailing_id is None
    assert counts(mailing) == {"sent": 2}


# -- what is broken, or meant to break

REPORT = HERE / "postfix-unknown-user.eml"


def nested(depth: int) -> bytes:
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(depth)
    )
    return b"From: MAILER-DAEMON@example.org\r\n" + head + b"\r\nx"


def messages_in_messages(depth: int) -> bytes:
    return b"From: MAILER-DAEMON@example.org\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * depth


WHOLE = REPORT.read_bytes()
HOSTILE = {
    "empty": b"",
    "one byte": b"\xff",
    "only NUL": b"\0" * 5_000,
    "NUL everywhere": WHOLE.replace(b" ", b"\0"),
    "huge": WHOLE + b"A" * 3_000_000,
    "huge line": b"Subject: " + b"x" * 2_000_000 + b"\r\n\r\n",
    "huge header of many words": b"From: MAILER-DAEMON@x.example\r\nSubject: " + b"=?utf-8?q?a?= " * 50_000,
    "ten thousand headers": b"X-A: b\r\n" * 10_000 + WHOLE,
    "ten thousand fields": WHOLE.replace(b"Action:", b"X-Field: y\r\n" * 10_000 + b"Action:"),
    "two thousand recipients": WHOLE.replace(
        b"Reporting-MTA", b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n" * 2_000
    ),
    "torn in the middle": WHOLE[: len(WHOLE) // 2],
    "without its end": WHOLE.rpartition(b"--=_b0unce--")[0],
    "no boundary": WHOLE.replace(b'boundary="=_b0unce"', b""),
    "boundary of another": WHOLE.replace(b'"=_b0unce"', b'"other"'),
    "unknown charset": WHOLE.replace(b"charset=utf-8", b"charset=klingon"),
    "charset that is none": WHOLE.replace(b"charset=utf-8", b'charset="\xff\xfe"'),
    "charset with a codec of another kind": WHOLE.replace(b"charset=utf-8", b"charset=base64"),
    "wrong charset": WHOLE.replace(b"Mail Delivery System", "Zustellung für Müller".encode("utf-16")),
    "latin-1 in headers": WHOLE.replace(b"Undelivered", "Unzustellbär".encode("latin-1")),
    "broken base64": WHOLE.replace(
        b"Content-Type: message/delivery-status",
        b"Content-Transfer-Encoding: base64\r\nContent-Type: message/delivery-status",
    ),
    "uuencoded": b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 x\r\n\xff\xff\r\nend",
    "nested 50 deep": nested(50),
    "nested 2,000 deep": nested(2_000),
    "50 messages in messages": messages_in_messages(50),
    "2,000 messages in messages": messages_in_messages(2_000),
    "type that is none": b"Content-Type: ;;;/\r\nFrom: mailer-daemon@x.example\r\n\r\nfailed",
    "dates and ids that are none": b"Date: \xff\r\nMessage-ID: <<<>>>\r\nFrom: MAILER-DAEMON\r\n\r\n",
    "addresses that never end": b"From: MAILER-DAEMON@x.example\r\n\r\nfailed permanently\r\n" + b"a" * 500_000 + b"@",
    "dots that never end": b"From: MAILER-DAEMON@x.example\r\n\r\nundeliverable " + b"a.b@" * 100_000,
    "codes that never end": b"From: MAILER-DAEMON@x.example\r\n\r\nundeliverable " + b"5.1." * 100_000,
    "words that never end": b"From: MAILER-DAEMON@x.example\r\n\r\nmailbox user recipient " * 20_000,
    "surrogates": b"From: MAILER-DAEMON@x.example\r\nSubject: \xed\xa0\x80 undeliverable\r\n\r\n\xed\xa0\x80",
    "status of strange numbers": WHOLE.replace(b"Status: 5.1.1", b"Status: 99999.\xd9\xa3.-1"),
    "line ends of Macintosh": WHOLE.replace(b"\r\n", b"\r"),
    "utf-16": b"\xff\xfe" + "From: MAILER-DAEMON@x.example\n\nfailed".encode("utf-16-le"),
    "a mail as base64": b"Content-Transfer-Encoding: base64\r\nFrom: MAILER-DAEMON\r\n\r\n" + b64encode(WHOLE),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_message_breaks_the_reader(mailing: Mailing, name: str) -> None:
    text = HOSTILE[name].replace(b"@MESSAGE-ID@", ways_out.message_id(mailing, 99).encode())
    assert len(read(text).outcomes) <= 50
    report = take_in(text, source="mailbox")
    if report:
        report.refresh_from_db()
        assert "\0" not in report.answer
        assert len(report.answer) <= 500
    assert became(mailing) == ("", "sent", "", 0)


@pytest.mark.parametrize(
    "name",
    [
        "huge", "ten thousand headers", "unknown charset", "charset that is none", "no boundary", "latin-1 in headers",
        "line ends of Macintosh", "without its end",
    ],
)  # fmt: skip
def test_a_damaged_report_is_still_understood(mailing: Mailing, name: str) -> None:
    text = HOSTILE[name].replace(b"@MESSAGE-ID@", ways_out.message_id(mailing, 1).encode())
    report = take_in(text, source="mailbox")
    assert report is not None
    assert became(mailing)[0] == "bounced"


def test_a_report_of_a_server_that_says_nothing_is_kept_as_not_understood(mailing: Mailing) -> None:
    text = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.example\r\nSubject: Hm\r\n\r\nWho knows?\r\n"
    report = take_in(text, source="mailbox")
    assert report is not None
    assert (report.kind, report.answer) == ("unreadable", "Hm")


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        ("5.1.1", "", Verdict.DEAD),
        ("5.1.1", "550 5.7.1 Relaying denied", Verdict.REFUSED),
        ("5.0.0", "550 5.1.1 no such user", Verdict.DEAD),
        ("5.1.8", "550 5.1.8 sender address rejected: domain not found", Verdict.REFUSED),
        ("5.2.2", "552 mailbox full", Verdict.FULL),
        ("5.5.0", "550 Requested action not taken: mailbox unavailable", Verdict.DEAD),
        ("5.0.0", "550 Message was blocked as spam, no such user", Verdict.REFUSED),
        ("5.0.0", "550 something else", Verdict.REFUSED),
        ("4.4.7", "message expired", Verdict.FULL),
        ("", "", Verdict.REFUSED),
        ("", "421 4.3.0 try later", Verdict.FULL),
        ("5.6.0", "550 5.6.0 message content rejected", Verdict.REFUSED),
        ("5.2.1", "550 5.2.1 mailbox disabled", Verdict.DEAD),
        ("5.1.10", "", Verdict.DEAD),
        ("5.1.1", "550 5.1.1 host 192.5.7.1 said no such user", Verdict.DEAD),
    ],
)
def test_what_an_answer_says_of_the_address(status: str, answer: str, verdict: Verdict) -> None:
    assert judge(status, answer) is verdict
