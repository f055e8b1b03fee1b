"""Letters as bytes: read again by Python's own parser, whatever names and texts are."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest

from emails.letters import WAY_OUT, Content, Envelope, Letter, quoted_printable
from emails.merging import read
from emails.transport import quote_dots

NAMES = {"first_name", "name", WAY_OUT}
WHEN = datetime(2026, 3, 29, 12, 30, tzinfo=UTC)
LINK = "https://crm.example.org/u/AQEFu6ah2bSmvFHnuXo"
# What hides in names: breaks of every kind, other headers, other recipients, encoded words, controls, other scripts.
HOSTILE = [
    "Ann\r\nBcc: eve@example.com",
    "Ann\nX-Evil: 1",
    "Ann\r\n\r\n<script>alert(1)</script>",
    "Ann\rBcc: eve@example.com",
    "Ann\x0bBcc: eve@example.com",
    "Ann\x0cX: 1",
    "Ann\x1cX: 1",
    "Ann\x85Bcc: eve@example.com",
    "Ann\u2028Bcc: eve@example.com",
    "Ann\u2029Bcc: eve@example.com",
    "Ann\x00Bcc",
    "Ann\t\tBcc",
    "Ann, eve@example.com",
    "Ann; eve@example.com",
    '"Ann" <eve@example.com>, "x"',
    "eve@example.com",
    "Ann <eve@example.com>",
    "Ann \\",
    'Ann "the \\" one',
    "(comment) Ann",
    "group: eve@example.com;",
    "=?utf-8?b?ZXZlQGV4YW1wbGUuY29t?=",
    "=?utf-8?q?Ann=0D=0ABcc=3A_eve=40example=2Ecom?=",
    "Zoë Ångström-Łukasiewicz",
    "Ελένη",
    "山田太郎 (株)",
    "عبد الله",
    "👩‍👩‍👧‍👦 Family",
    "é" * 150,
    "x" * 300,
    "word " * 60,
    ". dot",
    "{{ name }}",
    "%s %(x)s {0.__class__}",
    "=0D=0ABcc: eve@example.com",
]


def letter(
    *, subject: str = "News", text: str = "Hello", html: str = "<p>Hello</p>", **more: Any
) -> Letter:
    return Letter(
        Content(
            subject=read(subject, known=NAMES),
            text=read(text, known=NAMES),
            html=read(html, known=NAMES, html=True),
        ),
        sender=more.pop("sender", ("News", "news@example.org")),
        headers={"List-Id": "<sender-1.mailings.example.org>", **more},
    )


def sent(
    one: Letter,
    *,
    to: str = "Ann",
    address: str = "ann@example.org",
    by_mail: str = "",
    **values: str,
) -> bytes:
    envelope = Envelope(
        name=to,
        address=address,
        message_id="<standing.AQEya4YP5ouI6tjsCNY@crm.example.org>",
        way_out=LINK,
        by_mail=by_mail,
    )
    return one.to(envelope, values, WHEN)


def parsed(raw: bytes) -> EmailMessage:
    assert_well_formed(raw)
    return message_from_bytes(raw, policy=policy.default)


def assert_well_formed(raw: bytes) -> None:
    """RFC 5322, 2.1 and 2.3; RFC 2045, 6.7."""
    raw.decode("ascii")
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is None, "a line break of half"
    assert b"\0" not in raw
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    body = lines[lines.index(b"") :]
    assert max(map(len, body)) <= 76
    assert not message_from_bytes(raw, policy=policy.default).defects


def text_of(part: Any) -> str:
    return part.get_content().replace("\r\n", "\n")


def headers(raw: bytes) -> list[str]:
    return [name.lower() for name in message_from_bytes(raw, policy=policy.default)]


PLAIN_HEADERS = headers(sent(letter()))


def test_a_letter_has_the_headers_that_bulk_mail_needs_and_no_other() -> None:
    raw = sent(letter(**{"Reply-To": "answers@example.org"}))
    message = parsed(raw)
    assert {name: str(value) for name, value in message.items()} == {
        "To": "Ann <ann@example.org>",
        "Subject": "News",
        "Date": "Sun, 29 Mar 2026 12:30:00 +0000",
        "Message-ID": "<standing.AQEya4YP5ouI6tjsCNY@crm.example.org>",
        "List-Unsubscribe": f"<{LINK}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "From": "News <news@example.org>",
        "List-Id": "<sender-1.mailings.example.org>",
        "Reply-To": "answers@example.org",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert len(PLAIN_HEADERS) == len(set(PLAIN_HEADERS))


def test_the_way_out_stands_on_one_short_line_as_it_is() -> None:
    raw = sent(
        letter(), by_mail="mailto:news@example.org?subject=unsubscribe%20AQEFu6ah2bSmvFHnuXo"
    )
    assert f"\r\nList-Unsubscribe: <{LINK}>,\r\n <mailto:".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert max(map(len, raw.split(b"\r\n")[:12])) <= 78


def test_plain_text_comes_before_html() -> None:
    message = parsed(sent(letter(text="Words", html="<p>Words</p>")))
    assert message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_makes_a_header_or_a_second_recipient(name: str) -> None:
    raw = sent(letter(subject="For {{ name }}"), to=name, name=name)
    message = parsed(raw)
    assert headers(raw) == PLAIN_HEADERS
    [to] = message["To"].addresses
    assert to.addr_spec == "ann@example.org"
    flat = " ".join(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", name).split())
    # Python's parser leaves a blank between encoded words, which RFC 2047, 6.2, says is none.
    assert to.display_name.replace(" ", "") == flat.replace(" ", "")
    assert str(message["Subject"]) == f"For {flat}"
    assert message["Bcc"] is None


def test_a_long_foreign_name_is_one_name() -> None:
    name = "Ångström-Łukasiewicz " * 10
    field = message_from_bytes(sent(letter(), to=name))["To"]
    assert str(make_header(decode_header(field))) == f"{name.strip()} <ann@example.org>"


@pytest.mark.parametrize("value", HOSTILE)
def test_values_arrive_in_both_parts_as_they_are_and_do_nothing(value: str) -> None:
    one = letter(text="Dear {{ name }}!\nBye", html="<p>Dear {{ name }}!</p>\n<p>Bye</p>")
    plain, html = parsed(sent(one, name=value)).iter_parts()
    broken = value.replace("\r\n", "\n").replace("\r", "\n")
    assert text_of(plain) == f"Dear {broken}!\nBye"
    content = text_of(html)
    assert content.count("<") == 4 + value.replace("\r\n", "\n").count("\n")
    assert "<script" not in content


def test_the_name_of_a_sender_is_quoted_like_any_other() -> None:
    message = parsed(sent(letter(sender=("Müller, Söhne & Co.", "news@example.org"))))
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Müller, Söhne & Co.", "news@example.org")


def test_what_one_recipient_has_does_not_stay_for_the_next() -> None:
    one = letter(subject="For {{ name }}", text='{{ name }} {{ first_name | "you" }}')
    first, second = (
        parsed(sent(one, to="Ann", name="Ann", first_name="A")),
        parsed(sent(one, to="Bob", address="bob@example.org", name="Bob")),
    )
    assert str(second["To"]) == "Bob <bob@example.org>"
    assert str(second["Subject"]) == "For Bob"
    assert [text_of(next(m.iter_parts())).strip() for m in (first, second)] == [
        "Ann A",
        "Bob you",
    ]


def test_a_field_without_value_and_fallback_makes_no_letter() -> None:
    with pytest.raises(KeyError, match="first_name"):
        sent(letter(html="<p>{{ first_name }}</p>"))


@pytest.mark.parametrize(
    "subject",
    ["a" * 200, "word " * 40, "é" * 200, "日本語のとても長い件名" * 15, "=?utf-8?q?x?=", "👍" * 60],
)
def test_long_and_foreign_subjects_are_folded_and_read_back(subject: str) -> None:
    raw = sent(letter(subject=subject))
    assert str(parsed(raw)["Subject"]) == subject.strip()
    assert max(map(len, raw.split(b"\r\n\r\n")[0].split(b"\r\n"))) <= 998
    words = re.findall(rb"=\?utf-8\?b\?[^?]*\?=", raw)
    assert all(len(word) <= 75 for word in words)


@pytest.mark.parametrize("length", range(60, 90))
def test_lines_of_any_length_before_and_after_a_value_keep_to_76(length: int) -> None:
    text = "x" * length + "{{ name }}" + "ü" * (length // 6) + "{{ name }}" + "y" * length
    one = letter(text=text, html=f"<p>{text}</p>")
    message = parsed(sent(one, name="z" * length))
    plain, html = message.iter_parts()
    written = text.replace("{{ name }}", "z" * length)
    assert text_of(plain).strip("\n") == written
    assert text_of(html).strip("\n") == f"<p>{written}</p>"


def test_dots_at_the_beginning_of_lines_are_doubled_on_the_wire_only() -> None:
    raw = sent(letter(text=".\n..\n.hidden\nend {{ name }}"), name=".")
    wire = quote_dots(raw)
    assert re.search(rb"\r\n\.(?!\.)", wire) is None
    taken = wire.replace(b"\r\n..", b"\r\n.")
    assert taken == raw
    assert text_of(next(parsed(taken).iter_parts())) == ".\n..\n.hidden\nend ."


def test_blanks_at_the_end_of_lines_survive() -> None:
    wire = quoted_printable("a \nb\t\nc ")
    assert [line[-3:] for line in wire.split(b"\r\n")] == [b"=20", b"=09", b"=20"]


def test_no_letter_says_that_it_was_made_by_itself_or_asks_to_be_looked_at() -> None:
    names = set(PLAIN_HEADERS)
    assert names.isdisjoint({"auto-submitted", "precedence", "return-receipt-to"})
    assert "disposition-notification-to" not in names
